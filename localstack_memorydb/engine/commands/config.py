"""CONFIG, which a managed node does not have: only an unrestricted engine. https://valkey.io/commands/config-set/"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from localstack_memorydb.engine.configuration import Configuration
from localstack_memorydb.engine.errors import CommandError, SyntaxFault, printable
from localstack_memorydb.engine.glob import compile_glob
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.registry import ADMIN, LOADING, NOSCRIPT, STALE, Earlier, Family
from localstack_memorydb.engine.resp import OK, Argv, Reply
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.user_rules import UserRules

config = Family("server", unrestricted=True)

config.container("CONFIG", since="2.0.0")

_ANYTIME: Final = ADMIN | LOADING | NOSCRIPT | STALE


@config.command("CONFIG|GET", -3, _ANYTIME, since="2.0.0", earlier=Earlier("7.0", arity=3))
def get(s: Session, argv: Argv) -> Reply:
    """The directives that match one of the patterns, with their values."""
    values = Configuration(s.node).values()
    found: dict[bytes, bytes] = {}
    for pattern in argv[2:]:
        for name in _matching(pattern.lower() if s.legacy else pattern, values):
            found[name.encode("utf-8", "surrogateescape")] = values[name.lower()].encode(
                "utf-8", "surrogateescape"
            )
    return found


def _matching(pattern: bytes, names: Iterable[str]) -> Iterable[str]:
    """The names that match; one without wildcards is answered as it was spelled."""
    text = printable(pattern)
    if not set(text) & set("[*?"):
        return [text] if text.lower() in names else []
    matches = compile_glob(pattern.lower())
    return [name for name in names if matches(name.encode())]


@config.command("CONFIG|SET", -4, _ANYTIME, since="2.0.0", earlier=Earlier("7.0", arity=4), careful=True)
def set_(s: Session, argv: Argv) -> Reply:
    """Changes directives, for the whole cluster and at once."""
    if len(argv) % 2:
        raise SyntaxFault
    configuration = Configuration(s.node, s.now)
    known = configuration.values()
    pairs: dict[str, str] = {}
    seen: set[str] = set()
    for given, value in zip(argv[2::2], argv[3::2], strict=True):
        name, text = printable(given).lower(), value.decode("utf-8", "surrogateescape")
        if name not in known:
            raise configuration.unknown(printable(given))
        if name in seen:
            raise configuration.refused(name, text, "duplicate parameter")
        seen.add(name)
        if configuration.settable(name):
            pairs[name] = text
        else:
            configuration.require_same(name, text)
    configuration.change(pairs)
    if "requirepass" in pairs:
        UserRules(s.node.cluster).set_password(pairs["requirepass"])
    return OK


@config.command("CONFIG|RESETSTAT", 2, _ANYTIME, since="2.0.0")
def resetstat(s: Session, argv: Argv) -> Reply:
    """Makes this node's figures begin anew."""
    s.node.forget_figures()
    return OK


@config.command("CONFIG|REWRITE", 2, _ANYTIME, since="2.8.0")
def rewrite(s: Session, argv: Argv) -> Reply:
    """There is no file."""
    raise CommandError("ERR The server is running without a config file")


@config.command("CONFIG|HELP", 2, LOADING | STALE, since="5.0.0")
def help_(s: Session, argv: Argv) -> Reply:
    """What CONFIG can do."""
    return help_lines(s, "config")
