"""The wheel: built from the sources, installed in a new environment, used there with its data."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from .endpoint import ROOT

PROGRAM = """
import localstack_memorydb, pathlib, sys
from importlib.metadata import entry_points
from localstack_memorydb.engine import ClusterSpec, Engine
from localstack_memorydb.provider import OPERATIONS

assert pathlib.Path(localstack_memorydb.__file__).is_relative_to(sys.prefix), localstack_memorydb.__file__
with Engine() as engine:
    print(len(engine.create_cluster(ClusterSpec("orders", shards=2)).topology()))
print("CreateCluster" in OPERATIONS)
print(sorted(entry.name for entry in entry_points(group="localstack.aws.provider")))
"""


def run(*command: str | Path, cwd: Path) -> str:
    ended = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", place, ROOT, cwd=place)
    return next(place.glob("*.whl"))


def test_the_wheel_carries_the_package_data_and_the_licence(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    files = (ROOT / "localstack_memorydb").rglob("*")
    data = {path.relative_to(ROOT).as_posix() for path in files if path.suffix in {".json", ".cjs"}}
    assert data
    assert data <= carried
    assert "localstack_memorydb-0.1.0.dist-info/licenses/LICENSE" in carried
    assert not [name for name in carried if name.startswith(("tests/", "bench/"))]


@pytest.mark.timeout(400)
def test_the_wheel_works_in_a_new_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=tmp_path)
    providers = "['dynamodb:moto', 'dynamodbstreams:moto', 'memorydb:default']"
    assert run(python, "-c", PROGRAM, cwd=tmp_path).split("\n")[:3] == ["2", "True", providers]
    assert "start" in run(tmp_path / "env" / "bin" / "localstack-memorydb", "--help", cwd=tmp_path)
