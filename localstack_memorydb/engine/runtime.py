"""The engine's thread and loop, and the only crossing between threads."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from random import Random, SystemRandom
from typing import Any, TypeVar

from localstack_memorydb.engine import capacity
from localstack_memorydb.engine.certificates import Authority
from localstack_memorydb.engine.client_memory import ClientMemory
from localstack_memorydb.engine.cluster import Cluster, Node, Shard
from localstack_memorydb.engine.crowding import Crowding
from localstack_memorydb.engine.figures import figures_of
from localstack_memorydb.engine.keyspace import Keyspace
from localstack_memorydb.engine.multi_region import ReplicationGroup
from localstack_memorydb.engine.server import Addresses, ClusterServer, clock
from localstack_memorydb.engine.snapshots import dump_shard, load_files, load_indexes, load_libraries
from localstack_memorydb.engine.spec import (
    ClusterLayout,
    ClusterSpec,
    EngineSettings,
    NodeFigures,
    NodeInfo,
    ShardInfo,
    ShardSnapshot,
    UserSpec,
)
from localstack_memorydb.engine.storage import Storage
from localstack_memorydb.engine.usage import (
    available_memory,
    done_since,
    host_figures,
    machine_memory,
    resident_memory,
    share_out,
)
from localstack_memorydb.engine.users import compile_users

T = TypeVar("T")

# The default of 700 makes the collector walk young objects after every few hundred commands.
_GC_THRESHOLD = 50_000
_PATIENCE = 30.0


class Engine:
    """Runs clusters on one thread of this process. Every method may be called from any thread, and blocks.

    Or on the caller's thread, after `start_here`: then only that one may call methods, and clients are served while it is in one.
    """

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.settings = settings or EngineSettings()
        self._authority = Authority.open(self.settings.data_dir, datetime.now(UTC))
        self._addresses = Addresses(self.settings)
        memory = self.settings.memory or machine_memory()
        self.client_memory = ClientMemory(self.settings.client_memory or memory // 4)
        self.crowding = Crowding(memory, resident_memory, available_memory)
        self._clusters: list[ClusterHandle] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._shared_out = 0.0
        self._departed = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def ca_certificate(self) -> bytes:
        """The certificate of the authority that signs the clusters' certificates, PEM."""
        return self._authority.pem

    def rotate_ca(self) -> None:
        """Replaces the authority. Connections stay; whoever connects from now on must trust the new certificate."""

        async def rotate() -> None:
            self._authority.rotate(datetime.now(UTC))

        self.run(rotate())

    def start(self) -> None:
        """Starts the engine's thread; nothing happens when it runs already."""
        with self._lock:
            if self._loop is not None:
                return
            started = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(started,), name="memorydb-engine", daemon=True
            )
            self._thread.start()
            started.wait()

    def start_here(self) -> None:
        """Has the engine work on the calling thread. A process without other threads pays less for each call of the system."""
        self._begin()

    def serve(self, ends: Iterable[signal.Signals]) -> None:
        """Works on the calling thread, the main one, until one of the signals comes. They may be blocked before."""

        async def serve() -> None:
            ended, loop = asyncio.Event(), asyncio.get_running_loop()
            for each in ends:
                loop.add_signal_handler(each, ended.set)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
            await ended.wait()

        self.run(serve())

    def _run(self, started: threading.Event) -> None:
        loop = self._begin()
        loop.call_soon(started.set)
        try:
            loop.run_forever()
        finally:
            self._end(loop)

    def _begin(self) -> asyncio.AbstractEventLoop:
        self._shared_out = time.thread_time()
        self._loop = loop = _new_loop()
        asyncio.set_event_loop(loop)
        gc.set_threshold(_GC_THRESHOLD, 20, 50)
        return loop

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        self._loop = None

    def stop(self) -> None:
        """Closes every cluster and ends the thread; nothing happens when it does not run."""
        for handle in list(self._clusters):
            handle.close()
        with self._lock:
            if self._loop is None:
                return
            if self._thread is None:
                self._end(self._loop)
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the engine's loop and waits for it."""
        if self._loop is None:
            self.start()
        assert self._loop is not None  # noqa: S101 - start() returns when the loop is there
        if self._thread is None:
            return self._loop.run_until_complete(coroutine)
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def create_cluster(self, spec: ClusterSpec, *, returns: bool = False) -> ClusterHandle:
        """Starts a cluster; on return every node listens and every slot is served. Raises AddressError.

        One that `returns` is as it was when it was closed, or when the process died: with its data, and at its former addresses
        as far as they are free. What the data directory does not know begins anew. Raises LogError when it is damaged.
        """
        storage = None
        if self.settings.data_dir is not None and spec.storage:
            storage = Storage(self.settings.data_dir / "clusters" / spec.storage, self.settings.fsync)
        layout = storage.layout() if storage is not None and returns else None
        handle = ClusterHandle(self, spec, storage, layout)
        self.run(handle._open(returns=layout is not None))
        self._clusters.append(handle)
        return handle

    def share_out(self) -> None:
        """Gives every node its part of the time that the engine's thread has worked since the last time, before `figures`."""
        self.run(self._share_out())

    async def _share_out(self) -> None:
        used = time.thread_time()
        nodes = [node for handle in list(self._clusters) for node in handle._cluster.nodes()]
        share_out(used - self._shared_out, nodes, self._departed)
        self._shared_out, self._departed = used, 0


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it exists; it answers half as many requests again as asyncio's own loop."""
    try:
        import uvloop
    except ImportError:  # pragma: no cover - Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class ClusterHandle:
    """A running cluster, as the provider sees it."""

    def __init__(
        self,
        engine: Engine,
        spec: ClusterSpec,
        storage: Storage | None = None,
        layout: ClusterLayout | None = None,
    ) -> None:
        self.spec = spec
        self._engine = engine
        luck = Random(SystemRandom().getrandbits(128))  # noqa: S311 - not secret
        self._cluster = Cluster(spec, luck, clock(), layout)
        self._cluster.clock = time.monotonic
        self._cluster.microseconds = lambda: time.time_ns() // 1000
        self._cluster.switches.sleep = time.sleep
        self._cluster.storage = self._storage = storage
        self._server: ClusterServer
        self._group: ReplicationGroup | None = None
        self._closed = False

    async def _open(self, *, returns: bool) -> None:
        if self._storage is not None and returns:
            self._storage.restore(self._cluster, clock())
        engine = self._engine
        self._server = ClusterServer(
            self._cluster, engine._addresses, engine._authority, engine.client_memory, engine.crowding
        )
        nodes = list(self._cluster.nodes())
        await self._server.open(nodes)
        try:
            self._begin_keeping(returns=returns)
        except BaseException:
            self._server.close(nodes)
            raise

    def _begin_keeping(self, *, returns: bool) -> None:
        if self._storage is not None and returns:
            self._storage.save_topology()  # addresses may be new
        elif self._storage is not None:
            self._storage.create(self._cluster, clock())

    def _keep_topology(self) -> None:
        """Has the cluster's storage, if there is one, take note of which nodes there are, and of their roles."""
        if self._storage is not None:
            self._storage.save_topology()

    def _call(self, function: Callable[[], T]) -> T:
        async def run() -> T:
            return function()

        return self._engine.run(run())

    def _change(self, function: Callable[[], T]) -> T:
        """As _call, for what waits until clients of the cluster are done with what they have begun."""

        async def run() -> T:
            await self._settle()
            return function()

        return self._engine.run(run())

    async def _settle(self) -> None:
        """Gives clients time to be done with what they have begun, while others are served; and not for ever."""
        latest = time.monotonic() + _PATIENCE
        while time.monotonic() < latest and any(shard.work.holder for shard in self._cluster.shards):
            await asyncio.sleep(0)

    def endpoint(self) -> tuple[str, int]:
        """The address that clients are given to find the cluster."""
        return self._cluster.shards[0].nodes[0].address

    def topology(self) -> tuple[ShardInfo, ...]:
        """The shards and nodes as they are now."""
        return self._call(lambda: tuple(_shard_info(shard) for shard in self._cluster.shards))

    def figures(self) -> tuple[NodeFigures, ...]:
        """What every node has counted. Shards are looked at one by one, so that clients need not wait for all of them."""
        shards, host = self._call(lambda: list(self._cluster.shards)), host_figures()
        return tuple(
            figures for shard in shards for figures in self._call(partial(figures_of, shard, host, clock()))
        )

    def reshard(self, shards: int) -> None:
        """Changes the number of shards while clients go on; no key is lost. Raises AddressError, CapacityError."""
        self._engine.run(self._reshard(shards))

    async def _reshard(self, target: int) -> None:
        cluster = self._cluster
        await self._settle()
        capacity.require_shards(cluster, target)
        nodes = len(cluster.shards[0].nodes)
        before = list(cluster.shards)
        added = [cluster.add_shard(nodes, clock()) for _ in range(target - len(cluster.shards))]
        try:
            await self._server.open([node for shard in added for node in shard.nodes])
        except BaseException:
            cluster.shards[:] = before
            raise
        cluster.spread(target)
        gone = cluster.remove_empty(target)
        kept = self._storage is not None and self._storage.keep_all(clock())
        cluster.resume(clock())
        self._server.say_farewell([node for shard in gone for node in shard.nodes])
        if self._storage is not None and kept:
            self._storage.forget(gone)

    def set_replicas(self, replicas: int) -> None:
        """Gives every shard that many replicas. Raises AddressError."""
        self._engine.run(self._set_replicas(replicas))

    async def _set_replicas(self, replicas: int) -> None:
        await self._settle()
        new, gone = self._cluster.set_replicas(replicas, clock())
        try:
            await self._server.open(new)
        except BaseException:
            for node in new:
                node.shard.nodes.remove(node)
            raise
        self._keep_topology()
        self._server.close(gone)

    def failover(self, shard: str) -> None:
        """Makes a replica of the shard its primary. Raises LookupError without such a shard or replica."""
        self._change(lambda: self._failover(shard))

    def _failover(self, shard: str) -> None:
        self._cluster.failover(self._shard(shard))
        self._keep_topology()

    def _shard(self, name: str) -> Any:
        for shard in self._cluster.shards:
            if shard.name == name and shard.replicas:
                return shard
        raise LookupError(name)

    def snapshot(self) -> tuple[ShardSnapshot, ...]:
        """The data of every shard at one moment, as RDB files."""

        async def run() -> tuple[ShardSnapshot, ...]:
            await self._settle()
            dumping = [
                _undertaken(shard, partial(dump_shard, shard, clock())) for shard in self._cluster.shards
            ]
            return tuple([await each for each in dumping])

        return self._engine.run(run())

    def load(self, files: Sequence[bytes]) -> int:
        """Loads RDB files into the cluster's shards, wherever their keys belong; returns the number of keys.

        Keys whose time has passed are dropped. Raises SnapshotError or CapacityError, and then nothing was loaded.
        """
        slots, libraries = load_files(self._cluster, files, clock())
        return self._change(lambda: self._adopt(slots, libraries))

    def _adopt(self, loaded: Keyspace, libraries: Sequence[bytes]) -> int:
        self._cluster.settle()
        capacity.require_loadable(self._cluster, loaded)
        load_libraries(self._cluster, libraries)
        keys = 0
        for number, slot in loaded.filled():
            self._cluster.owner(number).keyspace.take(number, slot)
            keys += len(slot)
        load_indexes(self._cluster, loaded)
        for shard in self._cluster.shards:
            shard.budget.recount()
        if self._storage is not None:
            self._storage.keep_all(clock())
        return keys

    def join(self, group: ReplicationGroup, *, copies: bool) -> None:
        """The cluster replicates with the others of the group, whose data it `copies` unless it has it already.

        It leaves them when it is closed. Raises CapacityError.
        """
        self._change(lambda: self._join(group, copies))
        self._group = group

    def _join(self, group: ReplicationGroup, copies: bool) -> None:
        if copies and group.members:
            files = [dump_shard(shard, clock()).data for shard in group.members[0].shards]
            self._adopt(*load_files(self._cluster, files, clock()))
        group.add(self._cluster)

    def set_parameters(self, parameters: dict[str, str]) -> None:
        """Applies the values of a parameter group."""
        self._change(lambda: self._cluster.set_parameters(parameters))

    def set_users(self, users: Sequence[UserSpec]) -> None:
        """Changes who may connect and what they may do, for connected clients too. Raises AccessStringError.

        Connections of users that are gone are closed; a new password leaves connections alone.
        """
        compiled = compile_users(users, self.spec.engine_version, self.spec.edition)
        self._change(lambda: self._cluster.set_users(compiled))

    def renew(self, spec: ClusterSpec) -> None:
        """Replaces every node by one of another size or engine version: addresses and data stay, clients connect again.

        Raises AccessStringError, AddressError, CapacityError.
        """
        users = compile_users(spec.users, spec.engine_version, spec.edition)
        self._call(lambda: capacity.require_nodes_of(self._cluster, spec.maxmemory))
        self.set_replicas(spec.replicas)
        self._change(lambda: self._cluster.renew(spec, users, clock()))
        self.spec = spec

    def close(self) -> None:
        """Drops every client and frees every port; nothing happens the second time. What is on disk stays there."""
        if self._closed:
            return
        self._closed = True
        self._engine.run(self._close())
        self._engine._clusters.remove(self)

    async def _close(self) -> None:
        await self._settle()
        if self._group is not None:
            self._group.remove(self._cluster)
        for shard in self._cluster.shards:
            shard.scripting.pace.stop()
        self._server.end_farewell()
        self._engine._departed += sum(done_since(node) for node in self._cluster.nodes())
        self._server.close(list(self._cluster.nodes()))
        if self._storage is not None:
            self._storage.close()

    def delete(self) -> None:
        """Closes the cluster and removes what is kept of it."""
        self.close()
        if self._storage is not None:
            self._storage.remove()


def _undertaken(shard: Shard, work: Callable[[], T]) -> asyncio.Future[T]:
    """What the work will have made. It begins at once; the shard's clients wait meanwhile, others do not."""
    made: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def do() -> None:
        try:
            made.set_result(work())
        except Exception as error:
            made.set_exception(error)

    shard.work.undertake(do)
    return made


def _node_info(node: Node) -> NodeInfo:
    return NodeInfo(
        node.name, node.host, node.port, "primary" if node.is_primary else "replica", node.node_id
    )


def _shard_info(shard: Any) -> ShardInfo:
    return ShardInfo(
        shard.name, shard.ranges, tuple(_node_info(node) for node in shard.nodes), len(shard.keyspace)
    )
