"""Which events of a cluster its SNS topic is told of, and how: https://docs.aws.amazon.com/memorydb/latest/devguide/memorydbsns.html"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from localstack_memorydb.provider.ports import NoSuchTopic, Topics

LOG: Final = logging.getLogger(__name__)
_FAREWELL_SECONDS: Final = 1.0

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


class Outbox:
    """Sends notices in order, on a thread of its own: a subscriber that is slow or calls back holds up no operation.

    What cannot be sent is logged and dropped. Without `topics` nothing is sent.
    """

    def __init__(self, topics: Topics | None) -> None:
        self._topics = topics
        self._queue: queue.SimpleQueue[Notice | threading.Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def post(self, notices: Iterable[Notice]) -> None:
        """Have these sent; returns at once. Called under the provider's lock."""
        if self._topics is None:
            return
        for notice in notices:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, args=(self._topics,), name="memorydb-notices", daemon=True
                )
                self._thread.start()
            self._queue.put(notice)

    def _run(self, topics: Topics) -> None:
        while (entry := self._queue.get()) is not None:
            if isinstance(entry, threading.Event):
                entry.set()
            else:
                _send(topics, entry)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until everything that was posted is sent; False when it is not after `timeout` seconds."""
        if self._thread is None:
            return True
        sent = threading.Event()
        self._queue.put(sent)
        return sent.wait(timeout)

    def clear(self) -> None:
        """Forget what is not sent yet."""
        while not self._queue.empty():
            entry = self._queue.get()
            if isinstance(entry, threading.Event):
                entry.set()

    def close(self) -> None:
        """Send what is left as far as that takes no longer than a moment, and end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(_FAREWELL_SECONDS)


def _send(topics: Topics, notice: Notice) -> None:
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
