"""Other clients of the API: the AWS CLI, aiobotocore, Cloud Custodian, the AWS SDK for JavaScript. `make clients` installs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from localstack_memorydb.integrations.moto.server import StandaloneHost
from localstack_memorydb.settings import Settings
from tests.hosts.test_story import until

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv-clients" / "bin"
NODE = Path(__file__).parent / "node"
STORIES = Path(__file__).parent / "stories"


def require(path: Path | str | None) -> str:
    """The program; where it is missing a build machine fails, and others skip."""
    if path is not None and Path(path).exists():
        return str(path)
    if os.environ.get("CI"):
        pytest.fail("the clients are not installed: `make clients`")
    pytest.skip("the clients are not installed: `make clients`")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    host = StandaloneHost(Settings(), 0)
    host.start()
    yield host.url
    host.stop()


@pytest.fixture
def environment(url: str, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_PAGER": "",
    }


@pytest.fixture
def memorydb(url: str) -> Any:
    return boto3.client(
        "memorydb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def run(command: Sequence[str], environment: dict[str, str], cwd: Path | None = None) -> str:
    ended = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_aws_cli(environment: dict[str, str]) -> None:
    require(BIN / "aws")
    said = run(["bash", str(STORIES / "api_aws_cli.sh")], environment).split()
    assert said == "active cli-acl blue ClusterNotFoundFault deleting deleting deleting done".split()


def test_aiobotocore(environment: dict[str, str]) -> None:
    python = require(BIN / "python")
    assert run([python, str(STORIES / "api_aiobotocore.py")], environment) == "done\n"


def test_the_sdk_for_javascript(environment: dict[str, str], tmp_path: Path) -> None:
    node = require(shutil.which("node"))
    require(NODE / "node_modules" / "@aws-sdk" / "client-memorydb")
    # Modules are looked for beside the program, wherever it is called from.
    story = NODE / "node_modules" / ".stories" / "api.mjs"
    story.parent.mkdir(exist_ok=True)
    shutil.copyfile(STORIES / "api.mjs", story)
    assert run([node, "--no-warnings", str(story)], environment) == "done\n"


def test_cloud_custodian(environment: dict[str, str], memorydb: Any, url: str, tmp_path: Path) -> None:
    custodian = require(BIN / "custodian")
    subnets = boto3.client(
        "ec2",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).describe_subnets()["Subnets"]
    memorydb.create_user(
        UserName="custodian-user", AccessString="on ~* +@all", AuthenticationMode={"Type": "iam"}
    )
    memorydb.create_acl(ACLName="custodian-acl", UserNames=["custodian-user"])
    memorydb.create_subnet_group(
        SubnetGroupName="custodian-subnets", SubnetIds=[subnets[0]["SubnetId"], subnets[1]["SubnetId"]]
    )
    memorydb.create_parameter_group(ParameterGroupName="custodian-parameters", Family="memorydb_redis7")
    arn = memorydb.create_cluster(
        ClusterName="custodian-cluster", NodeType="db.t4g.small", ACLName="open-access"
    )["Cluster"]["ARN"]
    memorydb.describe_clusters()
    memorydb.create_snapshot(ClusterName="custodian-cluster", SnapshotName="custodian-snapshot")
    until(lambda: memorydb.describe_snapshots()["Snapshots"][0]["Status"] == "available")
    command = [custodian, "run", "-s", str(tmp_path / "out"), "--region", "us-east-1"]
    run([*command, str(STORIES / "custodian.yml")], environment)
    found = {
        file.parent.name: [each["Name"] for each in json.loads(file.read_text())]
        for file in (tmp_path / "out").glob("*/resources.json")
    }
    assert found == {
        "clusters": ["custodian-cluster"],
        "users": ["custodian-user"],
        "acls": ["custodian-acl"],
        "snapshots": ["custodian-snapshot"],
        "subnet-groups": ["custodian-subnets"],
        "parameter-groups": ["custodian-parameters"],
    }
    assert {"Key": "owner", "Value": "nobody"} in memorydb.list_tags(ResourceArn=arn)["TagList"]
    names = [
        each["Name"] for each in memorydb.describe_snapshots()["Snapshots"] if each["Status"] != "deleting"
    ]
    assert "custodian-snapshot" not in names
