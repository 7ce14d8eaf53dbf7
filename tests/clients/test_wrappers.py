"""LocalStack's wrapper of the AWS CLI, and the published schemas of the files that other tools read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.hosts.test_documents import blocks

from .test_api_clients import BIN, ROOT, environment, require, url

__all__ = ["environment", "url"]


def test_awslocal(environment: dict[str, str], tmp_path: Path) -> None:
    require(BIN / "awslocal")
    (script,) = blocks("docs/running.md", "bash")
    ended = subprocess.run(
        ["bash", "-ec", script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert ended.returncode == 0, ended.stderr
    assert "available\t6379\n" in ended.stdout


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.compose-spec", "docker-compose.yml"),
        ("vendor.github-workflows", "examples/github-actions/tests.yml"),
    ],
)
def test_a_file_fits_its_published_schema(schema: str, file: str) -> None:
    program = require(BIN / "check-jsonschema")
    ended = subprocess.run(
        [program, "--builtin-schema", schema, str(ROOT / file)], capture_output=True, text=True, timeout=240
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
