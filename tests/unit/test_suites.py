"""The runner of public suites reads what they print, and its lists say why something does not pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suites.clients.__main__ import SUITES as SUITES_OF_CLIENTS
from tests.suites.outcomes import (
    NOT_RUN,
    OUTSIDE,
    SOMETIMES,
    Outcomes,
    compare,
    read_list,
    read_outcomes,
    read_report,
)

SUITES = Path(__file__).parents[1] / "suites"
LISTS = sorted(SUITES.glob("*.txt"))
LISTS_OF_CLIENTS = sorted((SUITES / "clients").glob("*.txt"))

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


@pytest.mark.parametrize("path", LISTS_OF_CLIENTS, ids=lambda path: path.stem)
def test_the_lists_of_clients_belong_to_suites_and_name_tests(path: Path) -> None:
    assert path.stem in SUITES_OF_CLIENTS
    assert all(name.startswith("test_") for tests in read_list(path).values() for name in tests)


def test_each_suite_of_a_client_has_a_list() -> None:
    assert {path.stem for path in LISTS_OF_CLIENTS} == SUITES_OF_CLIENTS.keys()


def test_a_report_of_pytest_becomes_outcomes(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        """<testsuites><testsuite>
        <testcase classname="tests.kind.Thing" name="test_works"/>
        <testcase classname="tests.kind.Thing" name="test_breaks"><failure message="1 is not 2"/></testcase>
        <testcase classname="tests.kind.Thing" name="test_ends"/>
        <testcase classname="tests.kind.Thing" name="test_ends"><error message="in its end"/></testcase>
        <testcase classname="tests.kind" name="test_of_others"><skipped message="not here"/></testcase>
        </testsuite></testsuites>"""
    )
    assert read_report(report) == Outcomes(
        passed={"tests.kind.Thing::test_works"},
        failed={"tests.kind.Thing::test_breaks": "1 is not 2", "tests.kind.Thing::test_ends": "in its end"},
        left_out={"tests.kind::test_of_others"},
    )
