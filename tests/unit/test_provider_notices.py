"""What a cluster's SNS topic is told of: https://docs.aws.amazon.com/memorydb/latest/devguide/memorydbsns.html"""

from __future__ import annotations

import logging
import threading

import pytest

from localstack_memorydb.engine import Engine, EngineSettings
from localstack_memorydb.provider import Options
from tests.world import World


def names(aws: World, topic: str) -> list[str]:
    """The names of what the topic was told since the last time; all of it is about `orders`."""
    told = aws.notices(topic)
    assert {cluster for _, cluster in told} <= {"orders"}
    return [name.removeprefix("MemoryDB:") for name, _ in told]


@pytest.fixture
def topic(aws: World) -> str:
    """The topic of a cluster `orders`, which was told of its creation and of nothing else yet."""
    arn = aws.topics.create()
    aws.create_cluster(SnsTopicArn=arn, NumShards=2)
    assert aws.notices(arn) == [
        ("MemoryDB:ClusterParametersChanged", "orders"),
        ("MemoryDB:ClusterProvisioningComplete", "orders"),
        ("MemoryDB:CreateClusterComplete", "orders"),
    ]
    return arn


def test_a_failover(aws: World, topic: str) -> None:
    aws("FailoverShard", ClusterName="orders", ShardName="0001")
    assert names(aws, topic) == ["FailoverComplete", "NodeReplaceStarted", "NodeReplaceComplete"]


def test_a_snapshot_of_every_shard(aws: World, topic: str) -> None:
    aws.create_snapshot()
    assert names(aws, topic) == ["SnapshotComplete"] * 2


def test_nodes_that_come_and_go(aws: World, topic: str) -> None:
    aws("UpdateCluster", ClusterName="orders", ShardConfiguration={"ShardCount": 3})
    aws.settled_cluster()
    assert names(aws, topic) == ["AddNodeComplete"]
    aws("UpdateCluster", ClusterName="orders", ReplicaConfiguration={"ReplicaCount": 0})
    aws.settled_cluster()
    assert names(aws, topic) == ["RemoveNodeComplete"] * 3


def test_another_node_type(aws: World, topic: str) -> None:
    aws("UpdateCluster", ClusterName="orders", NodeType="db.t4g.medium")
    aws.settled_cluster()
    assert names(aws, topic) == ["ClusterScalingComplete"]


def test_another_engine_version_has_no_notice(aws: World) -> None:
    topic = aws.topics.create()
    aws.create_cluster(SnsTopicArn=topic, EngineVersion="7.0")
    aws.notices(topic)
    aws("UpdateCluster", ClusterName="orders", EngineVersion="7.1")
    aws.settled_cluster()
    assert "Succeeded applying modification to engine version to redis 7.1." in aws.events()
    assert names(aws, topic) == []


def test_another_parameter_group_and_other_values(aws: World, topic: str) -> None:
    aws("CreateParameterGroup", ParameterGroupName="own", Family="memorydb_redis7")
    aws("UpdateCluster", ClusterName="orders", ParameterGroupName="own")
    aws.settled_cluster()
    assert names(aws, topic) == ["ClusterParametersChanged"] * 2
    timeout = {"ParameterName": "timeout", "ParameterValue": "20"}
    aws("UpdateParameterGroup", ParameterGroupName="own", ParameterNameValues=[timeout])
    aws.settled_cluster()
    assert names(aws, topic) == ["ClusterParametersChanged"]


def test_the_end_is_told_after_the_final_snapshot(aws: World, topic: str) -> None:
    aws("DeleteCluster", ClusterName="orders", FinalSnapshotName="last")
    aws.finish_work()
    aws("DescribeClusters")
    assert names(aws, topic) == ["SnapshotComplete", "SnapshotComplete", "DeleteClusterComplete"]


def test_data_that_cannot_be_read(aws: World) -> None:
    topic = aws.topics.create()
    aws.buckets.regions["backups"] = "us-east-1"
    aws.buckets.objects["backups", "day.rdb"] = b"no snapshot"
    aws.create_cluster(SnsTopicArn=topic, SnapshotArns=["arn:aws:s3:::backups/day.rdb"])
    assert names(aws, topic) == ["ClusterRestoreFailed"]


def test_addresses_that_are_not_to_be_had() -> None:
    with Engine(EngineSettings(bind="range", port_range=(4620, 4622))) as engine:
        aws = World(engine, Options())
        topic = aws.topics.create()
        aws.create_cluster(SnsTopicArn=topic)
        aws.notices(topic)
        aws("UpdateCluster", ClusterName="orders", ReplicaConfiguration={"ReplicaCount": 5})
        aws.settled_cluster()
        aws.create_cluster("carts", SnsTopicArn=topic)
        assert aws.notices(topic) == [
            ("MemoryDB:AddNodeFailed", "orders"),
            ("MemoryDB:ClusterProvisioningFailed", "carts"),
        ]
        aws.provider.close()


def test_a_topic_that_is_inactive_is_told_nothing(aws: World, topic: str) -> None:
    aws("UpdateCluster", ClusterName="orders", SnsTopicStatus="INACTIVE")
    aws("FailoverShard", ClusterName="orders", ShardName="0001")
    assert names(aws, topic) == []
    aws("UpdateCluster", ClusterName="orders", SnsTopicStatus="ACTIVE")
    aws("FailoverShard", ClusterName="orders", ShardName="0001")
    assert names(aws, topic)[0] == "FailoverComplete"


def test_each_topic_is_told_of_its_own_clusters(aws: World, topic: str) -> None:
    other = aws.topics.create("other")
    aws.create_cluster("carts", SnsTopicArn=other)
    aws.create_cluster("silent")
    told = dict.fromkeys(cluster for arn, said in aws.topics.published for cluster in said.values())
    assert names(aws, topic) == []
    assert list(told) in ([], ["carts"])


def test_a_topic_that_is_gone_does_no_harm(aws: World, topic: str, caplog: pytest.LogCaptureFixture) -> None:
    aws.topics.known.clear()
    with caplog.at_level(logging.WARNING):
        aws("FailoverShard", ClusterName="orders", ShardName="0001")
        assert names(aws, topic) == []
    assert f"no topic {topic}: FailoverComplete of orders was not sent" in caplog.messages
    aws.topics.create()
    aws("FailoverShard", ClusterName="orders", ShardName="0001")
    assert names(aws, topic)[0] == "FailoverComplete"


def test_a_subscriber_that_does_not_answer_holds_up_nobody(
    aws: World, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    publish = aws.topics.publish

    def slowly(topic_arn: str, message: str) -> None:
        assert answered.wait(60)
        publish(topic_arn, message)

    monkeypatch.setattr(aws.topics, "publish", slowly)
    aws("FailoverShard", ClusterName="orders", ShardName="0001")
    assert aws.cluster()["Status"] == "available"
    assert not aws.provider.wait_for_outbox(0)
    answered.set()
    assert names(aws, topic)[0] == "FailoverComplete"
