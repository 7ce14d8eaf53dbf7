"""Reserved nodes: what is offered, what is bought, and until when it lasts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import ACCOUNT, REGION, START, World

VALUE = "InvalidParameterValueException"
YEAR = 31536000


def offerings(aws: World, **filters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        answer = aws("DescribeReservedNodesOfferings", **filters, **token)
        found += answer["ReservedNodesOfferings"]
        if "NextToken" not in answer:
            return found
        token = {"NextToken": answer["NextToken"]}


@pytest.fixture
def offering(aws: World) -> dict[str, Any]:
    (found,) = offerings(aws, NodeType="db.r7g.large", Duration="1", OfferingType="Partial Upfront")
    return found


def buy(aws: World, offering: dict[str, Any], **params: Any) -> dict[str, Any]:
    identifier = offering["ReservedNodesOfferingId"]
    return dict(
        aws("PurchaseReservedNodesOffering", ReservedNodesOfferingId=identifier, **params)["ReservedNode"]
    )


def test_three_families_are_offered_in_six_ways(aws: World) -> None:
    found = offerings(aws)
    assert {each["NodeType"].split(".")[1] for each in found} == {"r6g", "r6gd", "r7g"}
    assert len(found) == len({each["ReservedNodesOfferingId"] for each in found}) == 18 * 6


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"Duration": "3"}, 54),
        ({"Duration": "94608000"}, 54),
        ({"OfferingType": "No Upfront"}, 36),
        ({"NodeType": "db.r6gd.xlarge"}, 6),
        ({"NodeType": "db.t4g.small"}, 0),
    ],
)
def test_offerings_can_be_filtered(aws: World, filters: dict[str, str], count: int) -> None:
    assert len(offerings(aws, **filters)) == count


@pytest.mark.parametrize("filters", [{"Duration": "2"}, {"OfferingType": "Light"}])
@pytest.mark.parametrize("operation", ["DescribeReservedNodesOfferings", "DescribeReservedNodes"])
def test_filters_that_are_refused(aws: World, operation: str, filters: dict[str, str]) -> None:
    assert aws.refusal(operation, **filters) == VALUE


def test_unknown_identifiers(aws: World) -> None:
    for operation in ("DescribeReservedNodesOfferings", "PurchaseReservedNodesOffering"):
        assert aws.refusal(operation, ReservedNodesOfferingId="x") == "ReservedNodesOfferingNotFoundFault"
    assert aws.refusal("DescribeReservedNodes", ReservationId="x") == "ReservedNodeNotFoundFault"


def test_a_purchase(aws: World, offering: dict[str, Any]) -> None:
    answer = buy(aws, offering, NodeCount=2)
    assert answer == {
        **offering,
        "ReservationId": "ri-2026-11-23-12-00-00-000",
        "StartTime": START,
        "NodeCount": 2,
        "State": "payment-pending",
        "ARN": f"arn:aws:memorydb:{REGION}:{ACCOUNT}:reservednode/ri-2026-11-23-12-00-00-000",
    }
    assert (answer["Duration"], answer["FixedPrice"] > 0) == (YEAR, True)
    assert aws("DescribeReservedNodes")["ReservedNodes"] == [{**answer, "State": "active"}]


def test_a_reservation_ends(aws: World, offering: dict[str, Any]) -> None:
    buy(aws, offering, ReservationId="Mine", NodeCount=300)
    assert aws.refusal(
        "PurchaseReservedNodesOffering",
        ReservedNodesOfferingId=offering["ReservedNodesOfferingId"],
        ReservationId="more",
    ) == ("ReservedNodeQuotaExceededFault")
    aws.pass_time(seconds=YEAR)
    (node,) = aws("DescribeReservedNodes", ReservationId="mine")["ReservedNodes"]
    assert node["State"] == "retired"
    buy(aws, offering, ReservationId="more")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ReservationId": "mine"}, "ReservedNodeAlreadyExistsFault"),
        ({"NodeCount": 0}, VALUE),
        ({"ReservationId": "a--b"}, VALUE),
        ({"NodeCount": 300}, "ReservedNodeQuotaExceededFault"),
    ],
)
def test_refusals(aws: World, offering: dict[str, Any], request_: dict[str, Any], code: str) -> None:
    buy(aws, offering, ReservationId="mine")
    identifier = offering["ReservedNodesOfferingId"]
    assert (
        aws.refusal("PurchaseReservedNodesOffering", ReservedNodesOfferingId=identifier, **request_) == code
    )


def test_reservations_can_be_filtered(aws: World, offering: dict[str, Any]) -> None:
    buy(aws, offering)
    for filters, count in (
        ({"NodeType": "db.r7g.large", "Duration": "1"}, 1),
        ({"Duration": "3"}, 0),
        ({"ReservedNodesOfferingId": offering["ReservedNodesOfferingId"]}, 1),
        ({"ReservedNodesOfferingId": "another"}, 0),
    ):
        assert len(aws("DescribeReservedNodes", **filters)["ReservedNodes"]) == count
