"""JSON documents: limits, sizes, effects, events, permissions, snapshots and the log, which transcripts cannot show."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.documents import Document, Json, parse, write
from localstack_memorydb.engine.documents.selecting import Selection
from localstack_memorydb.engine.documents.texts import shortest
from localstack_memorydb.engine.resp import encode_request
from tests.unit import test_users as users
from tests.unit.cluster_without_sockets import NOW, Client, start
from tests.unit.test_json_transcripts import exchanges, scenarios
from tests.unit.test_notifications import heard, listening
from tests.unit.test_storage import contents, flush, kept, restarted

OK = b"+OK\r\n"


@pytest.fixture
def client() -> Client:
    return Client(next(start().nodes()))


def ask(client: Client, *argv: str | bytes) -> bytes:
    """A command whose arguments may be long, or have anything in them."""
    words = [word.encode() if isinstance(word, str) else word for word in argv]
    return client.session.receive(encode_request(words), NOW)


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


# -- limits -----------------------------------------------------------------------------------------------------------

TOO_DEEP = b"-LIMIT Document path nesting limit is exceeded\r\n"


@pytest.mark.parametrize(("levels", "reply"), [(128, OK), (129, TOO_DEEP), (100_000, TOO_DEEP)])
def test_a_document_has_128_levels_at_most(client: Client, levels: int, reply: bytes) -> None:
    assert ask(client, "JSON.SET", "k", ".", nested(levels)) == reply


def test_brackets_in_strings_are_no_levels(client: Client) -> None:
    assert ask(client, "JSON.SET", "k", ".", f'["{"[" * 500}", "\\"{"{" * 500}"]') == OK


@pytest.mark.parametrize("text", ["[" * 129, "[" * 129 + "x", '{"a":' * 129, "[" * 128 + '["'])
def test_the_first_thing_that_is_wrong_is_said(client: Client, text: str) -> None:
    assert ask(client, "JSON.SET", "k", ".", text) == TOO_DEEP


def test_text_that_ends_too_early_is_malformed_before_it_is_too_deep(client: Client) -> None:
    reply = ask(client, "JSON.SET", "k", ".", "[x" + "[" * 200)
    assert reply == b"-SYNTAXERR Failed to parse JSON string due to syntax error\r\n"


@pytest.mark.parametrize(
    "command",
    [
        ("JSON.SET", "k", "$.a.b.c", nested(126)),
        ("JSON.SET", "k", "$.a.b.new", nested(126)),
        ("JSON.ARRAPPEND", "k", "$.a.b.list", nested(126)),
        ("JSON.ARRINSERT", "k", "$.a.b.list", "0", nested(126)),
    ],
)
def test_what_is_put_into_a_document_counts_from_where_it_is(
    client: Client, command: tuple[str, ...]
) -> None:
    document = '{"a":{"b":{"c":1,"list":[]}}}'
    ask(client, "JSON.SET", "k", ".", document)
    assert ask(client, *command) == TOO_DEEP
    assert document.encode() in ask(client, "JSON.GET", "k")
    assert ask(client, *command[:-1], nested(125)) != TOO_DEEP


TOO_LARGE = b"-LIMIT Document size limit is exceeded\r\n"


def test_a_document_takes_64_megabytes_at_most(client: Client) -> None:
    megabyte = '"' + "x" * (1 << 20) + '"'
    whole, half = ("[" + ",".join([megabyte] * count) + "]" for count in (64, 32))
    assert ask(client, "JSON.SET", "k", ".", whole) == TOO_LARGE
    assert ask(client, "JSON.SET", "k", ".", half) == OK
    assert ask(client, "JSON.ARRAPPEND", "k", ".", half) == TOO_LARGE
    assert ask(client, "JSON.ARRAPPEND", "k", ".", "1") != TOO_LARGE


def test_a_string_that_outgrows_the_document_is_refused(client: Client) -> None:
    half = '"' + "x" * (18 << 20) + '"'
    ask(client, "JSON.SET", "k", ".", half)
    ask(client, "JSON.STRAPPEND", "k", half)
    ask(client, "JSON.STRAPPEND", "k", half)
    assert ask(client, "JSON.STRAPPEND", "k", half) == TOO_LARGE
    assert ask(client, "JSON.STRLEN", "k") == b":%d\r\n" % (54 << 20)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("$." + "a" * (128 * 1024), b"-LIMIT Query string size limit is exceeded\r\n"),
        (
            "$" + "..a" * 21,
            b"-LIMIT Total number of recursive descent tokens in the query string exceeds the limit\r\n",
        ),
        ("$" + "[*]" * 100, b"-LIMIT Parser recursion depth is exceeded\r\n"),
        ("$[?(" + "(" * 70 + "@>1" + ")" * 70 + ")]", b"-LIMIT Parser recursion depth is exceeded\r\n"),
    ],
    ids=["length", "descents", "parts", "parentheses"],
)
def test_a_path_may_not_be_too_long_or_too_deep(client: Client, path: str, error: bytes) -> None:
    ask(client, "JSON.SET", "k", ".", nested(120).replace("[]", '{"a":1}'))
    deep = '{"a":' * 120 + "1" + "}" * 120
    ask(client, "JSON.SET", "d", ".", deep)
    assert ask(client, "JSON.GET", "d" if "..a" in path else "k", path) == error


def test_a_path_of_just_the_right_length_is_read(client: Client) -> None:
    ask(client, "JSON.SET", "k", ".", "{}")
    assert ask(client, "JSON.GET", "k", "$." + "a" * (128 * 1024 - 2)) == b"$2\r\n[]\r\n"


# -- text and values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [b'"\xff\xfe"', b'{"\xc3":"\xe9"}', b'["\xed\xa0\x80"]'])
def test_bytes_that_are_no_utf8_come_back_as_they_were(client: Client, text: bytes) -> None:
    ask(client, "JSON.SET", "k", ".", text)
    assert text in ask(client, "JSON.GET", "k")


@pytest.mark.parametrize(
    ("text", "document"),
    [
        (b'\xef\xbb\xbf{"a":1}', b'{"a":1}'),
        (b'{"a":1}\0anything', b'{"a":1}'),
        (b" \t\r\n[ 1 , 2 ] \n", b"[1,2]"),
        (b'"a\\u0000b"', b'"a\\u0000b"'),
        (b'{"a":1,"a":2,"b":3,"a":4}', b'{"a":4,"b":3}'),
    ],
)
def test_what_is_read_otherwise_than_one_may_think(text: bytes, document: bytes) -> None:
    assert write(parse(text)) == document


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, b"0.0"),
        (-0.0, b"-0.0"),
        (1.0, b"1.0"),
        (1e20, b"100000000000000000000.0"),
        (1e21, b"1e21"),
        (123456.789, b"123456.789"),
        (1.5e300, b"1.5e300"),
        (0.001, b"0.001"),
        (1e-6, b"0.000001"),
        (1.25e-7, b"1.25e-7"),
        (-2.5, b"-2.5"),
    ],
)
def test_the_shortest_form_of_a_number(number: float, text: bytes) -> None:
    assert shortest(number) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (b"1", 24),
        (b'"thirteen long"', 24),
        (b'"fourteen long!"', 24 + 16),
        (b"1.234567890123456", 24 + 24),
        (b"[]", 24),
        (b"[1,2,3]", 24 + 48),
        (b'{"a":1,"b":2}', 24 + 48),
        (b'{"a":[1,2,3,4]}', 24 + 24 + 64),
    ],
)
def test_the_size_of_a_document(text: bytes, size: int) -> None:
    assert Document.of(parse(text), text).size() == size


def test_values_that_are_set_in_many_places_are_not_one_value(client: Client) -> None:
    ask(client, "JSON.SET", "k", ".", '[{"a":1},{"a":2},{}]')
    ask(client, "JSON.SET", "k", "$[*].a", "[]")
    ask(client, "JSON.SET", "k", "$[*].b", "[]")
    ask(client, "JSON.ARRAPPEND", "k", ".[0].a", "1")
    ask(client, "JSON.ARRAPPEND", "k", ".[1].b", "2")
    assert b'[{"a":[1],"b":[]},{"a":[],"b":[2]},{"a":[],"b":[]}]' in ask(client, "JSON.GET", "k")


def test_values_that_are_appended_to_many_arrays_are_not_one_value(client: Client) -> None:
    ask(client, "JSON.SET", "k", ".", "[[],[]]")
    ask(client, "JSON.ARRAPPEND", "k", "$[*]", "{}")
    ask(client, "JSON.SET", "k", ".[0][0].x", "1")
    assert b'[[{"x":1}],[{}]]' in ask(client, "JSON.GET", "k")


def test_a_new_value_may_replace_its_own_ancestors(client: Client) -> None:
    ask(client, "JSON.SET", "k", ".", '{"a":{"a":{"a":1}}}')
    assert ask(client, "JSON.SET", "k", "$..a", "[]") == OK
    assert b'{"a":[]}' in ask(client, "JSON.GET", "k")


def test_descents_count_each_time_that_they_come_into_view() -> None:
    wide: Json = [{"a": [1]} for _ in range(21)]
    assert Selection(wide, "$..a..none").error is not None
    assert Selection(wide, "$..a").error is None


PATH_PIECES = [
    *"$.[]*'\"?()@=<>!&|, :-+0123abc\\",
    *(
        "..",
        "?(@",
        "@.a",
        "[?(",
        '["a"]',
        "['b']",
        "[0]",
        "[-1]",
        "[*]",
        ".*",
        "null",
        "true",
        "1e5",
        "@.a[?(@==1)]",
        "$.a",
    ),
]
COMMANDS = [
    "GET p", "SET p v", "DEL p", "TYPE p", "RESP p", "CLEAR p", "NUMINCRBY p v", "NUMMULTBY p v", "STRLEN p", "STRAPPEND p v",
    "TOGGLE p", "OBJLEN p", "OBJKEYS p", "ARRLEN p", "ARRAPPEND p v v", "ARRINSERT p i v", "ARRPOP p i", "ARRTRIM p i i",
    "ARRINDEX p v i i",
]  # fmt: skip
DOCUMENTS = [
    '{"a":{"b":[1,2,{"a":"x"}],"":null,"x y":true},"b":[[1],[],{"a":[1,"1"]}],"c":1.5}',
    '[1,"a",{"a":1,"b":[]},[[2]],null]',
    '"text"',
]
VALUES = ["1", '"x"', "[]", '{"a":1}', "null", "true", "1.5", "x", '"', "-0", "1e400", "[1"]


@given(
    document=st.sampled_from(DOCUMENTS),
    path=st.lists(st.sampled_from(PATH_PIECES), max_size=9).map("".join),
    enhanced=st.booleans(),
    form=st.sampled_from(COMMANDS),
    data=st.data(),
)
def test_no_path_is_an_error_of_ours_and_what_fails_changes_nothing(
    document: str, path: str, enhanced: bool, form: str, data: st.DataObject
) -> None:
    client = Client(next(start().nodes()))
    ask(client, "JSON.SET", "k", ".", document)
    choices = {
        "p": st.just("$" * enhanced + path),
        "v": st.sampled_from(VALUES),
        "i": st.integers(-3, 3).map(str),
    }
    name, *rest = form.split()
    reply = ask(client, f"JSON.{name}", "k", *(data.draw(choices[each]) for each in rest))
    assert reply != b"-ERR internal error\r\n"
    if reply.startswith(b"-"):
        assert document.encode() in ask(client, "JSON.GET", "k")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(value=values, ascii_only=st.booleans())
def test_what_is_read_is_written(value: Json, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, separators=(" ,", ": ")).encode(
        "utf-8", "surrogateescape"
    )
    assert json.loads(write(parse(text))) == value


# -- effects and events -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "JSON.SET k . 1 NX",
        "JSON.SET none . 1 XX",
        "JSON.SET k .new 1 XX",
        "JSON.SET k .a 1 NX",
        "JSON.DEL none",
        "JSON.DEL k .none",
    ],
)
def test_a_write_that_changes_nothing_says_so(client: Client, command: str) -> None:
    client("""JSON.SET k . '{"a":1}'""")
    client.session.unchanged = False
    client(command)
    assert client.session.unchanged


@pytest.mark.parametrize(
    ("command", "events"),
    [
        ("JSON.SET new . 1", [b"new=new", b"json.set=new"]),
        ("JSON.SET k . 1", [b"new=k", b"json.set=k"]),
        ("json.set k .a 1", [b"json.set=k"]),
        ("JSON.SET k .a 1 NX", []),
        ("JSON.DEL k", [b"json.del=k"]),
        ("JSON.FORGET k .a", [b"json.del=k"]),
        ("JSON.DEL k .none", []),
        ("JSON.NUMINCRBY k .n 1", [b"json.numincrby=k"]),
        ("JSON.NUMMULTBY k .n 2", [b"json.nummultby=k"]),
        ("""JSON.STRAPPEND k .s '"x"'""", [b"json.strappend=k"]),
        ("JSON.TOGGLE k .t", [b"json.toggle=k"]),
        ("JSON.ARRAPPEND k .a 1", [b"json.arrappend=k"]),
        ("JSON.ARRINSERT k .a 0 1", [b"json.arrinsert=k"]),
        ("JSON.ARRPOP k .a", [b"json.arrpop=k"]),
        ("JSON.ARRTRIM k .a 0 0", [b"json.arrtrim=k"]),
        ("JSON.CLEAR k", [b"json.clear=k"]),
        ("JSON.NUMINCRBY k .s 1", []),
        ("JSON.GET k", []),
        ("DEL k", [b"del=k"]),
    ],
)
def test_events(command: str, events: list[bytes]) -> None:
    client, listener = listening(notify_keyspace_events="EAn")
    client("""JSON.SET k . '{"a":[1],"n":1,"s":"x","t":true}'""")
    heard(listener)
    client(command)
    assert [each.removeprefix(b"__keyevent@0__:") for each in heard(listener)] == events


def test_transactions_and_watches(client: Client) -> None:
    other = Client(client.session.node)
    client("WATCH k")
    other("JSON.SET k . 1")
    client("MULTI")
    assert client("JSON.SET k . 2") == b"+QUEUED\r\n"
    assert client("EXEC") == b"*-1\r\n"
    client("MULTI")
    client("JSON.SET k . '[1]'")
    client("JSON.NUMINCRBY k $[*] 1")
    client("JSON.ARRPOP k .x")
    client("JSON.GET k")
    assert client("EXEC") == (
        b"*4\r\n+OK\r\n$3\r\n[2]\r\n-NONEXISTENT JSON path does not exist\r\n$3\r\n[2]\r\n"
    )


def test_clients_that_keep_a_document_hear_of_changes(client: Client) -> None:
    client("HELLO 3")
    client("CLIENT TRACKING ON")
    client("JSON.SET k . '{}'")
    client("JSON.GET k")
    Client(client.session.node)("JSON.SET k .a 1")
    assert client.heard() == b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"


def test_scripts(client: Client) -> None:
    script = (
        "redis.call('JSON.SET', KEYS[1], '.', '{\"n\":1}') "
        "local sum = redis.call('JSON.NUMINCRBY', KEYS[1], '$.n', ARGV[1]) "
        "local wrong = redis.pcall('JSON.ARRLEN', KEYS[1], '.n') "
        "return {sum, wrong.err, cjson.decode(redis.call('JSON.GET', KEYS[1])).n, redis.call('JSON.TYPE', KEYS[1]).ok, "
        "redis.call('JSON.GET', KEYS[1], '$.none'), redis.call('JSON.STRLEN', 'none')}"
    )
    assert ask(client, "EVAL", script, "1", "k", "2") == (
        b"*6\r\n$3\r\n[3]\r\n$38\r\nWRONGTYPE JSON element is not an array\r\n:3\r\n$6\r\nobject\r\n$2\r\n[]\r\n$-1\r\n"
    )


# -- permissions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("access", "command", "refusal"),
    [
        ("on ~* +@json", "JSON.SET k . 1", None),
        ("on ~* +@json", "JSON.DEBUG MEMORY k", None),
        ("on ~* -@json", "JSON.GET k", "command"),
        ("on ~* +@all -@json", "JSON.GET k", "command"),
        ("on ~* +@read", "JSON.GET k", None),
        ("on ~* +@read", "JSON.SET k . 1", "command"),
        ("on ~* +@write", "JSON.SET k . 1", None),
        ("on ~* +@fast", "JSON.ARRPOP k", None),
        ("on ~* +@fast", "JSON.SET k . 1", "command"),
        ("on ~* +@all -@admin", "JSON.DEBUG MEMORY k", "command"),
        ("on ~* +json.get", "JSON.GET k", None),
        ("on ~* +json.get", "JSON.MGET k .", "command"),
        ("on ~app:* +@json", "JSON.GET k", "key"),
        ("on ~app:* +@json", "JSON.GET app:k", None),
        ("on ~app:* +@json", "JSON.MGET app:{k} {k} .", "key"),
        ("on ~app:* +@json", "JSON.DEBUG MEMORY k", "key"),
        ("on ~app:* +@json", "JSON.DEBUG HELP", None),
        ("on %R~* +@json", "JSON.GET k", None),
        ("on %R~* +@json", "JSON.SET k . 1", "key"),
        ("on %R~* +@json", "JSON.NUMINCRBY k . 1", "key"),
    ],
)
def test_permissions(access: str, command: str, refusal: str | None) -> None:
    client = users.client(users.cluster(users.user("alice", access)), "alice")
    name = command.split()[0]
    expected = {
        None: b"",
        "command": f"-NOPERM User alice has no permissions to run the '{name}' command\r\n".encode(),
        "key": b"-NOPERM No permissions to access a key\r\n",
    }[refusal]
    reply = client(command)
    assert reply == expected if refusal else not reply.startswith(b"-NOPERM")


# -- metadata ---------------------------------------------------------------------------------------------------------


def test_commands_belong_to_a_module(client: Client) -> None:
    assert client("COMMAND LIST FILTERBY MODULE json").startswith(b"*22\r\n$8\r\nJSON.SET\r\n")
    assert client("COMMAND DOCS json.get") == (
        b"*2\r\n$8\r\nJSON.GET\r\n*4\r\n$5\r\ngroup\r\n$6\r\nmodule\r\n$6\r\nmodule\r\n$4\r\njson\r\n"
    )
    assert client("ACL CAT json").startswith(b"*22\r\n")


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.1", "7.2", "7.3"])
def test_every_engine_version_has_them(version: str) -> None:
    client = Client(next(start(version=version).nodes()))
    assert client("COMMAND INFO JSON.ARRPOP").startswith(
        b"*1\r\n*%d\r\n$11\r\nJSON.ARRPOP\r\n:-2\r\n*3\r\n+write\r\n+module\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*3\r\n+@write\r\n"
        b"+@fast\r\n+@json\r\n" % (7 if version == "6.2" else 10)
    )
    engine = b"Valkey" if version in {"7.2", "7.3"} else b"Redis"
    assert client("JSON.SET k .a 1") == b"-SYNTAXERR A new %b key's path must be root\r\n" % engine


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("JSON.SET k . 1", b"*1\r\n$1\r\nk\r\n"),
        ("JSON.MGET a b c .", b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"),
        ("JSON.DEBUG FIELDS k .", b"*1\r\n$1\r\nk\r\n"),
    ],
)
def test_keys_of_a_command_line(client: Client, command: str, keys: bytes) -> None:
    assert client(f"COMMAND GETKEYS {command}") == keys


def test_info_counts_documents(client: Client) -> None:
    client("JSON.SET {k}1 . 1")
    client("JSON.SET {k}2 . '[1,2,3]'")
    client("SET {k}3 x")
    lines = "# json_core_metrics\r\njson_total_memory_bytes:96\r\njson_num_documents:2\r\n"
    reply = f"${len(lines)}\r\n{lines}\r\n".encode()
    assert client("INFO json_core_metrics") == client("INFO json") == reply
    assert lines.encode() in client("INFO everything")
    assert b"json" not in client("INFO")
    assert b"cmdstat_JSON.SET:calls=2," in client("INFO commandstats")


def test_a_node_without_memory_takes_no_more_documents() -> None:
    client = Client(next(start(maxmemory=1_700_000, maxmemory_policy="noeviction").nodes()))
    refusal = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
    text = '"' + "x" * 10_000 + '"'
    replies = [ask(client, "JSON.SET", f"k{number}", ".", text) for number in range(20)]
    assert replies[0] == OK
    assert replies[-1] == refusal
    assert ask(client, "JSON.ARRAPPEND", "k0", ".", "1") == refusal
    assert ask(client, "JSON.DEL", "k0") == b":1\r\n"


# -- snapshots and the log --------------------------------------------------------------------------------------------


def test_a_document_survives_dump_and_restore(client: Client) -> None:
    text = b'{"a":[1,2.50,"\xc3\xa9"],"b":null}'
    ask(client, "JSON.SET", "k", ".", text)
    payload = ask(client, "DUMP", "k").partition(b"\r\n")[2][:-2]
    assert payload.startswith(b"\x07\x81" + bytes.fromhex("45e25238df912c03") + b"\x05")
    assert ask(client, "RESTORE", "other", "0", payload) == OK
    assert text in ask(client, "JSON.GET", "other")
    assert ask(client, "RESTORE", "bad", "0", payload[:12] + b"x" + payload[13:]).startswith(
        b"-ERR DUMP payload"
    )


def old_form(value: Json) -> bytes:
    """A value as the module's first format has it."""

    def number(size: int) -> bytes:
        return b"\x02" + rdb_length(size)

    def text(word: str) -> bytes:
        return b"\x05" + rdb_length(len(word.encode())) + word.encode()

    if value is None:
        return number(1)
    if isinstance(value, bool):
        return number(16) + text(str(int(value)))
    if isinstance(value, int):
        return number(8) + b"\x01\x81" + struct.pack(">q", value)
    if isinstance(value, float):
        return number(4) + b"\x04" + struct.pack("<d", value)
    if isinstance(value, str):
        return number(2) + text(value)
    if isinstance(value, list):
        return number(64) + number(len(value)) + b"".join(map(old_form, value))
    members = (number(128) + text(name) + old_form(each) for name, each in value.items())
    return number(32) + number(len(value)) + b"".join(members)


def rdb_length(size: int) -> bytes:
    return bytes([size]) if size < 64 else (0x4000 | size).to_bytes(2, "big")


def test_documents_in_the_first_format_are_read() -> None:
    value = parse(b'{"a":[1,-2,0.5,true,false,null,"text",[],{}],"name":{"x":9223372036854775807}}')
    number = (rdb.format.module_number("ReJSON-RL", 0)).to_bytes(8, "big")
    body = b"\x07\x81" + number + old_form(value) + b"\x00" + (11).to_bytes(2, "little")
    document = rdb.restore(body + rdb.format.crc64(body).to_bytes(8, "little"))
    assert isinstance(document, Document)
    assert document.dump() == write(value)


def test_documents_are_part_of_snapshots() -> None:
    document = Document(parse(b'{"a":1.50}'))
    snapshot = rdb.read(rdb.write([(b"k", document, 5), (b"s", b"text", None)]))
    assert [(key, deadline) for key, _, deadline in snapshot] == [(b"k", 5), (b"s", None)]
    restored = snapshot.entries[0][1]
    assert isinstance(restored, Document)
    assert restored.dump() == b'{"a":1.50}'


@pytest.mark.parametrize("version", ["6.2", "7.2"])
@pytest.mark.parametrize(("title", "lines"), [pytest.param(*each, id=each[0]) for each in scenarios()])
def test_what_is_repeated_from_the_log_is_what_was_there(
    tmp_path: Path, title: str, lines: str, version: str
) -> None:
    cluster = kept(tmp_path, version=version)
    client = Client(next(cluster.nodes()))
    for sent, _ in exchanges(lines):
        client(sent)
    flush(cluster)
    assert contents(restarted(cluster)) == contents(cluster)


@pytest.mark.parametrize(
    "line",
    [
        "JSON.STRAPPEND k $..s",
        "JSON.SET k $..s",
        "JSON.SET k $[*].new",
        "JSON.ARRAPPEND k $..a",
        "JSON.ARRINSERT k $..a 0",
    ],
)
def test_what_is_put_into_many_places_counts_for_each(line: str) -> None:
    client = Client(next(start().nodes()))
    request = [b"JSON.SET", b"k", b".", b"[%b]" % b",".join([b'{"s":"","a":[]}'] * 1000)]
    client.session.receive(encode_request(request), NOW)
    value = b'"%b"' % (b"x" * 1_000_000)
    reply = client.session.receive(encode_request([*line.encode().split(), value]), NOW)
    assert reply == b"-LIMIT Document size limit is exceeded\r\n"
    assert client("JSON.GET k $[0]") == b'$17\r\n[{"s":"","a":[]}]\r\n'
