"""A cluster in a directory: its topology in `cluster.json`, and beside it a folder with the log of each shard.

`cluster.json` also says which generation of each shard's files counts. It is replaced in one step, so a change that concerns
several shards, such as resharding, is there after a crash for all of them or for none.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.files import make_private, write_whole
from localstack_memorydb.engine.log import LogError, ShardLog
from localstack_memorydb.engine.registry import GATE_RESTRICTED
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.snapshots import dump_shard, restore_indexes
from localstack_memorydb.engine.spec import ClusterLayout, NodeLayout, ShardLayout, SnapshotError

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Cluster, Shard
    from localstack_memorydb.engine.session import Session

LOG: Final = logging.getLogger(__name__)
VERSION: Final = 1
_SYNC_MILLISECONDS: Final = 1000


class Storage:
    """Where a cluster is kept. `fsync` is `always`, `everysec` or `no`, as of Valkey's appendfsync."""

    def __init__(self, directory: Path, fsync: str) -> None:
        self.directory = directory
        self.fsync = fsync
        self.keeps = True
        """Whether what happens is logged; without that only topology is kept."""
        self.rewrite_percentage, self.rewrite_least = 100, 64 << 20
        self._cluster: Cluster | None = None
        self._synced = 0
        self._behind = False

    # -- coming back --------------------------------------------------------------------------------------------------

    def layout(self) -> ClusterLayout | None:
        """The topology that was kept; None when there is nothing. Raises LogError."""
        document = self._document()
        if document is None:
            return None
        try:
            shards = tuple(_shard(each) for each in document["shards"])
        except (KeyError, TypeError, ValueError) as error:
            raise LogError(f"{self._file} is damaged ({type(error).__name__})") from None
        return ClusterLayout(shards)

    def _document(self) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise LogError(f"{self._file} cannot be read: {error}") from None
        if document.get("version") != VERSION:
            raise LogError(
                f"{self._file} is of version {document.get('version')}, this program knows {VERSION}"
            )
        return document

    @property
    def _file(self) -> Path:
        return self.directory / "cluster.json"

    def restore(self, cluster: Cluster, now: int) -> None:
        """Fills the cluster, which has the layout that was kept, with its data, and logs from now on.

        Raises LogError.
        """
        self._cluster = cluster
        document = self._document() or {}
        generations = {each["number"]: each["generation"] for each in document.get("shards", ())}
        for shard in cluster.shards:
            shard.log = ShardLog(self._folder(shard), generations[shard.number])
            _replay(shard, shard.log, now)
        try:
            self._commit(cluster.shards, now)
        except OSError as error:
            raise LogError(f"{self.directory} cannot be written: {error.strerror}") from None

    def reload(self, shard: Shard, now: int) -> None:
        """Loads a shard's data from its log again, in place of what is in memory. Raises LogError, and then nothing has changed.

        Functions come from there, too. What the log cannot be told, because the disk is full, would be lost.
        """
        log = shard.log
        if log is None or not log.flush() or log.failure is not None:
            raise LogError(f"the log of shard {shard.name} cannot be written")
        log.base()
        keyspace = shard.keyspace
        keyspace.log = None  # what is loaded is in the log
        try:
            keyspace.clear()
            _replay(shard, log, now)
        finally:
            keyspace.log = log if self.keeps else None
            keyspace.observe()
        shard.budget.recount()

    # -- keeping ------------------------------------------------------------------------------------------------------

    def create(self, cluster: Cluster, now: int) -> None:
        """Begins with the cluster as it is; what was kept here before goes. Raises OSError."""
        self._cluster = cluster
        self.remove()
        self._commit(cluster.shards, now)

    def keep_all(self, now: int) -> bool:
        """Takes note of a change that concerns data of several shards; nothing that a client does may come before it.

        False when that fails. What is on disk is then as before, and no shard takes a write until `tick` has caught up.
        """
        if not self.keeps:
            return True
        try:
            self._commit(self._shards, now)
        except OSError as error:
            if not self._behind:
                LOG.error("the cluster in %s cannot be written: %s", self.directory, error.strerror)
            self._behind = True
            for shard in self._shards:
                if shard.log is not None:
                    shard.log.blocked = error.strerror or str(error)
            return False
        self._behind = False
        return True

    def rewrite(self, now: int) -> bool:
        """Makes the logs begin anew, as BGREWRITEAOF does even where nothing is logged at present; False when that fails."""
        if self.keeps:
            return self.keep_all(now)
        done = self.switch(on=True, now=now)
        self.switch(on=False, now=now)
        return done

    def switch(self, *, on: bool, now: int) -> bool:
        """Ends all logging, or begins with it anew; False when that fails."""
        if on == self.keeps:
            return True
        self.keeps = on
        if on:
            self.keeps = self.keep_all(now)
            if self.keeps:
                return True
        for shard in self._shards:
            if shard.log is not None:
                shard.log.stop()
            shard.keyspace.log = None
            shard.keyspace.observe()
        return not on

    def _commit(self, shards: list[Shard], now: int) -> None:
        """Writes the shards anew, then the topology, with which they count. Raises OSError, and then nothing has changed."""
        logs = [self._log(shard) for shard in shards]
        try:
            for shard, log in zip(shards, logs, strict=True):
                log.prepare(dump_shard(shard, now).data)
            self.save_topology()
        except OSError:
            for log in logs:
                log.abandon()
            raise
        for log in logs:
            log.adopt()

    def _log(self, shard: Shard) -> ShardLog:
        """The shard's log; what is written from now on goes there."""
        if shard.log is None:
            shard.log = ShardLog(self._folder(shard), 0)
        shard.keyspace.log = shard.log
        shard.keyspace.observe()
        return shard.log

    @property
    def _shards(self) -> list[Shard]:
        """The shards that are kept: none before the cluster is."""
        return self._cluster.shards if self._cluster is not None else []

    def save_topology(self) -> None:
        """Writes which nodes there are, and which of them serve which slots. Raises OSError."""
        shards = [
            asdict(shard.layout()) | {"generation": shard.log.coming_generation if shard.log else 0}
            for shard in self._shards
        ]
        make_private(self.directory)
        text = json.dumps({"version": VERSION, "shards": shards}, indent=1)
        write_whole(self._file, text.encode())

    def _folder(self, shard: Shard) -> Path:
        return self.directory / shard.name

    def forget(self, shards: list[Shard]) -> None:
        """Removes what is kept of shards that are gone."""
        for shard in shards:
            if shard.log is not None:
                shard.log.close()
                shard.log = shard.keyspace.log = None
            shutil.rmtree(self._folder(shard), ignore_errors=True)

    def tick(self, now: int) -> None:
        """Once a second the disk gets what was written; a log that has grown long is replaced by a snapshot."""
        if self._behind:
            self.keep_all(now)
        for shard in self._shards:
            if shard.log is not None:
                shard.log.flush()
                whole = shard.work.suspended is None
                if self.keeps and whole and shard.log.outgrew(self.rewrite_percentage, self.rewrite_least):
                    shard.work.undertake(partial(self._rewrite, shard, shard.log, now))
        if self.fsync == "everysec" and now - self._synced >= _SYNC_MILLISECONDS:
            self._synced = now
            self.sync()

    def _rewrite(self, shard: Shard, log: ShardLog, now: int) -> None:
        try:
            self._commit([shard], now)
        except OSError as error:
            LOG.warning("the log in %s cannot be made shorter: %s", log.directory, error.strerror)
            log.postpone()

    def sync(self) -> bool:
        """Waits until the disk has everything; False when it does not take it."""
        synced = [shard.log.sync() for shard in self._shards if shard.log is not None]
        return all(synced)

    def sync_shard(self, shard: Shard) -> bool:
        """Waits until the disk has all that happened to the shard; False when it does not take it."""
        return shard.log is not None and shard.log.flush() and shard.log.sync()

    def close(self) -> None:
        """Leaves everything as it is, for the next start."""
        for shard in self._shards:
            if shard.log is not None:
                shard.log.close()

    def remove(self) -> None:
        """Removes everything."""
        shutil.rmtree(self.directory, ignore_errors=True)


def _shard(saved: dict[str, Any]) -> ShardLayout:
    nodes = tuple(NodeLayout(**node) for node in saved["nodes"])
    slots = tuple((int(first), int(last)) for first, last in saved["slots"])
    return ShardLayout(int(saved["number"]), str(saved["shard_id"]), slots, nodes, str(saved["primary"]))


def _replay(shard: Shard, log: ShardLog, now: int) -> None:
    """The snapshot, then every effect since. Raises LogError."""
    cluster, keyspace = shard.cluster, shard.keyspace
    try:
        snapshot = rdb.read(log.base(), cluster.parameters.limits)
        shard.scripting.restore(snapshot.functions, b"flush")
    except rdb.RdbError as error:
        raise LogError(f"the snapshot in {log.directory} cannot be read: {error}") from None
    except CommandError as error:
        raise LogError(f"a function library in {log.directory} cannot be loaded: {error.text}") from None
    for key, value, deadline in snapshot:
        slot = keyspace.of(key)
        slot[key] = value
        if deadline is not None:
            slot.expire(key, deadline)
    _restore_indexes(shard, snapshot)
    session = shard.primary.connect("replay", now)
    session.in_exec = True  # nothing blocks
    session.gates &= ~GATE_RESTRICTED  # what was done was allowed
    try:
        for entry in log.entries():
            _repeat(session, entry, now)
    except CommandError as error:
        raise LogError(f"an entry of the log in {log.directory} cannot be repeated: {error.text}") from None
    finally:
        session.disconnect()
    if keyspace.indexes is not None:
        keyspace.indexes.fill()


def _restore_indexes(shard: Shard, snapshot: rdb.Snapshot) -> None:
    try:
        restore_indexes(shard.cluster, shard.keyspace, snapshot)
    except SnapshotError as error:
        raise LogError(f"shard {shard.name}: {error}") from None


def _repeat(session: Session, entry: list[bytes], now: int) -> None:
    """Runs an effect whatever its time: a key whose time has passed was still there when the effect happened.

    Streams are told the time, as that of deliveries must not lie in the future, and indexes, since theirs is not kept. What expired meanwhile goes when
    everything is there.
    """
    command = session.table.effects.find(entry[0])
    if command is not None and command.subcommands:
        command = command.resolve(entry, session.legacy)
    if command is None:
        raise CommandError("ERR unknown command")
    keys = command.find_keys(entry)
    if keys:
        session.db = session.node.shard.keyspace.slot(key_slot(keys[0]))
    session.now = now if command.group in {"search", "stream"} else 0
    command.run(session, entry)
