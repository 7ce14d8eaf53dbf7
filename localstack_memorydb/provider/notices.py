"""Which events of a cluster its SNS topic is told of, and how: https://docs.aws.amazon.com/memorydb/latest/devguide/memorydbsns.html"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from localstack_memorydb.provider.ports import NoSuchTopic, Topics

LOG: Final = logging.getLogger(__name__)

NoticeName: TypeAlias = Literal[
    "AddNodeComplete",
    "AddNodeFailed",
    "ClusterParametersChanged",
    "ClusterProvisioningComplete",
    "ClusterProvisioningFailed",
    "ClusterRestoreFailed",
    "ClusterScalingComplete",
    "ClusterScalingFailed",
    "CreateClusterComplete",
    "CreateClusterFailed",
    "DeleteClusterComplete",
    "FailoverComplete",
    "NodeReplaceComplete",
    "NodeReplaceStarted",
    "RemoveNodeComplete",
    "SnapshotComplete",
    "SnapshotFailed",
]
"""What the guide lists, without the prefix `MemoryDB:`. Replacements of nodes are never scheduled here."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message: what happened to which cluster, for which topic."""

    topic_arn: str
    name: NoticeName
    cluster: str

    @property
    def message(self) -> str:
        """The body, in the form that ElastiCache's notifications have; the guide prints none of MemoryDB's."""
        return json.dumps({f"MemoryDB:{self.name}": self.cluster})


def send(topics: Topics, notice: Notice) -> None:
    """Tell the topic; what cannot be told is logged."""
    try:
        topics.publish(notice.topic_arn, notice.message)
    except NoSuchTopic:
        LOG.warning("no topic %s: %s of %s was not sent", notice.topic_arn, notice.name, notice.cluster)
    except Exception as error:
        LOG.warning(
            "%s of %s was not sent to %s: %s: %s",
            notice.name,
            notice.cluster,
            notice.topic_arn,
            type(error).__name__,
            error,
        )
