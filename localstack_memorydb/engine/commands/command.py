"""COMMAND: the command table as clients see it. https://valkey.io/commands/command/"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from localstack_memorydb.engine.acl import READ, WRITE, has_own_finder, varying_needs
from localstack_memorydb.engine.documentation import documentation
from localstack_memorydb.engine.errors import CommandError, SyntaxFault, printable
from localstack_memorydb.engine.glob import compile_glob
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.metadata_of_6_2 import RANGES_OF_6_2, flags_of_6_2
from localstack_memorydb.engine.registry import (
    FLAG_NAMES,
    LOADING,
    MODULE,
    MOVABLE_KEYS,
    NO_MANDATORY_KEYS,
    STALE,
    Command,
    CommandTable,
    Earlier,
    Family,
    KeySpec,
)
from localstack_memorydb.engine.resp import Argv, Reply, Simple, Unordered, Wire, sendable
from localstack_memorydb.engine.session import Session

command = Family("server", "@connection")

_ANYTIME = LOADING | STALE


def _find(table: CommandTable, name: bytes) -> Command | None:
    """A command by name; `container|subcommand` names a subcommand."""
    top, _, leaf = name.lower().partition(b"|")
    found = table.get(top)
    return found.subcommands.get(leaf) if found is not None and leaf else found


def _top(s: Session) -> list[Command]:
    """The commands that are no subcommands; 6.2 keeps QUIT out of its table."""
    return [each for each in s.table.top if each.name != "quit"] if s.legacy else s.table.top


@command.command("COMMAND", -1, _ANYTIME, since="2.8.13")
def command_(s: Session, argv: Argv) -> Reply:
    """Details of every command. Clients of clusters begin with this, so its bytes are kept."""
    if s.script is not None:
        return [describe(s, each) for each in _top(s)]
    kept = s.table.described.get(s.protocol)
    if kept is None:
        kept = s.table.described[s.protocol] = s.encoders[list]([describe(s, each) for each in _top(s)])
    return Wire(kept)


@command.command("COMMAND|COUNT", 2, _ANYTIME, since="2.8.13")
def count(s: Session, argv: Argv) -> Reply:
    """How many commands there are."""
    return len(_top(s))


@command.command("COMMAND|INFO", -2, _ANYTIME, since="2.8.13")
def info(s: Session, argv: Argv) -> Reply:
    """Details of the named commands, or of all; in 6.2 of none without a name."""
    if len(argv) == 2 and not s.legacy:
        return command_(s, argv)
    if s.legacy:
        known = {each.name.encode(): each for each in _top(s)}
        found = [known.get(name.lower()) for name in argv[2:]]
    else:
        found = [_find(s.table, name) for name in argv[2:]]
    described = {each: None if each is None else describe(s, each) for each in dict.fromkeys(found)}
    if s.script is not None or len(described) == len(found):
        return [described[each] for each in found]
    encode = s.encoders
    sent = {each: Wire(encode[type(reply)](reply)) for each, reply in described.items()}
    return sendable(sent[each] for each in found)  # one may be named many times


@command.command("COMMAND|DOCS", -2, _ANYTIME, since="7.0.0")
def docs(s: Session, argv: Argv) -> Reply:
    """Documentation of the named commands, or of all."""
    chosen = s.table.top if len(argv) == 2 else [_find(s.table, name) for name in argv[2:]]
    return {each.title.encode(): document(s, each) for each in chosen if each is not None}


@command.command("COMMAND|LIST", -2, _ANYTIME, since="7.0.0")
def list_(s: Session, argv: Argv) -> Reply:
    """Names of commands and subcommands, filtered."""
    if len(argv) == 2:
        return [each.title.encode() for each in s.table.full()]
    if len(argv) != 5 or argv[2].lower() != b"filterby":
        raise SyntaxFault
    kind, wanted = argv[3].lower(), argv[4]
    if kind == b"module":
        module = printable(wanted)
        return [each.title.encode() for each in s.table.top if each.flags & MODULE and each.group == module]
    if kind == b"aclcat":
        category = f"@{printable(wanted).lower()}"
        return [each.title.encode() for each in s.table.full() if category in each.categories]
    if kind == b"pattern":
        matches = compile_glob(wanted.lower())
        return [each.title.encode() for each in s.table.full() if matches(each.name.encode())]
    raise SyntaxFault


def _keys_in_6_2(s: Session, argv: Argv) -> list[bytes]:
    """What 6.2 finds, whose containers are commands; the key of a result comes last. Raises CommandError."""
    line = argv[2:]
    found = s.table.get(line[0].lower())
    if found is None or found.name == "quit":
        raise CommandError("ERR Invalid command specified")
    first, last, step, moves = range_of_6_2(found)
    if not first and not moves:
        raise CommandError("ERR The command has no key arguments")
    if not found.least <= len(line) <= found.most:
        raise CommandError("ERR Invalid number of arguments specified for command")
    if found.name == "memory":
        keys = line[2:3] if line[1].lower() == b"usage" else []
    elif moves or found.finder is not None:
        keys = found.find_keys(line)
        if len(found.keys) > 1 and found.keys[-1].counted and not found.counts_oddly(line):
            keys = [*keys[1:], *keys[:1]]
    else:
        last = last if last >= 0 else len(line) + last
        keys = line[first : last + 1 : step] if last < len(line) else []
    if not keys:
        raise CommandError("ERR Invalid arguments specified for command")
    return keys


def _keys_of(s: Session, argv: Argv) -> tuple[Command, Argv]:
    line = argv[2:]
    found = s.table.find(line[0])
    if found is not None and found.subcommands and (len(line) > 1 or s.legacy_doubles):
        found = found.subcommands.get(line[1].lower()) if len(line) > 1 else None
    if found is None:
        raise CommandError("ERR Invalid command specified")
    if not found.keys or all("not_key" in spec.flags for spec in found.keys):
        raise CommandError("ERR The command has no key arguments")
    if not found.least <= len(line) <= found.most:
        raise CommandError("ERR Invalid number of arguments specified for command")
    return found, line


@command.command(
    "COMMAND|GETKEYS", -3, _ANYTIME, since="2.8.13", earlier=Earlier("7.2", arity=-4, since="7.0")
)
def getkeys(s: Session, argv: Argv) -> Reply:
    """The keys in a command line."""
    if s.legacy:
        return _keys_in_6_2(s, argv)
    found, line = _keys_of(s, argv)
    keys = found.find_keys(line) if has_own_finder(found, s.legacy) else found.stated_keys(line)
    _require_keys(found, line, keys)
    return keys


def _require_keys(found: Command, line: Argv, keys: Sequence[object]) -> None:
    """Every place where keys may stand has some, also where the command does not need it to (PFMERGE of one key)."""
    if found.flags & NO_MANDATORY_KEYS:
        return
    lacking = any(
        not spec.find(line) for spec in found.keys if spec.counted or not (spec.unknown or spec.keyword)
    )
    if lacking or not keys:
        raise CommandError("ERR Invalid arguments specified for command")


@command.command("COMMAND|GETKEYSANDFLAGS", -3, _ANYTIME, since="7.0.0", earlier=Earlier("7.2", arity=-4))
def getkeysandflags(s: Session, argv: Argv) -> Reply:
    """The keys in a command line, and what is done to them."""
    found, line = _keys_of(s, argv)
    keys = [(key, spec) for spec in found.keys for key in spec.find(line)]
    _require_keys(found, line, keys)
    if found.counts_oddly(line):
        return [[key, Unordered()] for key in found.stated_keys(line)]
    return [[key, _names(_flags(found, spec, line))] for key, spec in keys]


def _flags(command: Command, spec: KeySpec, line: Argv) -> list[str]:
    """SET reads the key only with GET, and BITFIELD may only read it: their flags depend on the command line."""
    if "variable_flags" not in spec.flags:
        return spec.flags.split()
    needs = varying_needs(command, line)
    return {READ: ["RO", "access"], WRITE: ["OW", "update"]}.get(needs, ["RW", "access", "update"])


def _names(names: Any) -> Unordered:
    return Unordered(Simple(name.encode()) for name in names)


def _moves(spec: KeySpec) -> bool:
    """Whether the keys stand elsewhere in each command line."""
    return spec.counted or spec.unknown or spec.keyword != b""


def legacy_range(each: Command) -> tuple[int, int, int, bool]:
    """First key, last key, step, and whether key positions move (populateCommandLegacyRangeSpec)."""
    if not each.keys or each.keys[0].after:
        return 0, 0, 0, bool(each.keys)
    incomplete = any("incomplete" in spec.flags for spec in each.keys)
    if len(each.keys) == 1 and not _moves(each.keys[0]):
        spec = each.keys[0]
        last = spec.last if spec.last < 0 else spec.index + spec.last
        return spec.index, last, spec.step, incomplete
    first, last, previous, movable = 0, 0, 0, incomplete
    for spec in each.keys:
        apart = previous != 0 and previous != spec.index - 1
        if _moves(spec) or spec.step != 1 or apart:
            movable = True
            continue
        first = first or spec.index
        reach = spec.last if spec.last < 0 else spec.index + spec.last
        last = reach if last >= 0 and (reach < 0 or reach > last) else last
        previous = last
    return first, last, 1 if first else 0, movable


def range_of_6_2(each: Command) -> tuple[int, int, int, bool]:
    """The same in 6.2, where a container's keys are those of its subcommands."""
    if each.name in RANGES_OF_6_2:
        return (*RANGES_OF_6_2[each.name], each.name == "memory")
    return legacy_range(each)


def describe(s: Session, each: Command) -> Reply:
    """One command as COMMAND INFO shows it: seven elements in 6.2, ten since 7.0."""
    first, last, step, movable = range_of_6_2(each) if s.legacy else legacy_range(each)
    bits = each.flags | (MOVABLE_KEYS if movable else 0)
    flags = [name for bit, name in FLAG_NAMES.items() if bits & bit]
    name = each.title.encode()
    basic = [
        name,
        each.arity,
        _names(flags_of_6_2(each.name, flags) if s.legacy else flags),
        first,
        last,
        step,
        _names(name for name in s.table.categories if name in each.categories),
    ]
    if s.legacy:
        return basic
    texts = documentation(each.name, s.table.level)
    tips = (
        texts.get("tips", [])
        if s.table.level >= (7, 2)
        else texts.get("tips_before_7.2", texts.get("tips", []))
    )
    notes = texts.get("key_notes", {})
    specs = [
        _key_spec(spec, notes.get(str(number))) for number, spec in enumerate(each.keys) if not spec.after
    ]
    subcommands = [describe(s, sub) for sub in each.subcommands.values()]
    return [*basic, Unordered(tip.encode() for tip in tips), Unordered(specs), subcommands]


def _key_spec(spec: KeySpec, note: str | None) -> Reply:
    begin: dict[bytes, Reply] = {b"type": b"index", b"spec": {b"index": spec.index}}
    find: dict[bytes, Reply] = {
        b"type": b"range",
        b"spec": {b"lastkey": spec.last, b"keystep": spec.step, b"limit": spec.limit},
    }
    if spec.counted:
        find = {b"type": b"keynum", b"spec": {b"keynumidx": 0, b"firstkey": 1, b"keystep": 1}}
    if spec.unknown:
        begin = {b"type": b"unknown", b"spec": {}}
        find = {b"type": b"unknown", b"spec": {}}
    elif spec.keyword:
        begin = {b"type": b"keyword", b"spec": {b"keyword": spec.keyword, b"startfrom": spec.index}}
    shown: dict[bytes, Reply] = {} if note is None else {b"notes": note.encode()}
    return shown | {b"flags": _names(spec.flags.split()), b"begin_search": begin, b"find_keys": find}


def document(s: Session, each: Command) -> Reply:
    """One command as COMMAND DOCS shows it."""
    texts = documentation(each.name, s.table.level)
    shown: dict[bytes, Reply] = {}
    for field in ("summary", "since", "group", "complexity"):
        if field in texts:
            shown[field.encode()] = texts[field].encode()
    if each.flags & MODULE:
        shown |= {b"group": b"module", b"module": each.group.encode()}
    if "doc_flags" in texts:
        shown[b"doc_flags"] = _names(texts["doc_flags"])
    for field in ("deprecated_since", "replaced_by"):
        if field in texts:
            shown[field.encode()] = texts[field].encode()
    if "history" in texts:
        shown[b"history"] = Unordered([[when.encode(), what.encode()] for when, what in texts["history"]])
    if "arguments" in texts:
        shown[b"arguments"] = _arguments(s, texts["arguments"])
    if each.subcommands:
        shown[b"subcommands"] = {sub.name.encode(): document(s, sub) for sub in each.subcommands.values()}
    return shown


def _arguments(s: Session, arguments: list[dict[str, Any]]) -> list[Reply]:
    return [_argument(s, each) for each in arguments if _is_known(s, each)]


def _is_known(s: Session, argument: dict[str, Any]) -> bool:
    newer = {"7.0": (7, 0), "7.2": (7, 2)}.get(argument.get("new_in", ""), ())
    return s.table.level >= newer


def _argument(s: Session, argument: dict[str, Any]) -> Reply:
    shown: dict[bytes, Reply] = {}
    for field, value in argument.items():
        name = field.encode()
        if field in {"display_text", "new_in"}:
            continue
        if field == "arguments":
            shown[name] = _arguments(s, value)
        elif field == "flags":
            shown[name] = _names(value)
        else:
            shown[name] = value if isinstance(value, int) else value.encode()
        if field == "type" and value not in {"oneof", "block"} and not s.legacy_doubles:
            shown[b"display_text"] = argument.get("display_text", argument["name"]).encode()
    return shown


@command.command("COMMAND|HELP", 2, LOADING | STALE, since="5.0.0")
def command_help(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "command")
