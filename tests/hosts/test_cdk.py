"""The CDK's own command line deploys, changes and destroys the example's app on each host. `make clients` installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.test_api_clients import NODE, require

from .endpoint import ROOT, Endpoint

MODULES = NODE / "node_modules"
SHARDS = (1, 2)


def cdk(app: Path, *arguments: str, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    quiet = {"CDK_DISABLE_CLI_TELEMETRY": "1", "CI": "1", "HOME": str(app.parent)}
    ended = subprocess.run(
        [require(shutil.which("node")), str(MODULES / "aws-cdk" / "bin" / "cdk"), *arguments, "--no-notices"],
        cwd=app,
        env={**kept, **quiet, **environment},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, synthesised once for each number of shards."""
    require(MODULES / "aws-cdk-lib")
    place = tmp_path_factory.mktemp("cdk") / "app"
    shutil.copytree(ROOT / "examples" / "cloudformation" / "cdk", place)
    (place / "node_modules").symlink_to(MODULES)
    for shards in SHARDS:
        cdk(place, "synth", "--quiet", "--output", f"out-{shards}", "--context", f"shards={shards}")
    return place


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_example_is_deployed_changed_and_destroyed(app: Path, endpoint: Endpoint) -> None:
    memorydb = endpoint.client("memorydb")
    where = {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for shards in SHARDS:
        cdk(app, "deploy", "--app", f"out-{shards}", "--outputs-file", "outputs.json", **where)
        (cluster,) = memorydb.describe_clusters(ClusterName="shop-cdk")["Clusters"]
        assert (cluster["NumberOfShards"], cluster["ACLName"]) == (shards, "shop-cdk-acl")
        assert cluster["ClusterEndpoint"]["Address"] in (app / "outputs.json").read_text()
    cdk(app, "destroy", "--app", "out-2", "--force", **where)
    left = [
        *(each["Name"] for each in memorydb.describe_clusters()["Clusters"]),
        *(each["Name"] for each in memorydb.describe_acls()["ACLs"]),
        *(each["Name"] for each in memorydb.describe_users()["Users"]),
    ]
    assert not [name for name in left if name.startswith("shop-cdk")]
