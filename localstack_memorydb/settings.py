"""The one table of settings: name, default, help. Read once, at the edge; engine and provider are given values.

Every setting is an environment variable with the prefix MEMORYDB_. `python -m localstack_memorydb.settings`
writes docs/settings.md from this table.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

PREFIX = "MEMORYDB_"
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class SettingsError(ValueError):
    """A setting whose value cannot be used; str() is one line that names the setting."""


def _text(value: str) -> str:
    return value


def _choice(*words: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value.lower()

    return parse


def _flag(value: str) -> bool:
    """LocalStack's own spelling of booleans: 1/true and 0/false."""
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if value.lower() not in words:
        raise ValueError("must be 1 or 0 (also true/false, yes/no, on/off)")
    return words[value.lower()]


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        raise ValueError("must be a number of seconds") from None
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError("must be a number of seconds, zero or more")
    return seconds


def _port_range(value: str) -> tuple[int, int]:
    first, dash, last = value.partition("-")
    if not (dash and first.strip().isdecimal() and last.strip().isdecimal()):
        raise ValueError("must be two ports, first-last")
    low, high = int(first), int(last)
    if not 1 <= low <= high <= 65535:
        raise ValueError("must be two ports between 1 and 65535, the lower one first")
    return low, high


def _memory(value: str) -> int:
    number, unit = value.lower().rstrip("b"), 1
    if number[-1:] in _UNITS:
        number, unit = number[:-1], _UNITS[number[-1]]
    if not (number.isascii() and number.isdecimal()) or len(number) > 18:
        raise ValueError("must be a number of bytes, or of kb, mb, gb")
    return int(number) * unit


_LEAST_NODE_MEMORY = 2 << 20


def _node_memory(value: str) -> int:
    size = _memory(value)
    if 0 < size < _LEAST_NODE_MEMORY:
        raise ValueError("must be at least 2mb: an empty node uses most of that")
    return size


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _directory(value: str) -> Path | None:
    return Path(value).expanduser() if value else None


def _setting(default: Any, parse: Callable[[str], Any], meaning: str, values: str) -> Any:
    return field(default=default, metadata={"parse": parse, "values": values, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user can choose. `Settings()` holds the defaults; `from_environ` reads the rest."""

    data_dir: Path | None = _setting(
        None,
        _directory,
        "Where the certificate authority, the state of accounts and the data of clusters are kept between runs. Empty: nothing is written to disk. "
        "In LocalStack, PERSISTENCE=1 sets it to LocalStack's own state directory.",
        "directory",
    )
    fsync: str = _setting(
        "everysec",
        _choice("always", "everysec", "no"),
        "When the disk must have what a cluster with a data directory was told: always (before the client gets its "
        "answer, as on AWS), everysec, or no (when the system likes). What this process acknowledged survives its own "
        "end in any case.",
        "always, everysec, no",
    )
    memory: int = _setting(
        0,
        _memory,
        "How much memory this process may take. Near to it clusters take no more data: commands answer OOM, or keys are evicted, as "
        "`maxmemory-policy` says. 0 is the machine's (or container's) memory.",
        "bytes, or 512mb, 2gb",
    )
    node_memory: int = _setting(
        0,
        _node_memory,
        "How much data a node of the smallest type, db.t4g.small, takes (its `maxmemory`); larger types take as many times more as on AWS. "
        "A few megabytes make it easy to try eviction and OOM. 0 is as on AWS, 1.37 GB.",
        "bytes, or 8mb, 1gb",
    )
    client_memory: int = _setting(
        0,
        _memory,
        "How much may be kept for clients, of all clusters together: replies that they do not read, requests that do not end, names of channels and watched keys. "
        "When it is passed, the client with the most is disconnected. 0 is a quarter of MEMORY.",
        "bytes, or 512mb, 2gb",
    )
    node_addresses: str = _setting(
        "auto",
        _choice("auto", "loopback", "range"),
        "Where nodes listen. loopback: each node has its own 127.x.y.z address and the cluster's port, as on AWS "
        "every node has the cluster's port. range: all nodes share one address and take ports from PORT_RANGE. "
        "auto: the first of the two that this system allows.",
        "auto, loopback, range",
    )
    port_range: tuple[int, int] = _setting(
        (4510, 4559), _port_range, "The ports that nodes may take when NODE_ADDRESSES is range.", "first-last"
    )
    bind: str = _setting(
        "127.0.0.1",
        _text,
        "The address that the stand-alone host listens on, and nodes when NODE_ADDRESSES is range. 0.0.0.0 opens "
        "them to other machines. (LocalStack listens as its GATEWAY_LISTEN says.)",
        "address",
    )
    allowed_origins: tuple[str, ...] = _setting(
        (),
        _names,
        "Further origins whose web pages may call the stand-alone host, such as http://shop.test:3000; * is all. Pages "
        "of this machine (localhost) may. (LocalStack has EXTRA_CORS_ALLOWED_ORIGINS.)",
        "origins, separated by commas",
    )
    announce_host: str | None = _setting(
        None,
        lambda value: value or None,
        "The host name that DescribeClusters, CLUSTER SLOTS and MOVED hand out instead of the address listened "
        "on, for clients that reach this machine by another name (from a container: host.docker.internal).",
        "host name",
    )
    transition_delay: float = _setting(
        0.0,
        _seconds,
        "How long clusters, snapshots and users stay in creating, modifying and deleting. 0 is right for most "
        "tests; a few seconds try the waiters of the caller.",
        "seconds",
    )
    strict_bucket_policy: bool = _setting(
        False,
        _flag,
        "Refuse to export a snapshot to a bucket whose policy or grants do not admit MemoryDB, as AWS does.",
        "0, 1",
    )
    strict_paging: bool = _setting(
        False,
        _flag,
        "Refuse a MaxResults below 20 as the API reference states it. Lenient by default, so that tests can page "
        "through a handful of resources.",
        "0, 1",
    )
    lambda_runner: str = _setting(
        "auto",
        _choice("auto", "local", "host"),
        "What runs Lambda functions. local: processes of this machine, without Docker. host: LocalStack or moto "
        "as they do it themselves, in Docker. auto: local on the stand-alone host; in LocalStack local when no "
        "Docker engine answers and LAMBDA_RUNTIME_EXECUTOR is not set.",
        "auto, local, host",
    )
    lambda_retry_delay: float = _setting(
        1.0,
        _seconds,
        "How long the stand-alone host waits before it repeats an asynchronous invocation that failed; twice as "
        "long before the second time. AWS waits a minute. (LocalStack has LAMBDA_RETRY_BASE_DELAY.)",
        "seconds",
    )

    metrics: bool = _setting(
        True,
        _flag,
        "Tell the host's CloudWatch once a minute what the nodes of clusters do. With 0 it is told on request only "
        "(POST /_memorydb/metrics).",
        "0, 1",
    )
    service_updates: tuple[str, ...] = _setting(
        (),
        _names,
        "Service updates that DescribeServiceUpdates shall tell of for every cluster, and BatchUpdateCluster apply. "
        "There are none unless this names some.",
        "names, separated by commas",
    )
    check_answers: bool = _setting(
        False,
        _flag,
        "Answer InternalFailure where an answer does not fit botocore's model, or an error is one that the operation "
        "does not declare. For tests of this emulator.",
        "0, 1",
    )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """The settings of this environment; SettingsError names the first one whose value cannot be used.

        Names that are not in the table are left alone: applications have their own, such as MEMORYDB_ENDPOINT.
        """
        known = {_variable(row): row for row in fields(cls)}
        return cls(**{row.name: _parse(row, environ[name]) for name, row in known.items() if name in environ})

    def advice(self, listens: str) -> str | None:
        """One line for those who open the API at `listens` to other machines, but not the nodes; None for the rest.

        From outside of a container, or from another machine, the nodes' addresses 127.x.y.z lead to oneself.
        """
        if self.node_addresses == "range" or listens == "localhost" or listens.startswith(("127.", "::1")):
            return None
        return (
            f"The API listens on {listens}, but only this machine (or container) reaches the nodes of clusters. "
            "For others set MEMORYDB_NODE_ADDRESSES=range, MEMORYDB_BIND and MEMORYDB_ANNOUNCE_HOST: docs/running.md"
        )


def _variable(row: Field[Any]) -> str:
    return PREFIX + row.name.upper()


def _parse(row: Field[Any], value: str) -> Any:
    value = value.strip()
    if not value:
        return row.default
    try:
        return row.metadata["parse"](value)
    except ValueError as error:
        raise SettingsError(f"{_variable(row)}={value}: {error}") from None


def _default(row: Field[Any]) -> str:
    match row.default:
        case None:
            return "(empty)"
        case bool() as flag:
            return str(int(flag))
        case ():
            return "(empty)"
        case (low, high):
            return f"{low}-{high}"
        case float() as number:
            return f"{number:g}"
        case value:
            return str(value)


def page() -> Iterator[str]:
    """The lines of docs/settings.md."""
    yield "# Settings"
    yield ""
    yield "<!-- Written by `make docs` from localstack_memorydb/settings.py: change it there. -->"
    yield ""
    yield "Environment variables, read once at the start. A value that cannot be used stops the start with one line"
    yield "that says why."
    yield ""
    yield "| Variable | Default | Values | Meaning |"
    yield "|---|---|---|---|"
    for row in fields(Settings):
        values, meaning = row.metadata["values"], row.metadata["meaning"]
        yield f"| `{_variable(row)}` | `{_default(row)}` | {values} | {meaning} |"


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write("\n".join(page()) + "\n")


if __name__ == "__main__":
    main()
