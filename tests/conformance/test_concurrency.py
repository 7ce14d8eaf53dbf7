"""Many callers at once: every call is answered, and what is left fits together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from localstack_memorydb.engine import Engine
from localstack_memorydb.provider import Fault
from tests.world import World, open_world

CALLERS = 20
ROUNDS = 40
NAMES = ("one", "two", "three", "four")
PASSWORDS = {"Type": "password", "Passwords": ["sixteen-letters-at-least"]}


@pytest.fixture
def aws() -> Iterator[World]:
    with Engine() as engine:
        yield from open_world(engine)


def at_once(act: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(CALLERS) as callers:
        return list(callers.map(act, range(CALLERS)))


def code(aws: World, operation: str, **params: Any) -> str:
    """`ok`, or the code of the error. Anything but a fault fails the test."""
    try:
        aws(operation, **params)
    except Fault as fault:
        return fault.code
    return "ok"


def calls(random: Random) -> tuple[str, dict[str, Any]]:
    """Any call that makes, changes or deletes a user, an ACL or a cluster of few names."""
    name, user = random.choice(NAMES), random.choice(NAMES)
    return random.choice(
        [
            (
                "CreateUser",
                {"UserName": user, "AuthenticationMode": PASSWORDS, "AccessString": "on ~* +@all"},
            ),
            ("UpdateUser", {"UserName": user, "AccessString": "on ~* +@read"}),
            ("DeleteUser", {"UserName": user}),
            ("CreateACL", {"ACLName": name, "UserNames": [user]}),
            ("UpdateACL", {"ACLName": name, "UserNamesToAdd": [user]}),
            ("UpdateACL", {"ACLName": name, "UserNamesToRemove": [user]}),
            ("DeleteACL", {"ACLName": name}),
            (
                "CreateCluster",
                {"ClusterName": name, "NodeType": "db.t4g.small", "ACLName": name, "NumReplicasPerShard": 0},
            ),
            ("UpdateCluster", {"ClusterName": name, "ACLName": user}),
            ("UpdateCluster", {"ClusterName": name, "ReplicaConfiguration": {"ReplicaCount": 1}}),
            ("UpdateCluster", {"ClusterName": name, "ShardConfiguration": {"ShardCount": 2}}),
            ("CreateSnapshot", {"ClusterName": name, "SnapshotName": user}),
            ("DeleteSnapshot", {"SnapshotName": user}),
            ("FailoverShard", {"ClusterName": name, "ShardName": "0001"}),
            ("DeleteCluster", {"ClusterName": name}),
            ("DescribeClusters", {"ShowShardDetails": True}),
        ]
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_callers_in_each_others_way(aws: World, seed: int) -> None:
    def caller(number: int) -> Counter[str]:
        random = Random(f"{seed} {number}")
        answers: Counter[str] = Counter()
        for _ in range(ROUNDS):
            operation, params = calls(random)
            answers[code(aws, operation, **params)] += 1
        return answers

    total = sum(at_once(caller), Counter[str]())
    assert total["ok"] > CALLERS
    aws.finish_work()
    aws("DescribeClusters")
    aws.finish_work()
    fits_together(aws)


def fits_together(aws: World) -> None:
    """Users, ACLs and clusters tell the same of each other; every cluster runs as it is described."""
    users = {each["Name"]: each for each in aws("DescribeUsers")["Users"]}
    acls = {each["Name"]: each for each in aws("DescribeACLs")["ACLs"]}
    clusters = {each["Name"]: each for each in aws("DescribeClusters", ShowShardDetails=True)["Clusters"]}
    assert {each["Status"] for each in (*users.values(), *acls.values())} == {"active"}
    for name, acl in acls.items():
        assert {user for user, each in users.items() if name in each["ACLNames"]} == set(acl["UserNames"])
        assert {one for one, each in clusters.items() if each["ACLName"] == name} == set(acl["Clusters"])
    fleet = aws.provider._fleet
    assert len(fleet._handles) == len(clusters)
    for cluster in clusters.values():
        assert cluster["Status"] == "available"
        assert "PendingUpdates" not in cluster
        assert len(cluster["Shards"]) == cluster["NumberOfShards"]
        slots = sum(
            int(last) - int(first) + 1
            for shard in cluster["Shards"]
            for first, last in (each.split("-") for each in shard["Slots"].split(","))
        )
        assert slots == 16384
        known = set(fleet._handles[cluster["ARN"]]._cluster.users)
        assert known == set(acls[cluster["ACLName"]]["UserNames"])


@pytest.mark.parametrize(
    ("operation", "params", "again"),
    [
        (
            "CreateCluster",
            {"ClusterName": "orders", "NodeType": "db.t4g.small", "ACLName": "open-access"},
            "ClusterAlreadyExistsFault",
        ),
        (
            "CreateUser",
            {"UserName": "alice", "AuthenticationMode": PASSWORDS, "AccessString": "on ~* +@all"},
            "UserAlreadyExistsFault",
        ),
        ("CreateACL", {"ACLName": "team"}, "ACLAlreadyExistsFault"),
        (
            "CreateParameterGroup",
            {"ParameterGroupName": "own", "Family": "memorydb_redis7"},
            "ParameterGroupAlreadyExistsFault",
        ),
        (
            "CreateMultiRegionCluster",
            {"MultiRegionClusterNameSuffix": "all", "NodeType": "db.r7g.xlarge"},
            "MultiRegionClusterAlreadyExistsFault",
        ),
    ],
)
def test_of_the_same_request_sent_at_once_one_counts(
    aws: World, operation: str, params: dict[str, Any], again: str
) -> None:
    answers = Counter(at_once(lambda _: code(aws, operation, **params)))
    assert answers == {"ok": 1, again: CALLERS - 1}
    aws.finish_work()
    assert len(aws("DescribeClusters")["Clusters"]) == (operation == "CreateCluster")


def test_a_deletion_sent_again(aws: World) -> None:
    """While it lasts it is refused by state, afterwards there is nothing to delete; nothing else goes with it."""
    aws.create_cluster("kept", NumReplicasPerShard=0)
    aws.create_cluster("gone", NumReplicasPerShard=0)
    answers = Counter(at_once(lambda _: code(aws, "DeleteCluster", ClusterName="gone")))
    assert answers["ok"] == 1
    assert answers.keys() <= {"ok", "InvalidClusterStateFault", "ClusterNotFoundFault"}
    aws.finish_work()
    assert [each["Name"] for each in aws("DescribeClusters")["Clusters"]] == ["kept"]


def test_a_hundred_clusters_at_once(aws: World) -> None:
    def some(number: int) -> None:
        for turn in range(5):
            aws(
                "CreateCluster",
                ClusterName=f"c{number}-{turn}",
                NodeType="db.t4g.small",
                ACLName="open-access",
                NumReplicasPerShard=0,
                TLSEnabled=False,
            )

    at_once(some)
    aws.finish_work()
    clusters = aws("DescribeClusters")["Clusters"]
    assert {each["Status"] for each in clusters} == {"available"}
    assert len({each["ClusterEndpoint"]["Address"] for each in clusters}) == len(clusters) == 5 * CALLERS
    at_once(lambda number: [aws("DeleteCluster", ClusterName=f"c{number}-{turn}") for turn in range(5)])
    aws.finish_work()
    assert aws("DescribeClusters")["Clusters"] == []
    assert aws.provider._fleet._handles == {}
