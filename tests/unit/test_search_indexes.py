"""Indexes: how they follow their keys, names and definitions, who has them, and that they last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.snapshots import dump_shard, load_files
from localstack_memorydb.engine.spec import ClusterSpec, SnapshotError, UserSpec
from localstack_memorydb.engine.storage import Storage
from localstack_memorydb.engine.users import compile_users
from tests.unit.cluster_without_sockets import NOW, start
from tests.unit.searcher import VECTOR, Searcher


@pytest.fixture
def cluster() -> Cluster:
    return start(replicas=1, search_enabled="yes")


@pytest.fixture
def ask(cluster: Cluster) -> Searcher:
    return Searcher(cluster)


# -- indexes follow their keys -----------------------------------------------------------------------------------------


def test_writes_show_at_once(ask: Searcher) -> None:
    ask("FT.CREATE i PREFIX 1 a: SCHEMA n NUMERIC t TAG SEPARATOR ;")
    ask("HSET a:1 n 1 t red;Blue")
    assert ask.keys("i", "@n:[1 1]") == ["a:1"]
    assert ask.keys("i", "@t:{blue}") == ["a:1"]
    ask("HINCRBY a:1 n 4")
    assert ask.keys("i", "@n:[1 1]") == []
    assert ask.keys("i", "@n:[5 5]") == ["a:1"]
    ask("HSET a:1 n many")
    assert ask.keys("i", "@n:[-inf inf]") == []
    assert ask.keys("i", "*") == ["a:1"]
    ask("HDEL a:1 n t")
    assert ask.keys("i", "*") == []


@pytest.mark.parametrize(
    ("end", "left"),
    [
        ("DEL a:1", ["a:2"]),
        ("UNLINK a:1", ["a:2"]),
        ("SET a:1 text", ["a:2"]),
        ("FLUSHALL", []),
        ("PEXPIREAT a:1 1", ["a:2"]),
        ("RENAME a:1 b:{a:1}", ["a:2"]),
        ("RENAME b:{a:1} a:1", ["a:2"]),
        ("XADD a:1 * f v", ["a:1", "a:2"]),
    ],
)
def test_keys_that_go(ask: Searcher, end: str, left: list[str]) -> None:
    ask("FT.CREATE i PREFIX 1 a: SCHEMA n NUMERIC")
    for key in ("a:1", "a:2"):
        ask(f"HSET {key} n 1")
    ask("SET b:{a:1} text")
    ask(end)
    assert ask.keys("i", "*") == left
    assert ask.keys("i", "@n:[1 1]") == left


def test_a_key_that_comes_by_rename_copy_and_restore(ask: Searcher) -> None:
    ask("FT.CREATE i PREFIX 1 a: SCHEMA n NUMERIC")
    ask("HSET b:{x} n 1")
    ask("COPY b:{x} a:{x}:copy")
    payload = ask("DUMP b:{x}")
    ask("RENAME b:{x} a:{x}:new")
    ask("RESTORE a:back 0", payload)
    assert sorted(ask.keys("i", "@n:[1 1]")) == ["a:back", "a:{x}:copy", "a:{x}:new"]


def test_expiry_in_transactions_and_scripts(ask: Searcher) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC")
    ask("HSET k n 1")
    ask("PEXPIREAT k", b"%d" % (NOW + 100))
    assert ask.keys("i", "*") == ["k"]
    assert ask.send(b"FT.SEARCH", b"i", b"*", now=NOW + 200) == [0]
    ask("MULTI")
    ask("HSET m n 1")
    ask("EXEC")
    ask("EVAL", b"return redis.call('hset', KEYS[1], 'n', 2)", b"1", b"s")
    assert ask.keys("i", "*") == ["m", "s"]


COMMANDS = """
HSET {k} n {n} t {t}|HSET {k} n {n}|HDEL {k} n|HDEL {k} n t|HINCRBY {k} n {n}|DEL {k}|UNLINK {k}|SET {k} text|RENAME {k} {l}|
COPY {k} {l} REPLACE|EXPIRE {k} 0|PEXPIREAT {k} {soon}|PERSIST {k}|LPUSH {k} x|MSET {k} a {l} b|SORT {k} STORE {l}|GETDEL {k}|
JSON.SET {k} $ {{"n":{n},"t":"{t}"}}|JSON.DEL {k} $.t|JSON.NUMINCRBY {k} $.n 1|FLUSHALL|MULTI|EXEC|SINTERSTORE {l} {k}|
HSETNX {k} n {n}|HINCRBYFLOAT {k} n 0.5|RPOPLPUSH {k} {l}|SPOP {k}|APPEND {k} x|BITOP NOT {l} {k}
""".replace("\n", "").split("|")


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_an_index_is_what_a_new_one_would_be(cluster: Cluster, seed: int) -> None:
    luck, ask, reader, now = Random(seed), Searcher(cluster), Searcher(cluster, node=1), NOW
    ask("FT.CREATE i PREFIX 1 {x}a SCHEMA n NUMERIC t TAG")
    ask("FT.CREATE j ON JSON SCHEMA $.n AS n NUMERIC $.t AS t TAG")
    for step in range(250):
        now += luck.randrange(3)
        key, other = (luck.choice(["{x}a", "{x}b", "{x}ab"]) for _ in range(2))
        number, label = luck.randrange(9), luck.choice("rgb")
        line = luck.choice(COMMANDS).format(k=key, l=other, n=number, t=label, soon=now + luck.randrange(5))
        ask(line, now=now)
        if step % 3 == 0:
            cluster.tick(now)
        for name in ("i", "j"):
            queries = ("*", "@n:[4 9]", "@t:{r|g}")
            before = [sorted(reader.keys(name, query, now=now)) for query in queries]
            indexes = cluster.shards[0].keyspace.indexes
            assert indexes is not None
            indexes.by_name[name.encode()].fill()
            assert [sorted(reader.keys(name, query, now=now)) for query in queries] == before, line


def test_indexes_catch_up_without_being_asked(ask: Searcher, cluster: Cluster) -> None:
    ask("FT.CREATE i PREFIX 1 a: SCHEMA n NUMERIC")
    ask("HSET a:1 n 1")
    ask("HSET b:1 n 1")
    indexes = cluster.shards[0].keyspace.indexes
    assert indexes is not None
    assert list(indexes.dirty) == [b"a:1"]
    cluster.tick(NOW)
    assert not indexes.dirty
    assert list(indexes.by_name[b"i"].keys) == [b"a:1"]


def test_without_an_index_nobody_watches(ask: Searcher, cluster: Cluster) -> None:
    keyspace = cluster.shards[0].keyspace
    assert not keyspace.observed
    ask("FT.CREATE i SCHEMA n NUMERIC")
    assert keyspace.observed
    ask("FT.DROPINDEX i")
    assert not keyspace.observed


def test_only_keys_of_the_type_with_a_fitting_vector(ask: Searcher) -> None:
    ask(f"FT.CREATE i SCHEMA v {VECTOR.format('FLAT', 2, 'L2')}")
    ask("SET text v")
    ask("HSET short v", bytes(4))
    ask("HSET other w 1")
    assert ask.keys("i", "*") == ["short", "other"]
    assert ask.nearest("i", 5, 0, 0) == []


def test_replicas_answer_too(ask: Searcher, cluster: Cluster) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC")
    ask("HSET k n 1")
    replica = Searcher(cluster, node=1)
    assert replica.keys("i", "*") == ["k"]
    assert replica("FT.CREATE j SCHEMA n NUMERIC") == "READONLY You can't write against a read only replica."


# -- names ------------------------------------------------------------------------------------------------------------


def test_names_and_aliases(ask: Searcher) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC")
    ask("FT.CREATE j SCHEMA n NUMERIC")
    ask("HSET k n 1")
    assert ask("FT._LIST") == [b"i", b"j"]
    assert ask("FT.ALIASADD a i") == b"OK"
    assert ask("FT.ALIASADD a j") == "ERR Alias already exists"
    assert ask("FT.ALIASUPDATE a j") == b"OK"
    assert ask("FT.ALIASUPDATE b j") == b"OK"
    assert ask("FT._ALIASLIST") == [[b"a", b"j"], [b"b", b"j"]]
    assert ask.keys("a", "*") == ["k"]
    assert ask("FT.ALIASDEL b") == b"OK"
    assert ask("FT.ALIASDEL b") == "ERR Alias does not exist"
    assert ask("FT.ALIASADD c nobody") == "ERR Index does not exist"
    assert ask("FT.DROPINDEX nobody") == "ERR Index does not exist"
    assert ask("FT.INFO nobody") == "ERR Index not found"
    assert ask.query("nobody", "*") == "ERR Index not found"
    ask("FT.DROPINDEX j")
    assert ask("FT._ALIASLIST") == []
    assert ask("EXISTS k") == 1


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ("i SCHEMA n NUMERIC", "already exists"),
        ("j SCHEMA", "wrong number of arguments for 'FT.CREATE' command"),
        ("j", "wrong number of arguments for 'FT.CREATE' command"),
        ("j SCHEMA n", "wrong number of arguments for 'FT.CREATE' command"),
        ("j SCHEMA n NUMERIC n TAG", "Field n already exists"),
        ("j SCHEMA a AS n NUMERIC b AS n TAG", "Field n already exists"),
        ("j ON LIST SCHEMA n NUMERIC", "Invalid index type"),
        ("j SCHEMA n GEO", "Invalid field type"),
        ("j SCHEMA n TAG SEPARATOR ab", "single character"),
        ("j FILTER @n>1 SCHEMA n NUMERIC", "Unknown argument: FILTER"),
        ("j SCHEMA v VECTOR TREE 0", "Invalid vector algorithm"),
        ("j SCHEMA v VECTOR FLAT 4 DIM 2 TYPE FLOAT32", "Missing DISTANCE_METRIC"),
        ("j SCHEMA v VECTOR FLAT 5 DIM 2 TYPE FLOAT32", "must be pairs"),
        ("j SCHEMA v VECTOR FLAT 6 DIM 0 TYPE FLOAT32 DISTANCE_METRIC L2", "DIM must be"),
        ("j SCHEMA v VECTOR FLAT 6 DIM 32769 TYPE FLOAT32 DISTANCE_METRIC L2", "DIM must be"),
        ("j SCHEMA v VECTOR FLAT 6 DIM 2 TYPE FLOAT64 DISTANCE_METRIC L2", "Invalid TYPE"),
        ("j SCHEMA v VECTOR FLAT 6 DIM 2 TYPE FLOAT32 DISTANCE_METRIC L1", "Invalid DISTANCE_METRIC"),
        ("j SCHEMA v VECTOR FLAT 8 DIM 2 TYPE FLOAT32 DISTANCE_METRIC L2 M 16", "Unknown vector attribute"),
        ("j SCHEMA v VECTOR HNSW 8 DIM 2 TYPE FLOAT32 DISTANCE_METRIC L2 M 513", "M must be"),
        ("j SCHEMA " + " ".join(f"f{number} TAG" for number in range(51)), "more than 50 fields"),
    ],
)
def test_indexes_that_cannot_be(ask: Searcher, declared: str, why: str) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC")
    assert why in ask(f"FT.CREATE {declared}")
    assert ask("FT._LIST") == [b"i"]


def test_ten_indexes_are_the_most(ask: Searcher) -> None:
    for number in range(10):
        assert ask(f"FT.CREATE i{number} SCHEMA n NUMERIC") == b"OK"
    assert "cannot exceed 10" in ask("FT.CREATE more SCHEMA n NUMERIC")


@pytest.mark.parametrize(
    "line",
    ["FT.CREATE j SCHEMA n TAG", "FT.DROPINDEX i", "FT.ALIASADD a i", "FT.ALIASDEL a", "FT.ALIASUPDATE a i"],
)
def test_definitions_change_outside_of_transactions_and_scripts_only(ask: Searcher, line: str) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC")
    ask("MULTI")
    assert ask(line) == "ERR Command not allowed inside a transaction"
    assert ask("EXEC").startswith("EXECABORT")
    words = ",".join(f"'{word}'" for word in line.split())
    reply = ask("EVAL", f"return redis.call({words})".encode(), b"0")
    assert "not allowed from script" in reply
    assert ask("FT._LIST") == [b"i"]


def test_queries_run_in_transactions_and_scripts(ask: Searcher) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC")
    ask("MULTI")
    ask("HSET k n 1")
    ask("FT.SEARCH i *")
    assert ask("EXEC") == [1, [1, b"k", [b"n", b"1"]]]
    assert ask("EVAL", b"return redis.call('FT.SEARCH', 'i', '*')", b"0") == [1, b"k", [b"n", b"1"]]


# -- who has search ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "enabled"), [("7.2", "no"), ("7.0", "yes"), ("6.2", "yes")])
def test_other_clusters_do_not_know_the_commands(version: str, enabled: str) -> None:
    ask = Searcher(start(version=version, search_enabled=enabled))
    assert ask("FT._LIST").lower().startswith("err unknown command")
    assert ask("COMMAND INFO ft.search") == [None]
    assert b"search" not in ask("ACL CAT")
    assert "search_" not in ask("INFO everything").decode()


def test_the_commands_as_clients_see_them(ask: Searcher) -> None:
    assert ask("COMMAND INFO FT.SEARCH")[0][:7] == [
        *(b"FT.SEARCH", -3, [b"readonly", b"module"], 0, 0, 0),
        [b"@read", b"@slow", b"@search"],
    ]
    assert ask("COMMAND INFO FT.CREATE")[0][6] == [b"@write", b"@fast", b"@search"]
    assert len(ask("ACL CAT search")) == 14


def test_a_user_needs_every_key_of_the_prefixes(cluster: Cluster) -> None:
    owner = Searcher(cluster)
    owner("FT.CREATE all SCHEMA n NUMERIC")
    owner("FT.CREATE some PREFIX 2 a:1 a:2 SCHEMA n NUMERIC")
    owner("FT.CREATE other PREFIX 2 a: b: SCHEMA n NUMERIC")
    users = [
        UserSpec("default", "on ~* &* +@all", "no-password"),
        UserSpec("reader", "on %R~a:* +@search", "no-password"),
        UserSpec("writer", "on %W~a:* +@search", "no-password"),
        UserSpec("barred", "on ~* +@all -ft.search", "no-password"),
    ]
    cluster.set_users(compile_users(users, "7.2", "search"))
    reader = Searcher(cluster)
    reader("AUTH reader x")
    assert reader.query("some", "*") == [0]
    assert reader("FT.CREATE mine PREFIX 1 a:x SCHEMA n NUMERIC") == b"OK"
    for line in ("FT.SEARCH all *", "FT.SEARCH other *", "FT.INFO all", "FT.CREATE x SCHEMA n TAG"):
        assert reader(line) == "NOPERM No permissions to access a key"
    assert reader("FT.DROPINDEX other") == "NOPERM No permissions to access a key"
    assert set(reader("FT._LIST")) == {b"all", b"some", b"other", b"mine"}
    writer = Searcher(cluster)
    writer("AUTH writer x")
    assert writer.query("some", "*") == "NOPERM No permissions to access a key"
    barred = Searcher(cluster)
    barred("AUTH barred x")
    assert barred.query("some", "*") == "NOPERM User barred has no permissions to run the 'FT.SEARCH' command"
    assert owner("ACL LOG 1")[0][3] == b"command"


# -- persistence -------------------------------------------------------------------------------------------------------


def live(directory: Path, *users: UserSpec) -> Searcher:
    """A client of a cluster that is kept in the directory: a new one, or the one that comes back."""
    spec = ClusterSpec("kept", 1, 0, engine_version="7.2", parameters={"search-enabled": "yes"})
    storage = Storage(directory, "no")
    layout = storage.layout()
    cluster = Cluster(replace(spec, users=users or spec.users), Random(7), NOW, layout)
    cluster.storage = storage
    if layout is None:
        storage.create(cluster, NOW)
    else:
        storage.restore(cluster, NOW)
    return Searcher(cluster)


def kill(ask: Searcher) -> None:
    """Ends the process after what it had said."""
    for shard in ask.cluster.shards:
        assert shard.log is not None
        shard.log.flush()


def test_indexes_survive_a_restart(tmp_path: Path) -> None:
    for life in range(3):
        ask = live(tmp_path / "kept")
        if life == 0:
            ask("FT.CREATE i PREFIX 1 a: SCHEMA n NUMERIC t TAG SEPARATOR", b"\xc3\xa9")
            ask("FT.CREATE gone SCHEMA n NUMERIC")
            ask("FT.ALIASADD other i")
            ask("FT.DROPINDEX gone")
        ask(f"HSET a:{life} n {life}")
        assert ask("FT._LIST") == [b"i"]
        assert sorted(ask.keys("other", "@n:[0 9]")) == [f"a:{number}" for number in range(life + 1)]
        kill(ask)


def test_what_is_repeated_after_a_restart_is_what_happened(tmp_path: Path) -> None:
    """Whoever may do what now, and whatever time it is."""
    ask = live(tmp_path / "kept")
    ask("HSET k n 1")
    ask("PEXPIREAT k", b"%d" % (NOW + 5))
    ask("FT.CREATE i SCHEMA n NUMERIC")
    ask("PERSIST k")
    kill(ask)
    again = live(tmp_path / "kept", UserSpec("default", "on ~nothing +@all", "no-password"))
    again.cluster.set_users(
        compile_users([UserSpec("default", "on ~* +@all", "no-password")], "7.2", edition="search")
    )
    assert again.send(b"FT.SEARCH", b"i", b"*", now=NOW + 10) == [1, b"k", [b"n", b"1"]]


def test_indexes_are_part_of_snapshots(ask: Searcher, cluster: Cluster) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC")
    ask("FT.ALIASADD other i")
    ask("HSET k n 1")
    snapshot = dump_shard(cluster.shards[0], NOW)
    restored, _ = load_files(start(search_enabled="yes"), [snapshot.data], NOW)
    assert restored.indexes is not None
    assert list(restored.indexes.by_name) == [b"i"]
    assert restored.indexes.aliases == {b"other": b"i"}
    with pytest.raises(SnapshotError, match="not enabled for search"):
        load_files(start(), [snapshot.data], NOW)
