"""DEBUG of an unrestricted engine: what tells of this process, where no real server can be asked."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from localstack_memorydb.engine.commands.debug_tables import table_size
from localstack_memorydb.engine.histogram import take_histogram
from tests.unit.cluster_without_sockets import NOW, Client, start
from tests.unit.test_storage import kept


@pytest.fixture
def say() -> Client:
    return Client(next(start(unrestricted=True).nodes()))


@pytest.fixture
def little() -> Iterator[None]:
    """What there has been until now is none of the objects that the collector of garbage knows: they are too many to be counted often."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize(
    ("pattern", "text", "reply"),
    [("a*b", "aXXb", 1), ("a*b", "aXXc", 0), ("*", '""', 0), ("h[^e]llo", "hallo", 1), ("x?", "x", 0)],
)
def test_stringmatch_len_tells_whether_a_string_matches(
    say: Client, pattern: str, text: str, reply: int
) -> None:
    assert say(f"DEBUG STRINGMATCH-LEN {pattern} {text}") == b":%d\r\n" % reply


@pytest.mark.parametrize(
    "line",
    ["DEBUG STRINGMATCH-LEN a", "DEBUG STRINGMATCH-LEN a b c", "DEBUG JMAP x", "DEBUG DICT-RESIZING 1"],
)
def test_other_arguments_are_refused(say: Client, line: str) -> None:
    assert say(line).startswith(b"-ERR unknown subcommand or wrong number of arguments")


def test_the_matcher_of_patterns_tries_itself_for_a_second() -> None:
    cluster, ticks = start(unrestricted=True), count()
    cluster.clock = lambda: next(ticks) / 500
    say = Client(next(cluster.nodes()))
    assert say("DEBUG STRINGMATCH-TEST") == b"+Apparently Redis did not crash: test passed\r\n"


class Displaced:
    """A class whose module is something else."""

    __module__ = property(lambda self: "nowhere")  # type: ignore[assignment]


def test_jmap_takes_classes_of_strange_modules(little: None, say: Client) -> None:
    instances = [Displaced() for _ in range(2)]
    assert re.search(rb"\d+: +%d +\d+  <property object.*>.Displaced\n" % len(instances), say("DEBUG JMAP"))


def test_jmap_counts_the_objects_of_each_class(little: None, say: Client) -> None:
    def strings() -> tuple[int, int]:
        found = re.search(rb"\d+: +(\d+) +(\d+)  builtins.bytes\n", say("DEBUG JMAP"))
        assert found is not None
        return int(found[1]), int(found[2])

    count, size = strings()
    for number in range(100):
        say(f"SET key:{number} {'x' * 1000}")
    more, larger = strings()
    assert more - count >= 200
    assert larger - size >= 100 * sys.getsizeof(b"x" * 1000)


def test_jmap_begins_with_what_takes_most(little: None, say: Client) -> None:
    told = say("DEBUG JMAP")
    sizes = [int(size) for size in re.findall(rb"\d+: +\d+ +(\d+)  ", told)]
    assert sizes == sorted(sizes, reverse=True)
    assert re.search(rb"Total +\d+ +%d\n" % sum(sizes), told)


def test_a_histogram_that_takes_too_long_says_so() -> None:
    seconds = iter(range(1000))
    assert "There is more" in take_histogram(lambda: float(next(seconds))).text()


def test_a_table_grows_with_the_keys_of_a_slot() -> None:
    table: dict[bytes, int] = {}
    assert table_size(table) == 0
    sizes = []
    for number in range(200):
        table[b"%d" % number] = number
        sizes.append(table_size(table))
    assert sizes == sorted(sizes)
    assert set(sizes) >= {8, 16, 32, 64, 128, 256}
    assert all(size * 2 // 3 >= number for number, size in enumerate(sizes, 1))


def test_htstats_counts_keys_and_places(say: Client) -> None:
    for number in range(50):
        say(f"SET {{k}}{number} x PX 10000")
    told = say("DEBUG HTSTATS 0 full").decode()
    assert told.count(" number of elements: 50\n") == 2
    size = int(re.search(r"table size: (\d+)", told)[1])  # type: ignore[index]
    chains = re.findall(r"   (\d+): (\d+) \(", told.partition("[Expires HT]")[0])
    assert sum(int(count) for _, count in chains) == size
    assert sum(int(length) * int(count) for length, count in chains) == 50
    assert "slots" not in say("DEBUG HTSTATS 0").decode()


def test_replies_that_wait_are_listed_apart_from_the_buffer_if_so_wished(say: Client) -> None:
    reader = Client(say.session.node)
    reader.session.unsent = lambda: 100
    line = next(line for line in say("CLIENT LIST").splitlines() if b" obl=100 oll=0 " in line)
    assert line
    say("DEBUG CLIENT-ENFORCE-REPLY-LIST 1")
    assert b" obl=0 oll=1 omem=16424 " in say("CLIENT LIST")


def test_reply_buffers_become_small_when_debug_says(say: Client) -> None:
    other = Client(say.session.node)
    other("PING")

    def size(now: int) -> int:
        listed = say(f"CLIENT LIST ID {other.session.number}", now)
        return int(re.search(rb" rbs=(\d+) ", listed)[1])  # type: ignore[index]

    assert [size(NOW + after) for after in (100, 4999, 5000)] == [16384, 16384, 1024]
    say("DEBUG REPLYBUFFER PEAK-RESET-TIME 100")
    assert [size(NOW + after) for after in (99, 100)] == [16384, 1024]
    say("DEBUG REPLYBUFFER PEAK-RESET-TIME NEVER")
    assert size(NOW + 100_000) == 16384
    say("DEBUG REPLYBUFFER PEAK-RESET-TIME RESET")
    say("DEBUG REPLYBUFFER RESIZING 0")
    assert size(NOW + 100_000) == 16384


def test_loadaof_gives_back_what_the_log_has(tmp_path: Path) -> None:
    cluster = kept(tmp_path, unrestricted=True)
    say = Client(cluster.shards[0].primary)
    source = "#!lua name=lib\\nredis.register_function('f', function() return 5 end)"
    assert say(f'FUNCTION LOAD "{source}"') == b"$3\r\nlib\r\n"
    say("SET kept 1")
    say("EXPIRE kept 100")
    say("RPUSH list a b c")
    say("DEBUG POPULATE 10")
    assert say("DBSIZE") == b":12\r\n"
    digest = say("DEBUG DIGEST-VALUE kept list")
    assert say("DEBUG LOADAOF") == b"+OK\r\n"
    assert say("DBSIZE") == b":2\r\n"
    assert say("DEBUG DIGEST-VALUE kept list") == digest
    assert say("TTL kept") == b":100\r\n"
    assert say("FCALL f 0") == b":5\r\n"
    say("SET more 1")  # goes to the log as before
    say("BGREWRITEAOF")
    assert say("DEBUG LOADAOF") == b"+OK\r\n"
    assert say("GET more") + say("FCALL f 0") == b"$1\r\n1\r\n:5\r\n"


@pytest.mark.parametrize(
    ("version", "reply"),
    [
        ("6.2", b"-ERR\r\n"),
        ("7.2", b"-ERR Error trying to load the AOF files, check server logs.\r\n"),
    ],
)
def test_loadaof_without_a_log_changes_nothing(version: str, reply: bytes) -> None:
    say = Client(next(start(version=version, unrestricted=True).nodes()))
    say("SET k v")
    assert say("DEBUG LOADAOF") == reply
    assert say("GET k") == b"$1\r\nv\r\n"


def test_help_names_no_subcommand_that_is_our_own(say: Client) -> None:
    assert b"JMAP" not in say("DEBUG HELP")
    assert b"STRINGMATCH-LEN" not in say("DEBUG HELP")
