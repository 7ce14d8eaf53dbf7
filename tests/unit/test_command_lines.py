"""The command lines of `make bench` and `make fuzz`: what they do not know is an error, not a run of nothing."""

from __future__ import annotations

import sys

import pytest

from bench.__main__ import main as bench
from tests.fuzz.__main__ import main as fuzz


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nosuch", "no such part: nosuch (there are: clusters, "),
        ("commands nosuch", "no such part: nosuch (there are: clusters, "),
        ("commands --test nosuch", "no such test: nosuch (there are: eval, "),
        ("families --test nosuch", "no workload has nosuch in its name"),
    ],
)
def test_bench(
    line: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *line.split()])
    with pytest.raises(SystemExit) as ended:
        bench()
    assert said in f"{ended.value}{capsys.readouterr().err}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nosuch", "no such part: nosuch (there are: access, "),
        ("commands --family nosuch", "no such family: nosuch (there are: bitmap, "),
    ],
)
def test_fuzz(
    line: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fuzz", *line.split()])
    with pytest.raises(SystemExit):
        fuzz()
    assert said in capsys.readouterr().err
