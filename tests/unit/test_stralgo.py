"""STRALGO, which 6.2 has and 7.0 has no longer."""

from __future__ import annotations

import pytest

from tests.unit.cluster_without_sockets import Client, start


@pytest.fixture
def client() -> Client:
    client = Client(start(version="6.2").shards[0].primary)
    client("MSET {k}a ohmytext {k}b mynewtext")
    client("RPUSH {k}list x")
    return client


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("LCS KEYS {k}a {k}b", b"$6\r\nmytext\r\n"),
        ("lcs strings ohmytext mynewtext", b"$6\r\nmytext\r\n"),
        ("LCS LEN KEYS {k}a {k}b", b":6\r\n"),
        ("LCS KEYS {k}a {k}none", b"$0\r\n\r\n"),
        (
            "LCS KEYS {k}a {k}b IDX MINMATCHLEN 4 WITHMATCHLEN",
            b"*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6\r\n",
        ),
        (
            f"LCS LEN STRINGS {'x' * 12_000} {'x' * 12_000}",
            b":12000\r\n",
        ),  # the table is longer than a reply may be
        (f"LCS LEN STRINGS {'x' * 40_000} {'x' * 40_000}", b"-ERR Insufficient memory\r\n"),
        ("LCS", b"-ERR Please specify two strings: STRINGS or KEYS options are mandatory\r\n"),
        ("LCS KEYS {k}a {k}b STRINGS x y", b"-ERR Either use STRINGS or KEYS\r\n"),
        ("LCS KEYS {k}a {k}list", b"-ERR The specified keys must contain string values\r\n"),
        (
            "LCS STRINGS a b IDX LEN",
            b"-ERR If you want both the length and indexes, please just use IDX.\r\n",
        ),
        ("LCS KEYS {k}a", b"-ERR syntax error\r\n"),
        ("LCS FOO", b"-ERR syntax error\r\n"),
        ("EDIT STRINGS a b", b"-ERR syntax error\r\n"),
        ("LCS KEYS a b", b"-CROSSSLOT Keys in request don't hash to the same slot\r\n"),
    ],
    ids=lambda text: str(text[:50]),
)
def test_stralgo(client: Client, line: str, reply: bytes) -> None:
    assert client(f"STRALGO {line}") == reply


def test_what_command_info_says(client: Client) -> None:
    said = client("COMMAND INFO stralgo")
    assert said.startswith(
        b"*1\r\n*7\r\n$7\r\nstralgo\r\n:-2\r\n*2\r\n+readonly\r\n+movablekeys\r\n:0\r\n:0\r\n:0\r\n"
    )
    assert client("COMMAND GETKEYS STRALGO LCS KEYS a b") == b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"


def test_7_0_knows_it_no_longer() -> None:
    said = Client(start(version="7.0").shards[0].primary)("STRALGO LCS STRINGS a b")
    assert said.startswith(b"-ERR unknown command 'STRALGO'")
