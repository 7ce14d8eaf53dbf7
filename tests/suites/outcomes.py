"""What a unit of a suite prints, and the lists of what is known not to pass."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

OUTSIDE = "outside of any test"
"""Stands for a test's name where code between the tests failed: the rest of that block did not run."""
WHOLE_UNIT = "*"
"""Stands for all tests of a unit: it is not started."""
NOT_RUN, SOMETIMES = "not run: ", "sometimes: "
"""How a reason begins when the test is left out (it would hang, or spoil others), or passes now and then."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(r"\[(ok|err|exception|skip|ignore)\]: (.*)")
_ELAPSED = re.compile(r" \(\d+ ms\)$")
_WHY_IGNORED = re.compile(r"(: )?(Tag: |Not supported |large memory ).*$")
_FAILED = re.compile(r"(.*) in tests/\S+\.tcl$")


@dataclass
class Outcomes:
    """Of one unit, by the names of its tests. Of two tests with one name, the failed one counts."""

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)


def read_outcomes(lines: Iterable[str]) -> Outcomes:
    """Of what a suite prints while it plays one unit; the lines after a failure say how it came about."""
    outcomes = Outcomes()
    current: str | None = None
    for raw in lines:
        line = _COLOUR.sub("", raw).rstrip("\n")
        match = _LINE.match(line)
        if match is None:
            if current is not None and line and not line.startswith("["):
                outcomes.failed[current] += f"\n{line}"
            elif line.startswith("["):
                current = None
            continue
        kind, text = match.groups()
        current = None
        if kind == "ok":
            outcomes.passed.add(_ELAPSED.sub("", text))
        elif kind == "skip":
            outcomes.left_out.add(text)
        elif kind == "ignore":
            outcomes.left_out.add(_WHY_IGNORED.sub("", text))
        else:
            named = _FAILED.match(text) if kind == "err" else None
            current = named[1] if named else OUTSIDE
            outcomes.failed[current] = "" if named else text
    outcomes.passed -= outcomes.failed.keys()
    return outcomes


def read_report(report: Path) -> Outcomes:
    """Of a report in the manner of JUnit, as pytest writes it; a test is named `module.Class::test`."""
    outcomes = Outcomes()
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        results = {part.tag: part.get("message") or "" for part in case}
        failures = [why for tag, why in results.items() if tag in {"failure", "error"}]
        if failures:
            outcomes.failed[name] = failures[0]
        elif "skipped" in results:
            outcomes.left_out.add(name)
        else:
            outcomes.passed.add(name)
    outcomes.passed -= outcomes.failed.keys()
    return outcomes


Listed = dict[str, dict[str, str]]
"""Unit -> name of a test -> why it does not pass."""


def read_list(path: Path) -> Listed:
    """A list of tests that do not pass: `unit | test | reason` a line; `#` begins a comment."""
    listed: Listed = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        unit, _, rest = line.partition(" | ")
        name, _, reason = rest.rpartition(" | ")
        if not name or not reason.strip():
            raise ValueError(f"{path.name}:{number} is not `unit | test | reason`: {line}")
        if name in listed.setdefault(unit, {}):
            raise ValueError(f"{path.name}:{number} lists a test again: {line}")
        listed[unit][name] = reason
    return listed


@dataclass(frozen=True)
class Surprises:
    """What a list does not say of a unit, or says wrongly."""

    failed: dict[str, str]
    passed: list[str]
    missing: list[str]

    def __bool__(self) -> bool:
        return bool(self.failed or self.passed or self.missing)


def compare(outcomes: Outcomes, listed: dict[str, str], *, complete: bool = True) -> Surprises:
    """The outcomes of a unit with its part of the list; `complete`: every test was started or named."""
    wrong = {name for name, reason in listed.items() if not reason.startswith((NOT_RUN, SOMETIMES))}
    seen = outcomes.passed | outcomes.failed.keys() | outcomes.left_out
    return Surprises(
        failed={name: why for name, why in outcomes.failed.items() if name not in listed},
        passed=sorted(wrong & outcomes.passed),
        missing=sorted(wrong - seen) if complete else [],
    )
