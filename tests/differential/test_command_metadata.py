"""COMMAND INFO, COMMAND DOCS and ACL CAT of every command that our engine declares, against real servers.

The witness for MemoryDB 7.2 is Valkey 9.1. What it says otherwise than 7.2 did stands in NEWER and in `_without_later`;
Redis 7.0 is the very version that MemoryDB 7.0 has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Servers
from .metadata import Catalog
from .transcript import version

# What Valkey 9.1 says of commands since some release after 7.2: (commands, field, it adds, it leaves out).
NEWER: list[tuple[str, str, set[str], set[str]]] = [
    # Connection commands became available while a script runs too long (8.1).
    (
        "client|caching client|getname client|getredir client|id client|no-evict client|no-touch client|reply "
        "client|setinfo client|setname select",
        "flags",
        {"allow_busy"},
        set(),
    ),
    ("client|reply multi watch", "flags", {"no_multi"}, set()),
    # Cluster and memory commands are served while loading.
    ("cluster|info cluster|myid cluster|myshardid cluster|nodes", "flags", {"loading"}, set()),
    ("memory|malloc-stats memory|purge", "flags", {"loading"}, set()),
    ("script|exists script|flush", "flags", {"stale"}, set()),
    # The slow log became the command log (8.1).
    ("exec", "flags", {"skip_commandlog"}, {"skip_slowlog"}),
    # Waiting for replicas counts as blocking.
    ("wait waitaof", "flags", {"blocking"}, set()),
    ("waitaof", "flags", set(), {"noscript"}),
    ("wait waitaof", "acl_categories", {"@blocking"}, set()),
    # Key specs that were wrong in 7.2: the flags of the key spec of this number.
    ("sinterstore", "key_specs.0", {"OW"}, {"RW"}),
    ("georadius georadiusbymember", "key_specs.1", {"variable_flags"}, set()),
    ("georadius georadiusbymember", "key_specs.2", {"variable_flags"}, set()),
]
ARITY_OF_7_2 = {"script|debug": 3}

OF_MODULES = (
    "json",
)  # categories that MemoryDB has and the witnesses have not; names of such commands are in capitals

# Valkey 8.0 took the deprecation of these back.
_UNDEPRECATED = (
    "brpoplpush cluster|slots georadius georadius_ro georadiusbymember georadiusbymember_ro getset hmset psetex quit "
    "rpoplpush setex setnx substr zrangebylex zrangebyscore zrevrange zrevrangebylex zrevrangebyscore"
)

# What Valkey 9.1 documents otherwise than 7.2: field of COMMAND DOCS -> commands.
REWORDED = {
    "deprecated_since": _UNDEPRECATED,
    "replaced_by": _UNDEPRECATED,
    "doc_flags": _UNDEPRECATED,
    # Mostly "Redis" and "master" taken out.
    "summary": "brpoplpush bzpopmax cluster cluster|count-failure-reports cluster|replicas cluster|slaves decrby "
    "flushdb geosearch geosearchstore hello incrbyfloat lolwut lpop ltrim object|encoding object|freq "
    "object|idletime readonly readwrite rpop rpushx setnx slowlog|help spublish srandmember swapdb waitaof "
    "xautoclaim xclaim xlen",
    "complexity": "append command command|list dump restore",
    "history": "georadius_ro georadiusbymember georadiusbymember_ro xinfo|consumers",
    # Options that came later without a version, and display texts.
    "arguments": "bitcount client|kill geosearch geosearchstore hscan set xgroup|create zscan",
}


@pytest.fixture(params=["valkey", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def catalogs(
    request: pytest.FixtureRequest, kind: str, servers: Servers
) -> Iterator[tuple[Catalog, Catalog]]:
    """Of the witness and of our engine."""
    pair = (Catalog(servers.witness(kind), request.param), Catalog(servers.engine(kind), request.param))
    yield pair
    for catalog in pair:
        catalog.close()


def test_command_info(kind: str, catalogs: tuple[Catalog, Catalog]) -> None:
    """Arity, flags, categories, tips, key specs and subcommands are the real server's."""
    real, ours = catalogs
    names = ours.names()
    expected, actual = real.info(names), ours.info(names)
    assert set(actual) == set(names)
    if kind == "valkey":
        as_of_7_2(expected)
    for entry in expected.values():
        entry["subcommands"] &= set(names)
    _assert_none(list(differences(expected, actual)))


def test_command_docs(kind: str, catalogs: tuple[Catalog, Catalog]) -> None:
    """Texts, versions, history and arguments are the real server's."""
    real, ours = catalogs
    names = ours.names()
    expected, actual = real.docs(names), ours.docs(names)
    assert set(actual) == set(names)
    if kind == "redis":
        expected["client|pause"]["since"] = expected["client|pause"]["since"].replace("2.9.50", "3.0.0")
        _assert_none(list(differences(expected, actual)))
        return
    found = list(differences(_without_later(expected), _without_later(actual)))
    reworded = {(name, field) for field, commands in REWORDED.items() for name in commands.split()}
    stale = reworded - {each[:2] for each in found}
    assert not {each for each in stale if each[0] in names}, "REWORDED lists what no longer differs"
    _assert_none([each for each in found if each[:2] not in reworded])


def test_command_list_names_subcommands_too(catalogs: tuple[Catalog, Catalog]) -> None:
    for catalog in catalogs:
        listed = catalog.ask("COMMAND", "LIST").plain()
        assert sorted(name for name in listed if "." not in name) == catalog.names()


def test_acl_categories(kind: str, catalogs: tuple[Catalog, Catalog]) -> None:
    """ACL CAT lists the real server's members of each category, as far as MemoryDB has those commands."""
    real, ours = catalogs
    if ours.ask("ACL", "CAT").kind == "-":
        pytest.skip("this engine version has no ACL CAT yet")
    names = set(ours.names())
    assert sorted(ours.categories()) == sorted([*real.categories(), *OF_MODULES])
    containers = {name.partition("|")[0] for name in names if "|" in name}
    for category in real.categories():
        expected = real.members(category) & names
        if kind == "valkey":
            for commands, field, added, _ in NEWER:
                if field == "acl_categories" and f"@{category}" in added:
                    expected -= set(commands.split())
        members = {name for name in ours.members(category) if name.islower()}
        assert members - containers == expected - containers, category


def _assert_none(differences: list[tuple[str, str, Any, Any]]) -> None:
    lines = (
        f"{name} {field}:\n  expected {wanted}\n  got      {got}" for name, field, wanted, got in differences
    )
    assert not differences, "\n".join(lines)


def as_of_7_2(entries: dict[str, dict[str, Any]]) -> None:
    """Takes back what came after 7.2."""
    for name, arity in ARITY_OF_7_2.items():
        if name in entries:
            entries[name]["arity"] = arity
    for commands, field, added, removed in NEWER:
        for name in commands.split():
            if name in entries:
                field_name, _, number = field.partition(".")
                holder = entries[name][field_name]
                words = holder[int(number)]["flags"] if number else holder
                assert added <= words, f"{name} {field}: the witness no longer says {added - words}"
                words -= added
                words |= removed


def _without_later(value: Any) -> Any:
    """Documentation without the history and arguments of versions after 7.2."""
    if isinstance(value, dict):
        return {
            key: _without_later(each)
            for key, each in value.items()
            if not (key == "history" and not _kept(each))
        }
    if isinstance(value, list):
        return [_without_later(each) for each in _kept(value)]
    return value


def _kept(items: list[Any]) -> list[Any]:
    kept = []
    for item in items:
        since = item.get("since") if isinstance(item, dict) else item[0] if isinstance(item, tuple) else None
        if since is None or version(since) < (7, 3):
            kept.append(item)
    return kept


def differences(
    expected: dict[str, dict[str, Any]], actual: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, str, Any, Any]]:
    """(command, field, expected, got)"""
    for name in sorted(actual):
        if name not in expected:
            yield name, "exists", False, True
            continue
        for field in sorted(expected[name] | actual[name]):
            wanted, got = expected[name].get(field), actual[name].get(field)
            if wanted != got:
                yield name, field, wanted, got
