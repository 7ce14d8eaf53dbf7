"""Clusters, shards and nodes: topology, slot map, roles, and what a change of them does to connected clients. No sockets.

The shard owns the data; its nodes are views of it. A replica that never lags needs no copy: it answers from the shard's
own keyspace, so a replica costs neither memory nor time, and a failover loses nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from localstack_memorydb.engine import broadcast
from localstack_memorydb.engine.activity import Written
from localstack_memorydb.engine.client_eviction import ClientLimit
from localstack_memorydb.engine.clients import client_type
from localstack_memorydb.engine.errors import ClusterDown, CommandError, Moved
from localstack_memorydb.engine.eviction import Budget
from localstack_memorydb.engine.expiry import Expiry
from localstack_memorydb.engine.giving_way import LongWork
from localstack_memorydb.engine.keyspace import Keyspace
from localstack_memorydb.engine.lua.scripting import Scripting, Scripts
from localstack_memorydb.engine.notifications import Notifier
from localstack_memorydb.engine.parameters import Parameters
from localstack_memorydb.engine.pausing import Pause
from localstack_memorydb.engine.registry import (
    GATE_BUSY,
    GATE_MEMORY,
    GATE_MONITORED,
    GATE_PAUSED,
    GATE_REPLICA,
    GATE_TIMED,
    command_table,
)
from localstack_memorydb.engine.resp import Push
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.slots import SLOTS, Range, even_ranges, key_slot, plan_reshard, to_ranges
from localstack_memorydb.engine.spec import ClusterLayout, NodeLayout, ShardLayout
from localstack_memorydb.engine.stats import LONG_PACKET, Bursts, NodeStats
from localstack_memorydb.engine.switches import Switches
from localstack_memorydb.engine.turns import resume, rouse
from localstack_memorydb.engine.usage import Packets, Work
from localstack_memorydb.engine.users import AccessLog, User, compile_users

if TYPE_CHECKING:
    from localstack_memorydb.engine.log import ShardLog
    from localstack_memorydb.engine.multi_region import ReplicationGroup
    from localstack_memorydb.engine.spec import ClusterSpec
    from localstack_memorydb.engine.storage import Storage

# The cluster bus of managed clusters is announced on this port; nothing listens on it here.
BUS_PORT = 1122

_LONGEST_CODE = 32  # networking.c: afterErrorReply
_MOST_CODES = 10_000  # scripts may make up as many as they like
_OTHER_CODES = "ERRORSTATS_OVERFLOW"


class Node:
    """One endpoint of a shard. `host` and `port` are what clients are told; they are set once it listens."""

    def __init__(self, shard: Shard, name: str, now: int) -> None:
        self.shard = shard
        self.cluster = shard.cluster
        self.name = name
        self.node_id = f"{self.cluster.random.getrandbits(160):040x}"
        self.run_id = f"{self.cluster.random.getrandbits(160):040x}"
        self.host = ""
        self.port = 0
        self.started = now
        self.sessions: dict[int, Session] = {}
        self.channels: dict[bytes, dict[Session, None]] = {}
        self.patterns = broadcast.Patterns()
        self.shard_channels: dict[bytes, dict[Session, None]] = {}
        self.scripts = Scripts()
        self.drained = 0  # requests that took the careful way
        self.bytes_received = 0
        self.unanswered = self.pushes = 0
        self.errors: Counter[str] = Counter()
        self.access_log = AccessLog()
        self.connections_received = 0
        self.connections_rejected = self.clients_evicted = 0
        self.bytes_sent = 0
        self.stats = NodeStats()
        self.packets = Packets()
        self.work = Work(now)
        self.monitors: dict[Session, None] = {}
        self.paused: Pause | None = None
        self.client_limit = ClientLimit(self)

    @property
    def gates(self) -> int:
        """The gates that are shut for every client of the node."""
        gates = self.shard.gates | self.cluster.timing_gate
        if not self.is_primary:
            gates |= GATE_REPLICA
        if self.monitors:
            gates |= GATE_MONITORED
        if self.paused is not None:
            gates |= GATE_PAUSED
        return gates

    def announce_gates(self) -> None:
        """Makes the sessions obey what has changed about the node."""
        common = GATE_MONITORED | GATE_TIMED | GATE_PAUSED
        for session in self.sessions.values():
            session.gates = session.gates & ~common | (self.gates & common)
            session.limit(*self.cluster.parameters.request_limits)

    def microseconds(self, now: int) -> int:
        """The time at this moment, not only when the packet came (`now`): unix time in microseconds."""
        return max(self.cluster.microseconds(), now * 1000)

    def pause(self, now: int, milliseconds: int, *, everything: bool) -> None:
        """Makes clients wait so long; of two pauses the longer time and the stricter kind hold."""
        if self.paused is None:
            if not milliseconds:
                return
            self.paused = Pause(now + milliseconds, everything)
        else:
            self.paused.until = max(now + milliseconds, self.paused.until)
            self.paused.everything |= everything
        self.shard.keyspace.withhold(starts=True)
        self.announce_gates()

    def unpause(self, now: int) -> None:
        """Lets the clients go on that have to wait, in the order in which they came."""
        if self.paused is None:
            return
        waiting, self.paused = self.paused.waiting, None
        if all(node.paused is None for node in self.shard.nodes):
            self.shard.keyspace.withhold(starts=False)
        self.announce_gates()
        for session in waiting:
            if session.blocked is not None:
                session.blocked.postponed = True
                self.cluster.unblocked.append(session)

    def count_error(self, error: CommandError) -> bool:
        """Counts an error that a client is told of; False when it is counted already."""
        if error.counted:
            return False
        error.counted = True
        sent = error.text[:_LONGEST_CODE].replace("\r", " ").replace("\n", " ")
        code, space, _ = sent.partition(" ")
        code = code if space else "ERR"
        self.errors[code if len(self.errors) < _MOST_CODES or code in self.errors else _OTHER_CODES] += 1
        return True

    def forget_figures(self) -> None:
        """Makes INFO's figures begin anew."""
        self.stats.reset()
        self.errors.clear()
        self.access_log.denied.clear()
        self.bytes_received = self.bytes_sent = 0
        self.unanswered = self.pushes = 0
        self.connections_received = self.connections_rejected = self.clients_evicted = 0
        self.shard.keyspace.expired = self.shard.keyspace.evicted = 0

    def stop_observing(self, session: Session) -> None:
        """The client no longer wants to hear of commands, nor of keys."""
        if session in self.monitors:
            del self.monitors[session]
            self.announce_gates()
        if session.tracking is not None:
            self.shard.keyspace.tracking.stop(session)
            self.shard.keyspace.observe()

    @property
    def is_primary(self) -> bool:
        """Whether the node takes writes."""
        return self.shard.primary is self

    @property
    def address(self) -> tuple[str, int]:
        """Where clients find the node."""
        return self.host, self.port

    def connect(self, peer: str, now: int) -> Session:
        """A new client."""
        self.connections_received += 1
        session = Session(self, self.cluster.next_client(), peer, now)
        self.sessions[session.number] = session
        if self.shard.work.holder is not None:
            session.portion = 0
        return session

    def deliver(self, channel: bytes, message: bytes) -> int:
        """Sends a message to the node's clients that listen to the channel; how many got it."""
        delivered = broadcast.send(Push([b"message", channel, message]), self.channels.get(channel, ()))
        for pattern, sessions in self.patterns.matching(channel):
            delivered += broadcast.send(Push([b"pmessage", pattern, channel, message]), sessions)
        return delivered

    def forget(self, session: Session) -> None:
        """The client is gone; its subscriptions end."""
        self.sessions.pop(session.number, None)
        self.stop_observing(session)
        self.drop_subscriptions(session)
        if self.shard.keyspace.tracking.keys:
            self.shard.keyspace.tracking.leave(session)
            self.shard.keyspace.observe()

    def drop_subscriptions(self, session: Session) -> None:
        """Ends all subscriptions of the client without a word."""
        for registry, names in (
            (self.channels, session.channels),
            (self.patterns, session.patterns),
            (self.shard_channels, session.shard_channels),
        ):
            for name in names:
                unsubscribe(registry, name, session)
            session.unknow(names)
            names.clear()

    def role_changed(self) -> None:
        """Makes the sessions obey the node's new role; a demoted node lets go of blocked clients."""
        for session in list(self.sessions.values()):
            if self.is_primary:
                session.gates &= ~GATE_REPLICA
            else:
                session.gates |= GATE_REPLICA
                session.unblock(
                    CommandError(
                        "UNBLOCKED force unblock from blocking operation, "
                        "instance state changed (master -> replica?)"
                    )
                )


def unsubscribe(registry: dict[bytes, dict[Session, None]], name: bytes, session: Session) -> None:
    """Takes the session off a channel; a channel without subscribers does not exist."""
    subscribers = registry.get(name)
    if subscribers is not None:
        subscribers.pop(session, None)
        if not subscribers:
            del registry[name]


class Shard:
    """A range of slots, its data, and the nodes that serve it. The first node starts as the primary."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self.cluster = cluster
        self.number = number
        self.name = f"{number:04d}"
        self.shard_id = f"{cluster.random.getrandbits(160):040x}"
        self.keyspace = Keyspace()
        self.keyspace.group = cluster.group
        self._repeater: Session | None = None
        self._ranges: tuple[Range, ...] | None = None
        self.epoch = number
        self.nodes: list[Node] = []
        self.serving = False
        self.work = LongWork(self)
        self.scripting = Scripting(self)
        self.budget = Budget(self, cluster.spec.maxmemory)
        self.log: ShardLog | None = None
        self.bursts = Bursts()
        self.saved, self.saved_at = b"", 0
        self.saves = self.saved_writes = 0
        self.expiry = Expiry()
        self.written = Written()
        self.replication_id = ""
        self.primary: Node
        self.watch_memory()
        self.adopt_notifications()

    def add_node(self, now: int, name: str | None = None) -> Node:
        """A further node, a replica unless it is the first; the name is the next free one unless given."""
        if name is None:
            taken = {node.name for node in self.nodes}
            names = (f"{self.cluster.spec.name}-{self.name}-{number:03d}" for number in range(1, 1000))
            name = next(each for each in names if each not in taken)
        node = Node(self, name, now)
        self.nodes.append(node)
        if len(self.nodes) == 1:
            self.primary = node
        return node

    @property
    def replicas(self) -> list[Node]:
        """The nodes that are not the primary."""
        return [node for node in self.nodes if node is not self.primary]

    def layout(self) -> ShardLayout:
        """What the shard needs to come back as it is now, its data apart."""
        nodes = tuple(NodeLayout(node.name, node.node_id, node.host, node.port) for node in self.nodes)
        return ShardLayout(self.number, self.shard_id, self.ranges, nodes, self.primary.name)

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The slots as inclusive ranges, found once after each change of owners."""
        if self._ranges is None:
            self._ranges = to_ranges(self.cluster.slots_of(self))
        return self._ranges

    def adopt_notifications(self) -> None:
        """Makes the keyspace tell of the events that the parameters ask for."""
        self.keyspace.notifier = Notifier.of(self, self.cluster.parameters.notify_keyspace_events)
        self.keyspace.observe()

    def watch_memory(self) -> None:
        """Makes the sessions and the keyspace count what the budget wants to know, and nothing more."""
        self.keyspace.budget = self.budget if self.budget.exact else None
        for node in self.nodes:
            for session in node.sessions.values():
                session.gates = session.gates & ~GATE_MEMORY | self.memory_gate

    @property
    def gates(self) -> int:
        """The gates that the shard's state shuts for every session."""
        return self.memory_gate | (GATE_BUSY if self.scripting.pace.long_run is not None else 0)

    @property
    def memory_gate(self) -> int:
        """The gate of sessions whose commands have to be looked at one by one: for memory's sake, or the replicas'."""
        return GATE_MEMORY if self.budget.watches or self.cluster.switches.replicas_to_write else 0

    def evict(self, slot: int, key: bytes) -> None:
        """Deletes a key because memory is short."""
        keyspace = self.keyspace
        keyspace.drop(keyspace.slot(slot), key, "evicted")
        keyspace.evicted += 1

    def know_ranges(self, ranges: Iterable[Range] | None) -> None:
        """The shard's slots have changed; found again when somebody asks, unless they are known."""
        self._ranges = None if ranges is None else tuple(ranges)

    @property
    def offset(self) -> int:
        """A replication offset that grows with each write and is the same for all nodes, for replicas never lag."""
        return self.written.total(self)

    def repeater(self, now: int) -> Session:
        """A session that no client has, for what comes from other Regions."""
        if self._repeater is None or self._repeater.node is not self.primary:
            self._repeater = Session(self.primary, 0, "multi-region", now)
            self._repeater.in_exec = True  # nothing blocks
        self._repeater.now = now
        return self._repeater

    def serve_ready(self, now: int) -> None:
        """Lets clients that wait for a key that changed try again, in the order in which they came.

        What changed it may have taken long, and the key may be past its time now.
        """
        if self.serving:
            return
        self.serving = True
        keyspace = self.keyspace
        now = max(now, self.cluster.microseconds() // 1000)
        try:
            while keyspace.ready:
                ready, keyspace.ready = keyspace.ready, []
                for key in dict.fromkeys(ready):
                    for session, kind in list(keyspace.waiters.get(key, {}).items()):
                        if kind is object or type(keyspace.of(key).get(key)) is kind:
                            if session.blocked is not None and session.legacy_doubles:
                                session.blocked.changed = key
                            session.retry(now)
        finally:
            self.serving = False


class Cluster:
    """A running cluster. `random` is its source of luck, so that a seeded one repeats itself."""

    def __init__(
        self, spec: ClusterSpec, random: Random, now: int, layout: ClusterLayout | None = None
    ) -> None:
        self.spec = spec
        self.random = random
        self.table = command_table(spec.engine_version, spec.edition)
        self.parameters = Parameters.of(spec.parameters, self.table.level)
        self.users = compile_users(spec.users, spec.engine_version, spec.edition)
        self.group: ReplicationGroup | None = None
        self.iam_sessions: dict[Session, int] = {}
        self.epoch = spec.shards
        self.clock: Callable[[], float] = lambda: 0.0
        self.microseconds: Callable[[], int] = lambda: 0
        self.soon: Callable[[Callable[[], None]], object] | None = None
        self.ticks = 0
        self.switches = Switches()
        self.storage: Storage | None = None
        self.unblocked: deque[Session] = deque()
        self._resuming = False
        self._clients = 0
        self._owners: list[Shard | None] = [None] * SLOTS
        self.shards: list[Shard] = []
        if layout is None:
            self._lay_out(now)
        else:
            self._restore(layout, now)

    def _lay_out(self, now: int) -> None:
        """Shards of the same size, as every new cluster has them."""
        for number, slots in enumerate(even_ranges(self.spec.shards), 1):
            shard = Shard(self, number)
            self.shards.append(shard)
            for _ in range(self.spec.replicas + 1):
                shard.add_node(now)
            self._assign(shard, [slots])

    def _restore(self, layout: ClusterLayout, now: int) -> None:
        """The shards and nodes that the cluster had; where they listen is seen when they do."""
        for each in layout.shards:
            shard = Shard(self, each.number)
            shard.shard_id = each.shard_id
            self.shards.append(shard)
            for was in each.nodes:
                node = shard.add_node(now, was.name)
                node.node_id, node.host, node.port = was.node_id, was.host, was.port
                if was.name == each.primary:
                    shard.primary = node
            self._assign(shard, each.slots)

    def _assign(self, shard: Shard, ranges: Sequence[Range]) -> None:
        for first, last in ranges:
            self._owners[first : last + 1] = [shard] * (last + 1 - first)
        shard.know_ranges(ranges)

    def layout(self) -> ClusterLayout:
        """What the cluster needs to come back as it is now, its data apart."""
        return ClusterLayout(tuple(shard.layout() for shard in self.shards))

    def nodes(self) -> Iterator[Node]:
        """Every node, shard by shard."""
        return (node for shard in self.shards for node in shard.nodes)

    def links(self) -> int:
        """How many connections a node of a real cluster would have to the others: two to each."""
        return 2 * (sum(1 for _ in self.nodes()) - 1)

    def cycles(self) -> int:
        """How often there was something to do: packets of clients, and ticks."""
        return self.ticks + sum(node.stats.reads for node in self.nodes())

    def next_client(self) -> int:
        """A client id that was never used in this cluster."""
        self._clients += 1
        return self._clients

    def owner(self, slot: int) -> Shard:
        """The shard that serves the slot. Raises ClusterDown."""
        shard = self._owners[slot]
        if shard is None:
            raise ClusterDown
        return shard

    def slots_of(self, shard: Shard) -> list[int]:
        """The slots that the shard serves, ascending."""
        return [number for number, owner in enumerate(self._owners) if owner is shard]

    def settle(self) -> None:
        """Lets what clients of the shards have begun come to its end; see `LongWork.settle`."""
        for shard in self.shards:
            shard.work.settle()

    def resume(self, now: int) -> None:
        """Runs what clients sent while they were blocked; who is unblocked meanwhile comes after them."""
        if not self._resuming:
            self._resuming = True
            try:
                while self.unblocked:
                    resume(self.unblocked.popleft(), now)
            finally:
                self._resuming = False

    @property
    def timing_gate(self) -> int:
        """Shut where every command has to be timed by itself."""
        parameters = self.parameters
        exact = parameters.latency_tracking or parameters.latency_monitor_threshold
        short = 0 <= parameters.slowlog_log_slower_than < LONG_PACKET * 1e6
        misses = "m" in parameters.notify_keyspace_events
        return GATE_TIMED if exact or short or misses else 0

    @property
    def open_user(self) -> User | None:
        """The user that clients are without authentication: `default`, if it needs no password."""
        user = self.users.get("default")
        return user if user is not None and user.is_open else None

    def set_users(self, users: dict[str, User]) -> None:
        """Changes what users may do, for connected clients too; who is no longer a user is cut off.

        So are subscribers of channels that they may no longer hear. Passwords matter at the next authentication.
        """
        self.settle()
        self.users = users
        for node in self.nodes():
            for session in list(node.sessions.values()):
                if not session.is_authenticated:
                    session.become(self.open_user)
                    continue
                user = users.get(session.user)
                if user is not None:
                    session.become(user)
                heard = [*session.channels, *session.shard_channels]
                if user is None or not user.permissions.may_hear(heard, session.patterns):
                    if session.processing:
                        session.closing = True  # it asked for this, and is answered first
                    else:
                        session.cut_off()

    def renew(self, spec: ClusterSpec, users: dict[str, User], now: int) -> None:
        """Replaces every node by one of that size and engine version, at the same address and with the same data.

        Clients are cut off, as by any node that goes, and find the new ones where they look first.
        """
        self.settle()
        self.spec, self.users = spec, users
        self.table = command_table(spec.engine_version, spec.edition)
        self.set_parameters(spec.parameters)
        for shard in self.shards:
            shard.scripting.renew()
            shard.budget.set_limit(spec.maxmemory)
        for node in self.nodes():
            node.started = now
            node.run_id = f"{self.random.getrandbits(160):040x}"
            node.scripts.clear()
            for session in list(node.sessions.values()):
                session.cut_off()

    def tick(self, now: int) -> None:
        """Drops what expired; called a few times a second."""
        for shard in self.shards:
            shard.work.go_on()
        if not self.switches.cron:
            return
        for session in [each for each, deadline in self.iam_sessions.items() if deadline <= now]:
            session.cut_off()
        if self.parameters.timeout:
            self._close_idle(now)
        self.ticks += 1
        cycles = self.cycles()
        for node in self.nodes():
            if node.paused is not None and node.paused.until <= now and node.shard.work.holder is None:
                node.unpause(now)
            node.stats.rates.sample(now, node.stats.calls, node.bytes_received, node.bytes_sent, cycles)
            node.stats.bursts.sample(now, node.bytes_received, node.bytes_sent)
            rouse(node, now)
        for shard in self.shards:
            if shard.work.suspended is not None or shard.work.holder is not None:
                continue  # time stands still for it, and others see nothing of what it did so far
            if self.switches.active_expire and all(node.paused is None for node in shard.nodes):
                spent = shard.expiry.tick(
                    shard.keyspace, now, self.clock, self.parameters.active_expire_effort
                )
                shard.primary.stats.spent(
                    b"expire-cycle", now, spent, self.parameters.latency_monitor_threshold
                )
            if shard.keyspace.indexes is not None:
                shard.keyspace.indexes.refresh()
            shard.budget.tick(now)
            shard.written.total(shard)
            if shard.log is not None:
                shard.bursts.sample(now, shard.log.written)
            if shard.keyspace.ready:
                shard.serve_ready(now)
            if shard.keyspace.tracking.pending:
                shard.keyspace.tracking.broadcast()
        self.resume(now)
        if self.storage is not None:
            self.storage.tick(now)
        for chore in self.switches.chores.values():
            chore(now)

    def _close_idle(self, now: int) -> None:
        """Closes connections that said nothing for the parameter `timeout`; who waits for something is not idle."""
        latest = now - self.parameters.timeout * 1000
        for node in self.nodes():
            for session in list(node.sessions.values()):
                waits = session.blocked is not None or client_type(session) == b"pubsub"
                if session.last_seen < latest and not waits:
                    session.cut_off()

    # -- changes of topology ------------------------------------------------------------------------------------------

    def add_shard(self, nodes: int, now: int) -> Shard:
        """A further shard, without slots so far, and with the functions that the others have."""
        taken = {shard.number for shard in self.shards}
        shard = Shard(self, next(number for number in range(1, SLOTS) if number not in taken))
        for _ in range(nodes):
            shard.add_node(now)
        shard.scripting.restore(
            [each.source for each in self.shards[0].scripting.libraries.values()], b"append"
        )
        self.shards.append(shard)
        return shard

    def spread(self, target: int) -> None:
        """Spreads the slots evenly over the first `target` shards, moving as few as can be."""
        self.settle()
        moves = plan_reshard([self.slots_of(shard) for shard in self.shards], target)
        for shard in {self.shards[source] for _, source, _ in moves}:
            shard.scripting.pace.leave(shard.primary)
        for slot, _, to in moves:
            self.move_slot(slot, self.shards[to])
        self.epoch += 1
        for shard in self.shards:
            shard.epoch = self.epoch

    def move_slot(self, number: int, target: Shard) -> None:
        """Hands a slot over with all its keys; clients that depend on it are told where it went."""
        source = self.owner(number)
        target.keyspace.take(number, source.keyspace.slots[number])
        source.keyspace.slots[number] = None
        self._give(number, target)
        source.budget.stale = target.budget.stale = True
        moved = Moved(number, *target.primary.address)
        for key in [key for key in source.keyspace.waiters if key_slot(key) == number]:
            for session in list(source.keyspace.waiters.get(key, ())):
                session.unblock(moved)
        for key, watching in source.keyspace.watchers.items():
            if key_slot(key) == number:
                for session in watching:
                    session.touched = True
        for node in source.nodes:
            self._drop_shard_channels(node, number)

    def _drop_shard_channels(self, node: Node, number: int) -> None:
        """Subscribers of sharded channels must subscribe again where the slot lives now."""
        for channel in [channel for channel in node.shard_channels if key_slot(channel) == number]:
            for session in list(node.shard_channels.get(channel, ())):
                session.unknow([channel])
                session.shard_channels.pop(channel, None)
                unsubscribe(node.shard_channels, channel, session)
                session.send(Push([b"sunsubscribe", channel, len(session.shard_channels)]))

    def _give(self, number: int, shard: Shard) -> None:
        previous = self._owners[number]
        if previous is not None:
            previous.know_ranges(None)
        self._owners[number] = shard
        shard.know_ranges(None)

    def remove_empty(self, target: int) -> list[Shard]:
        """Takes the shards after the first `target` out of the cluster; returns them, for their nodes to be closed."""
        gone = self.shards[target:]
        del self.shards[target:]
        return gone

    def set_replicas(self, replicas: int, now: int) -> tuple[list[Node], list[Node]]:
        """Gives every shard that many replicas; returns the nodes that are new and those to be closed."""
        self.settle()
        new: list[Node] = []
        gone: list[Node] = []
        for shard in self.shards:
            while len(shard.nodes) < replicas + 1:
                new.append(shard.add_node(now))
            while len(shard.nodes) > replicas + 1:
                last = shard.replicas[-1]
                shard.nodes.remove(last)
                shard.scripting.pace.leave(last)
                gone.append(last)
        self.epoch += 1
        return new, gone

    def failover(self, shard: Shard) -> None:
        """Swaps the roles of the shard's primary and its first replica. The shard must have one."""
        self.settle()
        before, shard.primary = shard.primary, shard.replicas[0]
        self.epoch += 1
        shard.epoch = self.epoch
        for node in shard.nodes:
            node.role_changed()
        shard.scripting.pace.leave(before)

    def resize(self, maxmemory: int) -> None:
        """Gives every node that limit."""
        self.spec = replace(self.spec, maxmemory=maxmemory)
        for shard in self.shards:
            shard.budget.set_limit(maxmemory)

    def crowd(self, crowded: bool) -> None:
        """Takes no more data while the machine has no memory for it."""
        for shard in self.shards:
            shard.budget.crowd(crowded)

    def set_parameters(self, parameters: Mapping[str, str]) -> None:
        """Values of the cluster's parameter group, acting from now on."""
        self.settle()
        before, self.parameters = self.parameters, Parameters.of(parameters, self.table.level)
        if before.maxmemory_policy != self.parameters.maxmemory_policy:
            for shard in self.shards:
                shard.budget.adopt_policy()
        for shard in self.shards:
            shard.adopt_notifications()
            shard.keyspace.tracking.keep(self.parameters.tracking_table_max_keys)
        for node in self.nodes():
            node.announce_gates()
