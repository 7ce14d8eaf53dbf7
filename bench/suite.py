"""What a hundred tests with a cluster each add to a run of pytest, and what the plugin adds to one that does not use it."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = 100
_SUITES = {
    "a cluster for each": "def test(memorydb_cluster, number):\n    assert memorydb_cluster.port\n",
    "a cluster and a client of redis-py for each": "def test(memorydb_redis, number):\n    memorydb_redis.set('key', number)\n    assert int(memorydb_redis.get('key')) == number\n",
    "a client for each of a shared cluster": "@pytest.mark.memorydb(shared=True)\ndef test(memorydb_redis, number):\n    memorydb_redis.set('key', number)\n    assert int(memorydb_redis.get('key')) == number\n",
}
_EMPTY = "def test(number):\n    assert number >= 0\n"
_HEAD = f"import pytest\npytestmark = pytest.mark.parametrize('number', range({TESTS}))\n\n"
_IMPORT = "import pytest, time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
_PLUGIN = "localstack_memorydb.integrations.pytest_plugin"


def run(rounds: int) -> None:
    """Prints what it takes more than the same number of empty tests, in turn; the start of the emulator is part of it."""
    with tempfile.TemporaryDirectory() as directory:
        for name, suite in _SUITES.items():
            _seconds(directory, suite)  # compiles what is new
            pairs = [(_seconds(directory, suite), _seconds(directory, _EMPTY)) for _ in range(rounds)]
            added = [one[0] - other[0] for one, other in pairs]
            worked = [one[1] - other[1] for one, other in pairs]
            print(
                f"pytest, {TESTS} tests with {name}: {statistics.median(added):.2f} s more than empty ones "
                f"(worst of {rounds} pairs {max(added):.2f} s), {statistics.median(worked):.2f} s of them at work"
            )
    imports = [_import_seconds() for _ in range(rounds * 3)]
    print(f"pytest, a suite that does not use the plugin: {statistics.median(imports) * 1000:.1f} ms more")


def _seconds(directory: str, suite: str) -> tuple[float, float]:
    """How long a run takes, and how long processors work for it and its emulator: other programs prolong the first."""
    Path(directory, "test_suite.py").write_text(_HEAD + suite)
    start, worked = time.perf_counter(), _work()
    # Of the plugins that happen to be here only this one counts.
    command = [sys.executable, "-m", "pytest", "-q", "-p", _PLUGIN, "-p", "no:cacheprovider", "test_suite.py"]
    ended = subprocess.run(
        command,
        cwd=directory,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    elapsed, worked = time.perf_counter() - start, _work() - worked
    if f"{TESTS} passed" not in ended.stdout:
        raise RuntimeError(ended.stdout + ended.stderr)
    return elapsed, worked


def _work() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _import_seconds() -> float:
    command = [sys.executable, "-c", _IMPORT.format(_PLUGIN)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
