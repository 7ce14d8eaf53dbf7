"""`python -m bench`: every measurement; `python -m bench commands` only those."""

from __future__ import annotations

import argparse
import sys

from bench import (
    clusters,
    commands,
    control_plane,
    families,
    latency,
    memory,
    permissions,
    snapshots,
    start,
    suite,
)


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="part",
        help="clusters, control-plane, commands, families, latency, memory, permissions, pytest, snapshots, start; all by default",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds and requests, for a first look")
    parser.add_argument(
        "--test",
        action="append",
        default=[],
        help="of `commands` only this test, of `families` those with this in their names; may be repeated",
    )
    options = parser.parse_args()
    quick = options.quick
    parts = {
        "clusters": lambda: clusters.run(rounds=3 if quick else 15),
        "control-plane": lambda: control_plane.run(rounds=20 if quick else 60),
        "commands": lambda: commands.run(
            rounds=1 if quick else 3, requests=20_000 if quick else 100_000, tests=options.test
        ),
        "families": lambda: families.run(seconds=0.03 if quick else 0.2, names=options.test),
        "latency": lambda: latency.run(rounds=1 if quick else 5, seconds=2 if quick else 5),
        "memory": lambda: memory.run(keys=100_000 if quick else 1_000_000),
        "permissions": lambda: permissions.run(
            rounds=3 if quick else 7, requests=100_000 if quick else 400_000
        ),
        "pytest": lambda: suite.run(rounds=2 if quick else 5),
        "snapshots": lambda: snapshots.run(keys=100_000 if quick else 1_000_000),
        "start": lambda: start.run(rounds=3 if quick else 11),
    }
    for part in options.parts:
        if part not in parts:
            parser.error(f"no such part: {part} (there are: {', '.join(parts)})")
    for part in options.parts or parts:
        parts[part]()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
