"""Servers that go while they are compared: a real one is started anew, ours is a difference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.differential.player import Connection
from tests.differential.subject import engine
from tests.differential.witness import BINARIES

from . import known
from .stage import Disagreement, Mortal, Stage


@pytest.fixture
def real() -> Iterator[Mortal]:
    if BINARIES["valkey"][0]() is None:
        pytest.skip("no valkey-server to compare with")
    with closing(Mortal("valkey")) as mortal:
        yield mortal


def test_a_real_server_that_dies_is_started_anew_for_the_next_sequence(
    real: Mortal, capsys: pytest.CaptureFixture[str]
) -> None:
    with engine("valkey") as ours, closing(Stage(real.start(), ours, newer=True, again=real.start)) as stage:
        stage.begin()
        stage.say("a", (b"SET", b"{k}s1", b"1"))
        stage.wait("b", (b"BLPOP", b"{k}l1", b"0"))
        with closing(Connection(stage.servers[0])) as other:
            other.ask(b"SHUTDOWN", b"NOSAVE")
        stage.say("a", (b"GET", b"{k}s1"))
        stage.end()
        assert (stage.over, stage.deaths) == (True, 1)
        assert "the real server died" in capsys.readouterr().err
        stage.begin()
        stage.say("a", (b"GET", b"{k}s1"))
        stage.end()
        assert (stage.over, stage.deaths) == (False, 1)


def test_a_node_of_ours_that_goes_is_a_difference(real: Mortal) -> None:
    with engine("valkey") as ours:
        stage = Stage(real.start(), ours, newer=True)
        stage.begin()
    with closing(stage), pytest.raises(Disagreement, match="closed"):
        stage.say("a", (b"SET", b"{k}s1", b"1"))


def test_a_list_of_which_ltrim_keeps_all_has_changed_only_for_ours(real: Mortal) -> None:
    lines = [(b"LTRIM", b"{k}l1", b"0", b"-1"), (b"GET", b"{k}s1")]
    with engine("valkey") as ours, closing(Stage(real.start(), ours, newer=True)) as stage:
        stage.begin()
        stage.say("a", (b"HELLO", b"3"), (b"RPUSH", b"{k}l1", b"1", b"2"))
        stage.listen("a", (b"CLIENT", b"TRACKING", b"on"))
        stage.say("a", (b"LRANGE", b"{k}l1", b"0", b"-1"))
        stage.say("a", (b"CLIENT", b"REPLY", b"OFF"), *lines, (b"CLIENT", b"REPLY", b"ON"), silent=3)
        assert stage.over


@pytest.mark.parametrize(
    ("trims", "spoils"),
    [
        ((b"LTRIM", b"{k}l1", b"0", b"-1"), True),
        ((b"EVAL", b"return redis.call('ltrim', KEYS[1], 0, -1)", b"1", b"{k}l1"), True),
        ((b"FCALL", b"trim", b"1", b"{k}l1"), True),
        ((b"LTRIM", b"{k}l2", b"0", b"-1"), False),
        ((b"RPUSH", b"{k}l1", b"1"), False),
    ],
)
def test_only_a_list_that_is_watched_and_trimmed_may_spoil_a_transaction_of_ours_alone(
    trims: tuple[bytes, ...], spoils: bool
) -> None:
    said = [
        ("b", (b"FUNCTION", b"LOAD", b"#!lua name=l\nredis.register_function('trim', LTRIM)")),
        ("b", (b"LTRIM", b"{k}l1", b"0", b"-1")),
        ("a", (b"WATCH", b"{k}l1", b"{k}s1")),
        ("b", trims),
        ("a", (b"MULTI",)),
        ("a", (b"LTRIM", b"{k}s1", b"0", b"-1")),
        ("a", (b"EXEC",)),
    ]
    assert known.trims_what_is_watched(said, "a") is spoils


def test_of_a_list_that_is_trimmed_later_releases_tell_when_it_changes_next() -> None:
    said = [(b"LTRIM", b"{k}l1", b"-4", b"-1"), (b"LPUSH", b"{k}l1", b"a")]
    told = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$5\r\n{k}l1\r\n"
    other = told.replace(b"l1", b"l2")
    assert known.tells_of_trimming(said, [b"+OK\r\n", b":5\r\n", told], [b"+OK\r\n", told, b":5\r\n"])
    assert not known.tells_of_trimming(said, [b"+OK\r\n", b":5\r\n", told], [b"+OK\r\n", told, b":6\r\n"])
    assert not known.tells_of_trimming(said, [b"+OK\r\n", b":5\r\n", other], [b"+OK\r\n", other, b":5\r\n"])
    assert not known.tells_of_trimming(said, [b"+OK\r\n", told], [b"+OK\r\n"])


def test_what_a_client_was_told_before_it_is_killed_reaches_it_only_from_ours(real: Mortal) -> None:
    with engine("valkey") as ours, closing(Stage(real.start(), ours, newer=True)) as stage:
        stage.begin()
        stage.wait("b", (b"BLPOP", b"{k}l1", b"0"))
        stage.say("a", (b"RPUSH", b"{k}l1", b"1"), (b"CLIENT", b"KILL", b"ID", b"id:b"))
        assert stage.over


@pytest.mark.parametrize("flush", [b"FLUSHALL", b"FLUSHDB"])
def test_a_client_that_waits_for_a_stream_is_forgotten_where_a_shard_channel_is_in_another_slot(
    real: Mortal, flush: bytes
) -> None:
    with engine("valkey") as ours, closing(Stage(real.start(), ours, newer=True)) as stage:
        stage.begin()
        stage.say("b", (b"XGROUP", b"CREATE", b"{k}x1", b"g1", b"$", b"MKSTREAM"))
        stage.wait("a", (b"XREADGROUP", b"GROUP", b"g1", b"bob", b"BLOCK", b"0", b"STREAMS", b"{k}x1", b">"))
        stage.say("b", (b"MULTI",), (flush,), (b"SUNSUBSCRIBE", b"{o}c1"), (b"EXEC",))
        assert stage.over


def test_a_message_between_the_replies_of_a_transaction_moves_what_hello_tells() -> None:
    real = b"*1\r\n%2\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$2\r\nid\r\n:17\r\n"
    ours = real.replace(b"valkey", b"redis").replace(b"$6\r\nredis", b"$5\r\nredis").replace(b":17", b":3")
    load: known.Line = (b"SCRIPT", b"LOAD", b"return 1")
    assert known.verdict((b"EXEC",), real, ours, [load], newer=True) == "same"
    other = real.replace(b"server", b"client")
    assert known.verdict((b"EXEC",), real, other, [load], newer=True) == "other"


def test_of_a_deadline_in_the_past_those_who_track_the_key_are_told_when_it_is_found() -> None:
    said = [(b"SET", b"{k}s1", b"1", b"PXAT", b"1000")]
    told = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$5\r\n{k}s1\r\n"
    assert known.tells_of_expiry(said, [told, b"+OK\r\n"], [b"+OK\r\n"])
    assert known.tells_of_expiry(said, [b"+OK\r\n"], [b"+OK\r\n", told])
    assert not known.tells_of_expiry(said, [told, b"+OK\r\n"], [b":1\r\n"])
    for line in ((b"SET", b"{k}s1", b"1"), (b"SET", b"{k}s1", b"1", b"PXAT", b"4102444800000")):
        assert not known.tells_of_expiry([line], [told, b"+OK\r\n"], [b"+OK\r\n"])
    assert known.tells_of_expiry([(b"expireat", b"{k}s1", b"1000")], [told], [])


def test_which_pattern_of_a_client_is_told_first_is_up_to_a_hash_table() -> None:
    one, two = (
        b">4\r\n$8\r\npmessage\r\n$2\r\n%b\r\n$2\r\nc1\r\n$1\r\nm\r\n" % each for each in (b"c*", b"?1")
    )
    lines: list[known.Line] = [(b"MULTI",), (b"PUBLISH", b"c1", b"m"), (b"EXEC",)]
    real, ours = [b"*1\r\n" + one, two], [b"*1\r\n" + two, one]
    assert known.tells_patterns_in_another_order(lines, real, ours)
    assert not known.tells_patterns_in_another_order(lines[:2], real, ours)
    assert not known.tells_patterns_in_another_order(lines, real, [b"*1\r\n" + one])
    assert not known.tells_patterns_in_another_order(lines, [b":1\r\n", b":2\r\n"], [b":2\r\n", b":1\r\n"])


def test_the_words_of_a_later_release_are_known_inside_of_an_array_that_a_script_returns() -> None:
    real = b"*2\r\n_\r\n$28\r\nERR member cc does not exist\r\n"
    ours = b"*2\r\n_\r\n$42\r\nERR could not decode requested zset member\r\n"
    line = (b"EVAL", b"return {pcall(redis.call, 'geohash')}", b"0")
    assert known.verdict(line, real, ours, None, newer=True) == "same"
    assert known.verdict(line, real, ours.replace(b"zset", b"ZSET"), None, newer=True) == "other"
    tables = [
        b"*1\r\n%%2\r\n%b%b" % each
        for each in ((b"+a\r\n:1\r\n", b"+b\r\n*0\r\n"), (b"+b\r\n*0\r\n", b"+a\r\n:1\r\n"))
    ]
    assert known.verdict(line, *tables, None, newer=True) == "same"
    assert known.verdict(line, tables[0], tables[1].replace(b":1", b":2"), None, newer=True) == "other"
    real = b"*1\r\n$52\r\nERR Wrong number of args calling command from script\r\n"
    ours = b"*1\r\n$58\r\nERR Wrong number of args calling Redis command from script\r\n"
    assert known.verdict(line, real, ours, None, newer=True) == "same"


def test_the_error_of_a_script_is_known_behind_the_confirmation_of_a_subscription() -> None:
    real, ours = b"-E x script: on @user_script:1.\r\n", b"-E x script: 4d6ebe, on @user_script:1.\r\n"
    line = (b"PUNSUBSCRIBE", b"c*")
    assert known.verdict(line, real, ours, None, newer=True) == "same"
    assert known.verdict(line, real, ours, None, newer=False) == "other"
    assert known.verdict(line, real, ours.replace(b"-E x", b"-E y"), None, newer=True) == "other"


@pytest.mark.parametrize("newer", [True, False])
def test_where_a_cursor_leads_that_no_reply_had_is_up_to_the_hash_table(newer: bool) -> None:
    line = (b"SSCAN", b"{k}e2", b"12345", b"COUNT", b"10")
    real, ours = b"*2\r\n$1\r\n0\r\n*1\r\n$2\r\nm6\r\n", b"*2\r\n$1\r\n0\r\n*0\r\n"
    assert known.verdict(line, real, ours, None, newer=newer) == "known"
    assert known.verdict(line, b"-WRONGTYPE\r\n", ours, None, newer=newer) == "other"
    assert known.verdict((b"SSCAN", b"{k}e2", b"0"), real, ours, None, newer=newer) == "other"
