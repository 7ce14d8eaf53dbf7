"""FT.AGGREGATE: a pipeline of stages over the keys that a query finds.

https://docs.aws.amazon.com/memorydb/latest/devguide/vector-search-commands-ft.aggregate.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final, TypeAlias

from localstack_memorydb.engine.errors import CommandError, printable
from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.resp import Argv, Reply
from localstack_memorydb.engine.search.expressions import Expression, is_true, parse_expression, rank
from localstack_memorydb.engine.search.query import Search
from localstack_memorydb.engine.search.reducers import Reduce, make_reducer
from localstack_memorydb.engine.search.request import Options, read_limit
from localstack_memorydb.engine.search.schema import Words
from localstack_memorydb.engine.search.searching import datum

MOST_STAGES: Final = 32
MOST_LOADED: Final = 1024
MOST_GROUPED: Final = 16
MOST_SORTED: Final = 16

_CHECKED: Final = 256


@dataclass(slots=True)
class Record:
    """What the pipeline works on: values by name, and the key that fields are looked up in until records are grouped."""

    values: dict[bytes, Any]
    key: bytes | None = None


Stage: TypeAlias = Callable[["Pipeline", list[Record]], list[Record]]


@dataclass(slots=True)
class Aggregation:
    """The command line, read. `loaded` are the fields to load; None: all of the index."""

    options: Options = field(default_factory=Options)
    loaded: list[bytes] | None = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)


def parse_aggregation(argv: Argv, at: int, random: Random) -> Aggregation:
    """Reads the options of FT.AGGREGATE from that place on. Raises CommandError."""
    words, made = Words(argv, at), Aggregation()
    while words:
        if made.options.accept(words):
            continue
        if words.accept("LOAD"):
            made.loaded = None if words.accept("*") else _properties(words, "LOAD", MOST_LOADED)
        elif words.accept("FILTER"):
            made.stages.append(_filter(parse_expression(words.next())))
        elif words.accept("APPLY"):
            made.stages.append(_apply(words))
        elif words.accept("LIMIT"):
            made.stages.append(_limit(*read_limit(words)))
        elif words.accept("SORTBY"):
            made.stages.append(_sort(words))
        elif words.accept("GROUPBY"):
            made.stages.append(_group(words, random))
        else:
            raise CommandError(f"ERR Unknown argument: {printable(words.next())}")
    if len(made.stages) > MOST_STAGES:
        raise CommandError(f"ERR The number of stages cannot exceed {MOST_STAGES}")
    return made


def _properties(words: Words, what: str, most: int) -> list[bytes]:
    count = words.integer(f"{what} count", 0, 1 << 16)
    if count > most:
        raise CommandError(f"ERR The number of {what} fields cannot exceed {most}")
    return [name.removeprefix(b"@") for name in words.take(count)]


class Pipeline:
    """The stages at work on the keys of a search."""

    def __init__(self, search: Search, keys: list[bytes]) -> None:
        self.search = search
        self._keys = keys

    def look(self, record: Record, name: bytes) -> Any:
        """The value of a property: one that a stage has made, else a field of the key. Raises CommandError."""
        if name in record.values:
            return record.values[name]
        if record.key is None:
            raise CommandError(f"ERR Unknown property: {printable(name)}")
        return datum(self.search, record.key, name)

    def check(self, number: int) -> None:
        """Looks at the time now and then."""
        if not number % _CHECKED:
            self.search.tick()

    def run(self, aggregation: Aggregation) -> Reply:
        """A number without a meaning, then the records, names and values one after the other. Raises CommandError."""
        loaded = aggregation.loaded
        if loaded is None:
            loaded = [each.name for each in self.search.index.definition.fields]
        for name in loaded:
            if name != b"__key" and name not in self.search.scores:
                self.search.index.require_field(name)
        records = []
        for number, key in enumerate(self._keys):
            self.check(number)
            values = {name: datum(self.search, key, name) for name in loaded}
            records.append(Record({name: value for name, value in values.items() if value is not None}, key))
        for stage in aggregation.stages:
            records = stage(self, records)
        shown = [[word for pair in record.values.items() for word in pair] for record in looking(records)]
        return [len(records), *shown]


def _filter(expression: Expression) -> Stage:
    def stage(pipeline: Pipeline, records: list[Record]) -> list[Record]:
        kept = []
        for number, record in enumerate(records):
            pipeline.check(number)
            if is_true(expression(partial(pipeline.look, record))):
                kept.append(record)
        return kept

    return stage


def _apply(words: Words) -> Stage:
    expression = parse_expression(words.next())
    if not words.accept("AS"):
        raise CommandError("ERR APPLY needs AS and a name")
    shown = words.next().removeprefix(b"@")

    def stage(pipeline: Pipeline, records: list[Record]) -> list[Record]:
        for number, record in enumerate(records):
            pipeline.check(number)
            record.values[shown] = expression(partial(pipeline.look, record))
        return records

    return stage


def _limit(offset: int, count: int) -> Stage:
    return lambda pipeline, records: records[offset : offset + count]


def _sort(words: Words) -> Stage:
    count = words.integer("SORTBY count", 0, 1 << 16)
    properties, most = Words([b"FT.AGGREGATE", *words.take(count)], 1), None
    orders: list[tuple[bytes, bool]] = []
    while properties:
        name = properties.next().removeprefix(b"@")
        orders.append((name, properties.accept("DESC")))
        properties.accept("ASC")
    if len(orders) > MOST_SORTED:
        raise CommandError(f"ERR The number of SORTBY fields cannot exceed {MOST_SORTED}")
    if words.accept("MAX"):
        most = words.integer("MAX", 0, (1 << 31) - 1)

    def stage(pipeline: Pipeline, records: list[Record]) -> list[Record]:
        for name, descending in reversed(orders):
            data = [(record, pipeline.look(record, name)) for record in looking(records)]
            have = [pair for pair in data if pair[1] is not None]
            have.sort(key=lambda pair: rank(pair[1]), reverse=descending)
            records = [record for record, _ in have] + [record for record, value in data if value is None]
        return records if most is None else records[:most]

    return stage


def _group(words: Words, random: Random) -> Stage:
    names = _properties(words, "GROUPBY", MOST_GROUPED)
    reducers: list[tuple[bytes, Reduce]] = []
    while words.accept("REDUCE"):
        function = words.keyword()
        arguments = words.take(words.integer("REDUCE count", 0, 1 << 16))
        reduce = make_reducer(function, arguments, random)
        shown = words.next().removeprefix(b"@") if words.accept("AS") else _default_name(function, arguments)
        reducers.append((shown, reduce))

    def stage(pipeline: Pipeline, records: list[Record]) -> list[Record]:
        groups: dict[tuple[Any, ...], list[Record]] = {}
        for number, record in enumerate(records):
            pipeline.check(number)
            values = (pipeline.look(record, name) for name in names)
            members = tuple(tuple(value) if isinstance(value, list) else value for value in values)
            groups.setdefault(members, []).append(record)
        made = []
        for members, group in looking(groups.items()):
            shared = [list(member) if isinstance(member, tuple) else member for member in members]
            record = Record(dict(zip(names, shared, strict=True)))
            for shown, reduce in reducers:
                record.values[shown] = reduce(group, pipeline.look)
            made.append(record)
        return made

    return stage


def _default_name(function: str, arguments: list[bytes]) -> bytes:
    """The name of a result that was given none."""
    inner = b",".join(argument.removeprefix(b"@") for argument in arguments)
    return b"__generated_alias%b%b" % (function.lower().encode(), inner.lower())
