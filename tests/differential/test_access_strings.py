"""Random access strings and command lines: every verdict must be that of a real server.

There the user is made with ACL SETUSER and asked about with ACL DRYRUN; here the access string is compiled.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localstack_memorydb.engine.acl import AccessStringError, Permissions, Refusal, compile_access_string
from localstack_memorydb.engine.errors import NoPermission, refusal_text
from localstack_memorydb.engine.registry import CATEGORIES, MODULE, Command, CommandTable, command_table

from .conftest import Servers
from .player import Connection
from .wire import decode, request
from .witness import Server

SUBJECT = b"drawn"
ENGINE_VERSIONS = {"valkey": "7.2", "redis": "7.0", "redis6": "6.2"}

PATTERNS = ["*", "app:*", "app:1", "ap?:[12]", "*:1", "o*r", "{x}*", "a", "ap\\p:*"]
WORDS = [
    "app:1",
    "app:2",
    "app:{x}",
    "{x}1",
    "other",
    "a",
    "*",
    "1",
    "2",
    "-1",
    "3",
    "GET",
    "get",
    "STORE",
    "x",
]
OPTIONS = [
    "BY",
    "nosort",
    "LIMIT",
    "0",
    "WITHSCORES",
    "COUNT",
    "app:*",
    "AGGREGATE",
    "WEIGHTS",
    "SET",
    "OVERFLOW",
    "STOREDIST",
    "STREAMS",
    "KEYS",
]

# Since a release after 7.2 these are in a further category.
CHANGED = {"valkey": {"wait", "waitaof"}, "redis": set[str](), "redis6": set[str]()}

# These run in a transaction instead of being queued.
UNQUEUED = {"multi", "exec", "discard", "watch", "reset", "quit"}


def commands(table: CommandTable) -> list[Command]:
    """Every command and subcommand that runs on the witnesses, too."""
    return [each for each in known(table) if not each.subcommands]


def known(table: CommandTable) -> list[Command]:
    """What the witnesses have as well: they have no modules."""
    return [each for each in table.full() if not each.flags & MODULE]


def names(table: CommandTable) -> st.SearchStrategy[str]:
    """Commands as access strings name them, now and then one that cannot be."""
    odd = ["select|0", "get|x", "client|", "client|nothing", "nothing", "client|id|x", "GET", "Client|Id"]
    return st.sampled_from([each.name for each in known(table)]) | st.sampled_from(odd)


def rules(table: CommandTable) -> st.SearchStrategy[str]:
    """One rule, not counting selectors."""
    patterns = st.sampled_from(PATTERNS)
    keys = st.builds(
        "{}{}".format, st.sampled_from(["~", "~", "%R~", "%W~", "%RW~", "%wr~", "%X~", "%~"]), patterns
    )
    categories = st.sampled_from([*CATEGORIES, "@all", "@READ", "@nothing"])
    signs = st.sampled_from(["+", "-"])
    whole = [
        "allkeys",
        "resetkeys",
        "allchannels",
        "resetchannels",
        "allcommands",
        "nocommands",
        "ALLKEYS",
        "&*",
    ]
    return st.one_of(
        keys,
        keys,
        st.builds("&{}".format, patterns),
        st.builds("{}{}".format, signs, categories),
        st.builds("{}{}".format, signs, names(table)),
        st.sampled_from(whole),
    )


def access_strings(table: CommandTable) -> st.SearchStrategy[str]:
    """A whole access string; half of them have selectors."""
    lists = st.lists(rules(table), min_size=1, max_size=7).map(" ".join)
    selectors = st.lists(lists.map("({})".format), max_size=2).map(" ".join)
    return st.builds("on {} {}".format, lists, selectors | st.just(""))


def command_lines(table: CommandTable) -> st.SearchStrategy[list[str]]:
    """A command with as many arguments as it may have, most of which mean nothing to it."""
    words = st.sampled_from(WORDS) | st.sampled_from(OPTIONS)

    def lines(command: Command) -> st.SearchStrategy[list[str]]:
        head = command.name.split("|")
        fewest = max(0, command.least - len(head))
        most = min(command.most - len(head), fewest + 5)
        return st.lists(words, min_size=fewest, max_size=max(fewest, most)).map(lambda tail: head + tail)

    return st.sampled_from(commands(table)).flatmap(lines)


def judge(permissions: Permissions, table: CommandTable, line: list[str]) -> tuple[Command, Refusal | None]:
    """The command of a line, and why it may not run."""
    argv = [word.encode() for word in line]
    command = table[argv[0].lower()]
    command = command.resolve(argv, table.level < (7,)) if command.subcommands else command
    refusal = permissions.explain(command, argv)
    assert permissions.predicate(command)(argv) == (refusal is None)
    return command, refusal


def verdict(permissions: Permissions, table: CommandTable, line: list[str]) -> bytes:
    """What ACL DRYRUN says."""
    command, refusal = judge(permissions, table, line)
    if refusal is None:
        return b"OK"
    user, item = SUBJECT.decode(), line[refusal.at]
    return refusal_text(refusal.kind, user, command.name, item, table.level).encode()


def compiled(text: str, engine_version: str) -> Permissions | str:
    """The permissions, or the reason why there are none."""
    try:
        return compile_access_string(text, engine_version)
    except AccessStringError as error:
        return str(error).rpartition("': ")[2]


def ask(connection: Connection, *lines: list[bytes]) -> list[bytes]:
    """The replies to a pipeline."""
    connection.send(b"".join(request(line) for line in lines))
    return [connection.read() for _ in lines]


def plain(reply: bytes) -> bytes:
    node = decode(reply)
    assert isinstance(node.value, bytes), reply
    return node.value


def compiled_alike(
    connection: Connection, setuser: list[bytes], text: str, engine_version: str
) -> Permissions | None:
    """What the access string permits; None where it is refused, by the real server in the same words."""
    permissions = compiled(text, engine_version)
    if not isinstance(permissions, str):
        return permissions
    refused = plain(connection.ask(*setuser))
    assert refused.startswith(b"ERR Error in ACL SETUSER modifier '")
    assert refused.endswith(permissions.encode())
    return None


@pytest.fixture(params=["valkey", "redis"])
def real(request: pytest.FixtureRequest, servers: Servers) -> Iterator[tuple[str, Connection]]:
    """A connection to a real server, on which the user that the test makes is gone at the end."""
    connection = Connection(servers.witness(request.param))
    yield request.param, connection
    connection.ask(b"ACL", b"DELUSER", SUBJECT)
    connection.close()


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_verdict_is_the_servers(real: tuple[str, Connection], data: st.DataObject) -> None:
    kind, connection = real
    table = command_table(ENGINE_VERSIONS[kind])
    text = data.draw(access_strings(table), "access string")
    setuser = [b"ACL", b"SETUSER", SUBJECT, b"reset", *text.encode().split()]
    permissions = compiled_alike(connection, setuser, text, ENGINE_VERSIONS[kind])
    if permissions is None:
        return
    lines = data.draw(st.lists(command_lines(table), min_size=5, max_size=25), "command lines")
    lines = [line for line in lines if line[0] not in CHANGED[kind] and not {"STORE", "STOREDIST"} <= {*line}]
    dry = [[b"ACL", b"DRYRUN", SUBJECT, *(word.encode() for word in line)] for line in lines]
    made, shown, *replies = ask(connection, setuser, [b"ACL", b"GETUSER", SUBJECT], *dry)
    assert made == b"+OK\r\n"
    if kind == "valkey":  # Redis 7.0 works the rules out anew from the commands that they allow
        fields = dict(zip(*[iter(decode(shown).children)] * 2, strict=True))
        rules_shown = {key.value: value.value for key, value in fields.items()}
        assert rules_shown[b"commands"] == permissions.root.describe_commands().encode()
        assert rules_shown[b"keys"] == " ".join(permissions.root.describe_keys()).encode()
        assert rules_shown[b"channels"] == " ".join(permissions.root.describe_channels()).encode()
    ours = {" ".join(line): verdict(permissions, table, line) for line in lines}
    theirs = {" ".join(line): plain(reply) for line, reply in zip(lines, replies, strict=True)}
    assert ours == theirs


@pytest.fixture
def queueing(servers: Servers) -> Iterator[tuple[Connection, Server]]:
    """A connection to Redis 6.2, which has no ACL DRYRUN: there, verdicts are asked of a transaction's commands."""
    server = servers.witness("redis6")
    connection = Connection(server)
    yield connection, server
    connection.ask(b"ACL", b"DELUSER", SUBJECT)
    connection.close()


@settings(
    max_examples=75,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_verdict_is_that_of_6_2(queueing: tuple[Connection, Server], data: st.DataObject) -> None:
    connection, server = queueing
    table = command_table("6.2")
    text = data.draw(access_strings(table), "access string")
    assert connection.ask(b"ACL", b"SETUSER", SUBJECT, b"reset", b"on", b"nopass", b"+@all") == b"+OK\r\n"
    setuser = [b"ACL", b"SETUSER", SUBJECT, b"reset", *text.encode().split()]
    permissions = compiled_alike(connection, setuser, text, "6.2")
    if permissions is None:
        return
    lines = data.draw(st.lists(command_lines(table), min_size=5, max_size=25), "command lines")
    lines = [line for line in lines if line[0] not in UNQUEUED]
    user = Connection(server)
    assert ask(user, [b"AUTH", SUBJECT, b"any"], [b"MULTI"]) == [b"+OK\r\n"] * 2
    assert connection.ask(*setuser) == b"+OK\r\n"
    replies = ask(user, *([word.encode() for word in line] for line in lines))
    user.close()
    for line, reply in zip(lines, replies, strict=True):
        command, refusal = judge(permissions, table, line)
        if refusal is None:
            assert not reply.startswith(b"-NOPERM"), (text, line)
        else:
            name = command.name.partition("|")[0]
            assert reply == NoPermission(refusal.kind, "", name, table.level).wire, (text, line)
