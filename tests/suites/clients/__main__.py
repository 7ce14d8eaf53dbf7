"""Plays the test suite of a client, or of a library that uses one, against our engine and compares with the list of what does not pass.

    python -m tests.suites.clients redis-py SOURCE --python PYTHON

SOURCE is an unpacked source distribution that holds tests; PYTHON is a Python with pytest and what the tests import.
The exit code is 1 when a test fails that is not listed, and when a listed one passes. The engine gets port 6379, which suites expect.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.suites.bare import bare_engine
from tests.suites.outcomes import Outcomes, compare, read_list, read_report

HERE = Path(__file__).parent
PORT = 6379
WIDTH = 300
CLUSTER = ("--shards", "3", "--replicas", "1")


class Suite(NamedTuple):
    """How a suite is played: arguments of pytest, the engine's version, and whether it wants a cluster, with slots."""

    arguments: str
    version: str = "7.0"
    cluster: bool = False


_COMMANDS = " ".join(
    f"tests/test_{part}.py" for part in ("commands", "pipeline", "scripting", "function", "lock", "encoding")
)
SUITES = {
    "redis-py": Suite(
        "-m 'not (redismod or ssl or onlycluster)' --redis-url redis://localhost/0"
        f" {_COMMANDS} tests/test_pubsub.py tests/test_monitor.py tests/test_client.py tests/test_hash.py tests/test_connection_pool.py"
        " tests/test_keyspace_notifications.py tests/test_command_parser.py"
    ),
    "redis-py-cluster": Suite(
        "-m 'not (redismod or ssl or onlynoncluster)' --redis-url redis://localhost/0"
        " tests/test_cluster.py tests/test_cluster_transaction.py"
        " tests/test_asyncio/test_cluster.py tests/test_asyncio/test_cluster_transaction.py",
        cluster=True,
    ),
    "valkey-py": Suite(
        f"-m 'not (valkeymod or ssl or onlycluster)' --valkey-url valkey://localhost/0 {_COMMANDS}", "7.2"
    ),
    "channels-redis": Suite("tests --ignore tests/test_sentinel.py --ignore tests/test_pubsub_sentinel.py"),
    "walrus": Suite(
        " ".join(
            f"walrus/tests/{part}.py"
            for part in (
                "autocomplete",
                "cache",
                "containers",
                "counter",
                "database",
                "lock",
                "models",
                "rate_limit",
                "streams",
            )
        )
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """0 when everything went as the list says, otherwise 1."""
    options = _options(arguments)
    outcomes = _play(SUITES[options.suite], options.source.resolve(), options.python)
    path = HERE / f"{options.suite}.txt"
    listed = {
        f"{unit}::{name}": why for unit, tests in read_list(path).items() for name, why in tests.items()
    }
    found = compare(outcomes, listed)
    print(f"{len(outcomes.passed)} passed, {len(outcomes.failed)} failed, {len(outcomes.left_out)} left out")
    for name, why in found.failed.items():
        print(f"  FAILED {name}\n    {why[:WIDTH]}")
    for name in found.passed:
        print(f"  PASSED, though listed: {name}")
    for name in found.missing:
        print(f"  LISTED, but there is no such test: {name}")
    return 1 if found or not outcomes.passed else 0


def _play(suite: Suite, source: Path, python: str) -> Outcomes:
    plugin = [] if suite.cluster else ["-p", "one_database"]
    modes = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
    with (
        bare_engine(suite.version, slots=suite.cluster, port=PORT, more=CLUSTER if suite.cluster else ()),
        TemporaryDirectory(prefix="suite-") as folder,
    ):
        report = Path(folder, "report.xml")
        command = [python, "-m", "pytest", "-q", "--timeout", "120", f"--junitxml={report}", *plugin, *modes]
        subprocess.run(
            [*command, *shlex.split(suite.arguments)],
            cwd=source,
            env={**os.environ, "PYTHONPATH": str(HERE)},
            check=False,
        )
        if not report.is_file():
            sys.exit("pytest wrote no report")
        return read_report(report)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.suites.clients", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("suite", choices=sorted(SUITES))
    parser.add_argument("source", type=Path, help="the unpacked source distribution")
    parser.add_argument("--python", default=sys.executable, help="with the suite's packages")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
