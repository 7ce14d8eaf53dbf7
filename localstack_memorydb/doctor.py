"""`localstack-memorydb doctor`: what is usable on this machine."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import socket
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from localstack_memorydb.settings import Settings

_API_PORT = 4566
_CLUSTER_PORT = 6379
_MARKS = {True: "[green]yes[/green]", False: "[red]no[/red]", None: "[yellow]-[/yellow]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it is usable (None: it need not be), what was seen."""

    subject: str
    usable: bool | None
    seen: str


def run(settings: Settings) -> int:
    """Print the findings; exit code 0 when at least one host can start."""
    table = Table("", "usable", "", box=None, padding=(0, 2))
    found = list(findings(settings))
    for finding in found:
        table.add_row(finding.subject, _MARKS[finding.usable], escape(finding.seen))
    Console(highlight=False, soft_wrap=True).print(table)
    return 0 if any(finding.usable for finding in found if finding.subject.endswith(" host")) else 1


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything that is looked at, in the order it is needed."""
    yield Finding("Python", sys.version_info >= (3, 11), f"{platform.python_version()}, {platform.system()}")
    yield Finding("OpenSSL", ssl.HAS_TLSv1_2, ssl.OPENSSL_VERSION)
    yield _product("LocalStack host", "localstack.runtime", "localstack-core", "localstack")
    yield _product("stand-alone host", "flask", "moto", "standalone")
    yield _product("redis-py", "redis", "redis", "standalone", needed=False)
    yield _product("Lambda, Python", "awslambdaric", "awslambdaric", "standalone", needed=False)
    node = shutil.which("node")
    yield Finding("Lambda, Node.js", True if node else None, node or "no node on PATH")
    yield _port("API port", settings.bind, _API_PORT)
    yield _loopback(settings)
    yield Finding(
        "data directory", None if settings.data_dir is None else True, str(settings.data_dir or "none")
    )


def _product(subject: str, module: str, distribution: str, extra: str, *, needed: bool = True) -> Finding:
    try:
        present = importlib.util.find_spec(module) is not None
        if present:
            return Finding(subject, True, f"{distribution} {version(distribution)}")
    except (ModuleNotFoundError, PackageNotFoundError):
        pass
    return Finding(subject, False if needed else None, f"pip install 'localstack-memorydb[{extra}]'")


def _port(subject: str, address: str, port: int) -> Finding:
    refused = _bind_error(address, port)
    return Finding(subject, refused is None, f"{address}:{port}" + (f" ({refused})" if refused else ""))


def _loopback(settings: Settings) -> Finding:
    """The reason for node addresses being what they are: whether all of 127.0.0.0/8 is loopback here."""
    refused = _bind_error("127.77.1.1", _CLUSTER_PORT)
    low, high = settings.port_range
    if settings.node_addresses == "range" or (refused and settings.node_addresses == "auto"):
        why = "chosen" if settings.node_addresses == "range" else f"127.77.1.1: {refused}"
        return Finding("node addresses", True, f"{settings.bind}, ports {low}-{high} ({why})")
    seen = f"own 127.x.y.z addresses, port {_CLUSTER_PORT}"
    return Finding("node addresses", refused is None, seen + (f" ({refused})" if refused else ""))


def _bind_error(address: str, port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
