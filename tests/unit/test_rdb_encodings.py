"""The compact forms in which servers write values, made by hand from their descriptions, and what damage to them does.

Forms: listpack.c, ziplist.c and intset.c of Valkey; the ziplist ones are written by Redis 6.2 and older only.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.values import Hash, List, Set, ZSet

from .rdb_forms import Item, file, intset, length, listpack, string, ziplist

ITEMS: list[Item] = [
    *(0, 1, 12, 13, 127, 128, -1, -128, -129, 4095, 4096, -4096, -4097),
    *(
        2**15 - 1,
        2**15,
        -(2**15),
        2**23 - 1,
        2**23,
        -(2**23) - 1,
        2**31 - 1,
        2**31,
        -(2**31),
        2**63 - 1,
        -(2**63),
    ),
    *(b"", b"a", b"\x00\xff\r\n", b"s" * 63, b"s" * 64, b"s" * 125, b"s" * 126, b"s" * 253, b"s" * 254),
    *(b"m" * 4095, b"m" * 4096, b"l" * 16377, b"l" * 16378, b"l" * 16379, b"l" * 16383, b"l" * 16384),
]
DIGITS = [item if isinstance(item, bytes) else b"%d" % item for item in ITEMS]

DEFAULTS = rdb.Limits()


def read(kind: int, value: bytes, limits: rdb.Limits = DEFAULTS) -> Any:
    [(key, found, deadline)] = rdb.read(file(kind, value), limits)
    assert (key, deadline) == (b"key", None)
    return found


@pytest.mark.parametrize("roomy", [False, True], ids=["valkey", "redis"])
@pytest.mark.parametrize("count", [None, 0xFFFF], ids=["counted", "uncounted"])
def test_listpacks(count: int | None, roomy: bool) -> None:
    blob = listpack(ITEMS, count, roomy)
    assert list(read(18, b"\x01\x02" + string(blob))) == DIGITS
    assert list(read(20, string(blob))) == DIGITS
    assert list(read(16, string(listpack([*ITEMS, b"value"] if len(ITEMS) % 2 else ITEMS)))) == DIGITS[::2]


@pytest.mark.parametrize("wide", [False, True], ids=["narrow", "wide"])
@pytest.mark.parametrize("count", [None, 0xFFFF], ids=["counted", "uncounted"])
def test_ziplists(count: int | None, wide: bool) -> None:
    blob = ziplist(ITEMS, count, wide)
    assert list(read(10, string(blob))) == DIGITS
    assert list(read(14, b"\x02" + string(blob) + string(ziplist([b"more"])))) == [*DIGITS, b"more"]


def test_a_hash_in_each_form() -> None:
    items: list[Item] = [b"field", 7, 12, b"", b"x" * 70, b"y" * 300]
    expected = {b"field": b"7", b"12": b"", b"x" * 70: b"y" * 300}
    plain = b"\x03" + b"".join(string(item if isinstance(item, bytes) else b"%d" % item) for item in items)
    for kind, value in [(4, plain), (13, string(ziplist(items))), (16, string(listpack(items)))]:
        found = read(kind, value)
        assert isinstance(found, Hash)
        assert found == expected


def test_a_sorted_set_in_each_form() -> None:
    items: list[Item] = [
        b"low",
        b"-inf",
        b"zero",
        b"-0",
        b"one",
        1,
        b"tiny",
        b"4.9406564584124654e-324",
        b"high",
        b"inf",
    ]
    expected = {b"low": -math.inf, b"zero": -0.0, b"one": 1.0, b"tiny": 5e-324, b"high": math.inf}
    old = b"\x05\x03low\xff\x04zero\x02-0\x03one\x011\x04tiny\x174.9406564584124654e-324\x04high\xfe"
    new = b"\x05" + b"".join(string(member) + struct.pack("<d", score) for member, score in expected.items())
    for kind, value in [(3, old), (5, new), (12, string(ziplist(items))), (17, string(listpack(items)))]:
        found = read(kind, value)
        assert isinstance(found, ZSet)
        assert found.scores == expected
        assert math.copysign(1, found.scores[b"zero"]) == (-1 if kind in {12, 17} else 1)


@pytest.mark.parametrize(("width", "high"), [(2, 2**15 - 1), (4, 2**31 - 1), (8, 2**63 - 1)])
def test_intsets(width: int, high: int) -> None:
    found = read(11, string(intset([-high - 1, -1, 0, 5, high], width)))
    assert list(found) == [b"%d" % number for number in (-high - 1, -1, 0, 5, high)]
    assert found.encoding == "intset"


def test_strings_in_each_form() -> None:
    assert read(0, b"\x03abc") == b"abc"
    assert read(0, b"\x40\x46" + b"a" * 70) == b"a" * 70
    assert read(0, b"\x80\x00\x00\x00\x46" + b"a" * 70) == b"a" * 70
    assert read(0, b"\x81" + bytes(7) + b"\x46" + b"a" * 70) == b"a" * 70
    assert read(0, b"\xc0\x80") == b"-128"
    assert read(0, b"\xc1\x00\x80") == b"-32768"
    assert read(0, b"\xc2\xff\xff\xff\x7f") == b"2147483647"


def test_compressed_strings() -> None:
    assert read(0, b"\xc3\x04\x08\x00a\xa0\x00") == b"a" * 8  # a literal byte, then seven bytes one back
    assert read(0, b"\xc3\x09\x40\x6d" + b"\x02abc\x20\x02\xe0\x5e\x02") == b"abc" * 36 + b"a"
    blob = ziplist([b"literal"])
    assert list(
        read(10, b"\xc3" + length(len(blob) + 1) + length(len(blob)) + bytes([len(blob) - 1]) + blob)
    ) == [b"literal"]


def test_list_nodes_may_be_plain_or_packed() -> None:
    value = (
        b"\x03\x02"
        + string(listpack([1, b"two"]))
        + b"\x01"
        + string(b"p" * 9000)
        + b"\x02"
        + string(listpack([b"end"]))
    )
    assert list(read(18, value)) == [b"1", b"two", b"p" * 9000, b"end"]


SMALL = rdb.Limits(
    hash_max_listpack_entries=2,
    zset_max_listpack_entries=2,
    set_max_intset_entries=2,
    set_max_listpack_entries=3,
    list_max_listpack_size=2,
)


@pytest.mark.parametrize(
    ("kind", "value", "limits", "encoding"),
    [
        (4, b"\x01\x01f\x01v", DEFAULTS, "listpack"),
        (4, b"\x01\x01f\x40\x40" + b"v" * 64, DEFAULTS, "listpack"),
        (4, b"\x01\x01f\x40\x41" + b"v" * 65, DEFAULTS, "hashtable"),
        (4, b"\x03\x01a\x00\x01b\x00\x01c\x00", SMALL, "hashtable"),
        (16, string(listpack([1, 2, 3, 4, 5, 6])), SMALL, "hashtable"),
        (5, b"\x01\x01m" + bytes(8), DEFAULTS, "listpack"),
        (5, b"\x01\x40\x41" + b"m" * 65 + bytes(8), DEFAULTS, "skiplist"),
        (17, string(listpack([1, 2, 3, 4, 5, 6])), SMALL, "skiplist"),
        (2, b"\x02\x012\x011", DEFAULTS, "intset"),
        (2, b"\x03\x012\x011\x013", SMALL, "listpack"),
        (2, b"\x04\x012\x011\x013\x014", SMALL, "hashtable"),
        (2, b"\x02\x012\x0201", DEFAULTS, "listpack"),
        (2, b"\x02\x012\x01a", rdb.Limits(set_max_listpack_entries=0), "hashtable"),
        (11, string(intset([1, 2, 3, 4], 2)), SMALL, "hashtable"),
        (20, string(listpack([1, 2, 3])), SMALL, "listpack"),
        (20, string(listpack([b"m" * 65])), DEFAULTS, "hashtable"),
        (1, b"\x02\x01a\x01b", SMALL, "listpack"),
        (1, b"\x03\x01a\x01b\x01c", SMALL, "quicklist"),
        (1, b"\x01" + string(b"a" * 8178), DEFAULTS, "listpack"),
        (1, b"\x01" + string(b"a" * 8179), DEFAULTS, "quicklist"),
        (1, b"\x01" + string(b"a" * 8190), rdb.Limits(list_max_listpack_size=-3), "listpack"),
        (1, b"\x01" + string(b"a" * 8190), rdb.Limits(list_max_listpack_size=100), "quicklist"),
        (1, b"\x81" + (500).to_bytes(8, "big") + b"\x12-12345678901234567" * 500, DEFAULTS, "listpack"),
        (1, b"\x81" + (500).to_bytes(8, "big") + b"\x12x12345678901234567" * 500, DEFAULTS, "quicklist"),
    ],
)
def test_encodings_follow_the_limits(kind: int, value: bytes, limits: rdb.Limits, encoding: str) -> None:
    assert read(kind, value, limits).encoding == encoding


def test_a_loaded_intset_is_in_order() -> None:
    assert list(read(2, b"\x03\x0210\x02-5\x019")) == [b"-5", b"9", b"10"]


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (1, b"\x81" + b"\x7f" * 8, "elements at byte 16 do not fit into the rest"),
        (0, b"\x80\xff\xff\xff\xff", "do not fit into the rest"),
        (
            0,
            b"\xc3\x03\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01aa",
            "bad LZF string: it does not expand to the size",
        ),
        (0, b"\xc3\x02\x05\x20\x00", "bad LZF string: a reference reaches before its beginning"),
        (0, b"\xc3\x01\x05\xe0", "bad LZF string: it ends in the middle of a reference"),
        (0, b"\xc3\x03\x01\x01aa", "bad LZF string: it does not expand to the size"),
        (2, b"\x02\x01a\x01a", "a set holds a member twice"),
        (20, string(listpack([1, 1])), "a set holds a member twice"),
        (4, b"\x02\x01a\x01a\x01a\x01b", "a hash holds a field twice"),
        (16, string(listpack([1])), "a hash holds a field twice, or one without a value"),
        (5, b"\x02\x01a" + bytes(8) + b"\x01a" + bytes(8), "a sorted set holds a member twice"),
        (5, b"\x01\x01a" + struct.pack("<d", math.nan), "a score that is not a number"),
        (3, b"\x01\x01a\xfd", "a score that is not a number"),
        (3, b"\x01\x01a\x031_0", "a score that is not a number"),
        (17, string(listpack([b"m", b"high"])), "a score that is not a number"),
        (17, string(listpack([b"m", b"0x" + b"f" * 300])), "a score that is not a number"),
        (17, string(listpack([b"m"])), "a member without a score"),
        (18, b"\x01\x03\x01a", "a list node of the unknown kind 3"),
        (11, string(intset([2, 1], 2)), "bad intset: its members are not in order"),
        (11, string(intset([1, 1], 8)), "bad intset: its members are not in order"),
        (11, string(intset([1], 2)[:-1]), "bad intset: its header does not match its size"),
        (11, string(intset([1], 3)), "bad intset: its header does not match its size"),
        (11, string(struct.pack("<IIh", 2, 2**32 - 1, 1)), "bad intset: its header does not match its size"),
        (11, string(b""), "bad intset: its header does not match its size"),
        (18, b"\x01\x02" + string(listpack([1])[:-1]), "bad listpack: its header does not match its size"),
        (18, b"\x01\x02" + string(listpack([1], 2)), "bad listpack: its count does not match"),
        (
            18,
            b"\x01\x02" + string(b"\x09\x00\x00\x00\x01\x00\x01\x02\xff"),
            "an element's length does not match",
        ),
        (
            18,
            b"\x01\x02" + string(b"\x09\x00\x00\x00\x01\x00\x8a\x01\xff"),
            "an element reaches beyond its end",
        ),
        (
            18,
            b"\x01\x02" + string(b"\x09\x00\x00\x00\x01\x00\xf5\x01\xff"),
            "no element begins with byte 245",
        ),
        (
            18,
            b"\x01\x02" + string(listpack([b"a" * 200]).replace(b"\xca", b"\xcb")),
            "an element's length does not match",
        ),
        (10, string(ziplist([1])[:-1]), "bad ziplist: its header does not match its size"),
        (10, string(ziplist([1], 2)), "bad ziplist: its count does not match"),
        (
            10,
            string(struct.pack("<IIH", 13, 10, 1) + b"\x01\xf2\xff"),
            "the previous element's length does not match",
        ),
        (10, string(struct.pack("<IIH", 13, 11, 1) + b"\x00\xf2\xff"), "its tail is not its last element"),
        (10, string(struct.pack("<IIH", 13, 10, 1) + b"\x00\xc1\xff"), "no element is encoded as 193"),
        (
            10,
            string(struct.pack("<IIH", 13, 10, 1) + b"\x00\x0a\xff"),
            "bad ziplist: its count does not match",
        ),
        (10, string(struct.pack("<IIH", 12, 10, 1) + b"\xfe\xff"), "bad ziplist"),
    ],
)
def test_damaged_values(kind: int, value: bytes, message: str) -> None:
    with pytest.raises(rdb.RdbError) as refused:
        rdb.read(file(kind, value))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


_DOCUMENT = b"\x81" + bytes.fromhex("45e25238df912c")  # and the version
_SOME: list[Item] = [b"field", 7, b"", -300, b"m" * 130, 2**40]
SAMPLES = [
    file(0, b"\xc3\x09\x40\x6d\x02abc\x20\x02\xe0\x5e\x02"),
    file(0, b"\xc2\x01\x02\x03\x04"),
    file(1, b"\x03\x01a\x00\x40\x46" + b"b" * 70),
    file(2, b"\x03\x01a\x011\x0210"),
    file(3, b"\x02\x01a\x033.5\x01b\xfe"),
    file(4, b"\x02\x01a\x01b\x01c\xc0\x01"),
    file(5, b"\x02\x01a" + struct.pack("<d", 1.5) + b"\x01b" + struct.pack("<d", math.inf)),
    file(10, string(ziplist(_SOME))),
    file(11, string(intset([-4, 1, 9], 4))),
    file(12, string(ziplist([b"a", 1, b"b", b"2.5"]))),
    file(13, string(ziplist(_SOME))),
    file(14, b"\x02" + string(ziplist(_SOME)) + string(ziplist([1]))),
    file(16, string(listpack(_SOME))),
    file(17, string(listpack([b"a", 1, b"b", b"2.5"]))),
    file(18, b"\x02\x02" + string(listpack(_SOME)) + b"\x01\x05plain"),
    file(20, string(listpack(_SOME))),
    # JSON documents, as text and value by value
    file(7, _DOCUMENT + b"\x03\x05" + string(b'{"a":[1.50,null]}') + b"\x00"),
    file(7, _DOCUMENT + b"\x00\x02\x20\x02\x01\x02\x40\x80\x05\x01a\x02\x40\x40\x02\x01\x02\x08\x01\x07\x00"),
    b"VALKEY080\xfa\x03ver\x039.1\xf5\x03lib\xf7\x01\x02\x01\x05\x02hi\x02\x07\x00\xfe\x00\xf4\x01\x02\x03\xfb\x02\x01"
    b"\xfc\x01\x02\x03\x04\x05\x06\x07\x08\xf8\x09\x00\x01a\x01b\xfd\x01\x02\x03\x04\xf9\x05\x00\x01c\x01d\xff"
    + bytes(8),
]


def test_the_samples_are_sound() -> None:
    assert [len(rdb.read(data)) for data in SAMPLES] == [1] * (len(SAMPLES) - 1) + [2]


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    """With no checksum to protect it: a result or an RdbError, never another exception."""
    damaged = bytearray(data.draw(st.sampled_from(SAMPLES)))
    last = len(damaged) - 9
    byte = st.integers(0, 255) | st.sampled_from([0, 0x7F, 0x80, 0x81, 0xC3, 0xFE, 0xFF])
    for at, new in data.draw(st.lists(st.tuples(st.integers(9, last), byte), min_size=1, max_size=4)):
        damaged[at] = new
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(9, last)) : last]
    try:
        snapshot = rdb.read(bytes(damaged))
    except rdb.RdbError:
        return
    assert all(isinstance(value, bytes | List | Set | Hash | ZSet | Document) for _, value, _ in snapshot)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([0, 1, 2, 3, 4, 5, 7, 10, 11, 12, 13, 14, 16, 17, 18, 20]), st.binary(max_size=60))
def test_an_arbitrary_value_is_read_or_refused(kind: int, value: bytes) -> None:
    for data in (file(kind, value), file(kind, string(value)), file(kind, b"\x01\x02" + string(value))):
        try:
            rdb.read(data)
        except rdb.RdbError:
            continue
