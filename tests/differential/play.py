"""Plays transcripts from the command line, for people who write a family of commands.

    python -m tests.differential.play strings            our engine against a real Valkey
    python -m tests.differential.play strings -k "set.*"  only the scenarios whose name matches
    python -m tests.differential.play --subject valkey   real against real: is a transcript stable?
    python -m tests.differential.play --serve            keeps a witness running; prints what to export

A witness takes two seconds to start, so `--serve` in another terminal (or in the background) saves those.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from .player import play
from .subject import engine
from .transcript import Scenario, families, load
from .witness import BINARIES, Server, running, unrestricted_witness, witness


def main(arguments: list[str] | None = None) -> int:
    """0 when every line answered alike, 1 when some did not."""
    options = _options(arguments)
    if options.serve:
        return _serve(options.witness)
    chosen = [Path(name).stem for name in options.families] or families()
    if options.unrestricted:
        chosen = families("unrestricted")
    scenarios = [scenario for family in chosen for scenario in load(family)]
    if options.k:
        scenarios = [scenario for scenario in scenarios if re.search(options.k, scenario.name)]
    with ExitStack() as stack:
        chosen_witness = unrestricted_witness if options.unrestricted else witness
        expected = stack.enter_context(chosen_witness(options.witness))
        if options.subject == "engine":
            actual = stack.enter_context(engine(options.witness, unrestricted=options.unrestricted))
        else:
            start = running if options.subject == options.witness else witness
            actual = stack.enter_context(start(options.subject))
        newer = options.witness == "valkey" and options.subject != "valkey"
        return _play_all(scenarios, expected, actual, newer=newer, only_first=options.x)


def _play_all(
    scenarios: list[Scenario], expected: Server, actual: Server, *, newer: bool, only_first: bool
) -> int:
    failed = lines = 0
    for scenario in scenarios:
        if not scenario.plays_on(min(expected.version, actual.version)):
            continue
        differences = play(scenario, expected, actual, newer=newer)
        lines += len(scenario.steps)
        failed += bool(differences)
        for difference in differences:
            print(difference, end="\n\n")
        if differences and only_first:
            break
    print(f"{len(scenarios)} scenarios, {lines} lines: {failed} scenarios differ")
    return 1 if failed else 0


def _serve(kind: str) -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with running(kind) as server:
        print(f"export WITNESS_{kind.upper()}={server.host}:{server.port}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.differential.play", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("families", nargs="*", help="names or files of transcripts; all of them without any")
    parser.add_argument("-k", metavar="REGEX", help="only scenarios whose name matches")
    parser.add_argument("-x", action="store_true", help="stop after the first scenario that differs")
    parser.add_argument("--witness", choices=tuple(BINARIES), default="valkey")
    parser.add_argument("--subject", choices=("engine", *BINARIES), default="engine")
    parser.add_argument(
        "--unrestricted", action="store_true", help="the transcripts of a bare engine's further commands"
    )
    parser.add_argument("--serve", action="store_true", help="keep a witness running until interrupted")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
