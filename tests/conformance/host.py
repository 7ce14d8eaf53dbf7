"""A stand-alone host over HTTP, two accounts in it, and requests of every operation."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import cbor2

from localstack_memorydb.integrations.emulator import Emulator
from localstack_memorydb.integrations.moto.http import HttpServer, listen
from localstack_memorydb.integrations.moto.ports import ports
from localstack_memorydb.integrations.moto.server import StandaloneApp, account_of_key
from localstack_memorydb.settings import Settings

ACCOUNT, OTHER = "111111111111", "222222222222"
REGION, OTHER_REGION = "us-east-1", "eu-west-1"
ARN = f"arn:aws:memorydb:{REGION}:{ACCOUNT}"
PASSWORDS = {"Type": "password", "Passwords": ["sixteen-letters-at-least"]}
UPDATE = "memorydb-security"
TAGS = [{"Key": "team", "Value": "shop"}]


class Host:
    """A stand-alone host in this process, and one connection to it."""

    def __init__(self, settings: Settings | None = None) -> None:
        chosen = settings or Settings(check_answers=True, service_updates=(UPDATE,))
        self.emulator = Emulator(chosen, lambda: ports(account_of_key))
        imported = threading.Event()
        imported.set()
        self.listener = listen("127.0.0.1", 0)
        self.server = HttpServer(self.listener, StandaloneApp(self.emulator, imported))
        self.server.start()
        self.connection = http.client.HTTPConnection(*self.listener.getsockname()[:2], timeout=30)
        self.emulator.open()

    def close(self) -> None:
        self.connection.close()
        self.server.stop()
        self.listener.close()
        self.emulator.close()

    @property
    def provider(self) -> Any:
        assert self.emulator._opened is not None
        return self.emulator._opened[1]

    def ask(
        self,
        protocol: str,
        operation: str,
        params: dict[str, Any],
        account: str = ACCOUNT,
        region: str = REGION,
    ) -> tuple[int, dict[str, Any]]:
        headers = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/memorydb/aws4_request"
        }
        if protocol == "json":
            headers |= {
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"AmazonMemoryDB.{operation}",
            }
            self.connection.request("POST", "/", json.dumps(params), headers)
        else:
            headers |= {"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}
            path = f"/service/AmazonMemoryDB/operation/{operation}"
            self.connection.request("POST", path, cbor2.dumps(params), headers)
        with self.connection.getresponse() as answer:
            body = answer.read()
        return answer.status, json.loads(body) if protocol == "json" else cbor2.loads(body)

    def refusal(
        self,
        protocol: str,
        operation: str,
        params: dict[str, Any],
        account: str = ACCOUNT,
        region: str = REGION,
    ) -> tuple[int, str, str]:
        """Status, code and text of an error."""
        status, answer = self.ask(protocol, operation, params, account, region)
        return status, str(answer.get("__type", "none")).rpartition("#")[2], str(answer.get("message"))

    def accepted(self, protocol: str, operation: str, params: dict[str, Any], account: str) -> dict[str, Any]:
        """The answer, once what the call began is done."""
        status, answer = self.ask(protocol, operation, params, account)
        assert status == 200, (operation, answer)
        assert self.provider.wait_for_work(30)
        return answer

    def state(self) -> Any:
        """All that the provider knows of the account that is asked wrongly, in its Region."""
        return plain([self.provider._stores[ACCOUNT, REGION], self.provider._globals[ACCOUNT, "aws"]])


def plain(value: Any) -> Any:
    """A copy made of dictionaries and lists, to compare with a later one."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def cluster(name: str) -> dict[str, Any]:
    return {"ClusterName": name, "NodeType": "db.r7g.large", "ACLName": "open-access"}


def prepare(host: Host, account: str) -> None:
    """Of everything that can be made, an `old` one to work with and a `spare` one to delete."""
    places = [subnet.id for subnet in default_subnets(account)][:2]
    for name in ("old", "spare"):
        for operation, params in (
            (
                "CreateUser",
                {"UserName": name, "AuthenticationMode": PASSWORDS, "AccessString": "on ~* +@all"},
            ),
            ("CreateACL", {"ACLName": name, "UserNames": [name]}),
            ("CreateParameterGroup", {"ParameterGroupName": name, "Family": "memorydb_redis7"}),
            ("CreateSubnetGroup", {"SubnetGroupName": name, "SubnetIds": places}),
            ("CreateCluster", {**cluster(name), "Tags": TAGS}),
            ("CreateSnapshot", {"ClusterName": name, "SnapshotName": name}),
            (
                "CreateMultiRegionCluster",
                {"MultiRegionClusterNameSuffix": name, "NodeType": "db.r7g.xlarge"},
            ),
        ):
            host.accepted("json", operation, params, account)
    reserved = {"ReservedNodesOfferingId": offering(host), "ReservationId": "old"}
    host.accepted("json", "PurchaseReservedNodesOffering", reserved, account)
    host.accepted("json", "DescribeClusters", {}, account)


def default_subnets(account: str) -> list[Any]:
    from moto.ec2.models import ec2_backends

    return list(ec2_backends[account]["us-east-1"].get_default_subnets().values())


def offering(host: Host) -> str:
    answer = host.ask("json", "DescribeReservedNodesOfferings", {"MaxResults": 1}, ACCOUNT)[1]
    return str(answer["ReservedNodesOfferings"][0]["ReservedNodesOfferingId"])


def right_requests(host: Host, account: str) -> dict[str, dict[str, Any]]:
    """A request of every operation, such that one after the other is accepted by an account that is prepared."""
    arn = f"arn:aws:memorydb:us-east-1:{account}:cluster/old"
    places = [subnet.id for subnet in default_subnets(account)][:2]
    offered = offering(host)
    return {
        "CreateUser": {"UserName": "new", "AuthenticationMode": PASSWORDS, "AccessString": "on ~* +@all"},
        "UpdateUser": {"UserName": "old", "AccessString": "on ~* +@read"},
        "DescribeUsers": {"UserName": "old", "Filters": [{"Name": "UserName", "Values": ["old"]}]},
        "CreateACL": {"ACLName": "new", "UserNames": ["old"]},
        "UpdateACL": {"ACLName": "old", "UserNamesToAdd": ["spare"]},
        "DescribeACLs": {"ACLName": "old"},
        "CreateParameterGroup": {"ParameterGroupName": "new", "Family": "memorydb_redis7"},
        "DescribeParameterGroups": {"ParameterGroupName": "old"},
        "DescribeParameters": {"ParameterGroupName": "old"},
        "UpdateParameterGroup": {
            "ParameterGroupName": "old",
            "ParameterNameValues": [{"ParameterName": "timeout", "ParameterValue": "20"}],
        },
        "ResetParameterGroup": {"ParameterGroupName": "old", "ParameterNames": ["timeout"]},
        "CreateSubnetGroup": {"SubnetGroupName": "new", "SubnetIds": places},
        "UpdateSubnetGroup": {"SubnetGroupName": "old", "SubnetIds": places[:1]},
        "DescribeSubnetGroups": {"SubnetGroupName": "old"},
        "CreateCluster": {**cluster("new"), "NumShards": 1, "Tags": TAGS},
        "DescribeClusters": {"ClusterName": "old", "ShowShardDetails": True},
        "UpdateCluster": {
            "ClusterName": "old",
            "Description": "other",
            "ShardConfiguration": {"ShardCount": 2},
        },
        "FailoverShard": {"ClusterName": "old", "ShardName": "0001"},
        "ListAllowedNodeTypeUpdates": {"ClusterName": "old"},
        "DescribeServiceUpdates": {"ClusterNames": ["old"], "Status": ["available"]},
        "BatchUpdateCluster": {
            "ClusterNames": ["old"],
            "ServiceUpdate": {"ServiceUpdateNameToApply": UPDATE},
        },
        "CreateSnapshot": {"ClusterName": "old", "SnapshotName": "new"},
        "CopySnapshot": {"SourceSnapshotName": "old", "TargetSnapshotName": "copy"},
        "DescribeSnapshots": {"SnapshotName": "old", "ShowDetail": True, "Source": "user"},
        "ListTags": {"ResourceArn": arn},
        "TagResource": {"ResourceArn": arn, "Tags": [{"Key": "size", "Value": "xl"}]},
        "UntagResource": {"ResourceArn": arn, "TagKeys": ["size"]},
        "DescribeEngineVersions": {"Engine": "valkey", "DefaultOnly": True},
        "DescribeEvents": {"SourceType": "cluster", "SourceName": "old", "Duration": 60},
        "CreateMultiRegionCluster": {"MultiRegionClusterNameSuffix": "new", "NodeType": "db.r7g.xlarge"},
        "DescribeMultiRegionClusters": {"MultiRegionClusterName": "ldgnf-old", "ShowClusterDetails": True},
        "ListAllowedMultiRegionClusterUpdates": {"MultiRegionClusterName": "ldgnf-old"},
        "UpdateMultiRegionCluster": {"MultiRegionClusterName": "ldgnf-old", "Description": "other"},
        "DescribeMultiRegionParameterGroups": {},
        "DescribeMultiRegionParameters": {
            "MultiRegionParameterGroupName": "default.memorydb-valkey7.multiregion"
        },
        "DescribeReservedNodesOfferings": {"ReservedNodesOfferingId": offered, "Duration": "1"},
        "PurchaseReservedNodesOffering": {"ReservedNodesOfferingId": offered, "ReservationId": "new"},
        "DescribeReservedNodes": {"ReservationId": "old"},
        "DeleteMultiRegionCluster": {"MultiRegionClusterName": "ldgnf-spare"},
        "DeleteCluster": {"ClusterName": "spare", "FinalSnapshotName": "final"},
        "DeleteSnapshot": {"SnapshotName": "spare"},
        "DeleteSubnetGroup": {"SubnetGroupName": "spare"},
        "DeleteParameterGroup": {"ParameterGroupName": "spare"},
        "DeleteACL": {"ACLName": "spare"},
        "DeleteUser": {"UserName": "spare"},
    }


def differences(host: Host, check: Callable[[], Iterator[str]]) -> list[str]:
    """What is not as it should be, and whether the state has changed."""
    before = host.state()
    found = list(check())
    return found if host.state() == before else [*found, "the state has changed"]


NOT_FOUND = {
    "ClusterName": "ClusterNotFoundFault",
    "ACLName": "ACLNotFoundFault",
    "UserName": "UserNotFoundFault",
    "UserNames": "UserNotFoundFault",
    "UserNamesToAdd": "UserNotFoundFault",
    "ParameterGroupName": "ParameterGroupNotFoundFault",
    "SubnetGroupName": "SubnetGroupNotFoundFault",
    "SnapshotName": "SnapshotNotFoundFault",
    "SourceSnapshotName": "SnapshotNotFoundFault",
    "MultiRegionClusterName": "MultiRegionClusterNotFoundFault",
    "MultiRegionParameterGroupName": "MultiRegionParameterGroupNotFoundFault",
    "ReservationId": "ReservedNodeNotFoundFault",
    "ReservedNodesOfferingId": "ReservedNodesOfferingNotFoundFault",
    "ShardName": "ShardNotFoundFault",
}
"""What a member names, by the error that says there is no such thing."""

NEW = {
    "CreateUser": ("UserName", "UserAlreadyExistsFault"),
    "CreateACL": ("ACLName", "ACLAlreadyExistsFault"),
    "CreateParameterGroup": ("ParameterGroupName", "ParameterGroupAlreadyExistsFault"),
    "CreateSubnetGroup": ("SubnetGroupName", "SubnetGroupAlreadyExistsFault"),
    "CreateCluster": ("ClusterName", "ClusterAlreadyExistsFault"),
    "CreateSnapshot": ("SnapshotName", "SnapshotAlreadyExistsFault"),
    "CopySnapshot": ("TargetSnapshotName", "SnapshotAlreadyExistsFault"),
    "CreateMultiRegionCluster": ("MultiRegionClusterNameSuffix", "MultiRegionClusterAlreadyExistsFault"),
    "DeleteCluster": ("FinalSnapshotName", "SnapshotAlreadyExistsFault"),
}
"""The member that names what shall be new, and the error for a name that is taken."""

ARNS = {
    "cluster": "ClusterNotFoundFault",
    "snapshot": "SnapshotNotFoundFault",
    "user": "UserNotFoundFault",
    "acl": "ACLNotFoundFault",
    "subnetgroup": "SubnetGroupNotFoundFault",
    "parametergroup": "ParameterGroupNotFoundFault",
}
