"""From a function to an operation of the API: @operation binds them by name, `invoke` runs a call.

`create_acl` is CreateACL and its parameter `acl_name` the member ACLName; a name that the model does not have, and
a member that the function does not take, are errors when the module is imported. So no member can be ignored by
oversight. An operation with many members takes them as one dataclass, whose fields are then the names.

A function returns what the one member of its answer holds (for CreateACL an ACL), or, where the answer has several
members, an object with an attribute for each. An operation that lists returns everything; `invoke` cuts the page.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, TypeVar, get_type_hints, overload

from localstack_memorydb.provider import model, paging
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    Fault,
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    NotImplementedFault,
)

F = TypeVar("F", bound=Callable[..., Any])

COMMON_FAULTS: Final = (
    InvalidParameterValueException,
    InvalidParameterCombinationException,
    NotImplementedFault,
)
"""Faults that every operation may raise: the first two are common errors of AWS services, the last is ours."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that is built."""

    model: model.Operation
    function: Callable[..., Any]
    request: type | None
    order: Callable[[Any], Any]
    page_size: int

    def call(self, context: Context, arguments: dict[str, Any]) -> Any:
        """Run the function."""
        if self.request is not None:
            return self.function(context, self.request(**arguments))
        return self.function(context, **arguments)


OPERATIONS: Final[dict[str, Operation]] = {}
"""The operations that are built, by their names in the API."""


def by_name(item: Any) -> str:
    """The usual order of lists."""
    return str(item.name)


@overload
def operation(function: F) -> F: ...


@overload
def operation(*, order: Callable[[Any], Any] = ..., page_size: int = ...) -> Callable[[F], F]: ...


def operation(
    function: F | None = None, *, order: Callable[[Any], Any] = by_name, page_size: int = 100
) -> F | Callable[[F], F]:
    """Declare a function to be the operation of its name. `order` sorts what a paged operation lists."""

    def bind(function: F) -> F:
        bound = _bind(function, order, page_size)
        OPERATIONS[bound.model.name] = bound
        return function

    return bind if function is None else bind(function)


def _bind(function: Callable[..., Any], order: Callable[[Any], Any], page_size: int) -> Operation:
    name = getattr(function, "__name__", "")
    described = next((each for each in model.operations().values() if each.attribute == name), None)
    if described is None:
        raise TypeError(f"{name} is no operation of the API")
    request, taken = _taken(function)
    members = described.parameters
    if taken.keys() != members.keys():
        raise TypeError(f"{name} and the model differ in {sorted(taken.keys() ^ members.keys())}")
    for parameter, has_default in taken.items():
        if has_default == members[parameter].required:
            raise TypeError(f"{name}: the model says otherwise about whether {parameter} is required")
    return Operation(described, function, request, order, page_size)


def _taken(function: Callable[..., Any]) -> tuple[type | None, dict[str, bool]]:
    """The dataclass that the function takes if it does, and its parameters: whether each has a default."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    if len(parameters) == 1:
        request = get_type_hints(function)[parameters[0].name]
        if dataclasses.is_dataclass(request) and isinstance(request, type):
            parameters = list(inspect.signature(request).parameters.values())
            return request, _defaults(parameters)
    return None, _defaults(parameters)


def _defaults(parameters: list[inspect.Parameter]) -> dict[str, bool]:
    return {parameter.name: parameter.default is not parameter.empty for parameter in parameters}


def find(name: str) -> Operation:
    """The operation; a fault says so when the API has none of that name, or this emulator has not built it."""
    described = model.find(name)
    if name not in OPERATIONS:
        raise NotImplementedFault(described.name)
    return OPERATIONS[name]


def invoke(name: str, context: Context, params: Mapping[str, Any]) -> dict[str, Any]:
    """Settle, validate, call, page, render. Raises Fault."""
    context.settle()
    found = find(name)
    arguments = model.validate(found.model, params)
    given = {parameter: value for parameter, value in params.items() if value is not None}
    try:
        result = found.call(context, _without_paging(found.model, arguments))
    except Fault as fault:
        if context.options.check_answers:
            _check_declared(found.model, fault)
        raise
    answer = _answer(found, context, given, result)
    if context.options.check_answers:
        model.check(found.model.output, answer)
    return answer


def _without_paging(described: model.Operation, arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name in described.parameters}


def _answer(found: Operation, context: Context, params: Mapping[str, Any], result: Any) -> dict[str, Any]:
    token = None
    if found.model.paged:
        least = paging.STRICT_LEAST if context.options.strict_paging else 1
        result, token = paging.page(result, found.order, params, found.page_size, least)
    results = found.model.results
    holder = SimpleNamespace(**{results[0].attribute: result}) if len(results) == 1 else result
    answer = {member.name: getattr(holder, member.attribute) for member in results}
    rendered = {
        member.name: model.render(member.shape, answer[member.name])
        for member in results
        if answer[member.name] is not None
    }
    return {**rendered, "NextToken": token} if token else rendered


def _check_declared(described: model.Operation, fault: Fault) -> None:
    if fault.code not in described.faults and not isinstance(fault, COMMON_FAULTS):
        raise TypeError(f"{described.name} does not declare {fault.code}") from fault
