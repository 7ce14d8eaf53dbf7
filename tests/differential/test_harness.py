"""The harness itself: it must notice what differs, and read the wire and the transcripts rightly."""

from __future__ import annotations

import pytest

from .player import CLOSED, NO_REPLY, QUIET, equal
from .transcript import Step, TranscriptError, parse
from .wire import decode, encode, end_of_reply, request, split_line

REPLIES = [
    b"+OK\r\n",
    b"-ERR no\r\n",
    b":-1\r\n",
    b"$5\r\na\r\nbc\r\n",
    b"$0\r\n\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"_\r\n",
    b",1.5\r\n",
    b"#t\r\n",
    b"(123\r\n",
    b"=8\r\ntxt:a\r\nb\r\n",
    b"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n",
    b"%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n",
    b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n",
]


@pytest.mark.parametrize("reply", REPLIES)
def test_one_reply_is_split_off_and_survives_decoding(reply: bytes) -> None:
    assert end_of_reply(reply + b"+next\r\n") == len(reply)
    assert [end_of_reply(reply[:cut]) for cut in range(1, len(reply))] == [None] * (len(reply) - 1)
    assert encode(decode(reply)) == reply


@pytest.mark.parametrize(
    ("line", "argv"),
    [
        ("SET a b", [b"SET", b"a", b"b"]),
        (r'  SET "a b" "\x00\r\n\"" ', [b"SET", b"a b", b'\x00\r\n"']),
        (r"ECHO 'it\'s' '\n'", [b"ECHO", b"it's", rb"\n"]),
        ('SET {k}"\\xff" ""', [b"SET", b"{k}\xff", b""]),
    ],
)
def test_command_lines_are_read_as_redis_cli_reads_them(line: str, argv: list[bytes]) -> None:
    assert split_line(line) == argv
    assert request(argv).startswith(b"*%d\r\n$%d\r\n" % (len(argv), len(argv[0])))


@pytest.mark.parametrize(
    "text",
    [
        "GET a",
        "## one\n@unknown x",
        "## one\n@any\nGET a",
        "## one\nGET a\n@sorted",
        "## one\n## one",
        "## a\nb>> @read",
    ],
)
def test_a_transcript_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(TranscriptError):
        parse("family", text)


@pytest.mark.parametrize(
    ("comparison", "argument", "expected", "actual", "same"),
    [
        ("bytes", "", b"$1\r\na\r\n", b"+a\r\n", False),
        ("sorted", "", b"*2\r\n:1\r\n:2\r\n", b"*2\r\n:2\r\n:1\r\n", True),
        ("sorted", "2", b"*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", b"*4\r\n:3\r\n:4\r\n:1\r\n:2\r\n", True),
        ("sorted", "2", b"*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", b"*4\r\n:3\r\n:2\r\n:1\r\n:4\r\n", False),
        ("sorted", "deep", b"*1\r\n*2\r\n:1\r\n:2\r\n", b"*1\r\n*2\r\n:2\r\n:1\r\n", True),
        ("near", "5", b"*2\r\n:1\r\n+a\r\n", b"*2\r\n:6\r\n+a\r\n", True),
        ("near", "5", b":1\r\n", b":7\r\n", False),
        ("shape", "reason", b"*2\r\n$1\r\na\r\n$-1\r\n", b"*2\r\n$2\r\nbc\r\n$-1\r\n", True),
        ("shape", "reason", b"*1\r\n$1\r\na\r\n", b"*1\r\n$-1\r\n", False),
        ("keys", "reason", b"%1\r\n+a\r\n:1\r\n", b"%1\r\n+a\r\n:2\r\n", True),
        ("keys", "reason", b"%1\r\n+a\r\n:1\r\n", b"%1\r\n+b\r\n:1\r\n", False),
        ("mask", r"\d+", b"$3\r\na12\r\n", b"$2\r\na3\r\n", True),
        ("match", r":\d+\r\n", b":1\r\n", b":x\r\n", False),
        ("any", "reason", b":1\r\n", b"-ERR\r\n", False),
        ("bytes", "", NO_REPLY, NO_REPLY, False),
        ("bytes", "", CLOSED, CLOSED, False),
    ],
)
def test_replies_are_compared_as_the_line_asks(
    comparison: str, argument: str, expected: bytes, actual: bytes, same: bool
) -> None:
    step = Step(1, "", "a", "command", "", comparison, argument)
    assert equal(step, expected, actual) is same


@pytest.mark.parametrize(
    ("action", "reply", "same"),
    [
        ("quiet", QUIET, True),
        ("quiet", b"+x\r\n", False),
        ("closed", CLOSED, True),
        ("closed", NO_REPLY, False),
    ],
)
def test_silence_and_closing_are_asserted_on_both_sides(action: str, reply: bytes, same: bool) -> None:
    assert equal(Step(1, "", "a", action, ""), reply, reply) is same


@pytest.mark.parametrize(
    ("command", "expected", "actual", "same"),
    [
        ("TTL k", b":100\r\n", b":98\r\n", True),
        ("TTL k", b":100\r\n", b":90\r\n", False),
        ("TTL k", b":1\r\n", b":-1\r\n", False),
        ("TTL k", b"-ERR no\r\n", b":1\r\n", False),
        ("LLEN k", b":100\r\n", b":98\r\n", False),
    ],
)
def test_time_may_pass_between_two_answers(command: str, expected: bytes, actual: bytes, same: bool) -> None:
    assert equal(Step(1, command, "a", "command", command), expected, actual) is same
