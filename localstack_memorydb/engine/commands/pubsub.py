"""Publish and subscribe, with sharded channels. https://valkey.io/commands/#pubsub

PUBLISH reaches the subscribers of every node of the cluster; SPUBLISH those of the shard that owns the channel's slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from localstack_memorydb.engine import broadcast
from localstack_memorydb.engine.cluster import unsubscribe
from localstack_memorydb.engine.errors import CommandError, wrong_subcommand_arguments
from localstack_memorydb.engine.glob import compile_glob
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.registry import (
    FAST,
    GATE_SUBSCRIBED,
    LOADING,
    NOSCRIPT,
    PUBSUB,
    STALE,
    Family,
    span,
)
from localstack_memorydb.engine.resp import Argv, Push, Reply, Several
from localstack_memorydb.engine.session import Session

pubsub = Family("pubsub")

_SUBSCRIBER = LOADING | NOSCRIPT | PUBSUB | STALE
_PUBLISHER = FAST | LOADING | PUBSUB | STALE

Registry = dict[bytes, dict[Session, None]]
Counter = Callable[[Session], int]


def _count(s: Session) -> int:
    return len(s.channels) + len(s.patterns)


def _shard_count(s: Session) -> int:
    return len(s.shard_channels)


def refresh_gate(s: Session) -> None:
    """On RESP2 a client with subscriptions may run only the commands of that context."""
    if s.protocol == 2 and (s.channels or s.patterns or s.shard_channels):
        s.gates |= GATE_SUBSCRIBED
    else:
        s.gates &= ~GATE_SUBSCRIBED


def _join(
    s: Session,
    kind: bytes,
    names: Iterable[bytes],
    mine: dict[bytes, None],
    registry: Registry,
    count: Counter,
) -> Several:
    replies = Several()
    for name in names:
        if name not in mine:
            mine[name] = None
            s.know(name)
        registry.setdefault(name, {})[s] = None
        replies.append(Push([kind, name, count(s)]))
    refresh_gate(s)
    return replies


def _leave(
    s: Session, kind: bytes, names: list[bytes], mine: dict[bytes, None], registry: Registry, count: Counter
) -> Several:
    replies = Several()
    for name in names or list(mine):
        if name in mine:
            del mine[name]
            s.unknow([name])
        unsubscribe(registry, name, s)
        replies.append(Push([kind, name, count(s)]))
    refresh_gate(s)
    return replies or Several([Push([kind, None, count(s)])])


@pubsub.command("SUBSCRIBE", -2, _SUBSCRIBER, since="2.0.0", passes=GATE_SUBSCRIBED)
def subscribe(s: Session, argv: Argv) -> Reply:
    """Listens to channels."""
    return _join(s, b"subscribe", argv[1:], s.channels, s.node.channels, _count)


@pubsub.command("UNSUBSCRIBE", -1, _SUBSCRIBER, since="2.0.0", passes=GATE_SUBSCRIBED)
def unsubscribe_(s: Session, argv: Argv) -> Reply:
    """Stops listening to channels, or to all."""
    return _leave(s, b"unsubscribe", argv[1:], s.channels, s.node.channels, _count)


@pubsub.command("PSUBSCRIBE", -2, _SUBSCRIBER, since="2.0.0", passes=GATE_SUBSCRIBED)
def psubscribe(s: Session, argv: Argv) -> Reply:
    """Listens to channels whose names match patterns."""
    return _join(s, b"psubscribe", argv[1:], s.patterns, s.node.patterns, _count)


@pubsub.command("PUNSUBSCRIBE", -1, _SUBSCRIBER, since="2.0.0", passes=GATE_SUBSCRIBED)
def punsubscribe(s: Session, argv: Argv) -> Reply:
    """Stops listening to patterns, or to all."""
    return _leave(s, b"punsubscribe", argv[1:], s.patterns, s.node.patterns, _count)


@pubsub.command("SSUBSCRIBE", -2, _SUBSCRIBER, keys=span("not_key"), since="7.0.0", passes=GATE_SUBSCRIBED)
def ssubscribe(s: Session, argv: Argv) -> Reply:
    """Listens to sharded channels, which live in slots as keys do. Not in a transaction, where other channels may be."""
    if s.in_exec:
        raise CommandError("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
    return _join(s, b"ssubscribe", argv[1:], s.shard_channels, s.node.shard_channels, _shard_count)


@pubsub.command("SUNSUBSCRIBE", -1, _SUBSCRIBER, keys=span("not_key"), since="7.0.0", passes=GATE_SUBSCRIBED)
def sunsubscribe(s: Session, argv: Argv) -> Reply:
    """Stops listening to sharded channels, or to all."""
    return _leave(s, b"sunsubscribe", argv[1:], s.shard_channels, s.node.shard_channels, _shard_count)


@pubsub.command("PUBLISH", 3, _PUBLISHER, since="2.0.0")
def publish(s: Session, argv: Argv) -> Reply:
    """Sends a message to a channel; how many clients of this node got it."""
    channel, message = argv[1], argv[2]
    receivers = 0
    for node in s.node.cluster.nodes():
        delivered = node.deliver(channel, message)
        if node is s.node:
            receivers = delivered
    return receivers


@pubsub.command("SPUBLISH", 3, _PUBLISHER, keys=span("not_key", last=0), since="7.0.0")
def spublish(s: Session, argv: Argv) -> Reply:
    """Sends a message to a sharded channel; how many clients of this node got it."""
    channel, message = argv[1], argv[2]
    receivers = 0
    for node in s.node.shard.nodes:
        sent = broadcast.send(Push([b"smessage", channel, message]), node.shard_channels.get(channel, ()))
        if node is s.node:
            receivers = sent
    return receivers


pubsub.container("PUBSUB", since="2.8.0")


def _matching(s: Session, registry: Registry, argv: Argv) -> list[bytes]:
    if len(argv) > 3:
        raise wrong_subcommand_arguments("pubsub", argv[1], s.legacy)
    if len(argv) == 2:
        return list(registry)
    matches = compile_glob(argv[2])
    return [name for name in registry if matches(name)]


def _numbers(registry: Registry, names: list[bytes]) -> list[Reply]:
    return [item for name in names for item in (name, len(registry.get(name, ())))]


@pubsub.command("PUBSUB|CHANNELS", -2, LOADING | PUBSUB | STALE, since="2.8.0")
def pubsub_channels(s: Session, argv: Argv) -> Reply:
    """The channels of this node that have subscribers."""
    return _matching(s, s.node.channels, argv)


@pubsub.command("PUBSUB|NUMSUB", -2, LOADING | PUBSUB | STALE, since="2.8.0")
def pubsub_numsub(s: Session, argv: Argv) -> Reply:
    """Channels and their number of subscribers on this node."""
    return _numbers(s.node.channels, argv[2:])


@pubsub.command("PUBSUB|NUMPAT", 2, LOADING | PUBSUB | STALE, since="2.8.0")
def pubsub_numpat(s: Session, argv: Argv) -> Reply:
    """How many different patterns clients of this node listen to."""
    return len(s.node.patterns)


@pubsub.command("PUBSUB|SHARDCHANNELS", -2, LOADING | PUBSUB | STALE, since="7.0.0")
def pubsub_shardchannels(s: Session, argv: Argv) -> Reply:
    """The sharded channels of this node that have subscribers."""
    return _matching(s, s.node.shard_channels, argv)


@pubsub.command("PUBSUB|SHARDNUMSUB", -2, LOADING | PUBSUB | STALE, since="7.0.0")
def pubsub_shardnumsub(s: Session, argv: Argv) -> Reply:
    """Sharded channels and their number of subscribers on this node."""
    return _numbers(s.node.shard_channels, argv[2:])


@pubsub.command("PUBSUB|HELP", 2, LOADING | STALE, since="6.2.0")
def pubsub_help(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "pubsub")
