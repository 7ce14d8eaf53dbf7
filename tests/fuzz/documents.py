"""Draws commands about JSON documents and search, of which there is no other server to compare with."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random
from typing import Final

from . import values

Line = tuple[bytes, ...]

KEYS: Final = [b"d:1", b"d:2", b"d:3", b"h:1", b"h:2", b"none"]
PATHS: Final = (
    b". $ .a $.a .b $..a $.* $[0] $.b[0] $.b[-1] $.b[1:3] $.b[::2] $.a.c $['a','b'] $[?(@.a>1)] $.b[?(@>1)] "
    b"$..[?(@.a=='x')] .b[1] $.none .none $..* $.b[*] $. $[ .. $[?( $.a[?(@ ] $.b[99999999999999999999]"
).split()
TEXTS: Final = (
    b'1 -1 0 1.5 1e308 -0 9223372036854775807 9223372036854775808 1e400 true false null "x" "" "\\u00e4\\ud83d\\ude00" '
    b'[] {} [1,2,3] {"a":1} {"a":{"c":[1,"x",null]},"b":[1,2.5,3,"4"]} {"a":1,"a":2} [[[]]] {"v":[1,2],"n":3,"t":"x,y"} '
    b'{ [ nul tru 01 1. "\\ud800" \'x\' [1,] {"a"} \xff "\x01" NaN 1e -'
).split(b" ")
INDEXES: Final = [b"i", b"j", b"k"]
FIELDS: Final = [b"a", b"n", b"t", b"v", b"b"]
QUERIES: Final = [
    b"*",
    b"@n:[1 5]",
    b"@n:[-inf (3]",
    b"@n:[nan 1]",
    b"@t:{x}",
    b"@t:{x|y}",
    b"@t:{*}",
    b"-@t:{x}",
    b"@n:[1 5] @t:{x}",
    b"@n:[1 5] | @t:{x}",
    b"(@n:[1 5])",
    b"*=>[KNN 2 @v $q]",
    b"@n:[0 9]=>[KNN 2 @v $q AS s]",
    b"*=>[KNN 0 @v $q]",
    b"*=>[KNN x @v $q]",
    b"@v:[VECTOR_RANGE 2 $q]",
    b"@none:[1 2]",
    b"",
    b"(",
    b"@",
    b"@n:[",
    b"@t:{",
    b"hello",
    b"((((((((((",
    b"*=>[",
    b"\xff",
]


def vector(rng: Random) -> bytes:
    numbers = [rng.choice([0.0, 1.0, -1.0, 2.5, float("nan"), float("inf"), 1e38]) for _ in range(2)]
    return struct.pack("<2f", *numbers) if rng.random() > 0.1 else rng.choice([b"", b"x", b"\0" * 12])


def some(rng: Random, words: list[bytes], most: int = 3) -> list[bytes]:
    return [rng.choice(words) for _ in range(rng.randrange(1, most + 1))]


def document(rng: Random) -> Line:
    """A command about documents."""
    key, path, text = rng.choice(KEYS), rng.choice(PATHS), rng.choice(TEXTS)
    number = values.integer(rng)
    lines: list[Line] = [
        (
            b"JSON.SET",
            key,
            rng.choice([path, b"$", b"."]),
            text,
            *rng.choice([(), (), (b"NX",), (b"XX",), (b"ZZ",)]),
        ),
        (b"JSON.SET", rng.choice(KEYS[:3]), b"$", rng.choice(TEXTS[13:22])),
        (b"JSON.GET", key, *some(rng, [*PATHS, b"INDENT", b"NEWLINE", b"SPACE", b"NOESCAPE", b"\t"], 4)),
        (b"JSON.MGET", key, b"d:1", path),
        (b"JSON.DEL", key, path),
        (b"JSON.FORGET", key),
        (b"JSON.CLEAR", key, path),
        (b"JSON.TYPE", key, path),
        (b"JSON.RESP", key, path),
        (b"JSON.NUMINCRBY", key, path, rng.choice([number, *TEXTS[:9]])),
        (b"JSON.NUMMULTBY", key, path, rng.choice([number, *TEXTS[:9]])),
        (b"JSON.STRLEN", key, path),
        (b"JSON.STRAPPEND", key, path, text),
        (b"JSON.TOGGLE", key, path),
        (b"JSON.OBJLEN", key, path),
        (b"JSON.OBJKEYS", key, path),
        (b"JSON.ARRLEN", key, path),
        (b"JSON.ARRAPPEND", key, path, *some(rng, TEXTS)),
        (b"JSON.ARRINSERT", key, path, number, *some(rng, TEXTS)),
        (b"JSON.ARRPOP", key, path, number),
        (b"JSON.ARRTRIM", key, path, number, values.integer(rng)),
        (b"JSON.ARRINDEX", key, path, text, number, values.integer(rng)),
        (b"JSON.DEBUG", rng.choice([b"MEMORY", b"DEPTH", b"FIELDS", b"HELP", b"x"]), key, path),
        (b"COPY", b"d:1", key, b"REPLACE"),
        (b"RENAME", b"d:1", key),
    ]
    return rng.choice(lines)


def indexed(rng: Random) -> Line:
    """A command that changes what is indexed."""
    key, field = rng.choice(KEYS), rng.choice(FIELDS)
    lines: list[Line] = [
        (b"HSET", key, field, rng.choice([b"1", b"2.5", b"x", b"x,y", vector(rng)])),
        (b"HSET", rng.choice(KEYS[3:5]), b"v", vector(rng), b"n", b"3", b"t", b"x"),
        (b"HDEL", key, field),
        (b"DEL", key),
        (b"SET", key, b"x"),
        (b"HINCRBYFLOAT", key, b"n", b"1.5"),
    ]
    return rng.choice(lines)


def _schema(rng: Random) -> list[bytes]:
    kinds: list[Callable[[], list[bytes]]] = [
        lambda: [rng.choice(FIELDS), b"NUMERIC"],
        lambda: [rng.choice([b"t", b"$.t"]), b"AS", b"t", b"TAG", *rng.choice([(), (b"SEPARATOR", b";"), (b"CASESENSITIVE",)])],
        lambda: [rng.choice([b"v", b"$.v"]), b"AS", b"v", b"VECTOR", rng.choice([b"FLAT", b"HNSW"]), b"6", b"TYPE", b"FLOAT32", b"DIM", rng.choice([b"2", b"2", b"0", b"x"]), b"DISTANCE_METRIC", rng.choice([b"L2", b"IP", b"COSINE", b"x"])],
        lambda: [b"$.n", b"AS", b"n", b"NUMERIC"],
        lambda: [rng.choice(FIELDS), rng.choice([b"TEXT", b"GEO", b"VECTOR", b"NUMERIC"])],
    ]  # fmt: skip
    return [word for _ in range(rng.choice([1, 2, 3])) for word in rng.choice(kinds)()]


def search(rng: Random) -> Line:
    """A command of search."""
    name, query = rng.choice(INDEXES), rng.choice(QUERIES)
    params = (b"PARAMS", b"2", b"q", vector(rng), b"DIALECT", b"2")
    on = rng.choice([(), (b"ON", b"HASH"), (b"ON", b"JSON"), (b"ON", b"x")])
    prefix = rng.choice(
        [(), (b"PREFIX", b"1", b"h:"), (b"PREFIX", b"2", b"h:", b"d:"), (b"PREFIX", b"9", b"h:")]
    )
    stages = [
        (b"GROUPBY", b"1", b"@t", b"REDUCE", rng.choice([b"COUNT", b"SUM", b"AVG", b"x"]), b"0"),
        (b"GROUPBY", b"1", b"@t", b"REDUCE", b"SUM", b"1", b"@n", b"AS", b"s"),
        (
            b"APPLY",
            rng.choice([b"@n+1", b"upper(@t)", b"@n/0", b"(", b"log(-1)", b"@n%0", b"1e999"]),
            b"AS",
            b"x",
        ),
        (b"FILTER", rng.choice([b"@n>1", b"@t=='x'", b"!", b""])),
        (b"SORTBY", b"2", b"@n", rng.choice([b"ASC", b"DESC", b"x"])),
        (b"LIMIT", values.integer(rng), values.integer(rng)),
        (b"LOAD", b"*"),
        (b"LOAD", b"1", rng.choice([b"@a", b"a", b"@__key"])),
    ]
    lines: list[Line] = [
        (b"FT.CREATE", name, *on, *prefix, b"SCHEMA", *_schema(rng)),
        (b"FT.CREATE", name, *prefix, b"SCHEMA", *_schema(rng)),
        (b"FT.DROPINDEX", name),
        (b"FT._LIST",),
        (b"FT.INFO", name),
        (b"FT.ALIASADD", b"alias", name),
        (b"FT.ALIASUPDATE", b"alias", name),
        (b"FT.ALIASDEL", b"alias"),
        (b"FT._ALIASLIST",),
        (b"FT.SEARCH", rng.choice([name, b"alias"]), query, *params),
        (b"FT.SEARCH", name, query, b"NOCONTENT", b"LIMIT", values.integer(rng), values.integer(rng)),
        (b"FT.SEARCH", name, query, b"RETURN", b"2", b"n", b"t", *params),
        (b"FT.AGGREGATE", name, query, *rng.choice(stages), *rng.choice(stages), *params),
        (b"FT.PROFILE", name, b"SEARCH", b"QUERY", query, *params),
        (b"FT.EXPLAIN", name, query),
        (b"FT.EXPLAINCLI", name, query),
    ]
    return rng.choice(lines)


def draw(rng: Random) -> Line:
    """A command about documents or search, now and then with an argument too few, too many or wrong."""
    line = rng.choice([document, document, indexed, search])(rng)
    if rng.random() < 0.1:
        place = rng.randrange(1, len(line) + 1)
        odd = rng.choice([(), (rng.choice(values.HOSTILE),)])
        line = line[:place] + odd + line[place + rng.randrange(2) :]
    return line
