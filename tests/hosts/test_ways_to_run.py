"""What docs/running.md tells of: the files for Docker say what the settings say, the shell steps of the workflow work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from localstack_memorydb.settings import PREFIX, Settings

from .endpoint import ROOT, environment, free_port
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


def test_the_image_sets_settings_that_there_are() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    (block,) = re.findall(r"^ENV (.*?[^\\])$", dockerfile, re.MULTILINE | re.DOTALL)
    variables = dict(assignment.split("=", 1) for assignment in block.replace("\\\n", " ").split())
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
        said, _ = shell.communicate(timeout=90)
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
