"""Plays random commands, bytes, payloads, access strings and API requests; prints what is not answered as it must be."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from tests.differential import test_access_strings
from tests.differential.player import Connection
from tests.differential.subject import ENGINE_VERSIONS, engine
from tests.differential.witness import BINARIES, Server, running, witness

from . import api, keeping, machine, payloads, requests
from .coverage import Coverage
from .grammar import Grammar
from .stage import Disagreement, Mortal, Stage

EXAMPLES = 60
EVENTS = "KEA"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    seed: int
    commands: int
    requests: int
    payloads: int
    strings: int
    kept: int
    calls: int
    families: list[str]
    most: int
    coverage: bool
    version: str | None
    settings: dict[str, str]


class Progress:
    """How many so far, on the standard error, every ten seconds."""

    def __init__(self) -> None:
        self.started = self.shown = time.monotonic()

    def show(self, text: str) -> None:
        now = time.monotonic()
        if now - self.shown > 10:
            self.shown = now
            print(f"... {text}, {self.seconds}", file=sys.stderr, flush=True)

    @property
    def seconds(self) -> str:
        return f"{time.monotonic() - self.started:.0f} s"


@contextmanager
def second_opinion(*, wanted: bool) -> Iterator[Server | None]:
    """Redis 7.0 where it is installed, asked about what Valkey 9.1 answers otherwise: a later release may have changed it."""
    if not wanted or BINARIES["redis"][0]() is None:
        yield None
        return
    with witness("redis") as server:
        yield server


def commands(kind: str, options: Options) -> int:
    """Clients that do what they can; the number of different differences, each shrunk and printed as a transcript."""
    newer = kind == "valkey"
    version = options.version or ENGINE_VERSIONS[kind]
    settings = {"notify-keyspace-events": EVENTS, **options.settings}
    grammar = Grammar(version, newer=newer)
    coverage = Coverage(grammar)
    with (
        closing(Mortal(kind)) as real,
        engine(kind, version=version, **settings) as ours,
        closing(Stage(real.start(), ours, newer=newer, again=real.start, settings=settings)) as stage,
        second_opinion(wanted=newer) as arbiter,
    ):
        progress, number = Progress(), options.seed * 1_000
        stage.begins = lambda: progress.show(f"{stage.commands} commands")
        stage.says, stage.hears = coverage.count, coverage.hear
        dumps = machine.payloads(stage, grammar, number)
        while stage.commands < options.commands and len(stage.seen) < options.most:
            number += 1
            try:
                machine.play(
                    stage, grammar, dumps, number=number, examples=EXAMPLES, families=options.families
                )
            except Disagreement as found:
                stage.seen.add(found.signature)
                print(f"\n{found}\n#   found with seed {options.seed}")
                if arbiter is not None:
                    print(f"#   Redis 7.0:\n{found.judged(arbiter, ours) or '#   answers as we do'}")
            except Flaky as flaky:
                for seen in once(flaky):
                    stage.seen.add(seen.signature)
                    print(f"\n{seen}\n#   found with seed {options.seed}; not when it was played again")
        died = f", {stage.deaths} deaths of the real server" if stage.deaths else ""
        print(
            f"{kind}, our engine {version}: {stage.commands} commands, {len(stage.seen)} differences{died}, {coverage.refused:.0%} of the answers "
            f"errors, {progress.seconds}",
            flush=True,
        )
    names, never = coverage.never()
    if options.coverage:
        print(coverage.report())
    elif not options.families:
        print(f"never said: {', '.join([*names, *never]) or 'nothing'}")
    return len(stage.seen)


def once(flaky: Flaky) -> Iterator[Disagreement]:
    """The differences that hypothesis saw and did not see again; none where it only drew otherwise, which it does when a real
    server dies. What else it saw is raised."""
    for each in getattr(flaky, "exceptions", ()):
        if isinstance(each, Flaky):
            yield from once(each)
        elif isinstance(each, Disagreement):
            yield each
        else:
            raise flaky


def raw_requests(kind: str, options: Options) -> int:
    """Random and damaged bytes: whole or cut, cut everywhere, over TLS, of clients without a user. The number of differences."""
    found, progress = 0, Progress()
    for way in requests.WAYS:
        with requests.sides(kind, way) as (real, ours):
            for turn in range(options.requests // way.share):
                drawn = requests.draw(Random(options.seed * 1_000_003 + turn), way.commands)
                for pieces in requests.everywhere(drawn) if way.cut else [drawn]:
                    difference = requests.compare(real, ours, pieces, newer=kind == "valkey")
                    if difference is None:
                        continue
                    found += 1
                    print(
                        f"\n{way.name}: {requests.shortest(real, ours, pieces, newer=kind == 'valkey')}"[
                            :3000
                        ]
                    )
                    break
                progress.show(f"{way.name}: {turn} streams of bytes")
                if found >= options.most:
                    return found
    print(f"{kind}: {options.requests} streams of bytes, {found} differences, {progress.seconds}", flush=True)
    return found


def wrong_ones(what: str, most: int, attempts: Iterable[tuple[int, str | None]], progress: Progress) -> int:
    """How many of the attempts something was wrong with, which is printed; no more than `most`."""
    found = 0
    for done, wrong in attempts:
        progress.show(f"{done} {what}")
        if wrong:
            print(f"\n{wrong[-3000:]}")
            found += 1
            if found >= most:
                break
    return found


def damaged_payloads(kind: str, options: Options) -> int:
    """Values that somebody has tampered with; the number of differences."""
    progress = Progress()
    with (
        running(kind, "--sanitize-dump-payload", "yes") as real,
        engine(kind) as ours,
        closing(payloads.Restorer(real, ours)) as restorer,
    ):
        sound = restorer.made()

        def attempts() -> Iterator[tuple[int, str | None]]:
            for turn in range(options.payloads):
                rng = Random(options.seed * 1_000_003 + turn)
                difference = restorer.restore(payloads.damaged(rng, rng.choice(sound)))
                yield turn, difference and str(difference)

        found = wrong_ones("payloads", options.most, attempts(), progress)
    print(f"{kind}: {options.payloads} payloads, {found} differences, {progress.seconds}", flush=True)
    return found


def access_strings(kind: str, options: Options) -> int:
    """Random access strings and command lines; 1 when a verdict differs."""
    progress = Progress()
    test = settings(
        max_examples=options.strings,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(given(data=st.data())(test_access_strings.test_every_verdict_is_the_servers.hypothesis.inner_test))
    with witness(kind) as server, closing(Connection(server)) as connection:
        try:
            test(real=(kind, connection))
        except AssertionError as error:
            print(error)
            return 1
    print(f"{kind}: {options.strings} access strings, no difference, {progress.seconds}", flush=True)
    return 0


def kept(options: Options) -> int:
    """Commands to our engine alone; the number of sequences in which something was wrong."""
    progress, length = Progress(), 150
    versions = ["7.2", "7.1", "6.2"]

    def attempts() -> Iterator[tuple[int, str | None]]:
        for turn in range(options.kept // length):
            with tempfile.TemporaryDirectory() as directory:
                version = versions[turn % len(versions)]
                seed = f"{options.seed} {turn}"
                wrong = keeping.play(Path(directory), seed, length, engine_version=version)
            yield turn * length, wrong and f"{wrong}\nengine {version}, seed {seed}"

    found = wrong_ones("commands with a log", options.most, attempts(), progress)
    print(f"{options.kept} commands with a log, {found} sequences wrong, {progress.seconds}", flush=True)
    return found


def calls(options: Options) -> int:
    """Random requests to the API; the number of those that were not answered as they must be."""
    progress = Progress()
    with api.caller() as caller:
        seeds = ((turn, Random(options.seed * 1_000_003 + turn)) for turn in range(options.calls))
        attempts = ((turn, caller.call(rng)) for turn, rng in seeds)
        found = wrong_ones("calls", options.most, attempts, progress)
        print(
            f"{caller.refused} calls refused, {caller.accepted} accepted, {found} wrong, {progress.seconds}"
        )
    return found


PARTS = ("commands", "requests", "payloads", "access", "log", "api")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; all of them without any")
    parser.add_argument(
        "--commands", type=int, default=200_000, help="how many commands to play with each witness"
    )
    parser.add_argument("--requests", type=int, default=4_000, help="how many streams of bytes to send")
    parser.add_argument("--payloads", type=int, default=20_000, help="how many damaged values to restore")
    parser.add_argument("--strings", type=int, default=1_500, help="how many access strings to try")
    parser.add_argument("--kept", type=int, default=15_000, help="how many commands to keep in a log")
    parser.add_argument("--calls", type=int, default=10_000, help="how many calls of the API to make")
    parser.add_argument("--seed", type=int, help="of the random numbers; drawn when not given")
    parser.add_argument("--family", action="append", help="a group of commands, as COMMAND DOCS names it")
    parser.add_argument("--witness", choices=list(BINARIES), help="one of them; else those installed")
    parser.add_argument(
        "--engine-version", help="of ours, where it is not the one that the witness stands for"
    )
    parser.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="a parameter that both servers have, such as hash-max-listpack-entries=4",
    )
    parser.add_argument("--coverage", action="store_true", help="tell how often each command and option came")
    parser.add_argument("--keep-going", type=int, default=5, help="stop a part after so many differences")
    given_ = parser.parse_args()
    families = Grammar(ENGINE_VERSIONS["valkey"]).families
    for what, names, known in (("part", given_.parts, PARTS), ("family", given_.family or (), families)):
        for name in names:
            if name not in known:
                parser.error(f"no such {what}: {name} (there are: {', '.join(sorted(known))})")
    seed = given_.seed if given_.seed is not None else time.time_ns() % 1_000_000
    options = Options(
        seed,
        given_.commands,
        given_.requests,
        given_.payloads,
        given_.strings,
        given_.kept,
        given_.calls,
        given_.family or [],
        given_.keep_going,
        given_.coverage,
        given_.engine_version,
        dict(setting.split("=", 1) for setting in given_.set or ()),
    )
    kinds = [given_.witness] if given_.witness else [kind for kind in BINARIES if BINARIES[kind][0]()]
    parts = given_.parts or PARTS
    print(f"seed {seed}; witnesses: {', '.join(kinds) or 'none'}", flush=True)
    found = 0
    for part, run in (
        ("commands", commands),
        ("requests", raw_requests),
        ("payloads", damaged_payloads),
        ("access", access_strings),
    ):
        found += sum(run(kind, options) for kind in kinds if part in parts)
    if "log" in parts:
        found += kept(options)
    if "api" in parts:
        found += calls(options)
    return 1 if found else 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
