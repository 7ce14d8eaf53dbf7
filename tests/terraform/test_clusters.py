"""aws_memorydb_cluster: the rows of the provider's own acceptance tests, as configurations and states."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.hosts.endpoint import ROOT, Endpoint

from .workspace import Workspace

pytestmark = pytest.mark.usefixtures("clear")

NETWORK = """
resource "aws_vpc" "net" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "net" {
  count             = 2
  vpc_id            = aws_vpc.net.id
  cidr_block        = "10.0.${count.index}.0/24"
  availability_zone = ["us-east-1a", "us-east-1b"][count.index]
}

resource "aws_memorydb_subnet_group" "net" {
  subnet_ids = aws_subnet.net[*].id
}
"""

ADDRESS = "aws_memorydb_cluster.test"


def cluster(called: str, /, *lines: str, **changes: str) -> str:
    """A cluster with the base configuration of the acceptance tests, and what a test changes."""
    arguments = {
        "acl_name": '"open-access"',
        "name": f'"{called}"',
        "node_type": '"db.t4g.small"',
        "num_replicas_per_shard": "0",
        "num_shards": "1",
        **changes,
    }
    body = "\n".join([*(f"  {key} = {value}" for key, value in arguments.items() if value), *lines])
    return f'resource "aws_memorydb_cluster" "test" {{\n{body}\n}}\n'


def regional(suffix: str, **changes: str) -> str:
    """A multi-Region cluster with the base configuration of the acceptance tests, and what a test changes."""
    arguments = {"multi_region_cluster_name_suffix": f'"{suffix}"', "node_type": '"db.r7g.xlarge"', **changes}
    body = "\n".join(f"  {key} = {value}" for key, value in arguments.items())
    return f'resource "aws_memorydb_multi_region_cluster" "test" {{\n{body}\n}}\n'


def test_basic(workspace: Workspace) -> None:
    found = workspace.apply(
        NETWORK
        + cluster(
            "basic",
            auto_minor_version_upgrade="false",
            num_replicas_per_shard="",
            num_shards="2",
            snapshot_retention_limit="7",
            subnet_group_name="aws_memorydb_subnet_group.net.id",
        )
    )[ADDRESS]
    assert re.fullmatch(r"arn:aws:memorydb:us-east-1:\d{12}:cluster/basic", found["arn"])
    assert [found["cluster_endpoint"][0]["port"], found["port"]] == [6379, 6379]
    assert (found["id"], found["data_tiering"], found["engine"]) == ("basic", False, "redis")
    assert found["description"] == "Managed by Terraform"
    computed = (
        "engine_version",
        "engine_patch_version",
        "maintenance_window",
        "snapshot_window",
        "parameter_group_name",
    )
    assert all(found[name] for name in computed)
    assert (found["tls_enabled"], found["num_shards"], found["num_replicas_per_shard"]) == (True, 2, 1)
    shards = sorted(found["shards"], key=lambda shard: shard["name"])
    assert [(shard["name"], shard["num_nodes"], shard["slots"]) for shard in shards] == [
        ("0001", 2, "0-8191"),
        ("0002", 2, "8192-16383"),
    ]
    node = min(shards[0]["nodes"], key=lambda row: row["name"])
    assert node["name"] == "basic-0001-001"
    assert node["availability_zone"] in {"us-east-1a", "us-east-1b"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", node["create_time"])
    workspace.import_again(ADDRESS, "basic")


def test_defaults(workspace: Workspace) -> None:
    found = workspace.apply(cluster("defaults", num_replicas_per_shard="", num_shards=""))[ADDRESS]
    names = ("subnet_group_name", "num_replicas_per_shard", "num_shards", "snapshot_retention_limit", "port")
    assert [found[name] for name in names] == ["default", 1, 1, 0, 6379]
    assert (found["auto_minor_version_upgrade"], found["tls_enabled"]) == (True, True)
    workspace.import_again(ADDRESS, "defaults")


def test_disappears(workspace: Workspace, memorydb: Any) -> None:
    configuration = cluster("disappears")
    workspace.apply(configuration)
    memorydb.delete_cluster(ClusterName="disappears")
    assert "1 to add" in workspace.plan(configuration)


@pytest.mark.parametrize(
    ("argument", "pattern"),
    [("", r"terraform-\d+"), ('"tftest-"', r"tftest-\d+")],
    ids=["generated", "prefix"],
)
def test_names_that_terraform_makes(workspace: Workspace, argument: str, pattern: str) -> None:
    assert re.match(pattern, workspace.apply(cluster("", name="", name_prefix=argument))[ADDRESS]["name"])


def test_without_tls(workspace: Workspace) -> None:
    assert workspace.apply(cluster("notls", tls_enabled="false"))[ADDRESS]["tls_enabled"] is False
    workspace.import_again(ADDRESS, "notls")


def test_data_tiering(workspace: Workspace) -> None:
    found = workspace.apply(cluster("tiered", node_type='"db.r6gd.xlarge"', data_tiering="true"))[ADDRESS]
    assert found["data_tiering"] is True
    workspace.import_again(ADDRESS, "tiered")


def test_a_port_of_its_own(workspace: Workspace) -> None:
    found = workspace.apply(cluster("ported", port="9999"))[ADDRESS]
    assert (found["port"], found["cluster_endpoint"][0]["port"]) == (9999, 9999)
    workspace.import_again(ADDRESS, "ported")


def test_a_key_of_kms(workspace: Workspace) -> None:
    key = 'resource "aws_kms_key" "test" {\n  deletion_window_in_days = 7\n}\n'
    found = workspace.apply(key + cluster("encrypted", kms_key_arn="aws_kms_key.test.arn"))
    assert found[ADDRESS]["kms_key_arn"] == found["aws_kms_key.test"]["arn"]
    workspace.import_again(ADDRESS, "encrypted")


def test_from_a_snapshot(workspace: Workspace) -> None:
    second = cluster("second", snapshot_name="aws_memorydb_snapshot.test.name").replace('"test"', '"second"')
    snapshot = (
        'resource "aws_memorydb_snapshot" "test" {\n  cluster_name = aws_memorydb_cluster.test.name\n}\n'
    )
    found = workspace.apply(cluster("first") + snapshot + second)
    assert {ADDRESS, "aws_memorydb_cluster.second"} <= found.keys()


def test_from_files_in_s3(workspace: Workspace, endpoint: Endpoint, memorydb: Any) -> None:
    beside = (
        'data "aws_caller_identity" "me" {\n}\n'
        'resource "aws_s3_bucket" "exports" {\n'
        '  bucket        = "exports-of-${data.aws_caller_identity.me.account_id}"\n'
        "  force_destroy = true\n}\n"
    )
    snapshot = (
        'resource "aws_memorydb_snapshot" "test" {\n  name = "seed"\n'
        "  cluster_name = aws_memorydb_cluster.test.name\n}\n"
    )
    workspace.apply(cluster("seeding"))
    with endpoint.redis("seeding") as client:
        assert client.set("tea", "4.50")
    found = workspace.apply(beside + cluster("seeding") + snapshot)
    bucket = found["aws_s3_bucket.exports"]["bucket"]
    assert bucket == f"exports-of-{found['data.aws_caller_identity.me']['account_id']}"
    memorydb.copy_snapshot(SourceSnapshotName="seed", TargetSnapshotName="exported", TargetBucket=bucket)
    arns = '["${aws_s3_bucket.exports.arn}/exported-0001.rdb"]'
    seeded = cluster("seeded", snapshot_arns=arns).replace('"test"', '"seeded"')
    workspace.apply(beside + cluster("seeding") + snapshot + seeded)
    with endpoint.redis("seeded") as client:
        assert client.get("tea") == b"4.50"


UPDATES = {
    "description": ('"Test 1"', '"Test 2"', '""'),
    "maintenance_window": ('"thu:09:00-thu:10:00"', '"fri:09:00-fri:10:00"'),
    "num_shards": ("1", "2", "1"),
    "num_replicas_per_shard": ("1", "2", "0"),
    "snapshot_retention_limit": ("2", "35", "0"),
    "snapshot_window": ('"00:30-01:30"', '"02:30-03:30"'),
    "node_type": ('"db.t4g.small"', '"db.t4g.medium"'),
}


@pytest.mark.parametrize("attribute", UPDATES)
def test_an_update_in_place(workspace: Workspace, memorydb: Any, attribute: str) -> None:
    created = None
    for value in UPDATES[attribute]:
        found = workspace.apply(cluster("updated", **{attribute: value}))[ADDRESS]
        assert str(found[attribute]) == value.strip('"')
        (described,) = memorydb.describe_clusters(ClusterName="updated", ShowShardDetails=True)["Clusters"]
        first = described["Shards"][0]["Nodes"][0]["CreateTime"]
        assert created in {None, first}
        created = first
    workspace.import_again(ADDRESS, "updated")


def test_security_groups(workspace: Workspace) -> None:
    groups = 'resource "aws_security_group" "test" {\n  count  = 2\n  vpc_id = aws_vpc.net.id\n}\n'
    network = "subnet_group_name = aws_memorydb_subnet_group.net.id"

    def having(ids: str) -> str:
        return NETWORK + groups + cluster("guarded", f"  {network}", security_group_ids=ids)

    for count, ids in ((1, "[aws_security_group.test[0].id]"), (2, "aws_security_group.test[*].id")):
        assert len(workspace.apply(having(ids))[ADDRESS]["security_group_ids"]) == count
    assert "removing all security groups is not possible" in workspace.refused(having("[]"))
    assert len(workspace.apply(having("[aws_security_group.test[1].id]"))[ADDRESS]["security_group_ids"]) == 1
    workspace.import_again(ADDRESS, "guarded")


CUSTOM = {
    "acl_name": """
resource "aws_memorydb_acl" "test" {
  name = "custom"
}
""",
    "parameter_group_name": """
resource "aws_memorydb_parameter_group" "test" {
  name   = "custom"
  family = "memorydb_redis7"
}
""",
}


@pytest.mark.parametrize(
    ("attribute", "values"),
    [
        ("acl_name", ("aws_memorydb_acl.test.name", '"open-access"')),
        (
            "parameter_group_name",
            (
                '"default.memorydb-redis7"',
                "aws_memorydb_parameter_group.test.name",
                '"default.memorydb-redis7"',
            ),
        ),
    ],
)
def test_another_acl_or_parameter_group(
    workspace: Workspace, memorydb: Any, clear: Callable[[], None], attribute: str, values: tuple[str, ...]
) -> None:
    for value in values:
        found = workspace.apply(CUSTOM[attribute] + cluster("dressed", **{attribute: value}))[ADDRESS]
        assert found[attribute] == (value.strip('"') if value.startswith('"') else "custom")
    workspace.import_again(ADDRESS, "dressed")
    clear()
    if attribute == "acl_name":
        memorydb.delete_acl(ACLName="custom")
    else:
        memorydb.delete_parameter_group(ParameterGroupName="custom")


def test_from_redis_to_valkey(workspace: Workspace) -> None:
    for engine, version in (("redis", "7.1"), ("valkey", "7.2")):
        family = "redis" if engine == "redis" else "valkey"
        found = workspace.apply(
            cluster(
                "crossing",
                engine=f'"{engine}"',
                engine_version=f'"{version}"',
                num_shards="2",
                parameter_group_name=f'"default.memorydb-{family}7"',
            )
        )[ADDRESS]
        assert (found["engine"], found["engine_version"]) == (engine, version)
    workspace.import_again(ADDRESS, "crossing")


def test_a_final_snapshot(workspace: Workspace, memorydb: Any) -> None:
    """The one destroy of a cluster that takes as long as the provider wants, so others are destroyed with it."""
    for name in ('"first"', '"last"'):
        workspace.apply(cluster("parting", final_snapshot_name=name))
    workspace.import_again(ADDRESS, "parting", ignored=("final_snapshot_name",))
    member = cluster(
        "member",
        engine="aws_memorydb_multi_region_cluster.test.engine",
        multi_region_cluster_name="aws_memorydb_multi_region_cluster.test.multi_region_cluster_name",
        node_type='"db.r7g.xlarge"',
    ).replace('"test"', '"member"')
    workspace.apply(cluster("parting", final_snapshot_name='"last"') + regional("parting") + member)
    # The provider waits five minutes before it believes that a cluster is gone.
    workspace.destroy()
    assert memorydb.describe_clusters()["Clusters"] == []
    assert memorydb.describe_multi_region_clusters()["MultiRegionClusters"] == []
    assert [row["Name"] for row in memorydb.describe_snapshots()["Snapshots"]] == ["last"]


def test_a_topic(workspace: Workspace) -> None:
    topic = 'resource "aws_sns_topic" "test" {\n}\n'
    for value in ("aws_sns_topic.test.arn", "", "aws_sns_topic.test.arn"):
        found = workspace.apply(topic + cluster("topical", sns_topic_arn=value))
        assert (found[ADDRESS]["sns_topic_arn"] or "") == (
            found["aws_sns_topic.test"]["arn"] if value else ""
        )
    workspace.import_again(ADDRESS, "topical")


def test_tags(workspace: Workspace) -> None:
    for tags in ('{ a = "1" }', '{ a = "2", b = "3" }', '{ c = "4" }'):
        found = workspace.apply(cluster("tagged", tags=tags))[ADDRESS]
        assert found["tags"] == dict(re.findall(r'(\w) = "(\d)"', tags))
    workspace.import_again(ADDRESS, "tagged")


def test_valkey(workspace: Workspace) -> None:
    found = workspace.apply(cluster("valkey", engine='"valkey"', engine_version='"7.2"'))[ADDRESS]
    assert (found["engine"], found["engine_version"]) == ("valkey", "7.2")
    workspace.import_again(ADDRESS, "valkey")


def test_a_destroy_after_the_cluster_is_gone(workspace: Workspace, clear: Callable[[], None]) -> None:
    workspace.apply(NETWORK + cluster("gone", subnet_group_name="aws_memorydb_subnet_group.net.id"))
    clear()
    workspace.destroy()
    assert workspace.state() == {}


def test_the_data_source_is_like_the_resource(workspace: Workspace) -> None:
    data = 'data "aws_memorydb_cluster" "test" {\n  name = aws_memorydb_cluster.test.name\n}\n'
    key = 'resource "aws_kms_key" "test" {\n  deletion_window_in_days = 7\n}\n'
    found = workspace.apply(
        key + cluster("looked-up", tags='{ a = "1" }', kms_key_arn="aws_kms_key.test.arn") + data
    )
    resource, source = found[ADDRESS], found["data.aws_memorydb_cluster.test"]
    only_ours = {"apply_immediately", "name_prefix", "snapshot_arns", "snapshot_name", "tags_all", "timeouts"}
    differing = {name for name in source if (source[name] or None) != (resource.get(name) or None)}
    assert differing <= only_ours, differing


@pytest.mark.short
def test_the_example(workspace: Workspace, endpoint: Endpoint) -> None:
    """What `examples/terraform` says, with the endpoint as its variable."""
    example = (ROOT / "examples" / "terraform" / "main.tf").read_text()
    (workspace.directory / "main.tf").write_text(example)
    variable = f"-var=endpoint={endpoint.url}"
    workspace.terraform("apply", "-auto-approve", "-input=false", "-no-color", variable)
    workspace.terraform("plan", "-detailed-exitcode", "-input=false", "-no-color", variable)
    with endpoint.redis("sessions") as client:
        assert client.set("a", "session")
