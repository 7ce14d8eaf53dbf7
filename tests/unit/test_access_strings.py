"""Access strings as the control plane takes and returns them, and what they allow on each engine version."""

from __future__ import annotations

import pytest

from localstack_memorydb.engine import AccessStringError, check_access_string
from localstack_memorydb.engine.acl import Permissions, compile_access_string
from localstack_memorydb.engine.registry import command_table


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ("~objects:* ~items:* ~public:*", "off ~objects:* ~items:* ~public:* resetchannels -@all"),
        ("on +get", "on resetchannels -@all +get"),
        ("off +get", "off resetchannels -@all +get"),
        ("~* &* -@all +@read", "off ~* &* -@all +@read"),
        ("on ~app::* -@all +@read", "on ~app::* resetchannels -@all +@read"),
        ("on ~* &* +@all", "on ~* &* +@all"),
        ("off ~* &* +@all", "off ~* &* +@all"),
        ("ON allkeys allchannels allcommands -@Dangerous +INFO", "on ~* &* +@all -@dangerous +info"),
        ("on %R~a* %W~a* %RW~b* %r~c", "on ~a* ~b* %R~c resetchannels -@all"),
        ("on ~a +get ( ~b   +set ) (%R~c &x +@read -get)", "on ~a resetchannels -@all +get (~b resetchannels -@all +set) (%R~c resetchannels &x -@all +@read -get)"),
        ("on +client|id +client -client|kill +client", "on resetchannels -@all +client"),
        ("on +get +get -get +xadd +eval", "on resetchannels -@all -get +xadd +eval"),
        ("on +@json", "on resetchannels -@all +@json"),
        ("on +select|0 +select|1", "on resetchannels -@all +select|0 +select|1"),
    ],
)  # fmt: skip
def test_normal_form(sent: str, returned: str) -> None:
    assert check_access_string(sent, "7.1") == returned
    assert check_access_string(returned, "7.2") == returned


def test_channels_are_open_in_6_2() -> None:
    assert check_access_string("on ~a* +get", "6.2") == "on ~a* &* -@all +get"
    assert check_access_string("on ~a* resetchannels &b +get", "6.2") == "on ~a* resetchannels &b -@all +get"


@pytest.mark.parametrize(
    "text",
    ["", " ", "incorrectaccessstring", "on ~* ~a", "on &* &a", "on +nothing", "on +@nothing", "on -get|x", "on +client|x",
     "on >password", "on <password", "on #" + "0" * 64, "nopass on", "resetpass", "on reset", "sanitize-payload",
     "skip-sanitize-payload", "on %~a", "on %X~a", "on +get|", "on +client|id|x", "on (~a", "on (on ~a)", "on ((~a))",
     "+config", "+config|get", "-debug", "+acl|setuser", "+cluster|setslot", "+shutdown", "+bgsave", "+module", "on +hexpire"],
)  # fmt: skip
def test_what_memorydb_does_not_take(text: str) -> None:
    with pytest.raises(AccessStringError):
        check_access_string(text, "7.2")


@pytest.mark.parametrize(
    "text", ["on (~a +get)", "on %R~a", "on -client|id", "on +spublish", "clearselectors"]
)
def test_what_came_with_7_0(text: str) -> None:
    check_access_string(text, "7.0")
    with pytest.raises(AccessStringError):
        check_access_string(text, "6.2")


@pytest.mark.parametrize(
    "text", ["on >a-secret-password", "on (~a >a-secret-password)", "on ~a !a-secret-password"]
)
def test_no_reason_shows_a_password(text: str) -> None:
    with pytest.raises(AccessStringError) as caught:
        check_access_string(text, "7.2")
    assert "secret" not in str(caught.value)


def allows(text: str, line: str, version: str = "7.2") -> bool:
    """Whether the access string lets the line run."""
    permissions: Permissions = compile_access_string(text, version)
    table = command_table(version)
    argv = line.encode().split()
    command = table[argv[0].lower()]
    command = command.resolve(argv, table.level < (7,)) if command.subcommands else command
    return permissions.check(command, argv) is None


@pytest.mark.parametrize(
    ("text", "line", "allowed"),
    [
        ("on +client|id", "client id", True),
        ("on +client|id", "client list", False),
        (
            "on +@admin",
            "client id",
            True,
        ),  # in 6.2 a container is one command with the categories of them all
        ("on +@all -@dangerous", "acl whoami", False),
        ("on +@read ~*", "object encoding k", True),
        ("on +@connection", "select 0", False),
        ("on ~a* +get", "get b", False),
        ("on +@all ~*", "publish b x", True),
        ("on resetchannels &a +@all ~*", "publish b x", False),
    ],
)
def test_6_2(text: str, line: str, allowed: bool) -> None:
    assert allows(text, line, "6.2") == allowed


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("get r", True),
        ("get w", False),
        ("set w x", True),
        ("set w x get", False),
        ("set w x EX 5 GeT", False),
        ("set rw x get", True),
        ("getex w", False),
        ("exists w", True),
        ("copy r w", True),
        ("copy w r", False),
        ("rename rw w", True),
        ("rename w w", False),
        ("zinterstore w 2 r rw", True),
        ("zinterstore w 2 r w", False),
        ("sort r store w", True),
        ("sort r store r", False),
    ],
)
def test_reading_and_writing(line: str, allowed: bool) -> None:
    assert allows("on %R~r %W~w ~rw +@all", line) == allowed


def test_an_unrestricted_user_is_known_as_one() -> None:
    assert compile_access_string("on ~* &* +@all", "7.2").unrestricted
    assert compile_access_string("on (~* &* +@all)", "7.2").unrestricted
    assert compile_access_string("on ~* +@all", "6.2").unrestricted
    assert not compile_access_string("on ~* +@all", "7.2").unrestricted
    assert not compile_access_string("on ~* &* +@all -get", "7.2").unrestricted
