"""Whole files: what is written is read again, and what is not sound is refused in one line."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.documents import Document, Json
from localstack_memorydb.engine.rdb.compact import build_set
from localstack_memorydb.engine.rdb.format import crc64
from localstack_memorydb.engine.values import Hash, List, Value, ZSet

UNFINISHED = "truncated, or followed by something else: the file does not end with an end mark and a checksum"
DEADLINE = 1_900_000_000_123

# Written by redis-server 7.0.15: SET k v, RPUSH l 1 two -3, HSET h f v, PEXPIREAT h 1900000000123, a function library "f".
REDIS_7_0 = bytes.fromhex(
    "524544495330303130fa0972656469732d76657206372e302e3135fa0a72656469732d62697473c040fa056374696d65c200"
    "07046bfa08757365642d6d656dc2d03a1000fa08616f662d62617365c000f5404223216c7561206e616d653d660a72656469"
    "732e72656769737465725f66756e6374696f6e282766272c2066756e6374696f6e28292072657475726e203120656e6429fe"
    "00fb030100016b017612016c01021111000000030001018374776f04dffd02fffc7b38d360ba0100001001680d0d00000002"
    "00816602817602ffff4c570b9f59e2c24c"
)


def file(body: bytes, header: bytes = b"REDIS0011") -> bytes:
    data = header + body + b"\xff"
    return data + crc64(data).to_bytes(8, "little")


def plain(value: Value) -> Any:
    """A value that can be compared: a score by its sign and digits, so that -0 is not 0."""
    if isinstance(value, ZSet):
        return {member: repr(score) for member, score in value.scores.items()}
    if isinstance(value, Document):
        return value.dump()
    return list(value) if isinstance(value, List) else value


def contents(snapshot: rdb.Snapshot) -> dict[bytes, tuple[type, Any, int | None]]:
    return {key: (type(value), plain(value), deadline) for key, value, deadline in snapshot}


long = st.sampled_from([64, 16383, 16384, 70000]).map(lambda size: b"x" * size)
strings = st.binary(max_size=70) | st.integers(-(2**70), 2**70).map(lambda n: b"%d" % n) | long
short = st.binary(max_size=8) | st.integers(-(2**64), 2**64).map(lambda n: b"%d" % n)


def _containers(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.lists(inner) | st.dictionaries(st.text(), inner)


values: st.SearchStrategy[Value] = st.one_of(
    strings,
    st.lists(strings, min_size=1, max_size=8).map(List),
    st.lists(short, min_size=1, max_size=80).map(lambda members: build_set(members, rdb.Limits())),
    st.dictionaries(short, strings, min_size=1, max_size=8).map(Hash),
    st.dictionaries(short, st.floats(allow_nan=False), min_size=1, max_size=80).map(
        lambda scores: ZSet.of(scores.items(), rdb.Limits())
    ),
    st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(), _containers).map(
        Document
    ),
)
deadlines = st.none() | st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(strings, st.tuples(values, deadlines), max_size=6), st.sampled_from([9, 10, 11]))
def test_what_is_written_is_read(keys: dict[bytes, tuple[Value, int | None]], version: int) -> None:
    entries = [(key, value, deadline) for key, (value, deadline) in keys.items()]
    snapshot = rdb.read(rdb.write(entries, version=version, counts=(len(entries), 0)))
    assert snapshot.version == version
    assert contents(snapshot) == {
        key: (type(value), plain(value), deadline) for key, value, deadline in entries
    }


@settings(max_examples=100, deadline=None)
@given(values, st.sampled_from([9, 10, 11]))
def test_what_is_dumped_is_restored(value: Value, version: int) -> None:
    restored = rdb.restore(rdb.dump(value, version=version))
    assert (type(restored), plain(restored)) == (type(value), plain(value))


def test_the_checksum_is_the_one_of_valkey() -> None:
    assert crc64(b"123456789") == 0xE9C6D914C4B8D9CA


def test_a_written_file_byte_by_byte() -> None:
    body = (
        b"\xfa\x09redis-ver\x057.1.0"
        b"\xfe\x00\xfb\x03\x01"
        b"\x00\x01k\x01v"
        b"\xfc" + struct.pack("<q", DEADLINE) + b"\x01\x01l\x02\x01a\x00"
        b"\x05\x01z\x01\x01m" + struct.pack("<d", -0.0)
    )
    entries: list[rdb.Entry] = [
        (b"k", b"v", None),
        (b"l", List([b"a", b""]), DEADLINE),
        (b"z", ZSet({b"m": -0.0}), None),
    ]
    assert rdb.write(entries, aux={"redis-ver": "7.1.0"}, counts=(3, 1)) == file(body, b"REDIS0009")


def test_a_file_of_redis_7_0() -> None:
    snapshot = rdb.read(REDIS_7_0)
    assert contents(snapshot) == {
        b"k": (bytes, b"v", None),
        b"l": (List, [b"1", b"two", b"-3"], None),
        b"h": (Hash, {b"f": b"v"}, DEADLINE),
    }
    assert snapshot.aux["redis-ver"] == "7.0.15"
    assert snapshot.functions == [b"#!lua name=f\nredis.register_function('f', function() return 1 end)"]


def test_function_libraries_are_carried() -> None:
    library = b"#!lua name=lib\n" + b"x" * 100
    assert rdb.read(rdb.write([], version=10, functions=[library])).functions == [library]
    with pytest.raises(ValueError, match="RDB version 9 cannot be written with functions"):
        rdb.write([], functions=[library])


@pytest.mark.parametrize("version", [8, 12, 80])
def test_only_versions_that_load_elsewhere_are_written(version: int) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        rdb.write([], version=version)


def test_what_stands_around_the_keys() -> None:
    module_aux = (
        b"\xf7\x81" + b"\x01" * 8 + b"\x02\x01" + b"\x01\x05\x02\x40\xff\x03abcd\x04abcdefgh\x05\x02hi\x00"
    )
    body = (
        b"\xfa\x05ctime\xc2\x01\x02\x03\x04"
        b"\xf5\x03lib" + module_aux + b"\xfe\x00\xf4\x05\x02\x01\xfb\x04\x01"
        b"\xf8\x40\xc8\x00\x01a\x011"  # idle for 200 seconds
        b"\xf9\x07\x00\x01b\x012"  # frequency 7
        b"\xfd\x01\x00\x00\x00\xf9\x07\x00\x01c\x013"  # deadline in seconds
        b"\xfc" + struct.pack("<q", 5) + b"\xf8\x01\x00\x01d\x014"
    )
    snapshot = rdb.read(file(body + module_aux, b"VALKEY080"))
    assert snapshot.entries == [(b"a", b"1", None), (b"b", b"2", None), (b"c", b"3", 1000), (b"d", b"4", 5)]
    assert snapshot.aux == {"ctime": "67305985"}
    assert snapshot.functions == [b"lib"]
    assert snapshot.version == 80


def test_a_file_without_a_checksum() -> None:
    assert rdb.read(b"REDIS0009\xfe\x00\x00\x01k\x01v\xff" + bytes(8)).entries == [(b"k", b"v", None)]
    assert rdb.read(b"REDIS0004\xfe\x00\x00\x01k\x01v\xff").entries == [
        (b"k", b"v", None)
    ]  # older than checksums


def test_empty_collections_are_passed_over() -> None:
    assert rdb.read(file(b"\xfe\x00\x01\x01l\x00\x04\x01h\x00\x00\x01k\x00")).entries == [(b"k", b"", None)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "wrong signature: not an RDB file"),
        (b"PK\x03\x04 is a zip archive", "wrong signature: not an RDB file"),
        (b"REDIS00", "wrong signature: no version follows its name"),
        (b"REDIS00x1\xff" + bytes(8), "wrong signature: no version follows its name"),
        (file(b"", b"REDIS0000"), "can't handle RDB format version 0: 11 is the newest that is understood"),
        (file(b"", b"REDIS0012"), "can't handle RDB format version 12: 11 is the newest that is understood"),
        (file(b"", b"REDIS0080"), "can't handle RDB format version 80: 11 is the newest that is understood"),
        (file(b"", b"VALKEY081"), "can't handle RDB format version 81: 80 is the newest that is understood"),
        (file(b"", b"VALKEY011"), "can't handle RDB format version 11: 80 is the newest that is understood"),
        (b"REDIS0009", UNFINISHED),
        (file(b"\x00\x01k\x01v")[:-1], UNFINISHED),
        (
            b"REDIS0009\xff" + b"\x01" * 8,
            "corrupt: checksum is 0101010101010101, the contents give 74ad0ffbbc7aac9a",
        ),
        (file(b"\x00\x01k\x09v"), "truncated or corrupt: the file ends in the middle of a key"),
        (file(b"\x00\x01k\x01v\xff*3\r\n$3\r\nSET\r\n"), "corrupt: 14 bytes follow the end mark"),
        (file(b"\xfe\x01\x00\x01k\x01v"), "the file holds keys of database 1; a cluster has only database 0"),
        (file(b"\x00\x01k\x01v\x00\x01k\x01w"), "corrupt: the file holds a key twice"),
        (
            file(b"\x0f\x01k\x00\x01\x01\x01\x00"),
            "corrupt: a stream's length does not match its entries",
        ),
        (
            file(b"\x0f\x01k\x01\x01x\x01y" + b"\x00" * 4),
            "corrupt: a stream node's ID has not 16 bytes",
        ),
        (file(b"\x16\x01k\x00"), "a hash with field expiration (RDB type 22) is not supported"),
        (file(b"\x09\x01k\x00"), "a hash in the zipmap encoding of Redis 2.4 (RDB type 9) is not supported"),
        (
            file(b"\x07\x01k\x81" + bytes.fromhex("4c61623142616d01")),
            "a module value of the type TGFiMUJhb (RDB type 7) is not supported",
        ),
        (
            file(b"\x07\x01k\x81" + bytes.fromhex("45e25238df912c04")),
            "a JSON document of the format 4 is not supported",
        ),
        (
            file(b"\x07\x01k\x81" + bytes.fromhex("45e25238df912c03") + b"\x02\x01\x00"),
            "corrupt at byte 21: a JSON document has the part 2 where 5 should be",
        ),
        (
            file(b"\x07\x01k\x81" + bytes.fromhex("45e25238df912c03") + b"\x05\x01{\x00"),
            "corrupt: a JSON document cannot be read: SYNTAXERR Failed to parse JSON string due to syntax error",
        ),
        (file(b"\x08\x01k\x00"), "corrupt at byte 12: 8 is not a value type"),
        (file(b"\x17\x01k\x00"), "corrupt at byte 9: 23 is neither a value type nor an opcode"),
        (
            file(b"\xf6\x01k"),
            "a function library in the format of a Redis 7.0 release candidate is not supported",
        ),
        (
            file(b"\xf3\x01k"),
            "the file was written while slots were being imported; their keys may be incomplete",
        ),
        (file(b"\xfe\xc0"), "corrupt at byte 10: 192 does not begin a length"),
        (file(b"\x00\x01k\xc4"), "corrupt at byte 12: 196 does not begin a string"),
        (file(b"\xf7\x01\x02\x01\x06"), "corrupt at byte 14: a module's value holds the unknown part 6"),
    ],
)
def test_what_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(rdb.RdbError) as refused:
        rdb.read(data)
    assert str(refused.value) == message


def test_a_type_that_has_no_form_is_not_written() -> None:
    class Module: ...

    with pytest.raises(rdb.RdbError, match="a module cannot be written to an RDB file"):
        rdb.write([(b"k", Module(), None)])  # type: ignore[list-item]


@pytest.mark.parametrize("kept", range(len(REDIS_7_0)))
def test_a_file_cut_anywhere_is_refused(kept: int) -> None:
    with pytest.raises(rdb.RdbError, match=r"^(wrong signature|truncated|corrupt: checksum)"):
        rdb.read(REDIS_7_0[:kept])


@pytest.mark.parametrize("at", range(9, len(REDIS_7_0) - 9))
def test_a_changed_byte_is_noticed(at: int) -> None:
    data = bytearray(REDIS_7_0)
    data[at] ^= 0x20
    with pytest.raises(rdb.RdbError, match="corrupt: checksum"):
        rdb.read(bytes(data))


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "the payload is too short"),
        (rdb.dump(b"v")[:-1] + b"\x00", "the payload's checksum is wrong"),
        (rdb.dump(b"v", version=12), "RDB version 12 is not understood"),
        (rdb.dump(b"v", version=81), "RDB version 81 is not understood"),
    ],
)
def test_payloads_with_a_wrong_footer(payload: bytes, message: str) -> None:
    with pytest.raises(rdb.FooterError, match=message):
        rdb.restore(payload)


def payload(value: bytes) -> bytes:
    body = value + b"\x09\x00"
    return body + crc64(body).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"\x00\x09v", "the payload ends in the middle of its value"),
        (b"\x02\x05\x01", "truncated or corrupt: 5 elements at byte 1 do not fit into the rest"),
        (b"\x01\x00", "the payload holds an empty value"),
        (b"\x16\x00", "a hash with field expiration (RDB type 22) is not supported"),
        (b"\xfa\x01a\x01b", "corrupt at byte 1: 250 is not a value type"),
    ],
)
def test_payloads_with_a_wrong_value(value: bytes, message: str) -> None:
    with pytest.raises(rdb.RdbError) as refused:
        rdb.restore(payload(value))
    assert str(refused.value) == message
    assert not isinstance(refused.value, rdb.FooterError)


def test_payloads_of_valkey_9_and_with_a_tail_are_restored() -> None:
    assert rdb.restore(rdb.dump(b"v", version=80)) == b"v"
    assert rdb.restore(payload(b"\x00\x01v and more")) == b"v"
