"""`python -m tests.fuzz`: the same random commands to our engine and to a real server, until they differ. See --help."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from tests.differential.subject import engine
from tests.differential.wire import show
from tests.differential.witness import Server, redis_binary, witness

from .duel import Difference, Duel, shrink, transcript
from .grammar import Grammar
from .sequences import Sequence, draw, playable

LENGTH = 60


class Arbiter(Duel):
    """Redis 7.0, asked about what Valkey 9.1 answers otherwise: where it agrees with us, a later release changed it."""

    def verdict(self, sequence: Sequence, difference: Difference) -> str:
        other = self.play(sequence)
        if other is None:
            return "#   Redis 7.0 answers as we do"
        if other.what != difference.what:
            return "#   Redis 7.0 differs elsewhere"
        return "\n".join(f"#   Redis 7.0: {line}" for line in show(other.expected).splitlines()[:40])


@contextmanager
def older_witness(wanted: bool) -> Iterator[Server | None]:
    """A second opinion, where Redis 7.0 is installed."""
    if not wanted or redis_binary() is None:
        yield None
        return
    with witness("redis") as server:
        yield server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=200_000, help="how many commands to play")
    parser.add_argument("--seed", type=int, default=None, help="of the random numbers; drawn when not given")
    parser.add_argument("--family", action="append", help="a group of commands, as COMMAND DOCS names it")
    parser.add_argument("--witness", default="valkey", choices=["valkey", "redis"])
    parser.add_argument("--keep-going", type=int, default=1, help="stop after so many different differences")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else time.time_ns() % 1_000_000
    newer = options.witness == "valkey"
    grammar = Grammar("7.2" if newer else "7.0", newer=newer)
    families = options.family or [name for name in grammar.families if name != "server"]
    print(f"seed {seed}, families: {' '.join(families)}", flush=True)
    found: dict[tuple[bytes, ...], int] = {}
    with witness(options.witness) as real, engine(options.witness) as ours, older_witness(newer) as older:
        duel = Duel(real, ours, newer=newer)
        arbiter = Arbiter(older, ours) if older else None
        started, turn, shown = time.monotonic(), 0, 0.0
        while duel.commands < options.commands and len(found) < options.keep_going:
            turn += 1
            sequence = draw(Random(seed * 1_000_003 + turn), grammar, LENGTH, families)
            difference = duel.play(sequence)
            if difference is not None:
                signature = difference.signature()
                found[signature] = found.get(signature, 0) + 1
                if found[signature] == 1:

                    def differs(fewer, signature=signature):  # type: ignore[no-untyped-def]
                        other = duel.play(fewer) if playable(fewer, grammar) else None
                        return other is not None and other.signature() == signature

                    smallest = shrink(sequence, differs)
                    again = duel.play(smallest) or difference
                    print(
                        f"\n{transcript(smallest, again, f'found with seed {seed}, turn {turn}')}", flush=True
                    )
                    if arbiter is not None:
                        print(arbiter.verdict(smallest, again), flush=True)
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(
                    f"... {duel.commands} commands, {len(found)} differences, {shown - started:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )
        duel.close()
        print(
            f"{duel.commands} commands in {time.monotonic() - started:.0f} s, {len(found)} different differences"
        )
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
