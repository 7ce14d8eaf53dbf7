"""What reserved nodes can be had: the node types of three families, for one year or three, paid in three ways.

https://docs.aws.amazon.com/memorydb/latest/devguide/nodes.reserved.html. The offerings' identifiers and prices are
AWS's own and not published with the API: identifiers here follow from what is offered, so that they last, and
prices are made up, in proportion to the memory.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.catalog import NodeType

ONE_YEAR: Final = 365 * 24 * 60 * 60
THREE_YEARS: Final = 3 * ONE_YEAR
OFFERING_TYPES: Final = ("No Upfront", "Partial Upfront", "All Upfront")
_FAMILIES: Final = frozenset({"r6g", "r6gd", "r7g"})
_UPFRONT: Final = {"No Upfront": 0.0, "Partial Upfront": 0.5, "All Upfront": 1.0}
_DISCOUNT: Final = {ONE_YEAR: 0.7, THREE_YEARS: 0.5}
_HOURLY_PER_GIBIBYTE: Final = 0.024
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "memorydb.amazonaws.com")


@dataclass(frozen=True, slots=True)
class RecurringCharge:
    """What is paid by the hour."""

    recurring_charge_amount: float
    recurring_charge_frequency: str = "Hourly"


@dataclass(frozen=True, slots=True)
class Offering:
    """An offering, as DescribeReservedNodesOfferings lists it; the duration is in seconds."""

    reserved_nodes_offering_id: str
    node_type: str
    duration: int
    fixed_price: float
    offering_type: str
    recurring_charges: tuple[RecurringCharge, ...]


@cache
def offerings() -> Mapping[str, Offering]:
    """All offerings by identifier."""
    types = [each for each in catalog.node_types().values() if each.generation in _FAMILIES]
    made = [_offering(*each) for each in product(types, _DISCOUNT, OFFERING_TYPES)]
    return {each.reserved_nodes_offering_id: each for each in made}


def _offering(node_type: NodeType, duration: int, offering_type: str) -> Offering:
    identifier = str(uuid.uuid5(_NAMESPACE, f"{node_type.name} {duration} {offering_type}"))
    hourly = node_type.maxmemory / 2**30 * _HOURLY_PER_GIBIBYTE * _DISCOUNT[duration]
    upfront = _UPFRONT[offering_type]
    fixed = round(hourly * upfront * duration / 3600, 2)
    charge = RecurringCharge(round(hourly * (1 - upfront), 4))
    return Offering(identifier, node_type.name, duration, fixed, offering_type, (charge,))
