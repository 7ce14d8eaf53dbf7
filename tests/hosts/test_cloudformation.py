"""Stacks with the seven AWS::MemoryDB types: made, changed, replaced and deleted by each host's CloudFormation."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from redis.cluster import RedisCluster

from .endpoint import ROOT, Endpoint

PASSWORD = "correct-horse-battery"
Template = dict[str, Any]


class Stack:
    """A stack of one host; deleted at the end."""

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        self.cloudformation = endpoint.client("cloudformation")
        self.name = name

    def create(self, template: Template, **parameters: str) -> dict[str, str]:
        self.cloudformation.create_stack(
            StackName=self.name, TemplateBody=json.dumps(template), Parameters=pairs(parameters)
        )
        self._wait("stack_create_complete")
        return self.outputs()

    def update(self, template: Template, **parameters: str) -> dict[str, str]:
        self.cloudformation.update_stack(
            StackName=self.name, TemplateBody=json.dumps(template), Parameters=pairs(parameters)
        )
        self._wait("stack_update_complete")
        return self.outputs()

    def deploy(self, kind: str, template: Template, **parameters: str) -> dict[str, str]:
        """By a change set, as the tools do it: the CDK deletes the one of the last time first."""
        names = {"StackName": self.name, "ChangeSetName": "deploy"}
        if kind == "UPDATE":
            self.cloudformation.delete_change_set(StackName=self.name, ChangeSetName="never-made")
            self.cloudformation.delete_change_set(**names)
            with pytest.raises(self.cloudformation.exceptions.ChangeSetNotFoundException):
                self.cloudformation.describe_change_set(**names)
        self.cloudformation.create_change_set(
            **names, ChangeSetType=kind, TemplateBody=json.dumps(template), Parameters=pairs(parameters)
        )
        self.cloudformation.get_waiter("change_set_create_complete").wait(
            **names, WaiterConfig={"Delay": 0.2, "MaxAttempts": 150}
        )
        self.cloudformation.execute_change_set(**names)
        self._wait(f"stack_{kind.lower()}_complete")
        return self.outputs()

    def delete(self) -> None:
        self.cloudformation.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def refusal(self, change: Callable[..., Any], template: Template) -> str:
        """The reason for which a creation or an update did not succeed."""
        with contextlib.suppress(WaiterError):  # of a failed update LocalStack says UPDATE_COMPLETE
            try:
                change(template)
            except ClientError as error:  # moto's CloudFormation answers at once
                return str(error)
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return " ".join(event.get("ResourceStatusReason", "") for event in events)

    def _wait(self, waiter: str) -> None:
        self.cloudformation.get_waiter(waiter).wait(
            StackName=self.name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 150}
        )

    def outputs(self) -> dict[str, str]:
        (stack,) = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}


def pairs(parameters: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]


@pytest.fixture
def stack(endpoint: Endpoint) -> Iterator[Callable[[str], Stack]]:
    stacks: list[Stack] = []

    def named(name: str) -> Stack:
        stacks.append(Stack(endpoint, name))
        return stacks[-1]

    yield named
    for each in stacks:
        each.delete()


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::MemoryDB::{kind}", "Properties": properties}


def output(logical: str, attribute: str) -> dict[str, Any]:
    return {"Value": {"Fn::GetAtt": [logical, attribute]}}


def cluster_template(prefix: str, **properties: Any) -> Template:
    cluster = {"ClusterName": f"{prefix}-cluster", "NodeType": "db.t4g.small", "ACLName": "open-access"}
    return {
        "Resources": {"Cluster": resource("Cluster", **cluster, **properties)},
        "Outputs": {
            "Name": {"Value": {"Ref": "Cluster"}},
            "Address": output("Cluster", "ClusterEndpoint.Address"),
            "Port": output("Cluster", "ClusterEndpoint.Port"),
            "Arn": output("Cluster", "ARN"),
            "Status": output("Cluster", "Status"),
            "Group": output("Cluster", "ParameterGroupStatus"),
        },
    }


def test_the_example_gives_a_cluster_that_its_user_may_use(
    endpoint: Endpoint, stack: Callable[[str], Stack]
) -> None:
    subnets = endpoint.client("ec2").describe_subnets()["Subnets"][:2]
    made = stack("example")
    made.cloudformation.create_stack(
        StackName="example",
        TemplateBody=(ROOT / "examples/cloudformation/template.yaml").read_text(),
        Parameters=pairs({"Password": PASSWORD, "SubnetIds": ",".join(s["SubnetId"] for s in subnets)}),
    )
    made._wait("stack_create_complete")
    outputs = made.outputs()
    with RedisCluster(
        host=outputs["Address"],
        port=int(outputs["Port"]),
        username="shop-application",
        password=PASSWORD,
        ssl=True,
        ssl_ca_data=endpoint.get("/_memorydb/ca.pem").decode(),
    ) as redis:
        assert redis.set("shop:1", "apple")
        assert redis.get("shop:1") == b"apple"
    memorydb = endpoint.client("memorydb")
    (cluster,) = memorydb.describe_clusters(ClusterName="shop")["Clusters"]
    assert (cluster["NumberOfShards"], cluster["ParameterGroupName"], cluster["SubnetGroupName"]) == (
        2,
        "shop-parameters",
        "shop-subnets",
    )
    assert {"Key": "team", "Value": "shop"} in memorydb.list_tags(ResourceArn=outputs["ClusterArn"])[
        "TagList"
    ]


def test_a_deleted_stack_leaves_nothing(endpoint: Endpoint, stack: Callable[[str], Stack]) -> None:
    made = stack("gone")
    made.create(
        {
            "Resources": {
                "User": resource(
                    "User", UserName="gone-user", AccessString="on", AuthenticationMode={"Type": "iam"}
                ),
                "Acl": resource("ACL", ACLName="gone-acl", UserNames=[{"Ref": "User"}]),
                "Cluster": resource(
                    "Cluster", ClusterName="gone-cluster", NodeType="db.t4g.small", ACLName={"Ref": "Acl"}
                ),
                "Snapshot": resource(
                    "Snapshot", SnapshotName="gone-snapshot", ClusterName={"Ref": "Cluster"}
                ),
            }
        }
    )
    made.delete()
    memorydb = endpoint.client("memorydb")
    left = [
        *(each["Name"] for each in memorydb.describe_clusters()["Clusters"]),
        *(each["Name"] for each in memorydb.describe_users()["Users"]),
        *(each["Name"] for each in memorydb.describe_acls()["ACLs"]),
        *(each["Name"] for each in memorydb.describe_snapshots()["Snapshots"]),
    ]
    assert not [name for name in left if name.startswith("gone-")]


def test_refs_and_attributes_of_every_type(stack: Callable[[str], Stack], endpoint: Endpoint) -> None:
    subnets = [each["SubnetId"] for each in endpoint.client("ec2").describe_subnets()["Subnets"][:2]]
    outputs = stack("every").create(
        {
            "Resources": {
                "Subnets": resource("SubnetGroup", SubnetGroupName="every-subnets", SubnetIds=subnets),
                "Parameters": resource(
                    "ParameterGroup",
                    ParameterGroupName="every-parameters",
                    Family="memorydb_redis7",
                    Parameters={"timeout": "30"},
                ),
                "User": resource(
                    "User",
                    UserName="every-user",
                    AccessString="on ~* +@all",
                    AuthenticationMode={"Type": "iam"},
                ),
                "Acl": resource("ACL", ACLName="every-acl", UserNames=[{"Ref": "User"}]),
                "Cluster": resource(
                    "Cluster", ClusterName="every-cluster", NodeType="db.t4g.small", ACLName={"Ref": "Acl"}
                ),
                "Snapshot": resource(
                    "Snapshot", SnapshotName="every-snapshot", ClusterName={"Ref": "Cluster"}
                ),
                "Global": resource(
                    "MultiRegionCluster",
                    MultiRegionClusterNameSuffix="every",
                    NodeType="db.r7g.xlarge",
                    Engine="valkey",
                ),
            },
            "Outputs": {
                **{
                    f"Ref{name}": {"Value": {"Ref": name}}
                    for name in ("Subnets", "Parameters", "User", "Acl", "Cluster", "Snapshot", "Global")
                },
                "SubnetsArn": output("Subnets", "ARN"),
                "ParametersArn": output("Parameters", "ARN"),
                "UserArn": output("User", "Arn"),
                "UserStatus": output("User", "Status"),
                "AclArn": output("Acl", "Arn"),
                "SnapshotSource": output("Snapshot", "Source"),
                "GlobalArn": output("Global", "ARN"),
                "GlobalStatus": output("Global", "Status"),
            },
        }
    )
    assert outputs["RefSubnets"] == "every-subnets"
    assert outputs["RefParameters"] == "every-parameters"
    assert (outputs["RefUser"], outputs["RefAcl"], outputs["RefCluster"]) == (
        "every-user",
        "every-acl",
        "every-cluster",
    )
    assert outputs["RefSnapshot"].endswith(":snapshot/every-snapshot")
    assert outputs["RefGlobal"].endswith("-every")
    assert outputs["SubnetsArn"].endswith(":subnetgroup/every-subnets")
    assert outputs["ParametersArn"].endswith(":parametergroup/every-parameters")
    assert outputs["UserArn"].endswith(":user/every-user")
    assert outputs["AclArn"].endswith(":acl/every-acl")
    assert (outputs["UserStatus"], outputs["SnapshotSource"], outputs["GlobalStatus"]) == (
        "active",
        "manual",
        "available",
    )
    assert outputs["GlobalArn"].endswith("-every")


def test_a_cluster_changes_in_place(endpoint: Endpoint, stack: Callable[[str], Stack]) -> None:
    made = stack("change")
    before = made.create(
        cluster_template("change", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}])
    )
    after = made.update(
        cluster_template(
            "change",
            Description="new",
            NumShards=2,
            NumReplicasPerShard=2,
            MaintenanceWindow="sun:23:00-mon:01:30",
            SnapshotRetentionLimit=3,
            SnapshotWindow="05:00-06:00",
            Tags=[{"Key": "a", "Value": "2"}],
        )
    )
    assert after["Address"] == before["Address"]
    memorydb = endpoint.client("memorydb")
    (cluster,) = memorydb.describe_clusters(ClusterName="change-cluster", ShowShardDetails=True)["Clusters"]
    assert (cluster["Description"], cluster["SnapshotRetentionLimit"]) == ("new", 3)
    assert [len(shard["Nodes"]) for shard in cluster["Shards"]] == [3, 3]
    own = [tag for tag in memorydb.list_tags(ResourceArn=after["Arn"])["TagList"] if tag["Key"] in {"a", "b"}]
    assert own == [{"Key": "a", "Value": "2"}]


def test_a_create_only_property_makes_another_resource(
    endpoint: Endpoint, stack: Callable[[str], Stack]
) -> None:
    made = stack("other")

    def template(name: str) -> Template:
        user = resource("User", UserName=name, AccessString="on ~* +@all", AuthenticationMode={"Type": "iam"})
        return {"Resources": {"User": user}, "Outputs": {"Name": {"Value": {"Ref": "User"}}}}

    assert made.create(template("other-first"))["Name"] == "other-first"
    assert made.update(template("other-second"))["Name"] == "other-second"
    names = {each["Name"] for each in endpoint.client("memorydb").describe_users()["Users"]}
    assert "other-second" in names
    assert "other-first" not in names


def test_groups_users_and_acls_change_in_place(endpoint: Endpoint, stack: Callable[[str], Stack]) -> None:
    made = stack("groups")

    def template(timeout: dict[str, str], access: str, members: list[str]) -> Template:
        users = {
            name: resource(
                "User",
                UserName=f"groups-{name.lower()}",
                AccessString=access,
                AuthenticationMode={"Type": "iam"},
            )
            for name in ("Ann", "Bob")
        }
        group = resource(
            "ParameterGroup",
            ParameterGroupName="groups-parameters",
            Family="memorydb_redis7",
            Parameters=timeout,
        )
        acl = resource("ACL", ACLName="groups-acl", UserNames=[{"Ref": name} for name in members])
        return {"Resources": {**users, "Group": group, "Acl": acl}}

    made.create(template({"timeout": "30", "maxmemory-samples": "5"}, "on ~* +@all", ["Ann"]))
    made.update(template({"timeout": "60"}, "on ~a* +@read", ["Bob"]))
    memorydb = endpoint.client("memorydb")
    values = memorydb.describe_parameters(ParameterGroupName="groups-parameters")["Parameters"]
    assert {
        each["Name"]: each["Value"] for each in values if each["Name"] in {"timeout", "maxmemory-samples"}
    } == {
        "timeout": "60",
        "maxmemory-samples": "3",
    }
    assert "~a*" in memorydb.describe_users(UserName="groups-ann")["Users"][0]["AccessString"]
    assert memorydb.describe_acls(ACLName="groups-acl")["ACLs"][0]["UserNames"] == ["groups-bob"]


def test_a_create_only_property_cannot_change_under_one_name(
    endpoint: Endpoint, stack: Callable[[str], Stack]
) -> None:
    made = stack("same")
    made.create(cluster_template("same"))
    refusal = made.refusal(made.update, cluster_template("same", Port=7000))
    assert "Rename same-cluster and update the stack again." in refusal
    (cluster,) = endpoint.client("memorydb").describe_clusters(ClusterName="same-cluster")["Clusters"]
    assert (cluster["Status"], cluster["ClusterEndpoint"]["Port"]) == ("available", 6379)


def test_a_name_written_in_another_way_is_the_same_name(
    endpoint: Endpoint, stack: Callable[[str], Stack]
) -> None:
    made = stack("written")
    before = cluster_template("written")
    after = cluster_template("written", Description="changed")
    after["Resources"]["Cluster"]["Properties"]["ClusterName"] = {"Fn::Sub": "${AWS::StackName}-cluster"}
    assert made.create(before)["Address"] == made.update(after)["Address"]
    (cluster,) = endpoint.client("memorydb").describe_clusters(ClusterName="written-cluster")["Clusters"]
    assert cluster["Description"] == "changed"


def test_a_stack_that_failed_takes_nothing_of_others_away(
    endpoint: Endpoint, stack: Callable[[str], Stack]
) -> None:
    memorydb = endpoint.client("memorydb")
    memorydb.create_acl(ACLName="others")
    made = stack("failed")
    template = {"Resources": {"Acl": resource("ACL", ACLName="others")}}
    assert "ACL others already exists." in made.refusal(made.create, template)
    made.delete()
    assert memorydb.describe_acls(ACLName="others")["ACLs"][0]["Status"] == "active"
    memorydb.delete_acl(ACLName="others")


def test_an_acl_in_use_gets_another_name(endpoint: Endpoint, stack: Callable[[str], Stack]) -> None:
    made = stack("renamed")

    def template(name: str) -> Template:
        cluster = {"ClusterName": "renamed", "NodeType": "db.t4g.small", "ACLName": {"Ref": "Acl"}}
        return {
            "Resources": {"Acl": resource("ACL", ACLName=name), "Cluster": resource("Cluster", **cluster)}
        }

    made.create(template("renamed-first"))
    made.update(template("renamed-second"))
    memorydb = endpoint.client("memorydb")
    (cluster,) = memorydb.describe_clusters(ClusterName="renamed")["Clusters"]
    assert cluster["ACLName"] == "renamed-second"
    names = {each["Name"] for each in memorydb.describe_acls()["ACLs"]}
    assert {name for name in names if name.startswith("renamed")} == {"renamed-second"}


def test_what_an_update_has_connected_is_deleted(endpoint: Endpoint, stack: Callable[[str], Stack]) -> None:
    made = stack("connect")

    def template(**properties: Any) -> Template:
        group = resource("ParameterGroup", ParameterGroupName="connect-group", Family="memorydb_redis7")
        found = cluster_template("connect", **properties)
        found["Resources"]["Group"] = group
        return found

    made.create(template())
    made.update(template(ParameterGroupName={"Ref": "Group"}))
    made.delete()
    memorydb = endpoint.client("memorydb")
    names = {each["Name"] for each in memorydb.describe_parameter_groups()["ParameterGroups"]}
    assert "connect-group" not in names
    assert "connect-cluster" not in {each["Name"] for each in memorydb.describe_clusters()["Clusters"]}


def test_a_member_of_a_multi_region_cluster(endpoint: Endpoint, stack: Callable[[str], Stack]) -> None:
    made = stack("member")
    node_type = "db.r7g.xlarge"
    shared = resource("MultiRegionCluster", NodeType=node_type, MultiRegionClusterNameSuffix="member")
    template = cluster_template("member", MultiRegionClusterName={"Ref": "Global"})
    template["Resources"]["Cluster"]["Properties"]["NodeType"] = node_type
    template["Resources"]["Global"] = shared
    assert made.create(template)["Name"] == "member-cluster"
    memorydb = endpoint.client("memorydb")
    (cluster,) = memorydb.describe_clusters(ClusterName="member-cluster")["Clusters"]
    assert cluster["MultiRegionClusterName"].endswith("-member")
    made.delete()
    left = memorydb.describe_multi_region_clusters()["MultiRegionClusters"]
    assert not [each for each in left if each["MultiRegionClusterName"].endswith("-member")]
    assert "member-cluster" not in {each["Name"] for each in memorydb.describe_clusters()["Clusters"]}


def test_a_multi_region_cluster_goes_with_its_stack_after_an_update_that_failed(
    endpoint: Endpoint, stack: Callable[[str], Stack]
) -> None:
    made = stack("unnamed")

    def template(node_type: str) -> Template:
        return {"Resources": {"Global": resource("MultiRegionCluster", NodeType=node_type)}}

    made.create(template("db.r7g.xlarge"))
    assert "db.nothing" in made.refusal(made.update, template("db.nothing"))
    made.delete()
    left = endpoint.client("memorydb").describe_multi_region_clusters()["MultiRegionClusters"]
    assert not [each for each in left if each["MultiRegionClusterName"].endswith("global")]


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"NodeType": "db.x1.tiny"}, "db.x1.tiny"),
        ({"Colour": "red"}, "extraneous key [Colour] is not permitted"),
    ],
)
def test_what_cannot_be_made_fails_with_the_reason(
    endpoint: Endpoint, stack: Callable[[str], Stack], properties: dict[str, Any], text: str
) -> None:
    template = cluster_template("wrong")
    template["Resources"]["Cluster"]["Properties"] |= properties
    del template["Outputs"]
    made = stack("wrong")
    assert text in made.refusal(made.create, template)
    clusters = endpoint.client("memorydb").describe_clusters()["Clusters"]
    assert "wrong-cluster" not in [each["Name"] for each in clusters]


def test_change_sets_make_and_change_a_stack(endpoint: Endpoint, stack: Callable[[str], Stack]) -> None:
    made = stack("sets")

    def template(shards: int) -> Template:
        found = cluster_template("sets", NumShards=shards, Description={"Ref": "Text"})
        return {**found, "Description": f"with {shards}", "Parameters": {"Text": {"Type": "String"}}}

    first = made.deploy("CREATE", template(1), Text="one")
    assert (first["Name"], first["Status"]) == ("sets-cluster", "available")
    assert made.deploy("UPDATE", template(2), Text="two") == first
    (cluster,) = endpoint.client("memorydb").describe_clusters(ClusterName="sets-cluster")["Clusters"]
    assert (cluster["NumberOfShards"], cluster["Description"]) == (2, "two")
    (described,) = made.cloudformation.describe_stacks(StackName="sets")["Stacks"]
    assert described["Description"] == "with 2"


def test_a_change_set_changes_a_stack_unless_it_says_that_it_creates_one(
    stack: Callable[[str], Stack], endpoint: Endpoint
) -> None:
    made = stack("typeless")

    def change(name: str, **more: Any) -> None:
        template = {
            "Resources": {"Acl": resource("ACL", ACLName="typeless", Tags=[{"Key": "a", "Value": name}])}
        }
        made.cloudformation.create_change_set(
            StackName="typeless", ChangeSetName=name, TemplateBody=json.dumps(template), **more
        )
        waiter = made.cloudformation.get_waiter("change_set_create_complete")
        waiter.wait(StackName="typeless", ChangeSetName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 150})
        made.cloudformation.execute_change_set(StackName="typeless", ChangeSetName=name)

    with pytest.raises(ClientError, match="does not exist"):
        change("first")
    change("first", ChangeSetType="CREATE")
    made._wait("stack_create_complete")
    change("second")
    made._wait("stack_update_complete")
    with pytest.raises(ClientError, match="exist"):
        change("third", ChangeSetType="CREATE")
    (acl,) = endpoint.client("memorydb").describe_acls(ACLName="typeless")["ACLs"]
    assert endpoint.client("memorydb").list_tags(ResourceArn=acl["ARN"])["TagList"] == [
        {"Key": "a", "Value": "second"}
    ]


def test_an_update_without_changes_is_refused(stack: Callable[[str], Stack]) -> None:
    made = stack("unchanged")
    template = {
        "Parameters": {"Text": {"Type": "String"}},
        "Resources": {"Acl": resource("ACL", ACLName={"Fn::Sub": "unchanged-${Text}"})},
        "Outputs": {"Name": {"Value": {"Ref": "Acl"}}},
    }
    made.create(template, Text="a")
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        made.update(template, Text="a")
    assert made.update(template, Text="b") == {"Name": "unchanged-b"}


def test_what_the_cdk_synthesises_deploys(stack: Callable[[str], Stack]) -> None:
    """The shape of `cdk synth` for a User, an ACL and a Cluster."""
    template = {
        "Resources": {
            "AppUser": {
                **resource(
                    "User",
                    UserName="cdk-user",
                    AccessString="on ~* +@all",
                    AuthenticationMode={"Type": "iam"},
                ),
                "Metadata": {"aws:cdk:path": "Shop/AppUser"},
            },
            "AppAcl": {
                **resource("ACL", ACLName="cdk-acl", UserNames=[{"Ref": "AppUser"}]),
                "Metadata": {"aws:cdk:path": "Shop/AppAcl"},
            },
            "Cache": {
                **resource(
                    "Cluster",
                    ACLName={"Ref": "AppAcl"},
                    ClusterName="cdk-cluster",
                    NodeType="db.t4g.small",
                    NumShards=1,
                    NumReplicasPerShard=0,
                ),
                "Metadata": {"aws:cdk:path": "Shop/Cache"},
            },
        },
        "Outputs": {
            "Endpoint": output("Cache", "ClusterEndpoint.Address"),
            "ClusterName": {"Value": {"Ref": "Cache"}},
        },
        "Conditions": {
            "CDKMetadataAvailable": {"Fn::Or": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}]}
        },
    }
    outputs = stack("cdk").create(template)
    assert outputs["ClusterName"] == "cdk-cluster"
    assert outputs["Endpoint"].startswith("127.")


def test_localstacks_former_engine_deploys_too(start: Callable[..., Endpoint], host: str) -> None:
    if host != "localstack":
        pytest.skip("only LocalStack has two engines")
    endpoint = start(host, env={"PROVIDER_OVERRIDE_CLOUDFORMATION": "engine-legacy"})
    made = Stack(endpoint, "former")
    outputs = made.create(cluster_template("former", NumReplicasPerShard=0))
    assert (outputs["Name"], outputs["Status"]) == ("former-cluster", "available")
    made.update(cluster_template("former", NumReplicasPerShard=1))
    (cluster,) = endpoint.client("memorydb").describe_clusters(ShowShardDetails=True)["Clusters"]
    assert len(cluster["Shards"][0]["Nodes"]) == 2
    refusal = made.refusal(made.update, cluster_template("former", NumReplicasPerShard=1, Port=7000))
    assert "Rename former-cluster and update the stack again." in refusal
    made.delete()
    assert endpoint.client("memorydb").describe_clusters()["Clusters"] == []
