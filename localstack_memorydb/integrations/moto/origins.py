"""Which web pages may call the stand-alone host: a browser sends what any page asks for to addresses of this machine.

moto lets every page read its answers, and what is called here may run programs. LocalStack checks origins of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

ANY: Final = "*"
_LOCAL: Final = ("localhost", "localhost.localstack.cloud")


def is_trusted(origin: str, allowed: Collection[str]) -> bool:
    """Whether pages of that origin (an Origin header) may call: those of this machine, and those that the user allows."""
    return ANY in allowed or origin in allowed or _is_local(origin)


def _is_local(origin: str) -> bool:
    try:
        name = urlsplit(origin).hostname or ""
        if name in _LOCAL or name.endswith(tuple(f".{local}" for local in _LOCAL)):
            return True
        return ip_address(name).is_loopback
    except ValueError:
        return False
