"""What servers say about their commands, in a form that two servers and two protocols can be compared in."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any, Final

from .wire import Node, decode
from .witness import Server, ask

INFO_FIELDS: Final = (
    "name",
    "arity",
    "flags",
    "first_key",
    "last_key",
    "step",
    "acl_categories",
    "tips",
    "key_specs",
    "subcommands",
)


class Catalog:
    """A server's COMMAND INFO, COMMAND DOCS and ACL CAT, by name of command or `container|subcommand`."""

    def __init__(self, server: Server, protocol: int) -> None:
        self.connection = socket.create_connection((server.host, server.port), timeout=60)
        self.ask("HELLO", str(protocol))

    def ask(self, *argv: str) -> Node:
        return decode(ask(self.connection, *(word.encode() for word in argv)))

    def close(self) -> None:
        self.connection.close()

    def names(self) -> list[str]:
        """Every command, then its subcommands; those of modules, which the witnesses do not have, are left out."""
        found = []
        for entry in self.ask("COMMAND").children:
            if "module" in entry.children[2].plain():
                continue
            found.append(_text(entry.children[0]))
            found += [_text(each.children[0]) for each in entry.children[9].children]
        return sorted(found)

    def info(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """COMMAND INFO of each, field by field; `wire` holds the types that the reply had on the wire."""
        names = list(names)
        reply = self.ask("COMMAND", "INFO", *names)
        return {
            name: _entry(entry)
            for name, entry in zip(names, reply.children, strict=True)
            if entry.value is not None
        }

    def docs(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """COMMAND DOCS of each, without its subcommands' (those are asked for by name)."""
        found = {}
        for name in names:
            for key, value in pairs(self.ask("COMMAND", "DOCS", name)).items():
                fields = pairs(value)
                fields.pop("subcommands", None)
                found[key] = {field: _documented(field, node) for field, node in fields.items()}
        return found

    def categories(self) -> list[str]:
        return [str(name) for name in self.ask("ACL", "CAT").plain()]

    def members(self, category: str) -> set[str]:
        return set(self.ask("ACL", "CAT", category).plain())


def pairs(node: Node) -> dict[str, Node]:
    """A map, or the flat array that stands for one in RESP2."""
    return {_text(key): value for key, value in zip(node.children[::2], node.children[1::2], strict=True)}


def _text(node: Node) -> str:
    assert isinstance(node.value, bytes)
    return node.value.decode()


def _entry(node: Node) -> dict[str, Any]:
    fields = dict(zip(INFO_FIELDS, node.children, strict=True))
    entry: dict[str, Any] = {
        name: fields[name].plain() for name in ("name", "arity", "first_key", "last_key", "step")
    }
    for name in ("flags", "acl_categories", "tips"):
        entry[name] = {_text(each) for each in fields[name].children}
    entry["key_specs"] = [_key_spec(each) for each in fields["key_specs"].children]
    entry["subcommands"] = {_text(each.children[0]) for each in fields["subcommands"].children}
    leaves = {child.kind for name in ("flags", "acl_categories") for child in fields[name].children}
    entry["wire"] = "".join(child.kind for child in node.children[:9]) + "".join(sorted(leaves))
    return entry


def _key_spec(node: Node) -> dict[str, Any]:
    spec: dict[str, Any] = {"wire": node.kind}
    for name, value in pairs(node).items():
        if name == "flags":
            spec[name] = {_text(each) for each in value.children}
        elif name == "notes":
            spec[name] = _text(value)
        else:
            parts = pairs(value)
            inner = {key: each.plain() for key, each in pairs(parts["spec"]).items()}
            spec[name] = (_text(parts["type"]), inner, value.kind)
    return spec


def _documented(field: str, node: Node) -> Any:
    if field == "arguments":
        return [_argument(each) for each in node.children]
    if field == "history":
        return [tuple(each.plain()) for each in sorted(node.children, key=lambda each: repr(each.plain()))]
    if field == "doc_flags":
        return {_text(each) for each in node.children}
    return node.plain()


def _argument(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"wire": node.kind}
    for name, value in pairs(node).items():
        if name == "flags":
            found[name] = {_text(each) for each in value.children}
        elif name == "arguments":
            found[name] = [_argument(each) for each in value.children]
        else:
            found[name] = value.plain()
    return found
