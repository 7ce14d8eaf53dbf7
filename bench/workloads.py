"""Commands with the data they work on, for `bench.families`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Request = Sequence[bytes]
CURSOR: Final = b"CURSOR"
"""In the place of the cursor: the whole iteration is measured."""


@dataclass(frozen=True)
class Workload:
    """Requests that leave the data as they found it, and what they need; `listeners` are clients that subscribe first."""

    name: str
    requests: list[Request]
    prepare: list[Request]
    listeners: list[Request]


WORKLOADS: Final[list[Workload]] = []


def _add(
    name: str, *lines: str | Request, prepare: Sequence[Request] = (), listeners: Sequence[Request] = ()
) -> None:
    requests = [line.encode().split() if isinstance(line, str) else line for line in lines]
    WORKLOADS.append(Workload(name, requests, list(prepare), list(listeners)))


def _in_parts(command: str, words: Sequence[bytes], size: int = 1000) -> list[Request]:
    head = command.encode().split()
    return [[*head, *words[at : at + size]] for at in range(0, len(words), size)]


def _names(prefix: str, count: int) -> list[bytes]:
    return [b"%b:%d" % (prefix.encode(), number) for number in range(count)]


def _paired(first: Sequence[bytes], second: Sequence[bytes]) -> list[bytes]:
    return [word for pair in zip(first, second, strict=True) for word in pair]


_LUCK: Final = random.Random(5)
_DENSE: Final = _LUCK.randbytes(100_000)
_SCORES: Final = [b"%.3f" % _LUCK.uniform(0, 1000) for _ in range(10_000)]
_MANY: Final = _names("member", 10_000)
_SHORT: Final = _names("m", 100)


def _list(count: int) -> list[Request]:
    return _in_parts("RPUSH l", _names("element", count))


def _set(key: str, count: int, start: int = 0) -> list[Request]:
    return _in_parts(f"SADD {key}", _names("member", start + count)[start:])


def _hash(count: int) -> list[Request]:
    return _in_parts("HSET h", _paired(_names("field", count), _names("value", count)))


def _zset(key: str, count: int) -> list[Request]:
    return _in_parts(f"ZADD {key}", _paired(_SCORES[:count], _MANY[:count]))


def _strings(count: int, *options: bytes) -> list[Request]:
    return [[b"SET", name, b"value", *options] for name in _names("key", count)]


def _stream(count: int) -> list[Request]:
    return [
        [b"XADD", b"x", b"%d-1" % number, b"field", b"value:%d" % number] for number in range(1, count + 1)
    ]


def _group(count: int) -> list[Request]:
    return [
        *_stream(count),
        b"XGROUP CREATE x g 0".split(),
        b"XREADGROUP GROUP g alice COUNT 100000 STREAMS x >".split(),
    ]


def _strings_of_bits() -> None:
    dense = [[b"SET", b"b", _DENSE], [b"SET", b"{b}2", _DENSE[::-1]]]
    zeros = [[b"SET", b"b", bytes(100_000)]]
    small = [[b"SET", b"b", _DENSE[:100]]]
    _add("BITCOUNT of 100 dense bytes", "BITCOUNT b", prepare=small)
    _add("BITCOUNT of 100,000 dense bytes", "BITCOUNT b", prepare=dense)
    _add("BITCOUNT of a range of bits", "BITCOUNT b 1001 700001 BIT", prepare=dense)
    _add("BITPOS 1 behind 100,000 zeros", "BITPOS b 1", prepare=zeros)
    _add("BITPOS 0 in dense bytes", "BITPOS b 0", prepare=dense)
    _add("BITOP AND of 100,000 bytes", "BITOP AND {b}3 b {b}2", prepare=dense)
    _add("BITOP XOR of 100,000 bytes", "BITOP XOR {b}3 b {b}2", prepare=dense)
    _add("BITOP NOT of 100,000 bytes", "BITOP NOT {b}3 b", prepare=dense)
    _add("SETBIT and GETBIT in 100,000 bytes", "SETBIT b 5000 1", "GETBIT b 70001", prepare=dense)
    _add("BITFIELD GET, SET, INCRBY", "BITFIELD b GET u8 100 SET i16 #7 1 INCRBY u5 33 1", prepare=small)
    _add(
        "BITFIELD with OVERFLOW",
        "BITFIELD b OVERFLOW SAT INCRBY u2 100 1 OVERFLOW FAIL INCRBY u2 102 1",
        prepare=small,
    )
    _add("BITFIELD_RO", "BITFIELD_RO b GET u8 100 GET i5 3", prepare=small)
    _add("SETRANGE of 10 bytes in 100,000", "SETRANGE b 5000 0123456789", prepare=dense)
    _add("GETRANGE of 10 bytes in 100,000", "GETRANGE b 5000 5009", prepare=dense)
    _add("GETRANGE of 50,000 bytes", "GETRANGE b 5000 54999", prepare=dense)
    _add("STRLEN of 100,000 bytes", "STRLEN b", prepare=dense)
    _add("APPEND to 100,000 bytes, cut again", "APPEND b 0123456789", "SETRANGE b 0 a", prepare=dense)
    _add("LCS of two strings of 100", "LCS a{l} b{l}", prepare=_two_texts(100))
    _add("LCS of two strings of 1000", "LCS a{l} b{l} LEN", prepare=_two_texts(1000))
    _add("LCS IDX of two strings of 100", "LCS a{l} b{l} IDX WITHMATCHLEN", prepare=_two_texts(100))
    _add(
        "MGET of 100",
        [b"MGET", *_names("{k}", 100)],
        prepare=[[b"MSET", *_paired(_names("{k}", 100), _SHORT)]],
    )
    _add("MSET of 100", [b"MSET", *_paired(_names("{k}", 100), _SHORT)])
    _add(
        "DEL of 100, after MSET",
        [b"MSET", *_paired(_names("{k}", 100), _SHORT)],
        [b"DEL", *_names("{k}", 100)],
    )
    _add("SET EX, GETEX, PERSIST, TTL", "SET k v EX 100", "GETEX k EX 50", "PERSIST k", "TTL k")
    _add("SET of 1 MB", [b"SET", b"k", _DENSE * 10])
    _add("SET PX of new keys, 100 in turn", *[f"SET key:{number} v PX 100000" for number in range(100)])
    _add("INCRBYFLOAT", "INCRBYFLOAT f 0.1")


def _two_texts(size: int) -> list[Request]:
    letters = [bytes(_LUCK.choices(b"abcd", k=size)) for _ in range(2)]
    return [[b"SET", b"a{l}", letters[0]], [b"SET", b"b{l}", letters[1]]]


def _hyperloglogs() -> None:
    dense = [*_in_parts("PFADD {p}1", _names("e", 20_000)), *_in_parts("PFADD {p}2", _names("f", 20_000))]
    sparse = _in_parts("PFADD {p}1", _names("e", 300))
    _add("PFADD to a dense one", "PFADD {p}1 e:1", prepare=dense)
    _add("PFADD of 100 to a dense one", [b"PFADD", b"{p}1", *_SHORT], prepare=dense)
    _add("PFADD to a sparse one", "PFADD {p}1 e:1", prepare=sparse)
    _add(
        "PFADD of new ones to a sparse one",
        *[f"PFADD {{p}}{n} a b c d" for n in range(100, 150)],
        *[f"DEL {{p}}{n}" for n in range(100, 150)],
    )
    _add("PFCOUNT, cached", "PFCOUNT {p}1", prepare=dense)
    _add("PFCOUNT of two dense ones", "PFCOUNT {p}1 {p}2", prepare=dense)
    _add("PFCOUNT of a changed sparse one", "PFADD {p}3 a", "PFCOUNT {p}3", "DEL {p}3")
    _add("PFMERGE of two dense ones", "PFMERGE {p}3 {p}1 {p}2", prepare=dense)
    _add("PFMERGE of sparse ones", "PFMERGE {p}3 {p}1", prepare=sparse)


def _lists() -> None:
    for count in (100, 10_000):
        half = count // 2
        size, prepare = f"of {count:,}", _list(count)
        _add(f"LINDEX in the middle {size}", f"LINDEX l {half}", prepare=prepare)
        _add(f"LRANGE of 10 in the middle {size}", f"LRANGE l {half} {half + 9}", prepare=prepare)
        _add(f"LRANGE of all {size}", "LRANGE l 0 -1", prepare=prepare)
        _add(f"LSET in the middle {size}", f"LSET l {half} other", prepare=prepare)
        _add(f"LPOS at the end {size}", f"LPOS l element:{count - 1}", prepare=prepare)
        _add(f"LPOS COUNT 0 {size}", f"LPOS l element:{half} COUNT 0", prepare=prepare)
        _add(
            f"LINSERT and LREM in the middle {size}",
            f"LINSERT l BEFORE element:{half} new",
            "LREM l 1 new",
            prepare=prepare,
        )
        _add(
            f"LREM from the end {size}",
            f"LINSERT l BEFORE element:{half} new",
            "LREM l -1 new",
            prepare=prepare,
        )
        _add(f"RPUSH and LTRIM {size}", "RPUSH l new", "LTRIM l 1 -1", prepare=prepare)
        _add(f"LMOVE round {size}", "LMOVE l l LEFT RIGHT", prepare=prepare)
        _add(f"SORT ALPHA {size}", "SORT l ALPHA", prepare=prepare)
    _add("RPUSH and LPOP of 100", [b"RPUSH", b"l", *_SHORT], "LPOP l 100", prepare=_list(1000))
    numbers = _in_parts("RPUSH n", [b"%d" % _LUCK.randrange(10_000) for _ in range(1000)])
    _add("SORT of 1000 numbers", "SORT n", prepare=numbers)
    _add("SORT of 1000 numbers, LIMIT 0 10", "SORT n LIMIT 0 10", prepare=numbers)
    _add("SORT of 1000 BY nosort", "SORT n BY nosort", prepare=numbers)


def _sets() -> None:
    two = [*_set("{s}1", 1000), *_set("{s}2", 1000, 500)]
    integers = [
        [b"SADD", b"i", *(b"%d" % n for n in range(500))],
        [b"SADD", b"{i}2", *(b"%d" % n for n in range(250, 750))],
    ]
    _add("SINTER of 1000 and 1000", "SINTER {s}1 {s}2", prepare=two)
    _add("SINTERCARD of 1000 and 1000", "SINTERCARD 2 {s}1 {s}2", prepare=two)
    _add("SDIFF of 1000 and 1000", "SDIFF {s}1 {s}2", prepare=two)
    _add("SUNION of 1000 and 1000", "SUNION {s}1 {s}2", prepare=two)
    _add("SINTERSTORE of 1000 and 1000", "SINTERSTORE {s}3 {s}1 {s}2", prepare=two)
    _add("SUNIONSTORE of 1000 and 1000", "SUNIONSTORE {s}3 {s}1 {s}2", prepare=two)
    _add("SDIFFSTORE of 1000 and 1000", "SDIFFSTORE {s}3 {s}1 {s}2", prepare=two)
    _add("SINTER of integers", "SINTER i {i}2", prepare=integers)
    _add("SUNION of integers", "SUNION i {i}2", prepare=integers)
    _add("SMEMBERS of 500 integers", "SMEMBERS i", prepare=integers)
    _add("SMEMBERS of 10,000", "SMEMBERS s", prepare=_set("s", 10_000))
    _add("SMEMBERS of 20", "SMEMBERS s", prepare=_set("s", 20))
    _add("SISMEMBER of 20", "SISMEMBER s member:19", prepare=_set("s", 20))
    _add("SMISMEMBER of 100", [b"SMISMEMBER", b"s", *_MANY[:100]], prepare=_set("s", 10_000))
    _add("SADD and SREM of 100", [b"SADD", b"s", *_SHORT], [b"SREM", b"s", *_SHORT], prepare=_set("s", 1000))
    _add("SADD and SREM of integers", "SADD i 1000", "SREM i 1000", prepare=integers)
    _add("SMOVE there and back", "SMOVE {s}1 {s}2 member:1", "SMOVE {s}2 {s}1 member:1", prepare=two)
    _add("SRANDMEMBER of 10,000", "SRANDMEMBER s", prepare=_set("s", 10_000))
    _add("SRANDMEMBER 100 of 10,000", "SRANDMEMBER s 100", prepare=_set("s", 10_000))
    _add("SRANDMEMBER -100 of 10,000", "SRANDMEMBER s -100", prepare=_set("s", 10_000))
    _add("SRANDMEMBER 9000 of 10,000", "SRANDMEMBER s 9000", prepare=_set("s", 10_000))
    _add("SPOP 10 of 1000, SADD", [b"SADD", b"s", *_MANY[:1000]], *["SPOP s 10"] * 20)
    _add("SSCAN of 10,000", "SSCAN s CURSOR COUNT 100", prepare=_set("s", 10_000))
    _add("SSCAN MATCH of 10,000", "SSCAN s CURSOR MATCH *7 COUNT 100", prepare=_set("s", 10_000))


def _hashes() -> None:
    _add("HGETALL of 20", "HGETALL h", prepare=_hash(20))
    _add("HGETALL of 1000", "HGETALL h", prepare=_hash(1000))
    _add("HKEYS of 1000", "HKEYS h", prepare=_hash(1000))
    _add("HVALS of 1000", "HVALS h", prepare=_hash(1000))
    _add("HMGET of 100", [b"HMGET", b"h", *_names("field", 100)], prepare=_hash(1000))
    _add("HSET of 100", [b"HSET", b"h", *_paired(_names("field", 100), _SHORT)], prepare=_hash(1000))
    _add(
        "HSET and HDEL of 100",
        [b"HSET", b"h", *_paired(_SHORT, _SHORT)],
        [b"HDEL", b"h", *_SHORT],
        prepare=_hash(1000),
    )
    _add("HINCRBY, HINCRBYFLOAT", "HINCRBY h n 1", "HINCRBYFLOAT h f 0.5", prepare=_hash(20))
    _add("HSCAN of 1000", "HSCAN h CURSOR COUNT 100", prepare=_hash(1000))
    _add("HSCAN of 100, all of it", "HSCAN h CURSOR", prepare=_hash(100))
    _add("HSCAN MATCH of 1000", "HSCAN h CURSOR MATCH *7 COUNT 100", prepare=_hash(1000))
    _add("HRANDFIELD of 1000", "HRANDFIELD h", prepare=_hash(1000))
    _add("HRANDFIELD 100 WITHVALUES of 1000", "HRANDFIELD h 100 WITHVALUES", prepare=_hash(1000))
    _add("HRANDFIELD -100 of 1000", "HRANDFIELD h -100", prepare=_hash(1000))


def _sorted_sets() -> None:
    for count in (100, 10_000):
        size, prepare = f"of {count:,}", _zset("z", count)
        _add(
            f"ZADD, new scores, {size}",
            *[f"ZADD z {n * 7 % 1000} member:{n}" for n in range(0, count, count // 50)],
            prepare=prepare,
        )
        _add(f"ZADD and ZREM {size}", "ZADD z 500 new", "ZREM z new", prepare=prepare)
        _add(
            f"ZINCRBY {size}",
            f"ZINCRBY z 1 member:{count // 2}",
            f"ZINCRBY z -1 member:{count // 2}",
            prepare=prepare,
        )
        _add(f"ZRANK {size}", f"ZRANK z member:{count // 2}", prepare=prepare)
        _add(f"ZSCORE {size}", f"ZSCORE z member:{count // 2}", prepare=prepare)
        _add(f"ZRANGE of 10 {size}", f"ZRANGE z {count // 2} {count // 2 + 9}", prepare=prepare)
        _add(
            f"ZRANGE WITHSCORES of 10 {size}",
            f"ZRANGE z {count // 2} {count // 2 + 9} WITHSCORES",
            prepare=prepare,
        )
        _add(f"ZRANGE WITHSCORES of all {size}", "ZRANGE z 0 -1 WITHSCORES", prepare=prepare)
        _add(f"ZRANGEBYSCORE LIMIT {size}", "ZRANGEBYSCORE z 400 600 LIMIT 5 10", prepare=prepare)
        _add(f"ZCOUNT {size}", "ZCOUNT z 400 600", prepare=prepare)
        _add(f"ZRANDMEMBER 10 {size}", "ZRANDMEMBER z 10 WITHSCORES", prepare=prepare)
        _add(f"ZPOPMIN and ZADD {size}", "ZPOPMIN z", f"ZADD z 0 member:{count // 2}", prepare=prepare)
        _add(
            f"ZREMRANGEBYRANK and ZADD {size}",
            "ZADD z 1500 a 1600 b",
            "ZREMRANGEBYRANK z -2 -1",
            prepare=prepare,
        )
        _add(f"ZMSCORE of 10 {size}", [b"ZMSCORE", b"z", *_MANY[:10]], prepare=prepare)
    lexical = _in_parts("ZADD z", _paired([b"0"] * 1000, _MANY[:1000]))
    _add("ZRANGEBYLEX of 1000", "ZRANGEBYLEX z [member:5 [member:6 LIMIT 0 10", prepare=lexical)
    _add("ZLEXCOUNT of 1000", "ZLEXCOUNT z [member:5 [member:6", prepare=lexical)
    _add("ZSCAN of 10,000", "ZSCAN z CURSOR COUNT 100", prepare=_zset("z", 10_000))
    _add("ZADD of 100", [b"ZADD", b"z", *_paired(_SCORES[:100], _MANY[:100])], prepare=_zset("z", 1000))
    _add("ZADD of 1000 new ones, DEL", [b"ZADD", b"z", *_paired(_SCORES[:1000], _MANY[:1000])], "DEL z")
    two = [*_zset("{z}1", 1000), *_in_parts("ZADD {z}2", _paired(_SCORES[500:1500], _MANY[500:1500]))]
    _add("ZUNIONSTORE of 1000 and 1000", "ZUNIONSTORE {z}3 2 {z}1 {z}2", prepare=two)
    _add("ZINTERSTORE of 1000 and 1000, WEIGHTS", "ZINTERSTORE {z}3 2 {z}1 {z}2 WEIGHTS 2 3", prepare=two)
    _add("ZDIFFSTORE of 1000 and 1000", "ZDIFFSTORE {z}3 2 {z}1 {z}2", prepare=two)
    _add("ZUNION WITHSCORES of 1000 and 1000", "ZUNION 2 {z}1 {z}2 WITHSCORES", prepare=two)
    _add("ZINTERCARD of 1000 and 1000", "ZINTERCARD 2 {z}1 {z}2", prepare=two)
    _add("ZRANGESTORE of 1000", "ZRANGESTORE {z}3 {z}1 0 -1", prepare=two)


def _geo() -> None:
    places = [
        word
        for n in range(1000)
        for word in (b"%.6f" % _LUCK.uniform(-5, 5), b"%.6f" % _LUCK.uniform(45, 55), b"p:%d" % n)
    ]
    prepare = _in_parts("GEOADD g", places, 300)
    _add("GEOADD", "GEOADD g 1.5 50.25 p:1", prepare=prepare)
    _add("GEOHASH of 3", "GEOHASH g p:1 p:2 p:3", prepare=prepare)
    _add("GEOPOS of 3", "GEOPOS g p:1 p:2 p:3", prepare=prepare)
    _add("GEODIST", "GEODIST g p:1 p:2 km", prepare=prepare)
    _add("GEOSEARCH, few found", "GEOSEARCH g FROMLONLAT 0 50 BYRADIUS 30 km", prepare=prepare)
    _add(
        "GEOSEARCH, many found, WITHDIST, ASC",
        "GEOSEARCH g FROMLONLAT 0 50 BYRADIUS 300 km ASC WITHDIST",
        prepare=prepare,
    )
    _add(
        "GEOSEARCH BYBOX WITHCOORD", "GEOSEARCH g FROMLONLAT 0 50 BYBOX 300 300 km WITHCOORD", prepare=prepare
    )
    _add("GEOSEARCH COUNT 10", "GEOSEARCH g FROMMEMBER p:1 BYRADIUS 300 km COUNT 10", prepare=prepare)
    _add("GEOSEARCHSTORE", "GEOSEARCHSTORE {g}2 g FROMLONLAT 0 50 BYRADIUS 300 km", prepare=prepare)


def _streams() -> None:
    for count in (100, 10_000):
        half, size = count // 2, f"of {count:,}"
        prepare = _stream(count)
        _add(f"XRANGE COUNT 10 {size}", f"XRANGE x {half} + COUNT 10", prepare=prepare)
        _add(f"XREVRANGE COUNT 10 {size}", f"XREVRANGE x {half} - COUNT 10", prepare=prepare)
        _add(f"XREAD COUNT 10 {size}", f"XREAD COUNT 10 STREAMS x {half}", prepare=prepare)
        _add(f"XADD MAXLEN {size}", f"XADD x MAXLEN {count} * field value", prepare=prepare)
        _add(f"XADD MAXLEN ~ {size}", f"XADD x MAXLEN ~ {count} * field value", prepare=prepare)
        group = _group(count)
        _add(f"XPENDING {size}", "XPENDING x g", prepare=group)
        _add(f"XPENDING of 10 {size}", "XPENDING x g - + 10", prepare=group)
        _add(f"XPENDING of a consumer {size}", f"XPENDING x g {half} + 10 alice", prepare=group)
        _add(
            f"XREADGROUP of its own {size}",
            f"XREADGROUP GROUP g alice COUNT 10 STREAMS x {half}",
            prepare=group,
        )
        _add(f"XCLAIM {size}", f"XCLAIM x g bob 0 {half}-1", f"XCLAIM x g alice 0 {half}-1", prepare=group)
        _add(
            f"XCLAIM JUSTID of 10 {size}",
            f"XCLAIM x g bob 0 {' '.join(f'{half + n}-1' for n in range(10))} JUSTID",
            prepare=group,
        )
        _add(f"XAUTOCLAIM COUNT 10 {size}", f"XAUTOCLAIM x g bob 0 {half} COUNT 10", prepare=group)
        _add(
            f"XADD, XREADGROUP, XACK {size}",
            *_turn(count),
            prepare=[*prepare, b"XGROUP CREATE x g $".split()],
        )
        _add(f"XINFO STREAM {size}", "XINFO STREAM x", prepare=group)
        _add(f"XINFO GROUPS, CONSUMERS {size}", "XINFO GROUPS x", "XINFO CONSUMERS x g", prepare=group)
    _add("XRANGE of all of 1000", "XRANGE x - +", prepare=_stream(1000))
    _add(
        "XADD of 10 fields",
        [b"XADD", b"x", b"MAXLEN", b"~", b"1000", b"*", *_paired(_SHORT[:10], _SHORT[:10])],
    )


def _turn(count: int) -> list[str]:
    read = "XREADGROUP GROUP g alice STREAMS x >"
    return [f"XADD x MAXLEN ~ {count} * f v", read, f"XACK x g {count // 2}-1"]


def _dumps() -> None:
    kinds: dict[str, list[Request]] = {
        "a string": [[b"SET", b"k", b"value" * 20]],
        "a list of 100": [[b"RPUSH", b"k", *_SHORT]],
        "a set of 1000": _set("k", 1000),
        "a hash of 20": [[b"HSET", b"k", *_paired(_SHORT[:20], _SHORT[:20])]],
        "a hash of 1000": [[word if word != b"h" else b"k" for word in request] for request in _hash(1000)],
        "a sorted set of 1000": _zset("k", 1000),
        "a stream of 1000": [
            [word if word != b"x" else b"k" for word in request] for request in _stream(1000)
        ],
        "a stream with a group": [
            [word if word != b"x" else b"k" for word in request] for request in _group(1000)
        ],
    }
    for kind, prepare in kinds.items():
        _add(f"DUMP of {kind}", "DUMP k", prepare=prepare)
        _add(f"COPY of {kind}", "COPY k {k}2 REPLACE", prepare=prepare)
        _add(f"MEMORY USAGE SAMPLES 0 of {kind}", "MEMORY USAGE k SAMPLES 0", prepare=prepare)
        _add(f"MEMORY USAGE of {kind}", "MEMORY USAGE k", prepare=prepare)
        _add(f"RESTORE of {kind}", (b"RESTORE", b"{k}3", b"0", b"?", b"REPLACE"), prepare=prepare)
    _add("OBJECT ENCODING, IDLETIME", "OBJECT ENCODING k", "OBJECT IDLETIME k", prepare=_set("k", 100))


def _keys() -> None:
    many = _strings(10_000)
    mixed = [*_strings(1000), *[[b"SADD", b"set:%d" % n, b"a"] for n in range(1000)]]
    _add("SCAN COUNT 100 of 10,000 keys", "SCAN CURSOR COUNT 100", prepare=many)
    _add("SCAN COUNT 1000 MATCH of 10,000 keys", "SCAN CURSOR COUNT 1000 MATCH *77*", prepare=many)
    _add("SCAN COUNT 1000 TYPE of 2000 keys", "SCAN CURSOR COUNT 1000 TYPE set", prepare=mixed)
    _add("KEYS * of 10,000 keys", "KEYS *", prepare=many)
    _add("KEYS with a pattern of 10,000 keys", "KEYS *:1[0-5]*7", prepare=many)
    _add("RANDOMKEY of 10,000 keys", "RANDOMKEY", prepare=many)
    _add("DBSIZE", "DBSIZE", prepare=many)
    _add("EXISTS, TYPE, TTL", "EXISTS key:1", "TYPE key:1", "TTL key:1", prepare=many)
    _add("EXPIRE and PERSIST", "EXPIRE key:1 100", "PERSIST key:1", prepare=many)
    _add("RENAME there and back", "RENAME {k}1 {k}2", "RENAME {k}2 {k}1", prepare=[b"SET {k}1 v".split()])
    _add("INFO", "INFO")
    _add("CLIENT LIST", "CLIENT LIST")
    _add("COMMAND", "COMMAND")
    _add("COMMAND DOCS GET", "COMMAND DOCS GET")
    _add("COMMAND GETKEYS", "COMMAND GETKEYS MSET a b c d")
    _add("CONFIG GET *", "CONFIG GET *")
    _add("SLOWLOG GET", "SLOWLOG GET")


def _script(text: str, *words: str) -> Request:
    return [b"EVAL", text.encode(), *(word.encode() for word in words)]


def _scripts() -> None:
    library = (
        "#!lua name=bench\n"
        "redis.register_function('fget', function(keys, args) return redis.call('GET', keys[1]) end)"
    )
    _add("EVAL return 1", _script("return 1", "0"))
    _add(
        "EVAL with a call",
        _script("return redis.call('GET', KEYS[1])", "1", "k"),
        prepare=[b"SET k v".split()],
    )
    _add("EVAL with 1000 calls", _script("for i=1,1000 do redis.call('SET', KEYS[1], i) end", "1", "k"))
    _add(
        "EVAL with 1000 calls of HGET",
        _script(
            "local s=0 for i=1,1000 do s = s + #redis.call('HGET', KEYS[1], 'field:7') end return s", "1", "h"
        ),
        prepare=_hash(20),
    )
    _add(
        "EVAL with LRANGE of 1000",
        _script("return #redis.call('LRANGE', KEYS[1], 0, -1)", "1", "l"),
        prepare=_list(1000),
    )
    _add(
        "EVAL that returns 1000 members",
        _script("return redis.call('LRANGE', KEYS[1], 0, -1)", "1", "l"),
        prepare=_list(1000),
    )
    _add("EVAL with a loop of 10,000", _script("local s=0 for i=1,10000 do s = s + i % 7 end return s", "0"))
    _add(
        "EVAL pcall of an error",
        _script("return redis.pcall('LPUSH', KEYS[1], 'a')['err']", "1", "k"),
        prepare=[b"SET k v".split()],
    )
    _add(
        "FCALL with a call",
        "FCALL fget 1 k",
        prepare=[[b"FUNCTION", b"LOAD", b"REPLACE", library.encode()], b"SET k v".split()],
    )
    numbers = "local t = {} for i = 1, 200 do t[i] = i * 1.5 end "
    objects = "local t = {} for i = 1, 100 do t[i] = {id = i, name = 'name ' .. i, tags = {'a', 'b'}} end "
    _add("cjson.encode of 200 numbers", _script(numbers + "return #cjson.encode(t)", "0"))
    _add("cjson.encode of 100 objects", _script(objects + "return #cjson.encode(t)", "0"))
    _add(
        "cjson.decode of 200 numbers",
        _script("return #cjson.decode(ARGV[1])", "0", "[" + ",".join(str(n * 1.5) for n in range(200)) + "]"),
    )
    _add(
        "cjson.decode of 200 integers",
        _script("return #cjson.decode(ARGV[1])", "0", "[" + ",".join(str(n) for n in range(200)) + "]"),
    )
    _add(
        "cjson.decode of 100 objects",
        _script(
            "return #cjson.decode(ARGV[1])",
            "0",
            "[" + ",".join(f'{{"id":{n},"name":"n{n}","tags":["a","b"]}}' for n in range(100)) + "]",
        ),
    )
    _add("cmsgpack.pack of 200 numbers", _script(numbers + "return #cmsgpack.pack(t)", "0"))
    _add("cmsgpack.pack of 100 objects", _script(objects + "return #cmsgpack.pack(t)", "0"))
    _add(
        "cmsgpack.unpack of 200 numbers",
        _script(numbers + "local p = cmsgpack.pack(t) return #cmsgpack.unpack(p)", "0"),
    )
    _add("struct.pack, 100 times", _script("for i=1,100 do struct.pack('>I2i4d', i, -i, i) end", "0"))
    _add(
        "struct.unpack, 100 times",
        _script(
            "local p = struct.pack('>I2i4d', 1, 2, 3) for i=1,100 do struct.unpack('>I2i4d', p) end", "0"
        ),
    )
    _add(
        "bit, 1000 times",
        _script("local s = 0 for i=1,1000 do s = bit.bxor(s, bit.lshift(i, 3)) end return s", "0"),
    )
    _add("redis.sha1hex, 100 times", _script("for i=1,100 do redis.sha1hex('text' .. i) end", "0"))
    _add(
        "string functions, 1000 times",
        _script(
            "local s = 0 for i=1,1000 do s = s + #string.format('%d-%s', i, string.rep('a', 5)) end return s",
            "0",
        ),
    )
    _add("SCRIPT LOAD, EXISTS", "SCRIPT LOAD return(1)", "SCRIPT EXISTS abc")


def _connections() -> None:
    _add("MULTI, 10 SETs, EXEC", "MULTI", *["SET k v"] * 10, "EXEC")
    _add("MULTI, 100 INCRs, EXEC", "MULTI", *["INCR k"] * 100, "EXEC")
    _add("WATCH, MULTI, GET, EXEC", "WATCH k", "MULTI", "GET k", "EXEC")
    _add("MULTI, DISCARD", "MULTI", "SET k v", "DISCARD")
    _add("PUBLISH to nobody", "PUBLISH channel message")
    _add(
        "PUBLISH to 50 subscribers", "PUBLISH channel message", listeners=[b"SUBSCRIBE channel".split()] * 50
    )
    _add("PUBLISH to 50 with patterns", "PUBLISH channel message", listeners=[b"PSUBSCRIBE ch*".split()] * 50)
    _add(
        "PUBLISH past 100 patterns",
        "PUBLISH channel message",
        listeners=[[b"PSUBSCRIBE", *_names("x*", 100)]],
    )
    _add("SPUBLISH to 10", "SPUBLISH channel message", listeners=[b"SSUBSCRIBE channel".split()] * 10)
    _add(
        "PUBSUB NUMSUB, CHANNELS",
        "PUBSUB NUMSUB channel",
        "PUBSUB CHANNELS",
        listeners=[[b"SUBSCRIBE", *_SHORT]],
    )
    _add("ACL SETUSER", "ACL SETUSER alice on >password ~key:* +@read -get +set")
    _add(
        "ACL GETUSER",
        "ACL GETUSER alice",
        prepare=[b"ACL SETUSER alice on >password ~key:* +@read -get +set".split()],
    )
    _add("ACL LIST", "ACL LIST", prepare=[b"ACL SETUSER alice on >password ~key:* +@read -get +set".split()])
    _add(
        "ACL DRYRUN",
        "ACL DRYRUN alice SET key:1 v",
        prepare=[b"ACL SETUSER alice on >password ~key:* +@read -get +set".split()],
    )
    _add("ACL CAT", "ACL CAT")
    _add(
        "CLIENT SETNAME, GETNAME, ID, INFO", "CLIENT SETNAME me", "CLIENT GETNAME", "CLIENT ID", "CLIENT INFO"
    )
    _add("HELLO", "HELLO 2")
    _add("ECHO of 10,000 bytes", [b"ECHO", _DENSE[:10_000]])
    _add("SELECT, PING, TIME, LASTSAVE", "PING", "TIME", "LASTSAVE")
    _add("LOLWUT", "LOLWUT")


for _family in (
    _strings_of_bits,
    _hyperloglogs,
    _lists,
    _sets,
    _hashes,
    _sorted_sets,
    _geo,
    _streams,
    _dumps,
    _keys,
    _scripts,
    _connections,
):
    _family()
