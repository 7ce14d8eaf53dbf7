"""JSON documents: as a whole, by path, and looked into. https://valkey.io/commands/#json"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from localstack_memorydb.engine.documents import Document, Json, Real, parse
from localstack_memorydb.engine.documents.document import value_size
from localstack_memorydb.engine.documents.errors import (
    INVALID_PATH,
    NO_SUCH_PATH,
    DocumentError,
    Fault,
    PathError,
)
from localstack_memorydb.engine.documents.selecting import (
    DELETE,
    SET,
    Place,
    Selection,
    container_of,
    deletion_order,
    has,
)
from localstack_memorydb.engine.documents.texts import (
    COMPACT,
    Layout,
    children,
    duplicate,
    enclosed,
    encoded,
    laid_out,
    quoted,
    shortest,
)
from localstack_memorydb.engine.errors import WrongArity, printable
from localstack_memorydb.engine.looking import in_order, looking, through
from localstack_memorydb.engine.registry import (
    DENYOOM,
    FAST,
    MODULE,
    READONLY,
    WRITE,
    Family,
    KeySpec,
    one,
    span,
)
from localstack_memorydb.engine.resp import OK, Argv, Reply, Simple, sendable
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.versions import is_valkey

json = Family("json", "@json")

READS: Final = READONLY | FAST | MODULE
WRITES: Final = WRITE | FAST | MODULE

T = TypeVar("T")


class NotADocument(DocumentError):
    """The key holds something else."""

    def __init__(self) -> None:
        super().__init__("WRONGTYPE Not a JSON document key")


class NoDocument(DocumentError):
    """There is no such key."""

    def __init__(self) -> None:
        super().__init__("NONEXISTENT Document key does not exist")


class UnknownOption(DocumentError):
    """An option that the command does not know, or one without its value."""

    def __init__(self) -> None:
        super().__init__("SYNTAXERR Command syntax error")


# -- for every command ------------------------------------------------------------------------------------------------


def find(s: Session, key: bytes) -> Document | None:
    """The document of a key. Raises NotADocument."""
    found = s.db.get(key)
    if found is None or isinstance(found, Document):
        return found
    raise NotADocument


def require(s: Session, key: bytes) -> Document:
    """The document of a key that must be there. Raises NotADocument, NoDocument."""
    found = find(s, key)
    if found is None:
        raise NoDocument
    return found


def as_text(argument: bytes) -> str:
    """A path as text."""
    return argument.decode("utf-8", "surrogateescape")


def path_at(argv: Argv, at: int) -> str:
    """The path that stands there, else the root."""
    return as_text(argv[at]) if at < len(argv) else "."


def is_root(path: str) -> bool:
    """Whether the path means the document itself in its shortest form."""
    return path in (".", "$")


def at_most(argv: Argv, most: int) -> None:
    """Refuses further arguments. Raises WrongArity."""
    if len(argv) > most:
        raise WrongArity(printable(argv[0]))


def put(document: Document, place: Place, value: Json) -> None:
    """Puts a value where another is; if that place has gone meanwhile, nothing happens."""
    if not place:
        document.root = value
        return
    container = container_of(document.root, place)
    if has(container, place[-1]):
        container[place[-1]] = value  # type: ignore[index] # `has` says that it fits


def answer(selection: Selection, results: list[T | None], last: bool = False) -> Reply:
    """One result for each value, None for those of another type; of a restricted path the first (or last) there is."""
    if selection.enhanced:
        return results
    return next((each for each in (reversed(results) if last else results) if each is not None), None)


def require_match(selection: Selection) -> Selection:
    """A restricted path must lead somewhere. Raises PathError."""
    if not selection.enhanced and not selection.matches:
        raise PathError(NO_SUCH_PATH)
    return selection


def require_one(selection: Selection, fits: Callable[[Json], bool], otherwise: Fault) -> Selection:
    """Of a restricted path one value at least must be of the type. Raises PathError."""
    if not selection.enhanced and not any(map(fits, through(require_match(selection).values))):
        raise PathError(otherwise)
    return selection


# -- setting ----------------------------------------------------------------------------------------------------------


@json.command("JSON.SET", -4, WRITE | DENYOOM | MODULE, keys=one("RW update"))
def json_set(s: Session, argv: Argv) -> Reply:
    """`key path json [NX|XX]`: sets a document or the values of a path; a member may be new, if its parent is there."""
    at_most(argv, 5)
    key, path, text = argv[1], as_text(argv[2]), argv[3]
    condition = argv[4].upper() if len(argv) == 5 else b""
    if condition not in (b"", b"NX", b"XX"):
        raise UnknownOption
    document = find(s, key)
    if is_root(path):
        s.unchanged = condition == (b"XX" if document is None else b"NX")
        if not s.unchanged:
            s.db.put(key, Document.of(parse(text), text))
    elif document is None:
        engine = "Valkey" if is_valkey(s.node.cluster.spec.engine_version) else "Redis"
        raise DocumentError(f"SYNTAXERR A new {engine} key's path must be root")
    else:
        s.unchanged = not _set_at(document, path, text, condition)
    return None if s.unchanged else OK


def _set_at(document: Document, path: str, text: bytes, condition: bytes) -> bool:
    """Sets the values of a path; False if the condition does not hold."""
    selection = Selection(document.root, path, SET).check()
    if (condition == b"NX" and selection.matches) or (condition == b"XX" and selection.additions):
        return False
    value = parse(text)
    targets = [place for place, _ in through(selection.unique())]
    copies = len(targets) + len(selection.additions)
    document.admit(selection.deepest, text, value, copies)
    for place in through(targets):
        put(document, place, duplicate(value) if copies > 1 else value)
    for place in through(selection.additions):
        container = container_of(document.root, place)
        if isinstance(container, dict) and isinstance(place[-1], str):
            container[place[-1]] = duplicate(value) if copies > 1 else value
    return True


# -- getting ----------------------------------------------------------------------------------------------------------


@json.command("JSON.GET", -2, READS, keys=one("RO access"))
def json_get(s: Session, argv: Argv) -> Reply:
    """`key [INDENT text] [NEWLINE text] [SPACE text] [NOESCAPE] [path ...]`: the values of paths as text."""
    paths, layout = _get_options(argv)
    document = find(s, argv[1])
    if document is None:
        return None
    if len(paths) < 2:
        return encoded(_value_at(document, paths[0] if paths else ".", layout))
    enhanced = any(path.startswith("$") for path in paths)
    parts = (
        f"{quoted(path)}:{layout.space}{_values_at(document, path, layout, enhanced)}"
        for path in looking(paths, 1)
    )
    return encoded(enclosed("{", parts, "}", layout))


def _get_options(argv: Argv) -> tuple[list[str], Layout]:
    paths: list[str] = []
    given: dict[str, str] = {}
    at = 2
    while at < len(argv):
        word = argv[at].lower().decode("latin-1")
        if word in ("indent", "newline", "space"):
            at += 1
            if at == len(argv):
                raise UnknownOption
            given[word] = as_text(argv[at])
        elif word != "noescape":
            paths.append(as_text(argv[at]))
        at += 1
    return paths, Layout(**given) if given else COMPACT


def _value_at(document: Document, path: str, layout: Layout) -> str:
    """What is at one path: the first value of a restricted one, an array of those of an enhanced one."""
    selection = require_match(Selection(document.root, path).check_leniently())
    if not selection.enhanced:
        return laid_out(selection.values[0], layout)
    if not selection.matches:
        return "[]"
    return enclosed("[", (laid_out(value, layout, 1) for value in through(selection.values)), "]", layout)


def _values_at(document: Document, path: str, layout: Layout, enhanced: bool) -> str:
    """What is at one of several paths."""
    selection = require_match(Selection(document.root, path, enhanced=enhanced).check_leniently())
    if not enhanced:
        return laid_out(selection.values[0], layout, 1)
    if not selection.matches:
        return f"[{layout.newline}{layout.indent}]"
    return enclosed("[", (laid_out(value, layout, 2) for value in through(selection.values)), "]", layout, 1)


@json.command("JSON.MGET", -3, READS, keys=span("RO access", last=-2))
def json_mget(s: Session, argv: Argv) -> Reply:
    """`key [key ...] path`: the values of a path in several documents."""
    path = as_text(argv[-1])
    return sendable(_value_or_nothing(find(s, key), path) for key in looking(argv[1:-1], 10))


def _value_or_nothing(document: Document | None, path: str) -> bytes | None:
    try:
        return None if document is None else encoded(_value_at(document, path, COMPACT))
    except PathError as error:
        if error.fault in (INVALID_PATH, NO_SUCH_PATH):
            return None
        raise


@json.command("JSON.TYPE", -2, READS, keys=one("RO access"))
def json_type(s: Session, argv: Argv) -> Reply:
    """`key [path]`: the types of values."""
    at_most(argv, 3)
    document = find(s, argv[1])
    if document is None:
        return None
    try:
        selection = require_match(Selection(document.root, path_at(argv, 2)).check_leniently())
    except PathError as error:
        if error.fault in (INVALID_PATH, NO_SUCH_PATH):
            return None
        raise
    return answer(selection, [_TYPES[type(value)] for value in through(selection.values)])


_TYPES: Final[dict[type, Simple]] = {
    type(None): Simple(b"null"),
    bool: Simple(b"boolean"),
    str: Simple(b"string"),
    Real: Simple(b"number"),
    int: Simple(b"integer"),
    dict: Simple(b"object"),
    list: Simple(b"array"),
}


@json.command("JSON.RESP", -2, READS, keys=one("RO access"))
def json_resp(s: Session, argv: Argv) -> Reply:
    """`key [path]`: values in the forms of RESP."""
    at_most(argv, 3)
    document = find(s, argv[1])
    if document is None:
        return None
    selection = require_match(Selection(document.root, path_at(argv, 2)).check_leniently())
    forms = [_resp_form(value) for value in through(selection.values)]
    return forms if selection.enhanced else forms[0]


_OBJECT_FORM: Final = Simple(b"{")
_ARRAY_FORM: Final = Simple(b"[")


def _resp_form(value: Json) -> Reply:
    if isinstance(value, dict):
        members = through(value.items())
        return [_OBJECT_FORM, *([encoded(name), _resp_form(item)] for name, item in members)]
    if isinstance(value, list):
        return [_ARRAY_FORM, *map(_resp_form, through(value))]
    if isinstance(value, bool):
        return Simple(b"true" if value else b"false")
    if isinstance(value, str):
        return encoded(value)
    return shortest(value) if isinstance(value, Real) else value


# -- deleting ---------------------------------------------------------------------------------------------------------


@json.command("JSON.DEL", -2, WRITES, keys=one("RW delete"))
@json.command("JSON.FORGET", -2, WRITES, keys=one("RW delete"))
def json_del(s: Session, argv: Argv) -> Reply:
    """`key [path]`: deletes a document or the values of a path; answers how many."""
    at_most(argv, 3)
    document, path = find(s, argv[1]), path_at(argv, 2)
    if document is None:
        s.unchanged = True
        return 0
    if is_root(path):
        s.db.remove(argv[1])
        return 1
    selection = Selection(document.root, path, DELETE)
    try:
        require_match(selection.check())
    except PathError as error:
        if error.fault in (INVALID_PATH, NO_SUCH_PATH):
            s.unchanged = True
            return 0
        raise
    places = [place for place, _ in through(selection.unique()) if place]
    return sum(_delete(document, place) for place in through(in_order(places, deletion_order)[::-1]))


def _delete(document: Document, place: Place) -> bool:
    container = container_of(document.root, place)
    if not has(container, place[-1]):
        return False
    del container[place[-1]]  # type: ignore[union-attr, arg-type] # `has` says that it fits
    return True


@json.command("JSON.CLEAR", -2, WRITES, keys=one("RW delete"))
def json_clear(s: Session, argv: Argv) -> Reply:
    """`key [path]`: empties containers, and sets other values to nothing; answers how many were not so before."""
    at_most(argv, 3)
    document = require(s, argv[1])
    selection = Selection(document.root, path_at(argv, 2)).check()
    return sum(_clear(document, place, value) for place, value in through(selection.unique()))


def _clear(document: Document, place: Place, value: Json) -> bool:
    if not value:
        return False
    if isinstance(value, dict | list):
        value.clear()
    else:
        put(document, place, Real("0.0") if isinstance(value, Real) else type(value)())
    return True


# -- looking into documents -------------------------------------------------------------------------------------------

_HELP: Final = (
    "JSON.DEBUG MEMORY <key> [path] - report memory size (bytes). Without path reports document size without keys. "
    "With path reports size including keys",
    "JSON.DEBUG DEPTH <key> - report the maximum path depth of the JSON document.",
    "JSON.DEBUG FIELDS <key> [path] - report number of fields in the JSON element. Path defaults to root if not provided.",
    "JSON.DEBUG HELP - print help message.",
)
_DEBUG_WORDS: Final = (b"MEMORY", b"FIELDS", b"DEPTH")


@json.command(
    "JSON.DEBUG",
    -2,
    READONLY | MODULE,
    keys=(KeySpec("RO access", 2, after=_DEBUG_WORDS),),
    categories="@admin",
)
def json_debug(s: Session, argv: Argv) -> Reply:
    """`MEMORY key [path]`, `FIELDS key [path]`, `DEPTH key`, `HELP`: bytes, values and levels of documents."""
    word = argv[1].upper()
    if word == b"HELP":
        at_most(argv, 2)
        return [Simple(line.encode()) for line in _HELP]
    if word not in _DEBUG_WORDS:
        raise DocumentError("SYNTAXERR Unknown subcommand")
    at_most(argv, 3 if word == b"DEPTH" else 4)
    if len(argv) < 3:
        raise WrongArity(printable(argv[0]))
    document = find(s, argv[2])
    if document is None:
        return None
    if word == b"DEPTH":
        return _depth(document.root)
    if word == b"MEMORY" and len(argv) == 3:
        return document.size()
    return _measure(document, path_at(argv, 3), word == b"FIELDS")


def _measure(document: Document, path: str, fields: bool) -> Reply:
    """The numbers of fields, or of bytes, of the values of a path."""
    selection = require_match(Selection(document.root, path).check_leniently())
    if fields:
        return answer(selection, [_fields(value) for value in through(selection.values)])
    if is_root(path):
        return answer(selection, [document.size()])
    return answer(selection, [value_size(value) for value in through(selection.values)])


def _depth(value: Json) -> int:
    """How many steps the longest path has."""
    if not isinstance(value, dict | list) or not value:
        return 0
    return 1 + max(map(_depth, through(children(value))))


def _fields(value: Json) -> int:
    """How many values there are, this one counted only if it is no container."""
    return sum(map(_values, through(children(value)))) if isinstance(value, dict | list) else 1


def _values(value: Json) -> int:
    """How many values there are, this one included."""
    return 1 + (_fields(value) if isinstance(value, dict | list) else 0)
