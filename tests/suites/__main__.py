"""Plays a public Tcl suite against our engine and compares with the list of what does not pass.

    python -m tests.suites SOURCE                     every unit
    python -m tests.suites SOURCE --unit unit/sort    one; may be given again

SOURCE is a checked-out source tree of Redis 6.2, Redis 7.0, Valkey 8.1 or Valkey 9.1: it holds tests/test_helper.tcl.
Each unit has an engine of its own, with `--unrestricted` and with all keys in one slot (`--cluster`: with slots).
The exit code is 1 when a test fails that is not listed, and when a listed one passes.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from .bare import bare_engine
from .outcomes import (
    NOT_RUN,
    OUTSIDE,
    WHOLE_UNIT,
    Listed,
    Outcomes,
    Surprises,
    compare,
    read_list,
    read_outcomes,
)

HERE = Path(__file__).parent
ENGINES = {"redis-6.2": "6.2", "redis-7.0": "7.0", "valkey-8.1": "7.2", "valkey-9.1": "7.2"}
"""The lists, and the engine version that each was made with."""
_RELEASE = re.compile(r'define (REDIS|VALKEY)_VERSION "(\d+\.\d+)\.')
# What a suite says it needs and an engine in this process has not: a stream of replication, files of its own.
TAGS = "-needs:repl -needs:save -large-memory -ipv6"
SECONDS_FOR_A_UNIT = 1200
WIDTH = 300
OF_CLUSTERS = {
    *("cluster-nodes-slots", "cluster-shards", "cluster-slots", "info", "misc", "pubsub", "pubsubshard"),
    *("scripting", "sharded-pubsub", "transactions-on-replica"),
}
"""Units that ask a cluster which is there. The others make, change and break clusters, by commands that MemoryDB forbids."""


def main(arguments: list[str] | None = None) -> int:
    """0 when everything went as the list says, otherwise 1."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without ending what was started
    source = options.source.resolve()
    if not (source / "tests" / "test_helper.tcl").is_file():
        sys.exit(f"{source} holds no tests/test_helper.tcl")
    if shutil.which("tclsh") is None:
        sys.exit("tclsh is not installed")
    name = _release(source)
    version = options.engine_version or ENGINES[name]
    listed = read_list(HERE / f"{name}.txt")
    surprises = total = 0
    with TemporaryDirectory(prefix="suite-") as folder:
        copy = _copy(source, Path(folder))
        for unit in options.unit or _units(source):
            if WHOLE_UNIT in listed.get(unit, {}):
                print(f"{unit}: not run: {listed[unit][WHOLE_UNIT]}")
                continue
            for _ in range(1 + options.again):
                outcomes = _play(copy, unit, version, listed, cluster=options.cluster)
                found = compare(outcomes, listed.get(unit, {}), complete=not options.cluster)
                _report(unit, outcomes, found)
                if not found:
                    break
            total += len(outcomes.passed)
            surprises += bool(found)
    print(f"{total} tests passed; {surprises} units differ from {name}.txt")
    return 1 if surprises else 0


def _release(source: Path) -> str:
    """The list that belongs to a source tree."""
    header = source / "src" / "version.h"
    found = _RELEASE.search(header.read_text()) if header.is_file() else None
    name = f"{found[1].lower()}-{found[2]}" if found else "unknown"
    if name not in ENGINES:
        sys.exit(f"{source} is {name}, there are lists for {', '.join(ENGINES)}")
    return name


def _units(source: Path) -> list[str]:
    """All units about the server itself, and those that use a cluster without making one; not those of its modules."""
    tests = source / "tests"
    files = [*tests.glob("unit/*.tcl"), *tests.glob("unit/type/*.tcl")]
    if _makes_clusters(source):
        files += [file for file in tests.glob("unit/cluster/*.tcl") if file.stem in OF_CLUSTERS]
    names = sorted(file.relative_to(tests).with_suffix("").as_posix() for file in files)
    return [name for name in names if name not in {"unit/printver", "unit/type/list-common"}]


def _makes_clusters(source: Path) -> bool:
    return (source / "tests" / "support" / "cluster_util.tcl").is_file()


def _copy(source: Path, folder: Path) -> Path:
    """The suite writes into its own folder, and wants to find clients there."""
    for name in ("tests", "utils"):
        shutil.copytree(source / name, folder / name, symlinks=True)
    for file in (folder / "tests" / "unit").rglob("*.tcl"):
        file.write_bytes(_adapted(file.read_bytes()))
    if _makes_clusters(source):
        with (folder / "tests" / "support" / "cluster_util.tcl").open("a") as helpers:
            helpers.write((HERE / "cluster.tcl").read_text())
    for file in source.glob("*.conf"):
        shutil.copy(file, folder)
    (folder / "src").mkdir()
    for program in ("cli", "benchmark"):
        found = shutil.which(f"redis-{program}") or shutil.which(f"valkey-{program}")
        for brand in ("redis", "valkey"):
            if found:
                (folder / "src" / f"{brand}-{program}").symlink_to(found)
    # Valkey 9 looks for its server before it plays anything, though it is told to start none.
    (folder / "src" / "valkey-server").symlink_to(shutil.which("false") or "/bin/false")
    return folder


_API_OF_8_0 = re.compile(
    rb"(?:(?<=\\n)|(?<!\w))server\.(?=(p?call|register_function|error_reply|acl_check_cmd)\b)"
)
# Blocks that begin with directives which only a server of their own has, or with a cluster.
_OWN_SERVER = re.compile(rb"overrides(?! \{(?:maxclients|appendonly|save) )|start_cluster|args \[list")


def _adapted(unit: bytes) -> bytes:
    """A unit that tries more.

    Of servers that it did not start a suite leaves out much that they could do, for safety's sake. And scripts of Valkey 8
    call `server` what every version knows as `redis`; in a request that is written out a space keeps the length right. Where
    a server with an AOF is wanted, tests get one without, and fail if they need it.
    """
    lines = unit.replace(b"{server redis}", b"{redis}").splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith(b"start_cluster") or not _OWN_SERVER.search(line):
            line = line.replace(b"external:skip", b"external:run")
        lines[number] = _API_OF_8_0.sub(b"redis ." if b"\\r\\n" in line else b"redis.", line)
    return b"".join(lines)


def _play(copy: Path, unit: str, version: str, listed: Listed, *, cluster: bool) -> Outcomes:
    with bare_engine(version, slots=cluster) as port:
        command = ["tclsh", "tests/test_helper.tcl", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--single", unit, "--singledb", "--durable", "--tags", TAGS]
        command += ["--cluster-mode"] if cluster else []
        for name, reason in listed.get(unit, {}).items():
            command += ["--skiptest", name] if reason.startswith(NOT_RUN) else []
        suite = subprocess.Popen(
            command,
            cwd=copy,
            env=_environment(version),
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        watch = threading.Thread(target=_end, args=[suite])
        watch.start()
        assert suite.stdout is not None
        try:
            outcomes = read_outcomes(suite.stdout)
        except BaseException:
            suite.kill()
            raise
        finally:
            watch.join()
    if suite.returncode == -signal.SIGKILL:
        outcomes.failed.setdefault(OUTSIDE, f"not done after {SECONDS_FOR_A_UNIT} seconds")
    return outcomes


def _environment(version: str) -> dict[str, str]:
    """With what `cluster.tcl` starts."""
    engine = [
        sys.executable,
        "-m",
        "localstack_memorydb.engine",
        "--engine-version",
        version,
        "--unrestricted",
    ]
    return {**os.environ, "SUITE_CLUSTER": shlex.join(engine)}


def _end(suite: subprocess.Popen[str]) -> None:
    """Waits for the end, but not for ever; what the suite has started ends with it."""
    with suppress(subprocess.TimeoutExpired):
        suite.wait(SECONDS_FOR_A_UNIT)
    with suppress(ProcessLookupError):
        os.killpg(suite.pid, signal.SIGKILL)
    suite.wait()


def _report(unit: str, outcomes: Outcomes, found: Surprises) -> None:
    print(
        f"{unit}: {len(outcomes.passed)} passed, {len(outcomes.failed)} failed, "
        f"{len(outcomes.left_out)} left out",
        flush=True,
    )
    for name, why in found.failed.items():
        lines = [line[:WIDTH] for line in why.strip().splitlines()[:12]]
        print(f"  FAILED {unit} | {name}\n    " + "\n    ".join(lines))
    for name in found.passed:
        print(f"  PASSED, though listed: {unit} | {name}")
    for name in found.missing:
        print(f"  LISTED, but there is no such test: {unit} | {name}")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.suites", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", type=Path, help="the source tree of a server")
    parser.add_argument(
        "--engine-version",
        choices=sorted(set(ENGINES.values())),
        help="another one than the list was made with",
    )
    parser.add_argument("--unit", action="append", metavar="NAME", help="for example unit/type/hash")
    parser.add_argument(
        "--again",
        type=int,
        default=0,
        metavar="TIMES",
        help="play a unit that differs so often again, for many tests go by the clock and a machine may be busy; the last time counts",
    )
    parser.add_argument(
        "--cluster", action="store_true", help="with slots; without the tests tagged cluster:skip"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
