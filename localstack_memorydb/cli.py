"""The command line: start, demo, ca, doctor."""

from __future__ import annotations

import dataclasses
import errno
import importlib.util
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import NoReturn

import click

from localstack_memorydb import __version__
from localstack_memorydb.settings import Settings, SettingsError

DEFAULT_PORT = 4566
DEFAULT_ENDPOINT = f"http://127.0.0.1:{DEFAULT_PORT}"
_HOSTS = ("localstack", "standalone")


def fail(reason: str) -> NoReturn:
    """One line on standard error, exit code 1."""
    sys.stderr.write(f"localstack-memorydb: {reason}\n")
    sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="localstack-memorydb")
def main() -> None:
    """Amazon MemoryDB on this machine: the API, and real clusters behind it."""


@main.command(short_help="Start an AWS endpoint with MemoryDB.")
@click.option("--host", type=click.Choice(_HOSTS), help="Default: localstack where it is installed.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Of the endpoint; 0 takes a free one.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Keep state and data here between runs, as MEMORYDB_DATA_DIR does.",
)
def start(host: str | None, port: int, data_dir: Path | None) -> None:
    """Start an AWS endpoint with MemoryDB; prints `Ready.` once requests are served.

    Everything else is set by environment variables, such as MEMORYDB_TRANSITION_DELAY: see docs/settings.md.
    """
    settings = _settings(data_dir)
    host = host or ("localstack" if _installed("localstack.runtime") else "standalone")
    if host == "localstack":
        _start_localstack(settings, port)
    _start_standalone(settings, port)


def _settings(data_dir: Path | None) -> Settings:
    try:
        settings = Settings.from_environ(os.environ)
    except SettingsError as error:
        fail(str(error))
    if data_dir is not None:
        settings = dataclasses.replace(settings, data_dir=data_dir.absolute())
    if settings.data_dir is not None:
        _require_directory(settings.data_dir)
    return settings


def _require_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        fail(f"the data directory {path} cannot be used: {error.strerror or error}")


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False


def _missing(extra: str, product: str) -> NoReturn:
    fail(
        f"{product} is not installed in this environment; install it: pip install 'localstack-memorydb[{extra}]'"
    )


def _port_refused(host: str, port: int, error: OSError) -> NoReturn:
    if error.errno == errno.EADDRINUSE:
        fail(f"port {port} is already in use; choose another one with --port")
    fail(f"cannot listen on {host}:{port}: {error.strerror or error}")


def _start_localstack(settings: Settings, port: int) -> NoReturn:
    if not _installed("localstack.runtime"):
        _missing("localstack", "LocalStack")
    from localstack_memorydb.integrations.localstack.runtime import serve

    serve(_free_port(port), settings.data_dir)


def _free_port(port: int) -> int:
    """The port, if it is free: LocalStack itself ends in a stack trace."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            _port_refused("127.0.0.1", port, error)
        return int(probe.getsockname()[1])


def _start_standalone(settings: Settings, port: int) -> None:
    if not (_installed("flask") and _installed("moto.moto_server")):
        _missing("standalone", "the stand-alone host (moto's server)")
    from localstack_memorydb.integrations.moto.server import StandaloneHost

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        host = StandaloneHost(settings, port)
    except OSError as error:
        _port_refused(settings.bind, port, error)
    try:
        host.start()
    except SettingsError as error:
        fail(str(error))
    click.echo(f"MemoryDB, stand-alone host: {host.url}")
    if advice := settings.advice(settings.bind):
        click.echo(advice, err=True)
    click.echo("Ready.")
    try:
        stop.wait()
    finally:
        host.stop()


@main.command(short_help="Print the certificate that clients trust.")
@click.option("--endpoint-url", default=DEFAULT_ENDPOINT, show_default=True, help="A running endpoint.")
@click.option("--install-hint", is_flag=True, help="Say on standard error how to make clients trust it.")
@click.option("--rotate", is_flag=True, help="Replace the authority first; clients must trust the new one.")
def ca(endpoint_url: str, install_hint: bool, rotate: bool) -> None:
    """Print the certificate (PEM) that clients trust to reach clusters over TLS."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    page, method = ("ca/rotate", "POST") if rotate else ("ca.pem", "GET")
    try:
        request = Request(f"{endpoint_url.rstrip('/')}/_memorydb/{page}", method=method)  # noqa: S310
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            sys.stdout.write(answer.read().decode())
    except HTTPError as error:
        fail(f"{endpoint_url} is no endpoint with MemoryDB: {error.code} {error.reason}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        fail(f"no certificate from {endpoint_url}: {getattr(reason, 'strerror', None) or reason}")
    if install_hint:
        sys.stderr.write(
            "redis-py, valkey-py: ssl_ca_certs=FILE   redis-cli, valkey-cli: --cacert FILE   Node.js: NODE_EXTRA_CA_CERTS=FILE\n"
            "Debian: copy to /usr/local/share/ca-certificates/ as a .crt file, then update-ca-certificates\n"
        )


@main.command(short_help="Show the main uses, step by step.")
@click.option("--endpoint-url", help="A running endpoint; without it the demo starts one and stops it.")
def demo(endpoint_url: str | None) -> None:
    """Create a cluster, use it, snapshot it to S3, restore it: step by step, in seconds."""
    try:
        from localstack_memorydb.demo import DemoError, run
    except ImportError as error:
        fail(f"{error}; install it: pip install 'localstack-memorydb[standalone]'")
    try:
        run(endpoint_url, _settings(None))
    except DemoError as error:
        fail(str(error))


@main.command()
def doctor() -> None:
    """Say what is usable here: Python, hosts, addresses, ports."""
    from localstack_memorydb.doctor import run

    sys.exit(run(_settings(None)))


if __name__ == "__main__":
    main()
