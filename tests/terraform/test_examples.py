"""The examples that Terraform deploys, as they stand, with the endpoint as their variable."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.endpoint import ROOT, Endpoint

from .workspace import Workspace

EXAMPLES = ROOT / "examples"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """What `python ../packages.py .` writes."""
    example = tmp_path / "example"
    example.mkdir()
    (example / "function").symlink_to(EXAMPLES / "lambda" / "function")
    subprocess.run([sys.executable, str(EXAMPLES / "packages.py"), str(example)], check=True)
    return example / "build"


def call(endpoint: Endpoint, **event: Any) -> Any:
    answer = endpoint.client("lambda").invoke(FunctionName="products", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def test_a_function_before_a_table_and_a_cluster(
    workspace: Workspace, endpoint: Endpoint, build: Path
) -> None:
    (workspace.directory / "main.tf").write_text((EXAMPLES / "lambda" / "main.tf").read_text())
    variables = (f"-var=endpoint={endpoint.url}", f"-var=packages={build}")
    workspace.terraform("apply", "-auto-approve", "-input=false", "-no-color", *variables)
    workspace.terraform("plan", "-detailed-exitcode", "-input=false", "-no-color", *variables)
    assert call(endpoint, action="write", id="tea", price="4.50") == {"forgotten": 0}
    assert [call(endpoint, action="read", id="tea")["source"] for _ in range(2)] == ["table", "cache"]
