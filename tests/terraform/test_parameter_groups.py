"""aws_memorydb_parameter_group."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from .workspace import Workspace

GROUP = "aws_memorydb_parameter_group.test"


@pytest.fixture(autouse=True)
def forget(memorydb: Any) -> Iterator[None]:
    yield
    for group in memorydb.describe_parameter_groups()["ParameterGroups"]:
        if not group["Name"].startswith("default."):
            memorydb.delete_parameter_group(ParameterGroupName=group["Name"])


def group(name: str, parameters: dict[str, str], lines: str = "") -> str:
    blocks = "".join(
        f'  parameter {{\n    name = "{key}"\n    value = "{value}"\n  }}\n'
        for key, value in parameters.items()
    )
    return (
        f'resource "aws_memorydb_parameter_group" "test" {{\n  name = "{name}"\n  family = "memorydb_redis6"\n'
        f"{blocks}{lines}\n}}\n"
    )


def test_a_parameter_group(workspace: Workspace) -> None:
    wanted = {"active-defrag-cycle-max": "70", "active-defrag-cycle-min": "10"}
    data = f'data "aws_memorydb_parameter_group" "test" {{\n  name = {GROUP}.name\n}}\n'
    found = workspace.apply(group("basic", wanted, '  tags = { a = "1" }') + data)
    made = found[GROUP]
    assert re.fullmatch(r"arn:aws:memorydb:us-east-1:\d{12}:parametergroup/basic", made["arn"])
    assert {row["name"]: row["value"] for row in made["parameter"]} == wanted
    assert {row["name"]: row["value"] for row in found[f"data.{GROUP}"]["parameter"]} == wanted
    workspace.import_again(GROUP, "basic")


def test_other_parameters(workspace: Workspace) -> None:
    steps: list[tuple[dict[str, str], int]] = [
        ({}, 0),
        ({"timeout": "0"}, 1),
        ({"timeout": "20"}, 1),
        ({"timeout": "20", "activerehashing": "no"}, 2),
        ({"timeout": "20"}, 1),
        ({}, 0),
    ]
    for parameters, count in steps:
        assert len(workspace.apply(group("changing", parameters))[GROUP]["parameter"]) == count
    workspace.import_again(GROUP, "changing")


def test_a_parameter_group_that_disappears(workspace: Workspace, memorydb: Any) -> None:
    configuration = group("vanishing", {})
    workspace.apply(configuration)
    memorydb.delete_parameter_group(ParameterGroupName="vanishing")
    assert "1 to add" in workspace.plan(configuration)


def test_tags(workspace: Workspace) -> None:
    for tags in ('{ a = "1" }', '{ a = "2", b = "3" }', '{ c = "4" }'):
        found = workspace.apply(group("tagged", {}, f"  tags = {tags}"))[GROUP]
        assert found["tags"] == dict(re.findall(r'(\w) = "(\d)"', tags))
    workspace.destroy()
    assert workspace.state() == {}
