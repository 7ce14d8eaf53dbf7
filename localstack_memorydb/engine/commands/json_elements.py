"""Numbers, strings, booleans, objects and arrays inside of JSON documents. https://valkey.io/commands/#json"""

from __future__ import annotations

from collections.abc import Callable
from math import isinf
from typing import Final, TypeAlias

from localstack_memorydb.engine.commands.json import (
    READS,
    WRITES,
    answer,
    as_text,
    at_most,
    find,
    json,
    path_at,
    put,
    require,
    require_one,
)
from localstack_memorydb.engine.documents import Json, Real, parse, write
from localstack_memorydb.engine.documents.errors import (
    INVALID_PATH,
    NO_SUCH_PATH,
    NOT_AN_ARRAY,
    NOT_AN_OBJECT,
    OUT_OF_BOUNDS,
    DocumentError,
    Fault,
    PathError,
)
from localstack_memorydb.engine.documents.selecting import Selection
from localstack_memorydb.engine.documents.texts import (
    INT64_MAX,
    INT64_MIN,
    duplicate,
    encoded,
    equal,
    is_number,
)
from localstack_memorydb.engine.errors import NotInteger
from localstack_memorydb.engine.looking import through
from localstack_memorydb.engine.numbers import parse_int
from localstack_memorydb.engine.registry import DENYOOM, one
from localstack_memorydb.engine.resp import Argv, Reply
from localstack_memorydb.engine.session import Session

_NOT_A_NUMBER: Final = Fault("WRONGTYPE JSON element is not a number")
_NOT_A_STRING: Final = Fault("WRONGTYPE JSON element is not a string")
_NOT_A_BOOLEAN: Final = Fault("WRONGTYPE JSON element is not a bool")


Operation: TypeAlias = Callable[[int | Real, int | Real], tuple[int | Real, float]]


def _is_string(value: Json) -> bool:
    return isinstance(value, str)


def _is_boolean(value: Json) -> bool:
    return isinstance(value, bool)


def _is_object(value: Json) -> bool:
    return isinstance(value, dict)


def _is_array(value: Json) -> bool:
    return isinstance(value, list)


def _length(value: Json) -> int:
    """The bytes of a string, the members of an object, the elements of an array."""
    return len(encoded(value)) if isinstance(value, str) else len(value)  # type: ignore[arg-type] # no other types have a length


def _lengths(s: Session, argv: Argv, fits: Callable[[Json], bool], otherwise: Fault) -> Reply:
    """What STRLEN, OBJLEN and ARRLEN have in common."""
    at_most(argv, 3)
    document = find(s, argv[1])
    if document is None:
        return None
    selection = Selection(document.root, path_at(argv, 2)).check_leniently()
    require_one(selection, fits, otherwise)
    values = through(selection.values)
    return answer(selection, [_length(value) if fits(value) else None for value in values])


def _integer(argument: bytes) -> int:
    try:
        return parse_int(argument)
    except NotInteger:
        raise DocumentError("WRONGTYPE Value is not an integer") from None


# -- numbers ----------------------------------------------------------------------------------------------------------


@json.command("JSON.NUMINCRBY", 4, WRITES, keys=one("RW access update"))
def numincrby(s: Session, argv: Argv) -> Reply:
    """`key path number`: adds to numbers."""
    return _calculate(s, argv, _sum)


@json.command("JSON.NUMMULTBY", 4, WRITES, keys=one("RW access update"))
def nummultby(s: Session, argv: Argv) -> Reply:
    """`key path number`: multiplies numbers."""
    return _calculate(s, argv, _product)


def _calculate(s: Session, argv: Argv, operation: Operation) -> Reply:
    """Changes numbers; answers with the new ones as text, which knows doubles only."""
    operand = _number(argv[3])
    document = require(s, argv[1])
    selection = Selection(document.root, as_text(argv[2])).check()
    require_one(selection, is_number, _NOT_A_NUMBER)
    results = [
        (place, operation(value, operand) if isinstance(value, int | Real) and is_number(value) else None)
        for place, value in through(selection.unique())
    ]
    document.admit_size(32 * len(results))
    for place, result in through(results):
        if result is not None:
            put(document, place, result[0])
    texts = [None if result is None else f"{result[1]:.17g}" for _, result in through(results)]
    if selection.enhanced:
        return f"[{','.join(text or 'null' for text in through(texts))}]".encode()
    return str(answer(selection, texts, last=True)).encode()


def _number(argument: bytes) -> int | Real:
    try:
        number = parse(argument)
    except DocumentError:
        number = None
    if isinstance(number, int | Real) and is_number(number):
        return number
    raise DocumentError("WRONGTYPE Value is not a number")


def _sum(one: int | Real, other: int | Real) -> tuple[int | Real, float]:
    """The sum, and what is said of it."""
    if isinstance(one, int) and isinstance(other, int) and INT64_MIN <= one + other <= INT64_MAX:
        return one + other, float(one + other)
    result = _finite(float(one) + float(other), "Addition")
    return Real.of(result), result


def _product(one: int | Real, other: int | Real) -> tuple[int | Real, float]:
    """The product, and what is said of it."""
    result = _finite(float(one) * float(other), "Multiplication")
    whole = result.is_integer() and INT64_MIN <= result < INT64_MAX
    return int(result) if whole else Real.of(result), result


def _finite(number: float, operation: str) -> float:
    if isinf(number):
        raise DocumentError(f"OVERFLOW {operation} would overflow")
    return number


# -- strings and booleans ---------------------------------------------------------------------------------------------


@json.command("JSON.STRLEN", -2, READS, keys=one("RO"))
def strlen(s: Session, argv: Argv) -> Reply:
    """`key [path]`: the lengths of strings."""
    return _lengths(s, argv, _is_string, _NOT_A_STRING)


@json.command("JSON.STRAPPEND", -3, WRITES | DENYOOM, keys=one("RW insert"))
def strappend(s: Session, argv: Argv) -> Reply:
    """`key [path] json`: appends to strings; answers with their new lengths."""
    at_most(argv, 4)
    document, text = require(s, argv[1]), argv[-1]
    selection = Selection(document.root, as_text(argv[2]) if len(argv) == 4 else ".").check()
    require_one(selection, _is_string, _NOT_A_STRING)
    tail = parse(text)
    if not isinstance(tail, str):
        raise DocumentError("WRONGTYPE Value is not a string")
    found = selection.unique()
    strings = [value for _, value in through(found) if isinstance(value, str)]
    more = len(tail) * len(strings)
    document.admit_size(2 * (sum(map(len, strings)) + more), max(len(text), more))
    results = [(place, value + tail if isinstance(value, str) else None) for place, value in through(found)]
    for place, result in through(results):
        if result is not None:
            put(document, place, result)
    lengths = [None if result is None else _length(result) for _, result in through(results)]
    return answer(selection, lengths, last=True)


@json.command("JSON.TOGGLE", -2, WRITES | DENYOOM, keys=one("RW access update"))
def toggle(s: Session, argv: Argv) -> Reply:
    """`key [path]`: turns true into false and false into true."""
    at_most(argv, 3)
    document = require(s, argv[1])
    selection = Selection(document.root, path_at(argv, 2)).check_leniently()
    require_one(selection, _is_boolean, _NOT_A_BOOLEAN)
    found = through(selection.unique())
    results = [(place, not value if isinstance(value, bool) else None) for place, value in found]
    for place, result in through(results):
        if result is not None:
            put(document, place, result)
    if selection.enhanced:
        return [None if result is None else int(result) for _, result in through(results)]
    return b"true" if answer(selection, [result for _, result in results]) else b"false"


# -- objects ----------------------------------------------------------------------------------------------------------


@json.command("JSON.OBJLEN", -2, READS, keys=one("RO"))
def objlen(s: Session, argv: Argv) -> Reply:
    """`key [path]`: how many members objects have."""
    return _lengths(s, argv, _is_object, NOT_AN_OBJECT)


@json.command("JSON.OBJKEYS", -2, READS, keys=one("RO access"))
def objkeys(s: Session, argv: Argv) -> Reply:
    """`key [path]`: the names of objects' members."""
    at_most(argv, 3)
    document = find(s, argv[1])
    if document is None:
        return None
    try:
        selection = Selection(document.root, path_at(argv, 2)).check_leniently()
        require_one(selection, _is_object, NOT_AN_OBJECT)
    except PathError as error:
        if error.fault in (INVALID_PATH, NO_SUCH_PATH):
            return None
        raise
    values = through(selection.values)
    names = [[*map(encoded, through(value))] if isinstance(value, dict) else [] for value in values]
    return names if selection.enhanced else next(filter(None, names), [])


# -- arrays -----------------------------------------------------------------------------------------------------------


@json.command("JSON.ARRLEN", -2, READS, keys=one("RO"))
def arrlen(s: Session, argv: Argv) -> Reply:
    """`key [path]`: how many elements arrays have."""
    return _lengths(s, argv, _is_array, NOT_AN_ARRAY)


def _arrays(s: Session, argv: Argv, path: str) -> Selection:
    """What a command that changes arrays works on."""
    return require_one(Selection(require(s, argv[1]).root, path).check(), _is_array, NOT_AN_ARRAY)


def _admit(s: Session, argv: Argv, selection: Selection, texts: list[bytes]) -> list[Json]:
    """The values to put into each of the arrays, if the document may hold them."""
    values = [parse(text) for text in texts]
    document = require(s, argv[1])
    for text, value in zip(texts, values, strict=True):
        document.admit(selection.deepest, text, value, len(selection.matches))
    return values


def _insert(selection: Selection, values: list[Json], index: Callable[[list[Json]], int]) -> Reply:
    """Puts values into arrays at the index that each is asked for; answers with the new lengths."""
    found = [value if isinstance(value, list) else None for _, value in through(selection.unique())]
    places = [0 if array is None else index(array) for array in through(found)]
    for array, place in zip(through(found), places, strict=True):
        if array is not None:
            array[place:place] = [duplicate(value) for value in values]
    return answer(selection, [None if array is None else len(array) for array in through(found)])


@json.command("JSON.ARRAPPEND", -4, WRITES | DENYOOM, keys=one("RW insert"))
def arrappend(s: Session, argv: Argv) -> Reply:
    """`key path json [json ...]`: appends values to arrays."""
    selection = _arrays(s, argv, as_text(argv[2]))
    return _insert(selection, _admit(s, argv, selection, argv[3:]), len)


@json.command("JSON.ARRINSERT", -5, WRITES | DENYOOM, keys=one("RW insert"))
def arrinsert(s: Session, argv: Argv) -> Reply:
    """`key path index json [json ...]`: puts values before an element of arrays; a negative index counts from the end."""
    wanted = _integer(argv[3])
    selection = _arrays(s, argv, as_text(argv[2]))

    def index(array: list[Json]) -> int:
        place = wanted if wanted >= 0 or not array else wanted + len(array)
        place = 0 if wanted < 0 and not array else place
        if not 0 <= place <= len(array):
            raise PathError(OUT_OF_BOUNDS)
        return place

    return _insert(selection, _admit(s, argv, selection, argv[4:]), index)


@json.command("JSON.ARRPOP", -2, WRITES, keys=one("RW access delete"))
def arrpop(s: Session, argv: Argv) -> Reply:
    """`key [path [index]]`: takes the last elements of arrays, or others; an index outside is that of the nearest element."""
    at_most(argv, 4)
    wanted = _integer(argv[3]) if len(argv) == 4 else -1
    selection = _arrays(s, argv, path_at(argv, 2))
    found = through(selection.unique())
    return answer(
        selection,
        [_pop(value, wanted) if isinstance(value, list) else None for _, value in found],
    )


def _pop(array: list[Json], wanted: int) -> bytes | None:
    if not array:
        return None
    index = wanted + len(array) if wanted < 0 else wanted
    return write(array.pop(max(0, min(index, len(array) - 1))))


@json.command("JSON.ARRTRIM", 5, WRITES, keys=one("RW delete"))
def arrtrim(s: Session, argv: Argv) -> Reply:
    """`key path start stop`: leaves of arrays what stands between two indexes, the ends included; none counts from the end."""
    start, stop = max(0, _integer(argv[3])), _integer(argv[4])
    selection = _arrays(s, argv, as_text(argv[2]))
    found = [value if isinstance(value, list) else None for _, value in through(selection.unique())]
    for array in through(found):
        if array is not None:
            array[:] = array[start : max(0, stop + 1)]
    return answer(selection, [None if array is None else len(array) for array in through(found)])


@json.command("JSON.ARRINDEX", -4, READS, keys=one("RO access"))
def arrindex(s: Session, argv: Argv) -> Reply:
    """`key path json [start [stop]]`: the first index of a value in arrays, -1 if it is not there."""
    at_most(argv, 6)
    start, stop = (_integer(argv[at]) if at < len(argv) else 0 for at in (4, 5))
    selection = Selection(require(s, argv[1]).root, as_text(argv[2])).check_leniently()
    require_one(selection, _is_array, NOT_AN_ARRAY)
    wanted = parse(argv[3])
    return answer(
        selection,
        [
            _index(value, wanted, max(0, start), stop) if isinstance(value, list) else None
            for value in through(selection.values)
        ],
    )


def _index(array: list[Json], wanted: Json, start: int, stop: int) -> int:
    """Where the value is; a stop of 0 or -1 is the end."""
    end = len(array) if stop in (0, -1) else min(stop, len(array))
    return next((at for at in through(range(start, end)) if equal(array[at], wanted)), -1)
