"""The runner of public suites reads what they print, and its lists say why something does not pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suites.outcomes import NOT_RUN, OUTSIDE, SOMETIMES, Outcomes, compare, read_list, read_outcomes

LISTS = sorted((Path(__file__).parents[1] / "suites").glob("*.txt"))

PRINTED = """\
[ready]: 4711
Testing unit/kind
[\x1b[32mok\x1b[0m]: A thing works (3 ms)
[ok]: It works (twice)
[ignore]: Needs others: Tag: needs:repl denied
[skip]: Hangs
[\x1b[31merr\x1b[0m]: B | fails in part in tests/unit/kind.tcl
Expected 1 to be 2
[err]: not a test
    while executing
[1/1 done]: unit/kind (0 seconds)
                   The End
"""


@pytest.fixture
def outcomes() -> Outcomes:
    return read_outcomes(PRINTED.splitlines(keepends=True))


def test_what_a_suite_prints_becomes_outcomes(outcomes: Outcomes) -> None:
    assert outcomes == Outcomes(
        passed={"A thing works", "It works (twice)"},
        failed={"B | fails in part": "\nExpected 1 to be 2", OUTSIDE: "not a test\n    while executing"},
        left_out={"Needs others", "Hangs"},
    )


def test_of_two_tests_with_one_name_the_failed_one_counts() -> None:
    outcomes = read_outcomes(["[ok]: twin\n", "[err]: twin in tests/unit/kind.tcl\n", "[ok]: twin\n"])
    assert (outcomes.passed, set(outcomes.failed)) == (set(), {"twin"})


def test_a_list_that_is_right_leaves_no_surprise(outcomes: Outcomes) -> None:
    listed = {
        "B | fails in part": "files: it reads one",
        OUTSIDE: "files: and here it writes one",
        "Hangs": f"{NOT_RUN}waits for a file",
        "A thing works": f"{SOMETIMES}by the clock",
        "Needs others": "replication",
    }
    assert not compare(outcomes, listed)


def test_what_a_list_does_not_say_or_says_wrongly_is_told(outcomes: Outcomes) -> None:
    found = compare(outcomes, {OUTSIDE: "files", "A thing works": "files", "Long gone": "files"})
    assert found
    assert (list(found.failed), found.passed, found.missing) == (
        ["B | fails in part"],
        ["A thing works"],
        ["Long gone"],
    )


def test_a_list_is_read_by_unit(tmp_path: Path) -> None:
    file = tmp_path / "one.txt"
    file.write_text("# heads\n\nunit/kind | A | B | files: none\nunit/other | * | modules\n")
    assert read_list(file) == {"unit/kind": {"A | B": "files: none"}, "unit/other": {"*": "modules"}}


@pytest.mark.parametrize(
    "line", ["unit/kind | A thing", "unit/kind", "unit/kind | A |  ", "a | b | c\na | b | d"]
)
def test_a_list_without_a_reason_or_with_a_test_twice_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "bad.txt"
    file.write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"bad\.txt:\d"):
        read_list(file)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_the_lists_of_the_project_can_be_read(path: Path) -> None:
    listed = read_list(path)
    assert listed
    assert all(unit.startswith("unit/") for unit in listed)
