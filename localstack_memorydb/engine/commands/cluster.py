"""The cluster as its nodes describe it. https://valkey.io/commands/#cluster

Managed clusters do not let clients change the topology, so only the commands that ask are here.
"""

from __future__ import annotations

from itertools import islice

from localstack_memorydb.engine.cluster import BUS_PORT, Node, Shard
from localstack_memorydb.engine.errors import CommandError, printable
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.numbers import parse_int
from localstack_memorydb.engine.registry import ADMIN, FAST, LOADING, STALE, Earlier, Family
from localstack_memorydb.engine.resp import OK, Argv, Reply, Verbatim
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.slots import SLOTS, key_slot

cluster = Family("cluster")

cluster.container("CLUSTER", since="3.0.0")


@cluster.command("ASKING", 1, FAST, since="3.0.0", category="@connection")
def asking(s: Session, argv: Argv) -> Reply:
    """Accepted for clients that follow ASK redirections; slots move here at once, so none is ever sent."""
    return OK


@cluster.command("READONLY", 1, FAST | LOADING | STALE, since="3.0.0", category="@connection")
def readonly(s: Session, argv: Argv) -> Reply:
    """Lets a replica answer reads on this connection."""
    s.readonly = True
    return OK


@cluster.command("READWRITE", 1, FAST | LOADING | STALE, since="3.0.0", category="@connection")
def readwrite(s: Session, argv: Argv) -> Reply:
    """Ends what READONLY allowed."""
    s.readonly = False
    return OK


@cluster.command("CLUSTER|KEYSLOT", 3, STALE, since="3.0.0")
def keyslot(s: Session, argv: Argv) -> Reply:
    """The slot of a key."""
    return key_slot(argv[2])


@cluster.command("CLUSTER|COUNTKEYSINSLOT", 3, STALE, since="3.0.0")
def countkeysinslot(s: Session, argv: Argv) -> Reply:
    """How many keys of a slot this node holds."""
    number = parse_int(argv[2])
    if not 0 <= number < SLOTS:
        raise CommandError("ERR Invalid slot")
    slot = s.slots[number]
    if slot is None:
        return 0
    s.node.shard.keyspace.purge_slot(slot, s.now)
    return len(slot)


@cluster.command("CLUSTER|GETKEYSINSLOT", 4, STALE, since="3.0.0")
def getkeysinslot(s: Session, argv: Argv) -> Reply:
    """Some keys of a slot that this node holds."""
    number, count = parse_int(argv[2]), parse_int(argv[3])
    if not 0 <= number < SLOTS or count < 0:
        raise CommandError("ERR Invalid slot or number of keys")
    slot = s.slots[number]
    if slot is None:
        return []
    s.node.shard.keyspace.purge_slot(slot, s.now)
    return list(islice(slot, count))


@cluster.command("CLUSTER|MYID", 2, STALE, since="3.0.0")
def myid(s: Session, argv: Argv) -> Reply:
    """This node's id."""
    return s.node.node_id.encode()


@cluster.command("CLUSTER|MYSHARDID", 2, STALE, since="7.2.0")
def myshardid(s: Session, argv: Argv) -> Reply:
    """The id that the nodes of this shard share."""
    return s.node.shard.shard_id.encode()


@cluster.command("CLUSTER|SLOTS", 2, LOADING | STALE, since="3.0.0", earlier=Earlier("7.2", drops=LOADING))
def slots(s: Session, argv: Argv) -> Reply:
    """Slot ranges and the nodes that serve them, primary first."""
    rows = [(first, last, shard) for shard in s.node.cluster.shards for first, last in shard.ranges]
    rows.sort(key=lambda row: row[0])
    return [
        [first, last, *(_slots_node(s, node) for node in (shard.primary, *shard.replicas))]
        for first, last, shard in rows
    ]


def _slots_node(s: Session, node: Node) -> Reply:
    host, port = node.address
    entry: list[Reply] = [host.encode(), port, node.node_id.encode()]
    # Networking metadata came with 7.0; it is empty while nodes are announced by address.
    return entry if s.legacy else [*entry, {}]


@cluster.command("CLUSTER|SHARDS", 2, LOADING | STALE, since="7.0.0", earlier=Earlier("7.2", drops=LOADING))
def shards(s: Session, argv: Argv) -> Reply:
    """Shards with their slots and nodes."""
    return [
        {
            b"slots": [bound for slots in shard.ranges for bound in slots],
            b"nodes": [_shards_node(node) for node in shard.nodes],
        }
        for shard in s.node.cluster.shards
    ]


def _shards_node(node: Node) -> Reply:
    host, port = node.address
    return {
        b"id": node.node_id.encode(),
        b"tls-port" if node.cluster.spec.tls else b"port": port,
        b"ip": host.encode(),
        b"endpoint": host.encode(),
        b"role": b"master" if node.is_primary else b"replica",
        b"replication-offset": node.shard.offset,
        b"health": b"online",
    }


def _nodes_line(s: Session, node: Node) -> str:
    host, port = node.address
    primary = node.shard.primary
    role = "master" if node is primary else "slave"
    flags = f"myself,{role}" if node is s.node else role
    owned = [f"{first}-{last}" if first != last else str(first) for first, last in node.shard.ranges]
    received = 0 if node is s.node else s.now
    fields = [
        node.node_id,
        f"{host}:{port}@{BUS_PORT}",
        flags,
        "-" if node is primary else primary.node_id,
        "0",
        str(received),
        str(node.shard.epoch),
        "connected",
    ]
    return " ".join(fields + (owned if node is primary else []))


@cluster.command("CLUSTER|NODES", 2, STALE, since="3.0.0")
def nodes(s: Session, argv: Argv) -> Reply:
    """A line for each node."""
    lines = [_nodes_line(s, node) + "\n" for node in s.node.cluster.nodes()]
    return Verbatim("".join(lines).encode())


def _replicas(s: Session, argv: Argv) -> Reply:
    for node in s.node.cluster.nodes():
        if node.node_id.encode() == argv[2]:
            if not node.is_primary:
                raise CommandError("ERR The specified node is not a master")
            return [_nodes_line(s, replica).encode() for replica in node.shard.replicas]
    raise CommandError(f"ERR Unknown node {printable(argv[2])}")


@cluster.command("CLUSTER|REPLICAS", 3, ADMIN | STALE, since="5.0.0")
def replicas(s: Session, argv: Argv) -> Reply:
    """The replicas of a node, as CLUSTER NODES shows them."""
    return _replicas(s, argv)


@cluster.command("CLUSTER|SLAVES", 3, ADMIN | STALE, since="3.0.0")
def slaves(s: Session, argv: Argv) -> Reply:
    """CLUSTER REPLICAS under its old name."""
    return _replicas(s, argv)


@cluster.command("CLUSTER|COUNT-FAILURE-REPORTS", 3, ADMIN | STALE, since="3.0.0")
def count_failure_reports(s: Session, argv: Argv) -> Reply:
    """How many nodes hold the named one for failed; nodes of one process never do."""
    if not any(node.node_id.encode() == argv[2] for node in s.node.cluster.nodes()):
        raise CommandError(f"ERR Unknown node {printable(argv[2])}")
    return 0


@cluster.command("CLUSTER|LINKS", 2, STALE, since="7.0.0")
def links(s: Session, argv: Argv) -> Reply:
    """The bus connections of this node, two for each peer."""
    return [
        {
            b"direction": direction,
            b"node": node.node_id.encode(),
            b"create-time": node.started,
            b"events": b"r",
            b"send-buffer-allocated": 0,
            b"send-buffer-used": 0,
        }
        for node in s.node.cluster.nodes()
        if node is not s.node
        for direction in (b"to", b"from")
    ]


@cluster.command("CLUSTER|INFO", 2, STALE, since="3.0.0")
def info(s: Session, argv: Argv) -> Reply:
    """The cluster's state in numbers."""
    whole = s.node.cluster
    serving: list[Shard] = [shard for shard in whole.shards if shard.ranges]
    assigned = sum(last - first + 1 for shard in serving for first, last in shard.ranges)
    fields = {
        "cluster_state": "ok" if assigned == SLOTS else "fail",
        "cluster_slots_assigned": assigned,
        "cluster_slots_ok": assigned,
        "cluster_slots_pfail": 0,
        "cluster_slots_fail": 0,
        "cluster_known_nodes": sum(1 for _ in whole.nodes()),
        "cluster_size": len(serving),
        "cluster_current_epoch": whole.epoch,
        "cluster_my_epoch": s.node.shard.epoch,
        "cluster_stats_messages_sent": 0,
        "cluster_stats_messages_received": 0,
        "total_cluster_links_buffer_limit_exceeded": 0,
    }
    if s.legacy:
        del fields["total_cluster_links_buffer_limit_exceeded"]
    return Verbatim("".join(f"{name}:{value}\r\n" for name, value in fields.items()).encode())


@cluster.command("CLUSTER|HELP", 2, LOADING | STALE, since="5.0.0")
def cluster_help(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "cluster")
