"""Snapshot files go to and come from real servers with every value and deadline intact."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.values import Hash, List, Set, Value, ZSet
from tests.ports import free_port

from ..unit.rdb_forms import Item, file, intset, listpack, string, ziplist
from .witness import START_SECONDS, redis_binary, valkey_binary

BINARIES: dict[str, Callable[[], str | None]] = {"redis": redis_binary, "valkey": valkey_binary}
DEADLINE = 4_000_000_000_123
luck = random.Random(7)
NOISE = luck.randbytes(300)
NUMBERS = [
    0,
    1,
    12,
    13,
    127,
    128,
    255,
    4095,
    4096,
    32767,
    32768,
    8388607,
    8388608,
    2**31 - 1,
    2**31,
    2**63 - 1,
]
INTEGERS = [
    b"%d" % number for number in sorted({*NUMBERS, *(-number - 1 for number in NUMBERS), -4096, -4097})
]
TEXTS = [
    b"",
    b"a",
    b"\x00\xff\r\n",
    b"01",
    b"-0",
    b"+1",
    b"9223372036854775808",
    b"s" * 63,
    b"s" * 64,
    NOISE,
    b"abc" * 400,
]
EDGES = [b"e" * size for size in (125, 126, 127, 253, 254, 4095, 4096, 16377, 16378, 16379, 16383, 16384)]
SCORES = [
    0.0,
    1.0,
    -1.0,
    0.1,
    1e300,
    -1e-300,
    5e-324,
    2.0**53,
    123456789.123456,
    float("inf"),
    float("-inf"),
]

VALUES: dict[bytes, Value] = {
    **{
        b"string:%d" % number: text for number, text in enumerate([*INTEGERS, *TEXTS, *EDGES, b"z" * 100_000])
    },
    **dict.fromkeys(
        (b"", b"\x00\r\n\xff", b"12345", b"-7", b"k" * 70, b"k" * 20000, NOISE), b"under an odd key"
    ),
    b"list:integers": List(INTEGERS),
    b"list:texts": List(TEXTS),
    b"list:edges": List(EDGES),
    b"list:large": List([b"small", b"l" * 10_000, luck.randbytes(10_000), b"small", luck.randbytes(90_000)]),
    b"list:long": List([b"element %d" % number for number in range(3000)]),
    b"set:8": Set([b"1", b"-1", b"100"]),
    b"set:16": Set([b"-32768", b"5", b"32767"]),
    b"set:32": Set([b"-2147483648", b"5", b"70000"]),
    b"set:64": Set([b"-9223372036854775808", b"5", b"9223372036854775807"]),
    b"set:texts": Set([*INTEGERS, *TEXTS[:4]]),
    b"set:wide": Set([b"5", NOISE]),
    b"set:long": Set([b"member %d" % number for number in range(1000)]),
    b"set:many integers": Set([b"%d" % number for number in range(1000)]),
    b"hash:texts": Hash({b"": b"", b"f": b"v", b"12": b"-3", b"\x00\xff": b"\r\n"}),
    b"hash:wide": Hash(zip(TEXTS, reversed(TEXTS), strict=True)),
    b"hash:edges": Hash(zip(EDGES, reversed(EDGES), strict=True)),
    b"hash:long": Hash({b"field %d" % number: b"%d" % number for number in range(1000)}),
    b"zset:scores": ZSet({b"member %r" % score: score for score in SCORES}),
    b"zset:odd members": ZSet({b"": 1.5, b"7": -7.0, b"\x00": 7.0}),
    b"zset:wide": ZSet({b"m" * 65: 1.0}),
    b"zset:long": ZSet({b"member %d" % number: number / 7 for number in range(1000)}),
    b"list:at the limit": List([b"a" * 8178]),
    b"list:over the limit": List([b"a" * 8179]),
    b"list:digits at the limit": List([b"1234567890"] * 818),
    b"list:digits over the limit": List([b"1234567890"] * 819),
}
ENTRIES: list[rdb.Entry] = [
    (key, value, DEADLINE + number if number % 3 == 0 else None)
    for number, (key, value) in enumerate(VALUES.items())
]


@contextmanager
def server(kind: str, folder: Path, *arguments: str) -> Iterator[redis.Redis]:
    """A real server in a folder, where it loads `dump.rdb` and saves it. It listens on loopback only."""
    binary = BINARIES[kind]()
    if binary is None:
        pytest.skip(f"no {kind}-server to compare with")
    port = free_port()
    always = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        "--enable-debug-command",
        "yes",
    ]
    with Path(folder, "log").open("wb") as log:
        process = subprocess.Popen([binary, *always, *arguments], stdout=log, stderr=log)
    try:
        client = redis.Redis(port=port, socket_timeout=60)
        _wait_until_loaded(process, client, folder / "log")
        with client:
            yield client
    finally:
        process.kill()
        process.wait()


def _wait_until_loaded(process: subprocess.Popen[bytes], client: redis.Redis, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            client.ping()
        except redis.ConnectionError:  # not listening yet, or loading
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(
                    f"the server did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}"
                ) from None
        else:
            return


@pytest.fixture(params=["valkey", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: a socket's path may have some hundred characters only."""
    path = Path(tempfile.mkdtemp(prefix="rdb-"))
    yield path
    shutil.rmtree(path)


def comparable(value: Value) -> Any:
    if isinstance(value, ZSet):
        return {member: repr(score) for member, score in value.scores.items()}
    return list(value) if isinstance(value, List) else value


def held(client: redis.Redis, key: bytes) -> tuple[Any, int | None]:
    """A key's value and deadline as the server tells them."""
    ask = {
        b"string": lambda: client.get(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: dict.fromkeys(client.smembers(key)),
        b"hash": lambda: client.hgetall(key),
        b"zset": lambda: {
            member: repr(score) for member, score in client.zrange(key, 0, -1, withscores=True)
        },
    }
    deadline = int(client.execute_command("PEXPIRETIME", key))
    return ask[client.type(key)](), None if deadline < 0 else deadline


def fill(client: redis.Redis, entries: Sequence[rdb.Entry]) -> None:
    pipeline = client.pipeline(transaction=False)
    for key, value, deadline in entries:
        if isinstance(value, bytes):
            pipeline.set(key, value)
        elif isinstance(value, List):
            pipeline.rpush(key, *value)
        elif isinstance(value, Set):
            pipeline.sadd(key, *value)
        elif isinstance(value, Hash):
            pipeline.hset(key, mapping=dict(value))
        else:
            pipeline.zadd(key, value.scores)
        if deadline is not None:
            pipeline.pexpireat(key, deadline)
    pipeline.execute()


def limits_of(client: redis.Redis) -> rdb.Limits:
    told = client.config_get("*-max-*")
    names = rdb.Limits.__dataclass_fields__
    return rdb.Limits(**{name: int(told.get(name.replace("_", "-"), 0)) for name in names})


def test_real_servers_load_what_we_write(kind: str, folder: Path) -> None:
    aux = {"redis-ver": "7.1.0", "redis-bits": "64", "unheard-of": "x" * 100}
    data = rdb.write(ENTRIES, aux=aux, counts=(len(ENTRIES), len(ENTRIES) // 3))
    (folder / "dump.rdb").write_bytes(data)
    with server(kind, folder) as client:
        assert client.dbsize() == len(ENTRIES)
        for key, value, deadline in ENTRIES:
            assert held(client, key) == (comparable(value), deadline), key


def test_values_we_load_get_the_encodings_that_the_server_gives_them(kind: str, folder: Path) -> None:
    data = rdb.write(ENTRIES)
    (folder / "dump.rdb").write_bytes(data)
    with server(kind, folder) as client:
        ours = {
            key: value.encoding
            for key, value, _ in rdb.read(data, limits_of(client))
            if not isinstance(value, bytes)
        }
        if kind == "redis":  # before 7.2 every list is a quicklist
            ours = {key: encoding for key, encoding in ours.items() if not key.startswith(b"list:")}
        assert ours == {key: client.object("encoding", key).decode() for key in ours}


def test_real_servers_restore_our_payloads_and_we_theirs(kind: str, folder: Path) -> None:
    with server(kind, folder) as client:
        for key, value, _ in rdb.read(rdb.write(ENTRIES)):
            for version in (9, {"redis": 10, "valkey": 11}[kind]):
                client.restore(key, 0, rdb.dump(value, version=version), replace=True)
                assert held(client, key) == (comparable(value), None)
            assert comparable(rdb.restore(client.dump(key))) == comparable(value)


COMPACT = {
    "hash-max-listpack-entries": 100_000,
    "hash-max-listpack-value": 100_000,
    "zset-max-listpack-entries": 100_000,
    "zset-max-listpack-value": 100_000,
    "set-max-listpack-entries": 100_000,
    "set-max-listpack-value": 100_000,
    "set-max-intset-entries": 100_000,
    "list-max-listpack-size": -5,
    "maxmemory-policy": "allkeys-lru",
}
LOOSE = {
    **{name: 0 for name in COMPACT if name.endswith("entries")},
    "list-max-listpack-size": 1,
    "list-compress-depth": 1,
    "maxmemory-policy": "allkeys-lfu",
}
SINCE_7_2 = {"set-max-listpack-entries", "set-max-listpack-value"}
UNCOMPRESSED = {"rdbcompression": "no", "rdbchecksum": "no"}


@pytest.mark.parametrize(
    ("settings", "types"),
    [
        ({}, {"redis": {0, 2, 4, 5, 11, 16, 17, 18}, "valkey": {0, 2, 4, 5, 11, 16, 17, 18, 20}}),
        (COMPACT, {"redis": {0, 2, 11, 16, 17, 18}, "valkey": {0, 11, 16, 17, 18, 20}}),
        (LOOSE, {"redis": {0, 2, 4, 5, 18}, "valkey": {0, 2, 4, 5, 18}}),
        (UNCOMPRESSED, {"redis": {0, 2, 4, 5, 11, 16, 17, 18}, "valkey": {0, 2, 4, 5, 11, 16, 17, 18, 20}}),
    ],
    ids=["default", "compact", "loose", "uncompressed"],
)
def test_we_read_what_real_servers_write(
    kind: str, folder: Path, settings: Mapping[str, Any], types: Mapping[str, set[int]]
) -> None:
    known = {name: value for name, value in settings.items() if kind == "valkey" or name not in SINCE_7_2}
    with server(
        kind, folder, *(text for name, value in known.items() for text in (f"--{name}", str(value)))
    ) as client:
        client.execute_command("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "9000b")
        fill(client, ENTRIES)
        assert {client.dump(key)[0] for key in VALUES} == types[kind]
        client.save()
        told = {key: held(client, key) for key in VALUES}
    snapshot = rdb.read((folder / "dump.rdb").read_bytes())
    assert len(snapshot) == len(ENTRIES)
    assert {key: (comparable(value), deadline) for key, value, deadline in snapshot} == told
    assert {key: comparable(value) for key, value, _ in snapshot} == {
        key: comparable(value) for key, value in VALUES.items()
    }
    assert snapshot.version == {"redis": 10, "valkey": 80}[kind]


OLD_ITEMS: list[Item] = [
    b"f",
    0,
    12,
    13,
    -1,
    127,
    -129,
    32768,
    -8388609,
    2**31,
    -(2**63),
    b"",
    b"x" * 64,
    b"y" * 254,
    b"z" * 16384,
    5,
]
OLD_SCORES: list[Item] = [b"a", b"-inf", b"b", -3, b"c", b"0.5", 7, b"inf"]
OLD_FORMS = {
    10: string(ziplist(OLD_ITEMS)),
    12: string(ziplist(OLD_SCORES)),
    13: string(ziplist(OLD_ITEMS)),
    14: b"\x02" + string(ziplist(OLD_ITEMS)) + string(ziplist([b"tail"])),
    3: b"\x03\x01a\xff\x01b\x012\x01c\xfe",
    11: string(intset([-(2**40), 3], 8)),
    16: string(listpack(OLD_ITEMS)),
    18: b"\x01\x02" + string(listpack(OLD_ITEMS)),
}


@pytest.mark.parametrize("form", OLD_FORMS)
def test_forms_made_by_hand_mean_to_real_servers_what_they_mean_to_us(
    kind: str, folder: Path, form: int
) -> None:
    """Redis 6.2 is not at hand to write ziplists; that newer servers load ours alike says that they are well made."""
    data = file(form, OLD_FORMS[form]).replace(b"REDIS0011", b"REDIS0010")
    (folder / "dump.rdb").write_bytes(data)
    [(key, value, _)] = rdb.read(data)
    with server(kind, folder, "--sanitize-dump-payload", "yes") as client:
        assert held(client, key) == (comparable(value), None)


def test_empty_collections_are_passed_over(kind: str, folder: Path) -> None:
    data = b"REDIS0009\xfe\x00\x01\x01l\x00\x02\x01s\x00\x04\x01h\x00\x05\x01z\x00\x00\x01k\x00\xff" + bytes(
        8
    )
    (folder / "dump.rdb").write_bytes(data)
    with server(kind, folder) as client:
        assert client.keys() == [b"k"]
    assert [key for key, _, _ in rdb.read(data)] == [b"k"]


def test_a_negative_zero_loses_its_sign_only_in_a_listpack(kind: str, folder: Path) -> None:
    long = ZSet({b"member %d" % number: -0.0 for number in range(200)})
    (folder / "dump.rdb").write_bytes(
        rdb.write([(b"short", ZSet({b"m": -0.0}), None), (b"long", long, None)])
    )
    with server(kind, folder) as client:
        assert held(client, b"short") == ({b"m": "0.0"}, None)
        assert held(client, b"long") == (comparable(long), None)
        client.save()
    assert {key: comparable(value) for key, value, _ in rdb.read((folder / "dump.rdb").read_bytes())} == {
        b"short": {b"m": "0.0"},
        b"long": comparable(long),
    }


def test_function_libraries_survive(kind: str, folder: Path) -> None:
    library = (
        b"#!lua name=lib\nredis.register_function('f', function() return 'found' end)\n" + b"-- " + b"x" * 200
    )
    (folder / "dump.rdb").write_bytes(rdb.write([(b"k", b"v", None)], version=10, functions=[library]))
    with server(kind, folder) as client:
        assert client.fcall("f", 0) == b"found"
        client.save()
        payload = client.function_dump()
        client.function_flush("SYNC")
        client.function_restore(rdb.dump_functions([library]))
        assert client.fcall("f", 0) == b"found"
    assert rdb.restore_functions(payload) == [library]
    assert rdb.read((folder / "dump.rdb").read_bytes()).functions == [library]


FIELD_TTL = [("HSET", "k", "f", "v"), ("HEXPIRE", "k", "1000", "FIELDS", "1", "f")]
OTHER_DATABASE = [("SET", "k", "v"), ("SELECT", "3"), ("SET", "k", "v")]


@pytest.mark.parametrize(
    ("kind", "commands", "message"),
    [
        ("valkey", FIELD_TTL, "a hash with field expiration (RDB type 22) is not supported"),
        ("redis", OTHER_DATABASE, "the file holds keys of database 3; a cluster has only database 0"),
        ("valkey", OTHER_DATABASE, "the file holds keys of database 3; a cluster has only database 0"),
    ],
)
def test_what_we_cannot_carry_is_refused(
    kind: str, folder: Path, commands: list[tuple[str, ...]], message: str
) -> None:
    with server(kind, folder) as client, client.client() as connection:
        for command in commands:
            connection.execute_command(*command)
        connection.save()
    with pytest.raises(rdb.RdbError) as refused:
        rdb.read((folder / "dump.rdb").read_bytes())
    assert str(refused.value) == message


STREAM = [
    *(("XADD", "k", f"{number}-{number}", "f", f"{number}", "g", "x" * number) for number in range(1, 250)),
    ("XADD", "k", "300-1", "other", "y" * 20000),
    ("XADD", "k", "300-2", "-5", "70000", "-9000000000000000000", "-40000"),
    ("XDEL", "k", "7-7", "120-120"),
    ("XGROUP", "CREATE", "k", "g", "0"),
    ("XGROUP", "CREATE", "k", "h", "5-5"),
    ("XREADGROUP", "GROUP", "g", "one", "COUNT", "3", "STREAMS", "k", ">"),
    ("XREADGROUP", "GROUP", "g", "two", "COUNT", "2", "STREAMS", "k", ">"),
    ("XGROUP", "CREATE", "empty", "g", "$", "MKSTREAM"),
]
STREAM_LOOKS = [("XINFO", "STREAM", key, "FULL", "COUNT", "0") for key in ("k", "empty")]


@pytest.mark.parametrize("version", [9, 10])
def test_streams_go_back_and_forth(kind: str, folder: Path, version: int) -> None:
    """A stream that we read and write again is the same to the server, pending messages included."""
    with server(kind, folder) as client:
        for command in STREAM:
            client.execute_command(*command)
        before = [client.execute_command(*look) for look in STREAM_LOOKS]
        client.save()
    entries = rdb.read((folder / "dump.rdb").read_bytes()).entries
    data = rdb.write(entries, version=version)
    assert rdb.write(rdb.read(data).entries, version=version) == data
    (folder / "dump.rdb").write_bytes(data)
    with server(kind, folder) as client:
        after = [client.execute_command(*look) for look in STREAM_LOOKS]
    for one, other in zip(map(_without_activity, before), map(_without_activity, after), strict=True):
        if version == 9:  # knows less of entries that are gone
            one, other = ({name: look[name] for name in _KNOWN_TO_5_0} for look in (one, other))
        assert one == other


_KNOWN_TO_5_0 = (b"length", b"last-generated-id", b"entries")


def _without_activity(look: dict[bytes, Any]) -> dict[bytes, Any]:
    """XINFO STREAM FULL without when a consumer last got a message, which no file before Redis 7.2 tells."""
    for group in look[b"groups"]:
        for consumer in group[b"consumers"]:
            consumer.pop(b"active-time", None)
    return look


def test_a_file_of_a_cluster_node(folder: Path) -> None:
    """Valkey 8 and newer write how many keys each slot holds. A node takes the slots of the keys that it finds in its file."""
    (folder / "dump.rdb").write_bytes(rdb.write([(b"k", b"v", DEADLINE)]))
    arguments = ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    with server("valkey", folder, *arguments) as client:
        client.save()
    data = (folder / "dump.rdb").read_bytes()
    assert b"\xfa\x09slot-info\x0a%d,1,1,0" % key_slot(b"k") in data
    snapshot = rdb.read(data)
    assert snapshot.entries == [(b"k", b"v", DEADLINE)]
    assert set(snapshot.aux) == {"valkey-ver", "redis-bits", "ctime", "used-mem", "aof-base"}
