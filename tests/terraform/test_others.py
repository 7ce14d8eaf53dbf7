"""aws_memorydb_subnet_group and aws_memorydb_snapshot."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .test_clusters import NETWORK, cluster
from .workspace import Workspace

pytestmark = pytest.mark.usefixtures("clear")

GROUP = "aws_memorydb_subnet_group.net"
SNAPSHOT = "aws_memorydb_snapshot.test"


def group(*lines: str, subnets: str = "aws_subnet.net[*].id") -> str:
    network = NETWORK.partition('resource "aws_memorydb_subnet_group"')[0].replace(
        "count             = 2", "count             = 3"
    )
    network = network.replace('["us-east-1a", "us-east-1b"]', '["us-east-1a", "us-east-1b", "us-east-1c"]')
    body = "\n".join(lines)
    return f'{network}\nresource "aws_memorydb_subnet_group" "net" {{\n  subnet_ids = {subnets}\n{body}\n}}\n'


def test_a_subnet_group(workspace: Workspace) -> None:
    found = workspace.apply(group('  name = "network"', '  tags = { a = "1" }'))
    made = found[GROUP]
    assert re.fullmatch(r"arn:aws:memorydb:us-east-1:\d{12}:subnetgroup/network", made["arn"])
    assert set(made["subnet_ids"]) == {found[f"aws_subnet.net[{n}]"]["id"] for n in range(3)}
    assert made["vpc_id"] == found["aws_vpc.net"]["id"]
    workspace.import_again(GROUP, "network")
    changed = workspace.apply(
        group('  name = "network"', '  description = "other"', subnets="[aws_subnet.net[2].id]")
    )
    assert (len(changed[GROUP]["subnet_ids"]), changed[GROUP]["description"]) == (1, "other")
    workspace.destroy()
    assert workspace.state() == {}


def test_a_subnet_group_that_disappears(workspace: Workspace, memorydb: Any) -> None:
    configuration = group('  name = "vanishing"')
    workspace.apply(configuration)
    memorydb.delete_subnet_group(SubnetGroupName="vanishing")
    assert "1 to add" in workspace.plan(configuration)


def snapshot(*lines: str) -> str:
    body = "\n".join(["  cluster_name = aws_memorydb_cluster.test.name", *lines])
    return cluster("photographed") + f'resource "aws_memorydb_snapshot" "test" {{\n{body}\n}}\n'


def test_a_snapshot(workspace: Workspace) -> None:
    data = 'data "aws_memorydb_snapshot" "test" {\n  name = aws_memorydb_snapshot.test.name\n}\n'
    found = workspace.apply(snapshot('  name = "picture"', '  tags = { a = "1" }') + data)
    made, source = found[SNAPSHOT], found["aws_memorydb_cluster.test"]
    assert re.fullmatch(r"arn:aws:memorydb:us-east-1:\d{12}:snapshot/picture", made["arn"])
    assert made["source"] == "manual"
    (configuration,) = made["cluster_configuration"]
    for name in (
        "description",
        "engine_version",
        "maintenance_window",
        "node_type",
        "num_shards",
        "parameter_group_name",
    ):
        assert configuration[name] == source[name]
    assert (configuration["port"], configuration["subnet_group_name"]) == (6379, "default")
    shown = found["data.aws_memorydb_snapshot.test"]
    assert {name for name in shown if (shown[name] or None) != (made.get(name) or None)} <= {
        "tags_all",
        "timeouts",
    }
    workspace.import_again(SNAPSHOT, "picture")


def test_tags_of_a_snapshot(workspace: Workspace, memorydb: Any) -> None:
    for tags in ('{ a = "1" }', '{ a = "2", b = "3" }', '{ c = "4" }'):
        found = workspace.apply(snapshot('  name = "tagged"', f"  tags = {tags}"))[SNAPSHOT]
        assert found["tags"] == dict(re.findall(r'(\w) = "(\d)"', tags))
    workspace.destroy(f"-target={SNAPSHOT}")
    assert memorydb.describe_snapshots()["Snapshots"] == []


def test_a_snapshot_that_disappears(workspace: Workspace, memorydb: Any) -> None:
    configuration = snapshot('  name = "vanishing"')
    workspace.apply(configuration)
    memorydb.delete_snapshot(SnapshotName="vanishing")
    assert "1 to add" in workspace.plan(configuration)


@pytest.mark.parametrize(
    ("argument", "pattern"),
    [("", r"terraform-\d+"), ('  name_prefix = "tftest-"', r"tftest-\d+")],
    ids=["generated", "prefix"],
)
def test_names_that_terraform_makes(workspace: Workspace, argument: str, pattern: str) -> None:
    found = workspace.apply(group(argument, subnets="[aws_subnet.net[0].id]") + snapshot(argument))
    assert re.match(pattern, found[GROUP]["name"])
    assert re.match(pattern, found[SNAPSHOT]["name"])


def test_a_snapshot_with_a_key_of_kms(workspace: Workspace) -> None:
    key = 'resource "aws_kms_key" "test" {\n  deletion_window_in_days = 7\n}\n'
    found = workspace.apply(key + snapshot('  name = "locked"', "  kms_key_arn = aws_kms_key.test.arn"))
    assert found[SNAPSHOT]["kms_key_arn"] == found["aws_kms_key.test"]["arn"]
    workspace.import_again(SNAPSHOT, "locked")


def test_tags_and_subnets_of_a_subnet_group(workspace: Workspace) -> None:
    data = f'data "aws_memorydb_subnet_group" "test" {{\n  name = {GROUP}.name\n}}\n'
    for tags, numbers in (
        ('{ a = "1" }', (0,)),
        ('{ a = "2", b = "3" }', (0, 1, 2)),
        ('{ c = "4" }', (1, 2)),
    ):
        subnets = "[" + ", ".join(f"aws_subnet.net[{number}].id" for number in numbers) + "]"
        found = workspace.apply(group('  name = "tagged"', f"  tags = {tags}", subnets=subnets) + data)
        made, shown = found[GROUP], found["data.aws_memorydb_subnet_group.test"]
        assert made["tags"] == dict(re.findall(r'(\w) = "(\d)"', tags))
        assert set(made["subnet_ids"]) == {found[f"aws_subnet.net[{number}]"]["id"] for number in numbers}
        same = ("arn", "description", "subnet_ids", "tags", "vpc_id")
        assert {name: shown[name] for name in same} == {name: made[name] for name in same}
    workspace.import_again(GROUP, "tagged")
