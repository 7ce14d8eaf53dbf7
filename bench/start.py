"""What the plugin adds to LocalStack's start: LocalStack with and without our entry points, in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench import servers

LOCALSTACK_PYTHON = Path(__file__).parents[1] / ".venv-localstack" / "bin" / "python"
OURS = "localstack_memorydb"


def run(rounds: int) -> None:
    """Prints the medians and the median difference of the pairs."""
    if not LOCALSTACK_PYTHON.exists():
        print("LocalStack's start: not measured, LocalStack is not installed (`make environments`)")
        return
    with tempfile.TemporaryDirectory() as directory:
        having, lacking = Path(directory, "with"), Path(directory, "without")
        for cache in (having, lacking):
            _seconds_to_ready(cache)  # LocalStack writes the index of entry points that it found
        _forget_ours(lacking)
        pairs = [(_seconds_to_ready(having), _seconds_to_ready(lacking)) for _ in range(rounds)]
    ours, plain = (statistics.median(column) for column in zip(*pairs, strict=True))
    added = statistics.median(one - other for one, other in pairs)
    print(
        f"LocalStack's start: {ours:.2f} s with the plugin, {plain:.2f} s without; "
        f"added, median of {rounds} pairs: {added:.2f} s"
    )


def _forget_ours(cache: Path) -> None:
    """Takes our entry points out of the index: everything else about the two starts is the same."""
    (index,) = cache.glob("plux/*.entry_points.txt")
    lines = index.read_text().splitlines(keepends=True)
    kept = [line for line in lines if OURS not in line]
    if kept == lines:
        raise RuntimeError("the plugin is not installed in .venv-localstack")
    index.write_text("".join(kept))


def _seconds_to_ready(cache: Path) -> float:
    """Starts LocalStack and stops it once it says that it is ready."""
    with tempfile.TemporaryDirectory() as root:
        start = time.perf_counter()
        # -P: the directory of the project is no place to look for entry points.
        process = subprocess.Popen(
            [str(LOCALSTACK_PYTHON), "-P", "-m", "localstack.runtime.main"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_environment(cache, root),
        )
        assert process.stdout is not None
        with process.stdout as lines:
            output = []
            for line in lines:
                output.append(line)
                if line.strip() == "Ready.":
                    break
            elapsed = time.perf_counter() - start
            process.kill()
            process.wait()
        if not output or output[-1].strip() != "Ready.":
            raise RuntimeError("LocalStack did not start: " + "".join(output[-20:]))
    return elapsed


def _environment(cache: Path, root: str) -> dict[str, str]:
    return os.environ | {
        "XDG_CACHE_HOME": str(cache),
        "FILESYSTEM_ROOT": root,
        "OVERRIDE_IN_DOCKER": "0",
        "GATEWAY_LISTEN": f"127.0.0.1:{servers.free_port()}",
        "DNS_ADDRESS": "0",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
    }
