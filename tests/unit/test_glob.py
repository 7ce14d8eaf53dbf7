"""Patterns: what no server can be asked quickly. The transcript of keys compares the rest with a real one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localstack_memorydb.engine.glob import _expression, _Long, compile_glob, compile_globs


@given(text=st.binary(min_size=1, max_size=20))
def test_an_escaped_text_matches_itself_alone(text: bytes) -> None:
    matches = compile_glob(b"".join(b"\\" + bytes([byte]) for byte in text))
    assert matches(text)
    assert not matches(text + b"x")
    assert not matches(text[:-1])


@given(pattern=st.text("ab*?[]^-\\", max_size=12), text=st.text("ab", max_size=8))
def test_a_star_before_and_after_finds_the_pattern_anywhere(pattern: str, text: str) -> None:
    if compile_glob(pattern.encode())(text.encode()):
        assert compile_glob(b"*" + pattern.encode())(b"x" + text.encode())


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (b"*", b"", False),
        (b"**", b"x", True),
        (b"", b"", True),
        (b"a*", b"a", True),
        (b"user:*", b"user:1", True),
        (b"user:*", b"use", False),
        (b"a*b*c", b"a-b-b-c", True),
        (b"a*b*c", b"a-c-b", False),
        (b"*\n?", b"a\n\n", True),
        (b"[\x80-\xff]", b"\x90", True),
        (b"[a-\xff]", b"z", True),
        (b"[a-\xff]", b"A", False),
        (b"[^\x00]", b"\x00", False),
    ],
)
def test_patterns(pattern: bytes, text: bytes, matches: bool) -> None:
    assert bool(compile_glob(pattern)(text)) is matches
    assert bool(compile_globs([b"\0never", pattern, b"\0not|either"])(text)) is matches


def test_many_stars_cost_no_more_than_one() -> None:
    assert not compile_glob(b"*a" * 1000 + b"b")(b"a" * 50_000)


@given(pattern=st.text("ab*?[]^-\\\n", max_size=14), text=st.text("ab]-^\n", max_size=10))
def test_long_patterns_match_as_short_ones_do(pattern: str, text: str) -> None:
    given_, found = pattern.encode(), text.encode()
    assert _Long(given_)(found) is bool(_expression(given_)(found))


@pytest.mark.parametrize(
    "pattern",
    [b"?" + b"x" * 10_000_000, b"*a?b" * 1_000_000, b"[a-z]" * 1_000_000, b"*[^" + b"x" * 1_000_000 + b"]"],
    ids=["text", "stars", "classes", "one class"],
)
def test_a_pattern_is_read_no_further_than_a_text_agrees(pattern: bytes) -> None:
    matches = compile_glob(pattern)
    for number in range(1000):
        assert not matches(b"x" * (number % 20))
    assert not compile_globs([pattern, b"y"])(b"x")
