"""Reads transcripts: files of command lines, one file per family of commands. The format is described in README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .wire import first_word

FOLDER: Final = Path(__file__).parent / "transcripts"

COMPARISONS: Final = frozenset({"sorted", "any", "shape", "keys", "match", "mask", "near"})
ACTIONS: Final = frozenset(
    {"read", "quiet", "closed", "raw", "until", "scan", "let", "resp2", "resp3", "user"}
)

FOR_EVER: Final = (99,)
"""Later than any version."""

_CLIENT = re.compile(r"([a-z][a-z0-9]*)(>>?) +(.*)")


class TranscriptError(Exception):
    """A line of a transcript that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line to play: what a client does, and how the two servers' answers are compared."""

    line: int
    text: str
    client: str
    action: str  # "command", "send" or one of ACTIONS
    argument: str
    comparison: str = "bytes"
    comparison_argument: str = ""
    ours: bytes | None = None  # what our engine answers instead of what the witness does, ...
    always: bool = (
        False  # ... because it is MemoryDB (@memorydb), else because Valkey 9.1 is newer (@differs)
    )
    needs: tuple[int, ...] = ()  # skipped on engines older than this, ...
    before: tuple[int, ...] = FOR_EVER  # ... and on this one and newer ones

    def plays_on(self, engine: tuple[int, ...]) -> bool:
        """Whether the line is about an engine of that version."""
        return self.needs <= engine < self.before


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story that starts on an empty keyspace with fresh connections."""

    family: str
    name: str
    line: int
    needs: tuple[int, ...]
    steps: tuple[Step, ...]
    before: tuple[int, ...] = FOR_EVER

    def plays_on(self, engine: tuple[int, ...]) -> bool:
        """Whether the story is about an engine of that version."""
        return self.needs <= engine < self.before

    def __str__(self) -> str:
        return f"{self.family}:{self.name}"


def version(text: str) -> tuple[int, ...]:
    """'7.2' -> (7, 2)."""
    return tuple(int(part) for part in text.split("."))


def families(folder: str = "") -> list[str]:
    """The families that have a transcript; in the folder `unrestricted` are those of a bare engine's further commands."""
    return sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in (FOLDER / folder).glob("*.txt"))


def load(family: str) -> list[Scenario]:
    """The scenarios of one family's file."""
    return parse(family, (FOLDER / f"{family}.txt").read_text("utf-8"))


def parse(family: str, text: str) -> list[Scenario]:
    """The scenarios of a transcript's text."""
    scenarios: list[Scenario] = []
    steps: list[Step] = []
    modifiers: list[str] = []
    title: tuple[str, int, tuple[int, ...], tuple[int, ...]] | None = None

    def finish() -> None:
        if title is not None:
            if modifiers:
                raise TranscriptError(f"{family}: @{modifiers[0]} stands before no line")
            name, number, needs, before = title
            scenarios.append(Scenario(family, name, number, needs, tuple(steps), before))
            steps.clear()

    for at, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("## "):
            finish()
            name, _, before = line[3:].partition(" @before ")
            name, _, needs = name.partition(" @needs ")
            title = (
                name.strip(),
                at,
                version(needs) if needs else (),
                version(before) if before else FOR_EVER,
            )
        elif not line or line.startswith("#"):
            continue
        elif title is None:
            raise TranscriptError(f"{family}:{at}: no scenario yet; start one with '## name'")
        elif line.startswith("@") and line[1:].split()[0] in COMPARISONS | {
            "differs",
            "memorydb",
            "needs",
            "before",
        }:
            modifiers.append(line[1:])
        else:
            try:
                steps.append(_step(at, line, modifiers))
            except (ValueError, IndexError) as error:
                raise TranscriptError(f"{family}:{at}: {error}") from None
            modifiers.clear()
    finish()
    names = [scenario.name for scenario in scenarios]
    for name in names:
        if names.count(name) > 1:
            raise TranscriptError(f"{family}: two scenarios are called {name!r}")
    return scenarios


def _step(number: int, line: str, modifiers: list[str]) -> Step:
    client, sends, rest = "a", False, line
    if found := _CLIENT.fullmatch(line):
        client, sends, rest = found[1], found[2] == ">>", found[3]
    action, argument = "send" if sends else "command", rest
    if rest.startswith("@"):
        action, _, argument = rest[1:].partition(" ")
        if action not in ACTIONS:
            raise ValueError(f"unknown directive @{action}")
        if sends:
            if action != "raw":
                raise ValueError("only commands and @raw can be sent without reading the reply")
            action = "raw-send"
    comparison, comparison_argument, ours, always = "bytes", "", None, False
    needs: tuple[int, ...] = ()
    before = FOR_EVER
    for modifier in modifiers:
        word, _, rest = modifier.partition(" ")
        if word in ("differs", "memorydb"):
            ours, always = first_word(rest), word == "memorydb"
        elif word == "needs":
            needs = version(rest.split()[0])
        elif word == "before":
            before = version(rest.split()[0])
        else:
            comparison, comparison_argument = word, rest.strip()
            if word in ("any", "shape", "keys", "match", "mask", "near") and not comparison_argument:
                raise ValueError(f"@{word} wants a reason or an argument")
    argument = argument.strip()
    return Step(
        number, line, client, action, argument, comparison, comparison_argument, ours, always, needs, before
    )
