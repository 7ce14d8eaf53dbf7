"""Directives of CONFIG on an unrestricted engine which MemoryDB has no parameter for, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.resp import encode_request
from tests.unit.cluster_without_sockets import NOW, Client, start
from tests.unit.test_storage import kept, restarted

MB = 1 << 20


class Cut:
    """A connection of which only is known whether it was cut."""

    def __init__(self) -> None:
        self.evicted = False

    def evict(self) -> None:
        self.evicted = True


class Room:
    """A node whose clients are limited, and clients that are named by numbers."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.node = cluster, next(cluster.nodes())
        self.later: list[Callable[[], None]] = []
        self.node.client_limit.soon = self.later.append
        self.cuts: list[Cut] = []
        self.admin = Client(self.node)
        self.admin("CLIENT NO-EVICT on")

    def client(self, size: int) -> Client:
        """A client that has sent the beginning of a request of that size."""
        made, cut = Client(self.node), Cut()
        self.node.client_limit.connections[made.session.number] = cut
        self.cuts.append(cut)
        made.session.receive(b"*2\r\n$%d\r\n%s" % (size, b"x" * (size // 2)), NOW)
        return made

    def settle(self) -> list[bool]:
        """Which of the clients are gone once everything has happened."""
        for each in self.later:
            each()
        self.later.clear()
        return [cut.evicted for cut in self.cuts]


@pytest.fixture
def room() -> Room:
    return Room(start(unrestricted=True))


def test_the_largest_clients_go_until_the_others_are_within_the_limit(room: Room) -> None:
    for size in (MB, 3 * MB, 200_000, 2 * MB + MB // 2):
        room.client(size)
    assert room.admin("CONFIG SET maxmemory-clients 6mb") == b"+OK\r\n"
    assert room.settle() == [False, True, False, False]
    assert room.admin("CONFIG SET maxmemory-clients 1mb") == b"+OK\r\n"
    assert room.settle() == [True, True, False, True]


def test_who_asked_to_be_spared_stays(room: Room) -> None:
    spared = room.client(3 * MB)
    spared.session.no_evict = True
    room.client(MB)
    room.admin("CONFIG SET maxmemory-clients 200kb")
    assert room.settle() == [False, True]


def test_a_share_of_maxmemory_limits_clients_too(room: Room) -> None:
    room.client(MB)
    room.admin("CONFIG SET maxmemory-clients 10%")
    assert room.settle() == [False]
    room.admin("CONFIG SET maxmemory 5mb")
    room.cluster.tick(NOW)
    assert room.settle() == [True]


def test_the_sizes_of_clients_are_shown(room: Room) -> None:
    room.client(MB)
    room.admin("CONFIG SET maxmemory-clients 100mb")
    shown = [line for line in room.admin("DEBUG CLIENT-EVICTION").splitlines() if b"clients: 1" in line]
    assert [line[:35] for line in shown] == [b"bucket    1048576 -    2097151: tot"]


def test_prefixes_of_tracking_count_as_what_their_tree_takes(room: Room) -> None:
    client = Client(room.node)
    client("HELLO 3")

    def total() -> int:
        listed = room.admin(f"CLIENT LIST ID {client.session.number}")
        return int(listed.partition(b" tot-mem=")[2].split()[0])

    before = total()
    client("CLIENT TRACKING ON BCAST PREFIX user:1 PREFIX user:2 PREFIX order")
    # The root, `ser:` and what they part into, and `rder`; three ends.
    assert total() - before == 7 * 32


def test_what_was_announced_of_a_request_is_told_apart_from_what_came(room: Room) -> None:
    client = Client(room.node)
    client.session.receive(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\nxxxx", NOW)
    listed = room.admin(f"CLIENT LIST ID {client.session.number}")
    assert b" qbuf=4 " in listed
    assert b" argv-mem=4 " in listed
    assert int(listed.partition(b" tot-mem=")[2].split()[0]) > 1_000_000


def test_a_request_that_stops_between_two_arguments_counts(room: Room) -> None:
    client = Client(room.node)
    client.session.receive(b"*250\r\n", NOW)
    for _ in range(249):
        assert client.session.receive(b"$1000\r\n%s\r\n" % (b"x" * 1000), NOW) == b""
    client.session.note_unfinished()

    def total() -> int:
        listed = room.admin(f"CLIENT LIST ID {client.session.number}")
        return int(listed.partition(b" tot-mem=")[2].split()[0])

    assert 249_000 < total() < 350_000
    assert client.session.receive(b"$1\r\nx\r\n", NOW).startswith(b"-ERR unknown command")
    assert total() < 50_000


def test_save_points_save_by_themselves() -> None:
    cluster = start(unrestricted=True)
    say = Client(next(cluster.nodes()))
    say('CONFIG SET save "10 2"')
    say("SET a 1")
    cluster.tick(NOW + 11_000)
    assert cluster.shards[0].saves == 0
    say("SET b 1")
    cluster.tick(NOW + 10_000)
    assert cluster.shards[0].saves == 0
    cluster.tick(NOW + 11_000)
    assert cluster.shards[0].saves == 1
    say('CONFIG SET save ""')
    say("MSET {a}b 1")
    say("MSET {a}b 2")
    cluster.tick(NOW + 99_000)
    assert cluster.shards[0].saves == 1


@pytest.mark.parametrize(("version", "changes"), [("6.2", 2), ("7.2", 0)])
def test_flushall_saves_where_there_are_save_points(version: str, changes: int) -> None:
    cluster = start(version=version, unrestricted=True)
    say = Client(next(cluster.nodes()))
    say("SET a 1")
    say("FLUSHALL")
    assert cluster.shards[0].saves == 0
    say('CONFIG SET save "3600 1"')
    say("SAVE")
    say("SET a 1")
    say("FLUSHALL")
    assert cluster.shards[0].saves == 2
    assert b"rdb_changes_since_last_save:%d\r\n" % changes in say("INFO persistence")


def test_a_log_that_is_turned_off_is_not_written_and_begins_anew(tmp_path: Path) -> None:
    cluster = kept(tmp_path, unrestricted=True)
    say = Client(cluster.shards[0].primary)
    say("SET a 1")
    assert say("CONFIG SET appendonly no") + say("SET a 2") == b"+OK\r\n+OK\r\n"
    assert say("CONFIG GET appendonly").endswith(b"$2\r\nno\r\n")
    assert say("DEBUG LOADAOF") + say("GET a") == b"+OK\r\n$1\r\n1\r\n"
    say("SET a 3")
    assert say("BGREWRITEAOF").startswith(b"+Background")
    say("SET a 4")
    assert say("DEBUG LOADAOF") + say("GET a") == b"+OK\r\n$1\r\n3\r\n"
    assert say("CONFIG SET appendonly yes") + say("SET b 1") == b"+OK\r\n+OK\r\n"
    again = Client(restarted(cluster).shards[0].primary)
    assert again("GET a") + again("GET b") == b"$1\r\n3\r\n$1\r\n1\r\n"


def test_a_log_is_turned_off_in_the_midst_of_a_transaction(tmp_path: Path) -> None:
    cluster = kept(tmp_path, unrestricted=True)
    say = Client(cluster.shards[0].primary)
    for line in ("SET a 1", "MULTI", "SET a 2", "CONFIG SET appendonly no", "SET a 3", "EXEC"):
        assert not say(line).startswith(b"-")
    assert say("CONFIG SET appendonly yes") == b"+OK\r\n"
    assert Client(restarted(cluster).shards[0].primary)("GET a") == b"$1\r\n3\r\n"


@pytest.mark.parametrize("version", ["6.2", "7.2"])
def test_without_a_data_directory_there_is_no_log_to_turn_on(version: str) -> None:
    say = Client(next(start(version=version, unrestricted=True).nodes()))
    assert say("CONFIG SET appendonly yes").endswith(b" - Unable to turn on AOF. Check server logs.\r\n")
    assert say("CONFIG GET appendonly").endswith(b"$2\r\nno\r\n")


def test_a_log_is_written_anew_when_the_directives_say(tmp_path: Path) -> None:
    cluster = kept(tmp_path, unrestricted=True)
    say = Client(cluster.shards[0].primary)
    log = cluster.shards[0].log
    assert log is not None
    say("CONFIG SET auto-aof-rewrite-min-size 1kb")
    say(encode_request([b"SET", b"a", b"x" * 2000])[:-2])
    cluster.tick(NOW)
    assert log.generation == 2
    say("CONFIG SET auto-aof-rewrite-percentage 0")
    say(encode_request([b"SET", b"a", b"x" * 5000])[:-2])
    cluster.tick(NOW)
    assert log.generation == 2


def test_waitaof_has_the_disk_take_what_the_log_holds(tmp_path: Path) -> None:
    cluster = kept(tmp_path, unrestricted=True)
    say = Client(cluster.shards[0].primary)
    log = cluster.shards[0].log
    assert log is not None
    say("CONFIG SET appendfsync everysec")
    say("SET a 1")
    assert say("WAITAOF 1 0 0") == b"*2\r\n:1\r\n:1\r\n"
    assert not log._unsynced
    say("CONFIG SET appendfsync no")
    say("SET a 2")
    assert say("WAITAOF 1 0 10") == b"*2\r\n:0\r\n:1\r\n"
    say("CONFIG SET appendonly no")
    assert say("WAITAOF 1 0 0").startswith(b"-ERR WAITAOF cannot be used when numlocal is set")


def test_the_files_of_the_log_are_where_config_says(tmp_path: Path) -> None:
    cluster = kept(tmp_path, unrestricted=True)
    say = Client(cluster.shards[0].primary)
    folder, name, file = (
        say(f"CONFIG GET {directive}").split(b"\r\n")[-2].decode()
        for directive in ("dir", "appenddirname", "appendfilename")
    )
    assert (Path(folder) / name / f"{file}.manifest").is_file()


def test_writes_go_on_while_a_shard_has_the_replicas_that_they_need() -> None:
    client = Client(next(start(replicas=1, unrestricted=True).nodes()))
    client("CONFIG SET min-replicas-to-write 1")
    assert client("SET k 1") == b"+OK\r\n"
    assert b"min_slaves_good_slaves:1" in client("INFO replication")
    client("CONFIG SET min-replicas-to-write 2")
    assert client("SET k 1") == b"-NOREPLICAS Not enough good replicas to write.\r\n"
    assert client("GET k") == b"$1\r\n1\r\n"


def test_arguments_are_limited_also_for_who_sends_the_limit_in_a_pipeline() -> None:
    cluster = start(unrestricted=True)
    client = Client(next(cluster.nodes()))
    lines = [b"CONFIG SET proto-max-bulk-len 1mb".split(), [b"ECHO", b"x"]]
    client.session.receive(b"".join(map(encode_request, lines)), NOW)
    cluster.tick(NOW + 100)
    assert client.session.receive(b"*2\r\n$4\r\nECHO\r\n$1048577\r\n", NOW) == (
        b"-ERR Protocol error: invalid bulk length\r\n"
    )


def test_the_backlog_has_the_size_that_is_set() -> None:
    client = Client(next(start(replicas=1, unrestricted=True).nodes()))
    client("CONFIG SET repl-backlog-size 2mb replica-priority 7")
    assert b"repl_backlog_size:2097152" in client("INFO replication")
