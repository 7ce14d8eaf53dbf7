"""What docs/running.md tells of: the files for Docker say what the settings say, the shell steps of the workflow work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from redis.cluster import RedisCluster

from localstack_memorydb.settings import PREFIX, Settings
from tests.ports import free_port, free_ports

from .container import NOT_PERMITTED
from .endpoint import ROOT, Endpoint, environment, start_command
from .test_documents import blocks

WORKFLOW = ROOT / "examples" / "github-actions" / "tests.yml"
FIRST, LAST = Settings().port_range
NODE_PORTS = f"{FIRST}-{LAST}:{FIRST}-{LAST}"


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    return found


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    """The one service of docker-compose.yml."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    (only,) = found["services"].values()
    return dict(only)


def image_settings() -> dict[str, str]:
    """The variables that the Dockerfile sets."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    (block,) = re.findall(r"^ENV (.*?[^\\])$", dockerfile, re.MULTILINE | re.DOTALL)
    return dict(assignment.split("=", 1) for assignment in block.replace("\\\n", " ").split())


def test_the_image_sets_settings_that_there_are() -> None:
    variables = image_settings()
    assert set(variables) <= {PREFIX + row.name.upper() for row in fields(Settings)}
    chosen = Settings.from_environ(variables)
    assert (chosen.node_addresses, chosen.bind, chosen.announce_host) == ("range", "0.0.0.0", "localhost")


def test_the_compose_file_publishes_the_ports_of_the_nodes(service: dict[str, Any]) -> None:
    assert service["build"] == "."
    assert service["ports"] == ["127.0.0.1:4566:4566", f"127.0.0.1:{NODE_PORTS}"]


def test_the_service_container_publishes_them_too(workflow: dict[str, Any]) -> None:
    (container,) = workflow["jobs"]["service"]["services"].values()
    assert container["ports"] == ["4566:4566", NODE_PORTS]


def test_the_workflow_has_the_jobs_that_the_page_tells_of(workflow: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "running.md").read_text()
    assert re.findall(r"^- `(\w+)`:", page, re.MULTILINE) == list(workflow["jobs"])
    for job in workflow["jobs"].values():
        assert job["runs-on"] == "ubuntu-latest"
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])


def test_the_steps_that_start_the_emulator(workflow: dict[str, Any], temporary: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    job = workflow["jobs"]["endpoint"]
    (step,) = [step["run"] for step in job["steps"] if step.get("name") == "start the emulator"]
    port = str(free_port())
    step = step.replace("start --host", f"start --port {port} --host")
    step = step.replace(" ca ", ' ca --endpoint-url "$AWS_ENDPOINT_URL" ')
    variables = {name: str(value).replace("4566", port) for name, value in job["env"].items()}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = subprocess.Popen(
        ["bash", "-e", "-c", step + '\ncat "$GITHUB_ENV" ca.pem\nkill $!\nwait $! || true\n'],
        env=environment(temporary, variables | {"PATH": path, "GITHUB_ENV": str(temporary / "variables")}),
        cwd=temporary,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said, _ = shell.communicate(timeout=240)
    finally:
        for child in psutil.Process().children(recursive=True):
            if port in " ".join(child.cmdline()):
                child.kill()
    assert shell.returncode == 0, said
    assert '"memorydb"' in said
    assert f"MEMORYDB_CA={temporary}/ca.pem\n-----BEGIN CERTIFICATE-----\n" in said


def test_the_snippet_that_needs_docker_is_python() -> None:
    (snippet,) = blocks("docs/running.md", "python")
    compile(snippet, "docs/running.md", "exec")


@pytest.fixture
def container(start: Callable[..., Endpoint], host: str) -> Endpoint:
    """A host in a network of its own with the settings of the Dockerfile; its ports are published."""
    probe = subprocess.run(
        [sys.executable, "-c", "import tests.hosts.container as c; c.isolate()"], cwd=ROOT, check=False
    )
    if probe.returncode == NOT_PERMITTED:
        pytest.skip("a network namespace takes the rights of root")
    ports = free_ports(*range(12))
    nodes = {"MEMORYDB_PORT_RANGE": f"{ports[1]}-{ports[-1]}", "GATEWAY_LISTEN": f"0.0.0.0:{ports[0]}"}
    published = [sys.executable, str(ROOT / "tests" / "hosts" / "container.py"), *map(str, ports), "--"]
    command = [*published, *start_command(host, ports[0])]
    return start(host, command=command, port=ports[0], env=image_settings() | nodes)


def test_a_cluster_client_outside_reaches_every_node_by_published_ports(container: Endpoint) -> None:
    memorydb = container.client("memorydb")
    memorydb.create_cluster(
        ClusterName="orders",
        NodeType="db.t4g.small",
        ACLName="open-access",
        NumShards=3,
        NumReplicasPerShard=1,
    )
    with container.redis("orders") as redis:
        for number in range(50):
            redis.set(f"order:{number}", number)
        assert {redis.get_node_from_key(f"order:{number}").name for number in range(50)} == {
            node.name for node in redis.get_primaries()
        }
        assert len(redis.get_nodes()) == 6
        assert redis.ping(target_nodes=RedisCluster.ALL_NODES)


def test_nodes_that_others_will_not_reach_are_warned_of(start: Callable[..., Endpoint]) -> None:
    said = "".join(start("standalone", env={"MEMORYDB_BIND": "0.0.0.0"}).output)
    assert "MEMORYDB_NODE_ADDRESSES=range" in said
