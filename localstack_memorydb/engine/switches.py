"""What DEBUG and CONFIG SET can turn on an unrestricted engine, beside the parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

REPLY_BUFFER_RESET: Final = 5000
"""After so many milliseconds of silence the buffer for a client's replies becomes small."""
NEVER: Final = -1


@dataclass(slots=True)
class Switches:
    """Whether keys expire by themselves, whether scripts may run everything. Without `cron` nothing happens that no client asks for.

    `sleep` waits for that many seconds, and so does everybody. `requirepass` is what CONFIG SET made the default user's password,
    `recorded` what it set that has no effect.

    `directives` are set by CONFIG, too (engine/directives.py); `chores` is what they have to do at every tick. With `limits_clients` a node
    disconnects those that take too much.

    Writes are refused on shards of less than `replicas_to_write` replicas. RESTORE takes `any_checksum`. `reply_list`, `reply_buffer_reset` (milliseconds) and `reply_buffer_resizing` are about the buffers of
    which CLIENT LIST tells.
    """

    active_expire: bool = True
    cron: bool = True
    scripts_run_all: bool = False
    sleep: Callable[[float], None] = lambda _: None
    requirepass: str = field(default="", repr=False)
    recorded: dict[str, str] = field(default_factory=dict)
    directives: dict[str, str] = field(default_factory=dict)
    chores: dict[str, Callable[[int], None]] = field(default_factory=dict)
    limits_clients: bool = False
    replicas_to_write: int = 0
    any_checksum: bool = False
    reply_list: bool = False
    reply_buffer_reset: int = REPLY_BUFFER_RESET
    reply_buffer_resizing: bool = True
