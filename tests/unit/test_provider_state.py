"""The provider as a whole: accounts and Regions apart, reset and close, calls from many threads, state as plain data."""

from __future__ import annotations

import pickle
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from localstack_memorydb.provider import Fault
from tests.world import ACCOUNT, REGION, World

REQUEST = {"NodeType": "db.t4g.small", "ACLName": "open-access", "NumReplicasPerShard": 0}


def test_accounts_and_regions_do_not_see_each_other(aws: World) -> None:
    aws.create_cluster("orders")
    places = [(ACCOUNT, "eu-west-1"), ("999999999999", REGION)]
    for account, region in places:
        assert aws.at(account, region, "DescribeClusters") == {"Clusters": []}
        answer = aws.at(account, region, "CreateCluster", ClusterName="orders", **REQUEST)
        assert answer["Cluster"]["ARN"] == f"arn:aws:memorydb:{region}:{account}:cluster/orders"
    aws("DeleteCluster", ClusterName="orders")
    aws.finish_work()
    for account, region in places:
        (cluster,) = aws.at(account, region, "DescribeClusters")["Clusters"]
        assert is_reachable(cluster["ClusterEndpoint"])


def is_reachable(endpoint: dict[str, object]) -> bool:
    try:
        socket.create_connection((str(endpoint["Address"]), int(str(endpoint["Port"]))), 5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_cluster_is_reachable_until_it_is_deleted(aws: World) -> None:
    endpoint = aws.create_cluster()["ClusterEndpoint"]
    assert is_reachable(endpoint)
    aws("DeleteCluster", ClusterName="orders")
    aws.finish_work()
    assert not is_reachable(endpoint)


def test_reset_forgets_everything_and_goes_on(aws: World) -> None:
    endpoint = aws.create_cluster()["ClusterEndpoint"]
    aws("CreateSnapshot", ClusterName="orders", SnapshotName="nightly")
    aws.provider.reset()
    assert not is_reachable(endpoint)
    assert aws("DescribeClusters")["Clusters"] == aws("DescribeSnapshots")["Snapshots"] == []
    assert aws.create_cluster()["Status"] == "available"


def test_close_frees_the_ports_and_can_be_called_twice(aws: World) -> None:
    endpoint = aws.create_cluster()["ClusterEndpoint"]
    aws.provider.close()
    assert not is_reachable(endpoint)
    aws.provider.close()


def test_of_many_calls_for_one_name_one_succeeds(aws: World) -> None:
    def create(_: int) -> str:
        try:
            aws("CreateCluster", ClusterName="orders", **REQUEST)
        except Fault as fault:
            return fault.code
        return "created"

    with ThreadPoolExecutor(8) as callers:
        results = sorted(callers.map(create, range(8)))
    assert results == ["ClusterAlreadyExistsFault"] * 7 + ["created"]


def test_many_threads_may_call_at_once(aws: World) -> None:
    def story(number: int) -> str:
        aws("CreateCluster", ClusterName=f"c{number}", **REQUEST)
        aws("DescribeClusters", ShowShardDetails=True)
        aws.finish_work()
        aws("DescribeClusters")
        aws("CreateSnapshot", ClusterName=f"c{number}", SnapshotName=f"s{number}")
        aws.finish_work()
        aws("DescribeSnapshots")
        return str(aws("DeleteCluster", ClusterName=f"c{number}")["Cluster"]["Status"])

    with ThreadPoolExecutor(6) as callers:
        assert list(callers.map(story, range(6))) == ["deleting"] * 6
    aws.finish_work()
    assert aws("DescribeClusters")["Clusters"] == []
    assert len(aws("DescribeSnapshots")["Snapshots"]) == 6


@pytest.mark.parametrize(
    "kind",
    [
        "ACLs",
        "Clusters",
        "Events",
        "MultiRegionClusters",
        "ParameterGroups",
        "ReservedNodes",
        "Snapshots",
        "SubnetGroups",
        "Users",
    ],
)
def test_state_is_plain_data(aws: World, kind: str) -> None:
    aws.create_cluster(Tags=[{"Key": "team", "Value": "shop"}])
    aws.create_snapshot()
    mode = {"Type": "password", "Passwords": ["correct-horse-battery"]}
    aws("CreateUser", UserName="alice", AuthenticationMode=mode, AccessString="on")
    aws("CreateMultiRegionCluster", MultiRegionClusterNameSuffix="shop", NodeType="db.r7g.xlarge")
    offering = aws("DescribeReservedNodesOfferings")["ReservedNodesOfferings"][0]["ReservedNodesOfferingId"]
    aws("PurchaseReservedNodesOffering", ReservedNodesOfferingId=offering)
    before = aws(f"Describe{kind}")
    assert before[kind]
    for state in (aws.provider._stores, aws.provider._globals):
        state.update(pickle.loads(pickle.dumps(state)))
    assert aws(f"Describe{kind}") == before
