"""Lists: what transcripts cannot show. Encodings as they grow and shrink, effects, 6.2, long lists against a plain one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cluster_without_sockets import Client, start


@pytest.fixture
def client() -> Client:
    return Client(next(start().nodes()))


@pytest.mark.parametrize(
    ("version", "encoding"), [("6.2", b"quicklist"), ("7.0", b"quicklist"), ("7.2", b"listpack")]
)
def test_a_short_list_is_a_listpack_since_7_2(version: str, encoding: bytes) -> None:
    client = Client(next(start(version=version).nodes()))
    client("RPUSH l a")
    assert client("OBJECT ENCODING l") == b"$%d\r\n%b\r\n" % (len(encoding), encoding)


@pytest.mark.parametrize(
    ("commands", "encoding"),
    [
        ([f"RPUSH l {'x' * 8000}"], "listpack"),
        ([f"RPUSH l {'x' * 9000}"], "quicklist"),
        (["RPUSH l" + " a" * 2700], "listpack"),
        (["RPUSH l" + " a" * 9000], "quicklist"),
        ([f"RPUSH l a {'x' * 8190}", "OBJECT ENCODING l", "RPOP l"], "listpack"),
        ([f"RPUSH l {'x' * 5000} {'x' * 5000}", "OBJECT ENCODING l", "RPOP l"], "quicklist"),
    ],
)
def test_a_list_is_one_listpack_of_8_kb_at_most(client: Client, commands: list[str], encoding: str) -> None:
    for command in commands:
        client(command)
    assert client("OBJECT ENCODING l").split(b"\r\n")[1].decode() == encoding


@pytest.mark.parametrize(
    ("command", "effects"),
    [
        ("LMPOP 2 {k}none {k}l LEFT COUNT 9", [[b"LPOP", b"{k}l", b"3"]]),
        ("LMPOP 2 {k}l {k}m RIGHT", [[b"RPOP", b"{k}l", b"1"]]),
        ("BLMPOP 0 1 {k}l RIGHT COUNT 2", [[b"RPOP", b"{k}l", b"2"]]),
        ("BLPOP {k}none {k}l 0", [[b"LPOP", b"{k}l"]]),
        ("BRPOP {k}l {k}m 0", [[b"RPOP", b"{k}l"]]),
        ("BLMOVE {k}l {k}m LEFT RIGHT 0", [[b"LMOVE", b"{k}l", b"{k}m", b"LEFT", b"RIGHT"]]),
        ("BRPOPLPUSH {k}l {k}m 0", [[b"LMOVE", b"{k}l", b"{k}m", b"RIGHT", b"LEFT"]]),
        ("LMOVE {k}l {k}m LEFT LEFT", None),
        ("LPOP {k}l 2", None),
        ("LREM {k}l 0 a", None),
        ("LTRIM {k}l 0 -1", None),
    ],
)
def test_the_log_gets_what_really_happened(
    client: Client, command: str, effects: list[list[bytes]] | None
) -> None:
    client("RPUSH {k}l a b c")
    client("RPUSH {k}m x")
    session = client.session
    session.effects, session.unchanged = None, False
    assert not client(command).startswith(b"-")
    assert (session.effects, session.unchanged) == (effects, False)


@pytest.mark.parametrize(
    "command",
    [
        "LPUSHX {k}none a",
        "RPUSHX {k}none a",
        "LPOP {k}none",
        "RPOP {k}none 2",
        "LPOP {k}l 0",
        "LTRIM {k}none 0 1",
        "LREM {k}l 0 nothing",
        "LINSERT {k}l BEFORE nothing x",
        "LINSERT {k}none BEFORE a x",
        "LMOVE {k}none {k}l LEFT LEFT",
        "RPOPLPUSH {k}none {k}l",
        "LMPOP 1 {k}none LEFT",
    ],
)
def test_a_write_that_changes_nothing_says_so(client: Client, command: str) -> None:
    client("RPUSH {k}l a b")
    client.session.unchanged = False
    assert not client(command).startswith(b"-")
    assert client.session.unchanged
    assert client("LRANGE {k}l 0 -1") == b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"
    assert client("EXISTS {k}none") == b":0\r\n"


def test_6_2_pops_as_it_did() -> None:
    client = Client(next(start(version="6.2").nodes()))
    client("RPUSH l a b")
    client("SET text x")
    assert client("LPOP l 0") == b"*0\r\n"
    assert client("LPOP none 2") == b"*-1\r\n"
    assert client("RPOP l 5") == b"*2\r\n$1\r\nb\r\n$1\r\na\r\n"
    assert client("LPOS l a RANK 0").endswith(b"2 from the second, ...\r\n")


ELEMENTS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=40)


def array(elements: list[str]) -> bytes:
    return b"*%d\r\n" % len(elements) + b"".join(b"$1\r\n%b\r\n" % element.encode() for element in elements)


@given(elements=ELEMENTS, count=st.integers(-45, 45))
def test_lrem_removes_from_the_end_that_the_count_names(elements: list[str], count: int) -> None:
    client = Client(next(start().nodes()))
    client("RPUSH l " + " ".join(elements))
    places = [place for place, element in enumerate(elements) if element == "a"]
    gone = places[count:] if count < 0 else places[: count or None]
    assert client(f"LREM l {count} a") == b":%d\r\n" % len(gone)
    left = [element for place, element in enumerate(elements) if place not in gone]
    assert client("LRANGE l 0 -1") == array(left)


@given(elements=ELEMENTS, start_=st.integers(-45, 45), stop=st.integers(-45, 45))
def test_lrange_and_ltrim_agree_on_what_a_range_is(elements: list[str], start_: int, stop: int) -> None:
    client = Client(next(start().nodes()))
    client("RPUSH l " + " ".join(elements))
    size = len(elements)
    first = max(start_ + size, 0) if start_ < 0 else start_
    last = stop + size if stop < 0 else stop
    wanted = elements[first : last + 1] if last >= 0 else []
    assert client(f"LRANGE l {start_} {stop}") == array(wanted)
    client(f"LTRIM l {start_} {stop}")
    assert client("LRANGE l 0 -1") == array(wanted)


@given(
    elements=ELEMENTS,
    rank=st.integers(-5, 5).filter(bool),
    count=st.integers(0, 5),
    most=st.integers(0, 45),
)
def test_lpos_counts_from_the_end_that_the_rank_names(
    elements: list[str], rank: int, count: int, most: int
) -> None:
    client = Client(next(start().nodes()))
    client("RPUSH l " + " ".join(elements))
    places = list(range(len(elements)))[:: 1 if rank > 0 else -1][: most or None]
    found = [place for place in places if elements[place] == "a"][abs(rank) - 1 :]
    some = found[: count or None]
    reply = client(f"LPOS l a RANK {rank} COUNT {count} MAXLEN {most}")
    assert reply == b"*%d\r\n" % len(some) + b"".join(b":%d\r\n" % place for place in some)
    one = client(f"LPOS l a RANK {rank} MAXLEN {most}")
    assert one == (b":%d\r\n" % found[0] if found else b"$-1\r\n")
