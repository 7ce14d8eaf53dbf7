"""What COMMAND said of commands in 6.2, where a container was one command without subcommands of its own.

Only what clients are shown: how a command runs follows from its declaration in every version.
"""

from __future__ import annotations

from typing import Final

ONLY_IN_6_2: Final = frozenset({"host:", "post", "stralgo"})
"""Commands that 7.0 has under another name, or no longer as commands."""

# The categories of a container are those of all its subcommands; a few commands were put elsewhere.
CATEGORIES_OF_6_2: Final = {
    "acl": "@admin @dangerous @slow",
    "asking": "@fast @keyspace",
    "client": "@admin @connection @dangerous @slow",
    "cluster": "@admin @dangerous @slow",
    "config": "@admin @dangerous @slow",
    "latency": "@admin @dangerous @slow",
    "memory": "@read @slow",
    "module": "@admin @dangerous @slow",
    "object": "@keyspace @read @slow",
    "pubsub": "@pubsub @slow",
    "readonly": "@fast @keyspace",
    "readwrite": "@fast @keyspace",
    "role": "@dangerous @fast",
    "script": "@scripting @slow",
    "select": "@fast @keyspace",
    "slowlog": "@admin @dangerous @slow",
    "wait": "@keyspace @slow",
    "xgroup": "@slow @stream @write",
    "xinfo": "@read @slow @stream",
}

# First key, last key and step of containers.
RANGES_OF_6_2: Final = {"memory": (0, 0, 0), "object": (2, 2, 1), "xgroup": (2, 2, 1), "xinfo": (2, 2, 1)}

_FLAGS_MORE: Final = {
    "admin": ("acl client cluster config latency module slowlog"),
    "denyoom": ("xgroup"),
    "loading": ("acl client config latency pubsub slowlog"),
    "may_replicate": ("pfcount publish script"),
    "movablekeys": ("memory"),
    "noscript": ("acl client config latency module script"),
    "pubsub": ("pubsub"),
    "random": (
        "client cluster command dump hgetall hrandfield hscan info lastsave memory object pttl pubsub "
        "randomkey scan slowlog spop srandmember sscan time ttl xack xadd xautoclaim xclaim xinfo xpending "
        "xtrim zrandmember zscan"
    ),
    "readonly": ("memory object xinfo"),
    "sort_for_script": ("hkeys hvals keys sdiff sinter smembers sunion"),
    "stale": ("acl client cluster config latency ping pubsub slowlog"),
    "write": ("xgroup"),
}
_FLAGS_FEWER: Final = {
    "allow_busy": ("auth discard hello multi reset unwatch watch"),
    "blocking": ("blmove blpop brpop brpoplpush bzpopmax bzpopmin xread xreadgroup"),
    "loading": ("echo readonly readwrite"),
    "no_async_loading": ("bgrewriteaof bgsave save"),
    "no_auth": ("reset"),
    "stale": ("echo readonly readwrite"),
}
_ORDER: Final = (
    "write readonly denyoom module admin pubsub noscript random sort_for_script blocking loading stale skip_monitor "
    "skip_slowlog asking fast no_auth may_replicate no_mandatory_keys no_async_loading no_multi allow_busy movablekeys"
).split()
_MORE: Final = {flag: frozenset(names.split()) for flag, names in _FLAGS_MORE.items()}
NOT_FROM_SCRIPTS_OF_6_2: Final = _MORE["noscript"]
_FEWER: Final = {flag: frozenset(names.split()) for flag, names in _FLAGS_FEWER.items()}


def flags_of_6_2(command: str, flags: list[str]) -> list[str]:
    """The flags that 6.2 showed, given those of later versions."""
    shown = {flag for flag in flags if command not in _FEWER.get(flag, ())}
    return sorted(shown | {flag for flag, names in _MORE.items() if command in names}, key=_ORDER.index)
