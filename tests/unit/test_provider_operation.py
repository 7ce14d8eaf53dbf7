"""Operations: binding, unknown ones, paging, and the checks that the tests run with."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from types import SimpleNamespace
from typing import Any

import pytest

from localstack_memorydb.provider import OPERATIONS, model, paging
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import ClusterNotFoundFault, InvalidParameterValueException
from localstack_memorydb.provider.operation import Operation, operation
from tests.world import World


def test_a_typo_in_the_name_is_an_error() -> None:
    with pytest.raises(TypeError, match="describe_cluster is no operation"):

        @operation
        def describe_cluster(_: Context) -> None: ...


def test_a_typo_in_a_parameter_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"differ in \['cluster', 'cluster_name'\]"):

        @operation
        def list_allowed_node_type_updates(_: Context, cluster: str) -> None: ...


def test_a_forgotten_member_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"differ in \['show_detail'\]"):

        @operation
        def describe_snapshots(
            _: Context, cluster_name: str = "", snapshot_name: str = "", source: str = ""
        ) -> None: ...


@dataclass
class UpdateSubnetGroupRequest:
    subnet_group_name: str
    description: str
    subnet_ids: tuple[str, ...] = ()


def test_a_dataclass_is_held_to_the_same_rules() -> None:
    with pytest.raises(TypeError, match="whether description is required"):

        @operation
        def update_subnet_group(_: Context, request: UpdateSubnetGroupRequest) -> None: ...


def test_an_operation_that_aws_does_not_have(aws: World) -> None:
    assert aws.refused("DescribeCluster") == (
        "UnknownOperationException",
        "The operation DescribeCluster is not known to Amazon MemoryDB.",
    )


def test_every_operation_of_the_model_is_built() -> None:
    assert OPERATIONS.keys() == model.operations().keys()


def test_an_operation_that_is_not_built_says_so(aws: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(OPERATIONS, "CreateUser")
    text = "CreateUser is not implemented by localstack-memorydb 0.1."
    assert aws.refused("CreateUser") == ("NotImplemented", text)


def test_an_undeclared_fault_is_found_out(aws: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Context, **__: Any) -> None:
        raise ClusterNotFoundFault("x")

    present = OPERATIONS["DescribeUsers"]
    monkeypatch.setitem(
        OPERATIONS, "DescribeUsers", Operation(present.model, fail, None, present.order, present.page_size)
    )
    with pytest.raises(TypeError, match="DescribeUsers does not declare ClusterNotFoundFault"):
        aws("DescribeUsers")


def names(count: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(name=f"n{number:03}") for number in range(count)]


def pages(items: list[SimpleNamespace], **params: Any) -> list[list[str]]:
    result, token = [], None
    while True:
        page, token = paging.page(items, lambda item: item.name, {**params, "NextToken": token}, 100)
        result.append([item.name for item in page])
        if token is None:
            return result


def test_pages_hold_everything_once() -> None:
    assert [len(page) for page in pages(names(250))] == [100, 100, 50]
    assert list(chain.from_iterable(pages(names(250), MaxResults=7))) == [item.name for item in names(250)]


def test_a_full_last_page_is_the_last() -> None:
    assert [len(page) for page in pages(names(40), MaxResults=20)] == [20, 20]


def test_what_is_deleted_between_pages_takes_nothing_with_it() -> None:
    items = names(6)
    seen = []
    token = None
    while True:
        page, token = paging.page(items, lambda item: item.name, {"MaxResults": 2, "NextToken": token}, 100)
        seen += [item.name for item in page]
        items = [item for item in items if item not in page]
        if token is None:
            break
    assert seen == [item.name for item in names(6)]


@pytest.mark.parametrize("size", [0, -1, 101])
def test_page_sizes_have_bounds(size: int) -> None:
    with pytest.raises(InvalidParameterValueException, match="MaxResults must be between 1 and 100"):
        paging.page(names(3), lambda item: item.name, {"MaxResults": size}, 100)


def test_strict_page_sizes_begin_at_twenty() -> None:
    with pytest.raises(InvalidParameterValueException, match="between 20 and 100"):
        paging.page(names(3), lambda item: item.name, {"MaxResults": 19}, 100, least=20)


@pytest.mark.parametrize("token", ["x", "e30=", "W10=", "WzEsMl0=", "WzEsMiwzXQ==", "bnVsbA==", "ü"])
def test_a_token_of_another_origin_is_refused(token: str) -> None:
    with pytest.raises(InvalidParameterValueException, match="NextToken is not valid"):
        paging.page(names(3), lambda item: item.name, {"NextToken": token}, 100)


def test_a_token_is_good_for_the_same_question_only() -> None:
    _, token = paging.page(names(3), lambda item: item.name, {"MaxResults": 1, "ClusterName": "a"}, 100)
    with pytest.raises(InvalidParameterValueException):
        paging.page(names(3), lambda item: item.name, {"NextToken": token, "ClusterName": "b"}, 100)


def test_snapshots_come_fifty_a_page(aws: World) -> None:
    assert (OPERATIONS["DescribeSnapshots"].page_size, OPERATIONS["DescribeClusters"].page_size) == (50, 100)
