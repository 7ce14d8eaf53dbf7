"""Reserved nodes: https://docs.aws.amazon.com/memorydb/latest/devguide/nodes.reserved.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from localstack_memorydb.provider import offerings
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    InvalidParameterValueException,
    ReservedNodeAlreadyExistsFault,
    ReservedNodeNotFoundFault,
    ReservedNodeQuotaExceededFault,
    ReservedNodesOfferingNotFoundFault,
)
from localstack_memorydb.provider.offerings import Offering
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.requirements import require_identifier, require_tags
from localstack_memorydb.provider.resources import ReservedNode

T = TypeVar("T", Offering, ReservedNode)
_DURATIONS: Final = {
    "1": offerings.ONE_YEAR,
    "3": offerings.THREE_YEARS,
    str(offerings.ONE_YEAR): offerings.ONE_YEAR,
    str(offerings.THREE_YEARS): offerings.THREE_YEARS,
}


def _by_reservation(node: ReservedNode) -> str:
    return node.reservation_id


def _by_offering(offering: Offering) -> str:
    return offering.reserved_nodes_offering_id


@operation(order=_by_offering)
def describe_reserved_nodes_offerings(
    _: Context,
    reserved_nodes_offering_id: str | None = None,
    node_type: str | None = None,
    duration: str | None = None,
    offering_type: str | None = None,
) -> list[Offering]:
    """The offerings that pass every filter; their prices are invented.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeReservedNodesOfferings.html
    """
    found = list(offerings.offerings().values())
    if reserved_nodes_offering_id is not None:
        found = [_require_offering(reserved_nodes_offering_id)]
    return _filtered(found, node_type, duration, offering_type)


@operation(order=_by_reservation)
def describe_reserved_nodes(
    context: Context,
    reservation_id: str | None = None,
    reserved_nodes_offering_id: str | None = None,
    node_type: str | None = None,
    duration: str | None = None,
    offering_type: str | None = None,
) -> list[ReservedNode]:
    """The reservations that pass every filter.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeReservedNodes.html
    """
    found = list(context.store.reserved_nodes.values())
    if reservation_id is not None:
        node = context.store.reserved_nodes.get(reservation_id.lower())
        if node is None:
            raise ReservedNodeNotFoundFault(f"Reserved node {reservation_id.lower()} not found.")
        found = [node]
    if reserved_nodes_offering_id is not None:
        found = [each for each in found if each.reserved_nodes_offering_id == reserved_nodes_offering_id]
    return [_answer(context, each) for each in _filtered(found, node_type, duration, offering_type)]


def _filtered(
    found: list[T], node_type: str | None, duration: str | None, offering_type: str | None
) -> list[T]:
    """Those that pass every filter. The duration is given in years or in seconds."""
    if duration is not None and duration not in _DURATIONS:
        raise InvalidParameterValueException(
            f"The parameter Duration must be one of {', '.join(_DURATIONS)}."
        )
    if offering_type is not None and offering_type not in offerings.OFFERING_TYPES:
        raise InvalidParameterValueException(
            f"The parameter OfferingType must be one of {', '.join(offerings.OFFERING_TYPES)}."
        )
    return [
        each
        for each in found
        if node_type in {None, each.node_type}
        and (duration is None or _DURATIONS[duration] == each.duration)
        and offering_type in {None, each.offering_type}
    ]


def _require_offering(identifier: str) -> Offering:
    offering = offerings.offerings().get(identifier.lower())
    if offering is None:
        raise ReservedNodesOfferingNotFoundFault(f"Reserved nodes offering {identifier} not found.")
    return offering


def _answer(context: Context, node: ReservedNode) -> ReservedNode:
    """A copy of the reservation, whose time may be over."""
    return replace(node, status="retired" if node.is_over(context.now) else node.status)


@operation
def purchase_reserved_nodes_offering(
    context: Context,
    reserved_nodes_offering_id: str,
    reservation_id: str | None = None,
    node_count: int = 1,
    tags: Sequence[Mapping[str, Any]] = (),
) -> ReservedNode:
    """Reserve nodes; a reservation cannot be given back.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_PurchaseReservedNodesOffering.html
    """
    offering = _require_offering(reserved_nodes_offering_id)
    name = _reservation_id(context, reservation_id)
    if name in context.store.reserved_nodes:
        raise ReservedNodeAlreadyExistsFault(f"Reserved node {name} already exists.")
    if node_count < 1:
        raise InvalidParameterValueException("The parameter NodeCount must be at least 1.")
    present = context.store.reserved_nodes.values()
    reserved = sum(each.node_count for each in present if not each.is_over(context.now))
    if reserved + node_count > context.quotas.reserved_nodes:
        raise ReservedNodeQuotaExceededFault(
            f"The account would have {reserved + node_count} reserved nodes; the quota is "
            f"{context.quotas.reserved_nodes}."
        )
    node = ReservedNode(
        name=name,
        arn=context.store.arn(ReservedNode.kind, name),
        tags=require_tags(context, tags),
        status="payment-pending",
        since=context.now,
        start_time=context.now,
        node_count=node_count,
        reserved_nodes_offering_id=offering.reserved_nodes_offering_id,
        node_type=offering.node_type,
        duration=offering.duration,
        fixed_price=offering.fixed_price,
        offering_type=offering.offering_type,
        recurring_charges=offering.recurring_charges,
    )
    context.store.reserved_nodes[name] = node
    context.transitions.begin(node, "payment-pending", context.now)
    return _answer(context, node)


def _reservation_id(context: Context, given: str | None) -> str:
    """The identifier of the request, or one like those that AWS makes: ri-2022-12-16-00-28-40-600."""
    if given is not None:
        return require_identifier("ReservationId", given)
    return f"ri-{context.now:%Y-%m-%d-%H-%M-%S}-{context.now.microsecond // 1000:03d}"
