"""What scripts are told when a command may not run, in the words of each engine version (Valkey's script.c)."""

from __future__ import annotations

from dataclasses import dataclass

from localstack_memorydb.engine.acl import Refusal
from localstack_memorydb.engine.errors import refusal_text


@dataclass(frozen=True, slots=True)
class Texts:
    """Errors of redis.call. In 6.2 they stand behind the script's line, so that they have no code of their own."""

    unknown: str
    arity: str
    no_arguments: str
    bad_arguments: str
    not_from_script: str
    read_only_script: str
    other_node: str
    other_slot: str
    bad_command: str


_OF_7 = Texts(
    unknown="ERR Unknown Redis command called from script",
    arity="ERR Wrong number of args calling Redis command from script",
    no_arguments="Please specify at least one argument for this redis lib call",
    bad_arguments="Lua redis lib command arguments must be strings or integers",
    not_from_script="ERR This Redis command is not allowed from script",
    read_only_script="ERR Write commands are not allowed from read-only scripts.",
    other_node="ERR Script attempted to access a non local key in a cluster node",
    other_slot="ERR Script attempted to access keys that do not hash to the same slot",
    bad_command="ERR Invalid command passed to redis.acl_check_cmd()",
)

_OF_6_2 = Texts(
    unknown="Unknown Redis command called from Lua script",
    arity="Wrong number of args calling Redis command From Lua script",
    no_arguments="Please specify at least one argument for redis.call()",
    bad_arguments="Lua redis() command arguments must be strings or integers",
    not_from_script="This Redis command is not allowed from scripts",
    read_only_script="Write commands are not allowed from read-only scripts.",
    other_node="Lua script attempted to access a non local key in a cluster node",
    other_slot="Lua script attempted to access a non local key in a cluster node",
    bad_command="",
)

_DENIED = {
    "command": "The user executing the script can't run this command or subcommand",
    "key": "The user executing the script can't access at least one of the keys mentioned in the command arguments",
    "channel": "The user executing the script can't publish to the channel mentioned in the command",
}


def texts(level: tuple[int, ...]) -> Texts:
    """The words of an engine's command level."""
    return _OF_7 if level >= (7,) else _OF_6_2


def denied(refusal: Refusal, user: str, command: str, level: tuple[int, ...]) -> str:
    """Why a script's user may not run a command."""
    if level < (7, 2):
        return ("ERR " if level >= (7,) else "") + _DENIED[refusal.kind]
    if refusal.kind == "command":
        return "ERR ACL failure in script: " + refusal_text("command", user, command, "", level)
    return f"ERR ACL failure in script: No permissions to access a {refusal.kind}"
