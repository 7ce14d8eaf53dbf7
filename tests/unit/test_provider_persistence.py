"""State that outlives the provider: everything comes back, what was under way comes to an end, damage is refused."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from localstack_memorydb.engine import Engine, EngineSettings
from localstack_memorydb.provider import Call, Options, StateError
from localstack_memorydb.provider.persistence import StateDirectory
from tests.world import ACCOUNT, REGION, World, say

Start = Callable[..., World]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the emulator on the same directory; the one before is stopped, or killed."""
    running: list[tuple[World, Engine]] = []

    def begin(*, killed: bool = False, **options: Any) -> World:
        now = {"now": running[0][0].now} if running else {}
        end(killed)
        engine = Engine(EngineSettings(bind="auto", data_dir=tmp_path))
        running.append((World(engine, Options(**options), tmp_path, **now), engine))
        return running[0][0]

    def end(killed: bool) -> None:
        for world, engine in running:
            stop(world, killed)
            engine.stop()
        running.clear()

    yield begin
    end(killed=False)


def stop(world: World, killed: bool) -> None:
    provider = world.provider
    if (
        killed
    ):  # nothing is written any more, as when the process dies; the lock and the addresses are free again
        directory, provider._directory = provider._directory, None
        assert directory is not None
        directory.close()
    provider.close(world.now)


def state_file(directory: Path) -> Path:
    (file,) = directory.glob(f"state/{ACCOUNT}/{REGION}.json")
    return file


def everything(aws: World) -> dict[str, Any]:
    """What every Describe operation tells."""
    names = (
        "DescribeClusters DescribeSnapshots DescribeUsers DescribeACLs DescribeParameterGroups DescribeSubnetGroups "
        "DescribeEvents DescribeReservedNodes DescribeMultiRegionClusters DescribeMultiRegionParameterGroups"
    ).split()
    told: dict[str, Any] = {name: aws(name) for name in names}
    told["shards"] = aws("DescribeClusters", ShowShardDetails=True)
    told["parts"] = aws("DescribeSnapshots", ShowDetail=True)
    for members in told.values():
        members.pop("ResponseMetadata", None)
    return told


def populate(aws: World) -> None:
    aws("CreateSubnetGroup", SubnetGroupName="own", SubnetIds=["subnet-a", "subnet-b"], Tags=[{"Key": "a"}])
    aws("CreateParameterGroup", ParameterGroupName="tuned", Family="memorydb_redis7", Description="d")
    aws(
        "UpdateParameterGroup",
        ParameterGroupName="tuned",
        ParameterNameValues=[{"ParameterName": "timeout", "ParameterValue": "30"}],
    )
    aws(
        "CreateUser",
        UserName="alice",
        AccessString="on ~* +@all",
        AuthenticationMode={"Type": "password", "Passwords": ["open-sesame-open-sesame"]},
    )
    aws("CreateACL", ACLName="staff", UserNames=["alice"])
    aws.create_cluster(
        NumShards=2,
        NumReplicasPerShard=1,
        ACLName="staff",
        ParameterGroupName="tuned",
        SubnetGroupName="own",
        Tags=[{"Key": "team", "Value": "blue"}],
    )
    aws.create_snapshot()
    offering = aws("DescribeReservedNodesOfferings")["ReservedNodesOfferings"][0]
    aws("PurchaseReservedNodesOffering", ReservedNodesOfferingId=offering["ReservedNodesOfferingId"])
    aws(
        "CreateMultiRegionCluster",
        MultiRegionClusterNameSuffix="all",
        NodeType="db.r7g.xlarge",
        Engine="valkey",
    )
    everything(aws)


@pytest.mark.parametrize("killed", [False, True])
def test_everything_comes_back_as_it_was(start: Start, killed: bool) -> None:
    aws = start()
    populate(aws)
    before = everything(aws)
    again = start(killed=killed)
    assert everything(again) == before


def test_a_cluster_serves_again_at_its_addresses_with_its_users(start: Start) -> None:
    aws = start()
    populate(aws)
    aws("FailoverShard", ClusterName="orders", ShardName="0002")
    endpoint = aws.cluster()["ClusterEndpoint"]
    nodes = say(aws, "AUTH alice open-sesame-open-sesame", "CLUSTER MYID")
    aws = start()
    answers = say(
        aws,
        "PING",
        "AUTH alice wrong-wrong-wrong-wrong",
        "AUTH alice open-sesame-open-sesame",
        endpoint=endpoint,
    )
    assert answers == [
        "-NOAUTH Authentication required.",
        "-WRONGPASS invalid username-password pair or user is disabled.",
        "+OK",
    ]
    assert say(aws, "AUTH alice open-sesame-open-sesame", "CLUSTER MYID", endpoint=endpoint) == nodes
    assert [shard["Slots"] for shard in aws.cluster()["Shards"]] == ["0-8191", "8192-16383"]


@pytest.mark.parametrize("killed", [False, True])
def test_data_comes_back_whatever_happened_to_the_cluster(start: Start, killed: bool) -> None:
    aws = start()
    aws.create_cluster(NumShards=2, NumReplicasPerShard=1)
    keys = [f"key{number}" for number in range(200)]

    def write(value: str) -> None:
        for shard in aws.cluster()["Shards"]:
            for node in shard["Nodes"]:
                say(aws, *(f"SET {key} {value}" for key in keys), endpoint=node["Endpoint"])

    write("x")
    aws("UpdateCluster", ClusterName="orders", ShardConfiguration={"ShardCount": 3})
    aws.settled_cluster()
    write("xx")
    aws("FailoverShard", ClusterName="orders", ShardName="0001")
    write("xxx")
    aws = start(killed=killed)
    shards = aws.cluster()["Shards"]
    assert len(shards) == 3
    found = [
        answer
        for shard in shards
        for answer in say(aws, *(f"STRLEN {key}" for key in keys), endpoint=shard["Nodes"][0]["Endpoint"])
    ]
    counts = [int(say(aws, "DBSIZE", endpoint=shard["Nodes"][0]["Endpoint"])[0][1:]) for shard in shards]
    assert sum(counts) == len(keys)
    assert not [answer for answer in found if answer != ":3" and not answer.startswith("-MOVED")]


def test_a_cluster_that_is_deleted_leaves_nothing_behind(start: Start, tmp_path: Path) -> None:
    aws = start()
    aws.create_cluster()
    assert [*tmp_path.rglob("*.aof")]
    aws("DeleteCluster", ClusterName="orders")
    aws.finish_work()
    assert not [*tmp_path.glob("clusters/*")]


def test_a_new_cluster_of_the_name_of_an_old_one_is_empty(start: Start) -> None:
    aws = start()
    aws.create_cluster()
    say(aws, "SET greeting hello")
    aws("DeleteCluster", ClusterName="orders")
    aws.finish_work()
    aws.create_cluster()
    aws = start()
    assert say(aws, "DBSIZE") == [":0"]


def test_a_cluster_whose_log_is_damaged_is_not_served(start: Start, tmp_path: Path) -> None:
    aws = start()
    aws.create_cluster()
    say(aws, "SET greeting hello")
    stop(aws, killed=False)
    (log,) = tmp_path.rglob("*.incr.aof")
    log.write_bytes(b"+nonsense\r\n" + log.read_bytes())
    before = log.read_bytes()
    aws = start()
    assert aws("DescribeClusters")["Clusters"][0]["Status"] == "restore-failed"
    assert any("is damaged" in text for text in aws.events())
    assert log.read_bytes() == before


def test_a_snapshot_can_be_restored_after_a_restart(start: Start) -> None:
    aws = start()
    aws.create_cluster(TLSEnabled=True)
    say(aws, "SET greeting hello")
    aws.create_snapshot()
    aws = start(killed=True)
    aws.create_cluster("copy", SnapshotName="nightly")
    assert say(aws, "STRLEN greeting", endpoint=aws.cluster("copy")["ClusterEndpoint"]) == [":5"]


def test_passwords_are_not_on_disk(start: Start, tmp_path: Path) -> None:
    populate(start())
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert b"open-sesame" not in file.read_bytes()
            assert file.name in {"lock", "ca.pem"} or file.stat().st_mode & 0o077 == 0


def test_what_was_being_deleted_is_gone_and_what_was_being_made_is_there(start: Start) -> None:
    aws = start(transition_delay=60.0)
    aws("CreateUser", UserName="bob", AccessString="on", AuthenticationMode={"Type": "iam"})
    aws("CreateUser", UserName="eve", AccessString="on", AuthenticationMode={"Type": "iam"})
    aws("CreateACL", ACLName="staff", UserNames=["bob"])
    aws("CreateCluster", ClusterName="orders", NodeType="db.t4g.small", ACLName="open-access")
    aws("CreateCluster", ClusterName="old", NodeType="db.t4g.small", ACLName="open-access")
    aws.pass_time(seconds=61)
    aws("UpdateACL", ACLName="staff", UserNamesToAdd=["eve"])
    aws("UpdateCluster", ClusterName="orders", ReplicaConfiguration={"ReplicaCount": 2})
    aws("DeleteCluster", ClusterName="old")
    aws = start()
    assert [cluster["Name"] for cluster in aws("DescribeClusters")["Clusters"]] == ["orders"]
    assert aws.cluster()["Status"] == "available"
    assert len(aws.cluster()["Shards"][0]["Nodes"]) in {2, 3}
    (acl,) = aws("DescribeACLs", ACLName="staff")["ACLs"]
    assert (acl["Status"], acl["UserNames"]) == ("active", ["bob", "eve"])


def interrupt(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Makes the saved state one of a moment in the middle of something."""
    file = state_file(directory)
    document = json.loads(file.read_text())
    change(document["store"])
    file.write_text(json.dumps(document))


def test_a_final_snapshot_that_was_not_taken_keeps_its_cluster(start: Start, tmp_path: Path) -> None:
    aws = start()
    aws.create_cluster()
    aws.create_snapshot(name="final")
    stop(aws, killed=False)

    def deleting(store: dict[str, Any]) -> None:
        store["clusters"]["orders"]["status"] = "deleting"
        store["snapshots"]["final"] |= {"status": "creating", "files": []}

    interrupt(tmp_path, deleting)
    aws = start()
    assert aws.cluster()["Status"] == "available"
    assert aws.snapshot("final")["Status"] == "failed"
    assert "Snapshot final failed for node orders-0001-001" in aws.events()


def test_a_restore_that_was_interrupted_has_failed(start: Start, tmp_path: Path) -> None:
    aws = start()
    aws.create_cluster()
    stop(aws, killed=False)
    interrupt(
        tmp_path, lambda store: store["clusters"]["orders"].update(status="creating", restored_from="nightly")
    )
    aws = start()
    assert aws("DescribeClusters")["Clusters"][0]["Status"] == "restore-failed"
    assert "Restore from nightly failed for node orders-0001-001. It was interrupted." in aws.events()


def test_an_export_of_which_nobody_knows_how_far_it_came_has_failed(start: Start, tmp_path: Path) -> None:
    aws = start()
    aws.create_cluster()
    aws.create_snapshot()
    stop(aws, killed=False)
    interrupt(tmp_path, lambda store: store["snapshots"]["nightly"].update(status="copying"))
    aws = start()
    assert aws.snapshot()["Status"] == "available"
    assert "Snapshot nightly failed for node orders-0001-001" in aws.events()


def test_a_cluster_whose_address_is_taken_gets_another(start: Start) -> None:
    aws = start()
    aws.create_cluster()
    endpoint = aws.cluster()["ClusterEndpoint"]
    stop(aws, killed=False)
    with socket.create_server((endpoint["Address"], endpoint["Port"])):
        aws = start()
        after = aws.cluster()["ClusterEndpoint"]
    assert after["Address"] != endpoint["Address"]
    assert say(aws, "PING", endpoint=after) == ["+PONG"]


def test_unchanged_state_is_not_written_again(start: Start, tmp_path: Path) -> None:
    aws = start()
    aws.create_cluster()
    before = state_file(tmp_path).stat().st_ino
    aws("DescribeClusters")
    aws.refused("CreateUser", UserName="alice", AccessString="nonsense")
    assert state_file(tmp_path).stat().st_ino == before


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"{", "cannot be read"),
        (b'{"version": 1}', "cannot be read"),
        (b'{"version": 99, "store": {}}', "is of version 99"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_kept(
    start: Start, tmp_path: Path, content: bytes, text: str
) -> None:
    aws = start()
    aws.create_cluster()
    stop(aws, killed=False)
    file = state_file(tmp_path)
    file.write_bytes(content)
    with closing(StateDirectory(tmp_path)) as directory, pytest.raises(StateError, match=text):
        directory.load()
    assert file.read_bytes() == content


def test_two_emulators_do_not_share_a_directory(start: Start, tmp_path: Path) -> None:
    start()
    with pytest.raises(StateError, match="another emulator uses the data directory"):
        StateDirectory(tmp_path)


def test_a_reset_empties_the_directory_too(start: Start, tmp_path: Path) -> None:
    aws = start()
    populate(aws)
    aws.provider.reset()
    assert not [file for kind in ("json", "rdb", "aof") for file in tmp_path.rglob(f"*.{kind}")]
    assert start()("DescribeClusters")["Clusters"] == []


def test_the_data_of_a_deleted_snapshot_goes(start: Start, tmp_path: Path) -> None:
    aws = start()
    aws.create_cluster()
    say(aws, "SET greeting hello")
    aws.create_snapshot()
    assert len([*tmp_path.glob("snapshots/*.rdb")]) == 1
    aws("DeleteSnapshot", SnapshotName="nightly")
    aws("DescribeSnapshots")
    assert not [*tmp_path.glob("snapshots/*.rdb")]


def test_places_whose_names_look_alike_are_kept_apart(start: Start, tmp_path: Path) -> None:
    places = [("a_b", "c"), ("a", "b_c"), ("a", "global")]
    aws = start()
    for account, region in places:
        aws.at(
            account, region, "CreateCluster", ClusterName="x", NodeType="db.t4g.small", ACLName="open-access"
        )
    aws.finish_work()
    assert len([*tmp_path.glob("clusters/*")]) == len(places)
    aws.provider.close(aws.now)
    again = start()
    for account, region in places:
        (cluster,) = again.at(account, region, "DescribeClusters")["Clusters"]
        assert cluster["ARN"] == f"arn:aws:memorydb:{region}:{account}:cluster/x"


def test_partitions_share_nothing(start: Start) -> None:
    """What there is in every Region is not in those of China, where an account of the same number is another."""

    def names(aws: World, region: str, partition: str) -> list[str]:
        call = Call(ACCOUNT, region, aws.now, partition)
        found = aws.provider.invoke("DescribeMultiRegionClusters", call, {})["MultiRegionClusters"]
        return [each["MultiRegionClusterName"] for each in found]

    aws = start()
    aws("CreateMultiRegionCluster", MultiRegionClusterNameSuffix="shop", NodeType="db.r7g.xlarge")
    assert [len(names(aws, REGION, "aws")), names(aws, "cn-north-1", "aws-cn")] == [1, []]
    aws("CreateACL", ACLName="own")  # a change, so that everything is written
    again = start()
    assert [len(names(again, REGION, "aws")), names(again, "cn-north-1", "aws-cn")] == [1, []]


@pytest.mark.parametrize("name", ["..", "../../outside", "a/b"])
def test_names_in_requests_do_not_lead_out_of_the_directory(start: Start, tmp_path: Path, name: str) -> None:
    aws = start()
    aws.at(name, name, "CreateUser", UserName="bob", AccessString="on", AuthenticationMode={"Type": "iam"})
    aws.at(name, name, "CreateCluster", ClusterName="x", NodeType="db.t4g.small", ACLName="open-access")
    assert {file.parent.parent.name for file in tmp_path.rglob("*.json")} == {"state", "clusters"}
    assert not [*tmp_path.parent.glob("*.json")]
