"""What a path selects in a document."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from localstack_memorydb.engine.documents.errors import (
    DOLLAR_NOT_AT_ROOT,
    INVALID_PATH,
    INVALID_WILDCARD,
    NO_PLACE_FOR_MEMBER,
    NO_SUCH_PATH,
    NOT_AN_ARRAY,
    OUT_OF_BOUNDS,
    PATH_TOO_DEEP,
    STEP_OF_ZERO,
    TOO_MANY_DESCENTS,
    PathError,
)
from localstack_memorydb.engine.documents.paths import MAX_RECURSION, compile_path
from localstack_memorydb.engine.documents.steps import (
    Broken,
    Comparison,
    Condition,
    Descend,
    Dollar,
    Either,
    Every,
    Exists,
    Filtered,
    Index,
    Indexes,
    Literal,
    Name,
    Names,
    Operand,
    Slice,
    Wildcard,
)
from localstack_memorydb.engine.documents.texts import Json, is_number
from localstack_memorydb.engine.looking import looking, parts, through

MAX_DESCENTS: Final = 20

READ: Final = "read"
DELETE: Final = "delete"
SET: Final = "set"

Place: TypeAlias = tuple[str | int, ...]
"""The names and indexes that lead from the root to a value."""

_Next: TypeAlias = "tuple[Json, Place] | None"
"""Where a search goes on; nowhere, if it has parted or ended."""

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Selection:
    """What a path selects: values and where they are, in order, and where a member could be added (`SET`).

    `error` is what ended the search.
    """

    __slots__ = (
        "_descents",
        "_path",
        "_purpose",
        "_recursive",
        "_root",
        "additions",
        "deepest",
        "enhanced",
        "error",
        "matches",
    )

    def __init__(self, root: Json, path: str, purpose: str = READ, enhanced: bool = False) -> None:
        self._root = root
        self._path = compile_path(path)
        self._purpose = purpose
        self._recursive = False
        self._descents = self._path.before
        self.enhanced = enhanced or self._path.enhanced
        self.matches: list[tuple[Place, Json]] = []
        self.additions: dict[Place, None] = {}
        self.deepest = 0
        self.error: PathError | None = None
        try:
            self._follow(root, (), 0, 1)
        except PathError as error:
            self.error = error

    @property
    def values(self) -> list[Json]:
        """The values. One may be there more than once."""
        return [value for _, value in through(self.matches)]

    def unique(self) -> list[tuple[Place, Json]]:
        """The values and their places, none more than once."""
        return _once(self.matches) if len(self.matches) > 1 else self.matches

    def check(self) -> Selection:
        """For commands that write. Raises PathError."""
        if self.error is not None:
            raise self.error
        return self

    def check_leniently(self) -> Selection:
        """For commands that read: an enhanced path may lead nowhere. Raises PathError."""
        if self.error is not None and (self.error.fault.fatal or not self.enhanced):
            raise self.error
        return self

    # -- the search ---------------------------------------------------------------------------------------------------

    def _follow(self, node: Json, place: Place, at: int, level: int) -> None:
        """Takes the steps from `at` on, and selects what is at their end."""
        if level > MAX_RECURSION:
            raise PathError(PATH_TOO_DEEP)
        steps, descents = self._path.steps, self._path.descents
        while at < len(steps):
            step = steps[at]
            self._descents += descents[at]
            following: _Next = _TAKE[type(step)](self, step, node, place, at + 1, level)
            if following is None:
                return
            node, place = following
            at += 1
        self.matches.append((place, node))

    def _attempt(self, node: Json, place: Place, at: int, level: int) -> None:
        """Follows one of many ways; that it leads nowhere is no error."""
        self.deepest = max(self.deepest, len(place))
        try:
            self._follow(node, place, at, level)
        except PathError as error:
            if error.fault.fatal:
                raise

    def _part(self, ways: Iterable[tuple[str | int, Json]], place: Place, at: int, level: int) -> None:
        for key, value in ways:
            self._attempt(value, (*place, key), at, level + 2)

    def _enter(self, node: Json, place: Place) -> _Next:
        self.deepest = max(self.deepest, len(place))
        return node, place

    def _broken(self, step: Broken, node: Json, place: Place, at: int, level: int) -> _Next:
        raise PathError(step.fault if step.otherwise is None or isinstance(node, list) else step.otherwise)

    def _dollar(self, step: Dollar, node: Json, place: Place, at: int, level: int) -> _Next:
        if place:
            raise PathError(DOLLAR_NOT_AT_ROOT)
        self.enhanced = True
        return node, place

    def _name(self, step: Name, node: Json, place: Place, at: int, level: int) -> _Next:
        if not isinstance(node, dict):
            self._miss_object()
            return None
        if step.name in node:
            return self._enter(node[step.name], (*place, step.name))
        if self._purpose == SET and not self._recursive:
            if not step.last:
                raise PathError(NO_SUCH_PATH)
            self.additions[(*place, step.name)] = None
            self.deepest = max(self.deepest, len(place) + 1)
        return None

    def _miss_object(self) -> None:
        if self._purpose != READ:
            raise PathError(NO_PLACE_FOR_MEMBER)

    def _names(self, step: Names, node: Json, place: Place, at: int, level: int) -> _Next:
        if not isinstance(node, dict):
            self._miss_object()
            return None
        self._part(((name, node[name]) for name in through(step.names) if name in node), place, at, level)
        return None

    def _index(self, step: Index, node: Json, place: Place, at: int, level: int) -> _Next:
        if not isinstance(node, list):
            raise PathError(NOT_AN_ARRAY)
        index = step.index + len(node) if step.index < 0 else step.index
        if not 0 <= index < len(node):
            raise PathError(OUT_OF_BOUNDS)
        return self._enter(node[index], (*place, index))

    def _indexes(self, step: Indexes, node: Json, place: Place, at: int, level: int) -> _Next:
        if not isinstance(node, list):
            raise PathError(NOT_AN_ARRAY)
        for each in step.indexes:
            index = each + len(node) if each < 0 else each
            if 0 <= index < len(node):  # the first way that leads nowhere ends a union
                self.deepest = max(self.deepest, len(place) + 1)
                self._follow(node[index], (*place, index), at, level + 2)
        return None

    def _slice(self, step: Slice, node: Json, place: Place, at: int, level: int) -> _Next:
        if not isinstance(node, list):
            raise PathError(NOT_AN_ARRAY)
        if not step.step:
            raise PathError(STEP_OF_ZERO)
        size = len(node)
        start, stop = (
            min(max(bound + size if bound < 0 else bound, 0), size)
            for bound in (step.start, size if step.stop is None else step.stop)
        )
        indexes = range(start, stop, step.step)
        self._part(((index, node[index]) for index in through(indexes) if index < size), place, at, level)
        return None

    def _wildcard(self, step: Wildcard, node: Json, place: Place, at: int, level: int) -> _Next:
        if not isinstance(node, dict | list):
            raise PathError(INVALID_WILDCARD if self.enhanced else INVALID_PATH)
        self._part(_ways(node), place, at, level)
        return None

    def _descend(self, step: Descend, node: Json, place: Place, at: int, level: int) -> _Next:
        if self._descents > MAX_DESCENTS:
            raise PathError(TOO_MANY_DESCENTS)
        self._recursive = True
        self._search(node, place, at, level)
        self.matches = _once(self.matches)
        return None

    def _search(self, node: Json, place: Place, at: int, level: int) -> None:
        """Follows the rest of the path from here and from everything below."""
        self.deepest = max(self.deepest, len(place))
        if isinstance(node, dict | list):
            self._attempt(node, place, at, level + 1)
            for key, value in _ways(node):
                self._search(value, (*place, key), at, level)

    def _filtered(self, step: Filtered, node: Json, place: Place, at: int, level: int) -> _Next:
        if step.only_arrays and not isinstance(node, list):
            raise PathError(INVALID_PATH)
        found = self._holding(step.condition, node)
        if isinstance(node, list):
            self._part(((index, node[index]) for index in through(found)), place, at, level)
        elif found and isinstance(node, dict):
            return node, place
        elif found:
            self._attempt(node, place, at, level + 2)
        return None

    # -- filters ------------------------------------------------------------------------------------------------------

    def _holding(self, condition: Condition, node: Json) -> list[int]:
        """The indexes of the elements for which the condition holds; of anything else it is 0, if it holds for that."""
        if isinstance(condition, Either):
            return list(
                dict.fromkeys(
                    index
                    for each in looking(condition.conditions, 100)
                    for index in self._holding(each, node)
                )
            )
        if isinstance(condition, Every):
            found = [self._holding(each, node) for each in looking(condition.conditions, 100)]
            others = [set(indexes) for indexes in found[1:]]
            return [index for index in through(found[0]) if all(index in other for other in others)]
        if isinstance(condition, Exists):
            if not isinstance(node, dict | list):
                raise PathError(INVALID_PATH)
            return [
                at for at, each in _candidates(node) if isinstance(each, dict) and condition.member in each
            ]
        operand = self._value(condition.operand)
        if isinstance(node, dict) and condition.member is None:
            return [0] if "" in node and _comparison(condition.operator, operand)(node[""]) else []
        if not isinstance(node, list) and (condition.inside or condition.at is not None):
            return []
        meets = _test(condition, operand)
        return [at for at, each in _candidates(node) if meets(each)]

    def _value(self, operand: Operand) -> Json:
        if isinstance(operand, Literal):
            return operand.value
        found = Selection(self._root, operand.path).check()
        if len(found.matches) != 1 or isinstance(found.values[0], dict | list):
            raise PathError(INVALID_PATH)
        return found.values[0]


def _once(matches: list[tuple[Place, Json]]) -> list[tuple[Place, Json]]:
    """What is selected, none of it twice."""
    found: dict[Place, Json] = {}
    for part in parts(matches):
        found.update(part)
    return list(through(found.items()))


def _candidates(node: Json) -> Iterator[tuple[int, Json]]:
    """What a condition is about: the elements of an array, anything else itself."""
    return enumerate(through(node if isinstance(node, list) else [node]))


def _test(condition: Comparison, operand: Json) -> Callable[[Json], bool]:
    """Whether the value of `@` is what the condition asks for."""
    holds, member, at = _comparison(condition.operator, operand), condition.member, condition.at
    if condition.inside:
        looks = _any_of(holds)
    elif at is not None:
        looks = _element(at, holds)
    else:
        looks = holds
    if member is None:
        return looks
    return lambda value: isinstance(value, dict) and member in value and looks(value[member])


def _any_of(holds: Callable[[Json], bool]) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, list) and any(map(holds, value))


def _element(at: int, holds: Callable[[Json], bool]) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, list) and -len(value) <= at < len(value) and holds(value[at])


def _comparison(sign: str, operand: Json) -> Callable[[Json], bool]:
    """Compares with values of one type; nothing compares with a value of another."""
    compare, kind = _COMPARE[sign], type(operand)
    if operand is None:
        return lambda value: value is None and sign == "=="
    if isinstance(operand, bool | str):
        return lambda value: type(value) is kind and compare(value, operand)
    if not is_number(operand):
        return lambda value: False
    number = float(operand)

    def holds(value: Json) -> bool:
        if type(value) is int and kind is int:
            return compare(value, operand)
        return is_number(value) and compare(float(value), number)

    return holds


def _ways(node: dict[str, Json] | list[Json]) -> Iterable[tuple[str | int, Json]]:
    """Everything that stands in a container, with its name or index."""
    return through(list(node.items())) if isinstance(node, dict) else enumerate(through(node))


_TAKE: Final[dict[type, Callable[..., _Next]]] = {
    Broken: Selection._broken,
    Dollar: Selection._dollar,
    Name: Selection._name,
    Names: Selection._names,
    Index: Selection._index,
    Indexes: Selection._indexes,
    Slice: Selection._slice,
    Wildcard: Selection._wildcard,
    Descend: Selection._descend,
    Filtered: Selection._filtered,
}


# -- places -----------------------------------------------------------------------------------------------------------


def container_of(root: Json, place: Place) -> dict[str, Json] | list[Json] | None:
    """The container in which there is a place, or could be one for a new member; None if there is none."""
    node = root
    for key in place[:-1]:
        if not has(node, key):
            return None
        node = node[key]  # type: ignore[index] # `has` says that the key fits
    return node if isinstance(node, dict | list) else None


def has(node: Json, key: str | int) -> bool:
    """Whether the container has the member or element."""
    if isinstance(node, dict):
        return key in node
    return isinstance(node, list) and isinstance(key, int) and key < len(node)


def deletion_order(place: Place) -> tuple[int, list[tuple[bool, str | int]]]:
    """Sorts places, descending, so that what is deleted first moves nothing that is deleted later."""
    return len(place), [(isinstance(key, str), key) for key in place]
