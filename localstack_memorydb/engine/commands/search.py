"""Search: indexes over hashes and documents, vectors among them. https://docs.aws.amazon.com/memorydb/latest/devguide/vector-search-commands.html

The commands are there on clusters whose parameter `search-enabled` is yes. No key stands in their arguments, so permissions
are asked of the index: the user must be able to read every key that it may cover.
"""

from __future__ import annotations

from typing import Any

from localstack_memorydb.engine.errors import CommandError, NoPermission
from localstack_memorydb.engine.glob import compile_glob
from localstack_memorydb.engine.registry import (
    FAST,
    GATE_RESTRICTED,
    MODULE,
    NO_MULTI,
    NOSCRIPT,
    READONLY,
    WRITE,
    Family,
)
from localstack_memorydb.engine.resp import OK, Argv, Reply, Simple
from localstack_memorydb.engine.search.aggregation import Pipeline, parse_aggregation
from localstack_memorydb.engine.search.columns import Tick
from localstack_memorydb.engine.search.index import Index, Indexes
from localstack_memorydb.engine.search.query import Node
from localstack_memorydb.engine.search.query_parser import parse_query
from localstack_memorydb.engine.search.report import describe_index
from localstack_memorydb.engine.search.request import Options, parse_search
from localstack_memorydb.engine.search.schema import parse_definition
from localstack_memorydb.engine.search.searching import answer, find, stopwatch
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.users import log_denial

search = Family("search", "@search")

_SINCE = "7.0.0"
_CHANGE = FAST | MODULE | NO_MULTI | NOSCRIPT | WRITE
_LOOK = MODULE | READONLY
_GLANCE = FAST | MODULE | READONLY


def _indexes(s: Session) -> Indexes:
    keyspace = s.node.shard.keyspace
    return keyspace.indexes or Indexes(keyspace)


def _require_readable(s: Session, prefixes: tuple[bytes, ...], name: str) -> None:
    """The user must be able to read all keys with the prefixes. Raises NoPermission."""
    if not s.gates & GATE_RESTRICTED:
        return
    command = s.table[name.encode()]
    for prefix in prefixes or (b"",):
        if not s.permissions.may_read_all(command, prefix):
            log_denial(s, "key", prefix, s.user.encode("utf-8", "surrogateescape"))
            raise NoPermission("key", s.user, command.title, s.table.level)


def _index(s: Session, name: bytes, command: str, missing: str = "Index not found") -> Index:
    """The index of that name or alias. Raises CommandError."""
    index = _indexes(s).find(name)
    if index is None:
        raise CommandError(f"ERR {missing}")
    _require_readable(s, index.definition.prefixes, command)
    return index


@search.command("FT.CREATE", -2, _CHANGE, since=_SINCE)
def create(s: Session, argv: Argv) -> Reply:
    """Makes an index; the keys that are there already are in it at once."""
    definition = parse_definition(argv)
    _require_readable(s, definition.prefixes, "ft.create")
    _indexes(s).create(definition, s.now)
    return OK


@search.command("FT.DROPINDEX", 2, _CHANGE, since=_SINCE)
def dropindex(s: Session, argv: Argv) -> Reply:
    """Removes an index and its aliases; keys stay."""
    index = _index(s, argv[1], "ft.dropindex", "Index does not exist")
    _indexes(s).drop(index.definition.name)
    return OK


@search.command("FT._LIST", 1, _LOOK, since=_SINCE)
def list_(s: Session, argv: Argv) -> Reply:
    """The names of all indexes."""
    return list(_indexes(s).by_name)


@search.command("FT.INFO", 2, _GLANCE, since=_SINCE)
def info(s: Session, argv: Argv) -> Reply:
    """How an index was made, and what is in it."""
    index = _index(s, argv[1], "ft.info")
    _catch_up(s)
    return describe_index(index)


@search.command("FT.ALIASADD", 3, _CHANGE, since=_SINCE)
def aliasadd(s: Session, argv: Argv) -> Reply:
    """Gives an index a further name."""
    indexes = _indexes(s)
    index = _index(s, argv[2], "ft.aliasadd", "Index does not exist")
    if argv[1] in indexes.aliases or argv[1] in indexes.by_name:
        raise CommandError("ERR Alias already exists")
    indexes.aliases[argv[1]] = index.definition.name
    return OK


@search.command("FT.ALIASDEL", 2, _CHANGE, since=_SINCE)
def aliasdel(s: Session, argv: Argv) -> Reply:
    """Takes a further name away."""
    indexes = _indexes(s)
    if argv[1] not in indexes.aliases:
        raise CommandError("ERR Alias does not exist")
    _index(s, argv[1], "ft.aliasdel")
    del indexes.aliases[argv[1]]
    return OK


@search.command("FT.ALIASUPDATE", 3, _CHANGE, since=_SINCE)
def aliasupdate(s: Session, argv: Argv) -> Reply:
    """Makes a name stand for that index, whether or not it stood for another."""
    indexes = _indexes(s)
    index = _index(s, argv[2], "ft.aliasupdate", "Index does not exist")
    if argv[1] in indexes.by_name:
        raise CommandError("ERR Alias already exists")
    indexes.aliases[argv[1]] = index.definition.name
    return OK


@search.command("FT._ALIASLIST", 1, _LOOK, since=_SINCE)
def aliaslist(s: Session, argv: Argv) -> Reply:
    """Every further name with its index."""
    return [[alias, name] for alias, name in _indexes(s).aliases.items()]


def _catch_up(s: Session) -> None:
    """Makes the indexes see every write, and the end of keys whose time has come."""
    keyspace = s.node.shard.keyspace
    keyspace.purge_all(s.now)
    if keyspace.indexes is not None:
        keyspace.indexes.refresh()


def _tick(s: Session, options: Options) -> Tick:
    allowed = s.node.cluster.parameters.search_query_timeout_ms
    return stopwatch(s.node.cluster.clock, options.timeout or allowed)


def _search(s: Session, index: Index, node: Node, argv: Argv, at: int) -> tuple[Reply, int]:
    request = parse_search(argv, at)
    _catch_up(s)
    keys, found = find(index, node, request.options, _tick(s, request.options))
    return answer(request, keys, found), len(keys)


def _aggregate(s: Session, index: Index, node: Node, argv: Argv, at: int) -> tuple[Reply, int]:
    aggregation = parse_aggregation(argv, at, s.node.cluster.random)
    _catch_up(s)
    keys, found = find(index, node, aggregation.options, _tick(s, aggregation.options))
    return Pipeline(found, keys).run(aggregation), len(keys)


@search.command("FT.SEARCH", -3, _LOOK, since=_SINCE)
def search_(s: Session, argv: Argv) -> Reply:
    """The keys that a query finds, with their fields."""
    index = _index(s, argv[1], "ft.search")
    return _search(s, index, parse_query(argv[2]), argv, 3)[0]


@search.command("FT.AGGREGATE", -3, _LOOK, since=_SINCE)
def aggregate(s: Session, argv: Argv) -> Reply:
    """What is worked out from the keys that a query finds."""
    index = _index(s, argv[1], "ft.aggregate")
    return _aggregate(s, index, parse_query(argv[2]), argv, 3)[0]


@search.command("FT.PROFILE", -5, _LOOK, since=_SINCE)
def profile(s: Session, argv: Argv) -> Reply:
    """The answer of a query, and how long it took, in microseconds."""
    index = _index(s, argv[1], "ft.profile")
    kind, at = argv[2].upper(), 3 + (argv[3].upper() == b"LIMITED")
    run = {b"SEARCH": _search, b"AGGREGATE": _aggregate}.get(kind)
    if run is None or len(argv) < at + 2 or argv[at].upper() != b"QUERY":
        raise CommandError("ERR FT.PROFILE needs SEARCH or AGGREGATE, then QUERY")
    clock = s.node.cluster.clock
    began = clock()
    node = parse_query(argv[at + 1])
    parsed = clock()
    reply, count = run(s, index, node, argv, at + 2)
    measured: dict[str, Any] = {
        "parse.time": int((parsed - began) * 1e6),
        "all.count": count,
        "search.time": int((clock() - parsed) * 1e6),
    }
    return [reply, [[Simple(name.encode()), value] for name, value in measured.items()]]


def _explain(s: Session, argv: Argv, name: str) -> list[str]:
    _index(s, argv[1], name)
    parse_search(argv, 3)
    return parse_query(argv[2]).explain()


@search.command("FT.EXPLAIN", -3, _GLANCE, since=_SINCE)
def explain(s: Session, argv: Argv) -> Reply:
    """How a query is understood, as one text."""
    return "\n".join(_explain(s, argv, "ft.explain")).encode("utf-8", "surrogateescape")


@search.command("FT.EXPLAINCLI", -3, _GLANCE, since=_SINCE)
def explaincli(s: Session, argv: Argv) -> Reply:
    """How a query is understood, line by line."""
    lines = _explain(s, argv, "ft.explaincli")
    return [line.replace("\t", "  ").encode("utf-8", "surrogateescape") for line in lines]


@search.command("FT.CONFIG", -2, _GLANCE, since=_SINCE)
def config(s: Session, argv: Argv) -> Reply:
    """The search parameters of the cluster's group whose names match a pattern, with their values.

    AWS has the command in its table of permissions and describes it nowhere, so this is all of it.
    """
    if len(argv) != 3 or argv[1].upper() != b"GET":
        raise CommandError(
            "ERR FT.CONFIG GET shows the search parameters of the cluster's parameter group, where they can be changed"
        )
    matches = compile_glob(argv[2])
    values = {
        b"search-enabled": b"yes",  # or the command would not be there
        b"search-query-timeout-ms": b"%d" % s.node.cluster.parameters.search_query_timeout_ms,
    }
    return [[name, value] for name, value in values.items() if matches(name)]
