"""`python -m localstack_memorydb.engine --port N [--shards S --replicas R] [--unrestricted]`: a bare cluster, without AWS."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import click

from localstack_memorydb.engine import (
    AddressError,
    AuthorityError,
    ClusterSpec,
    DirectoryInUseError,
    Engine,
    EngineSettings,
    LogError,
    ShardInfo,
    lock_directory,
)
from localstack_memorydb.engine.registry import ENGINE_LEVELS

_LAST_PORT = 65535
_ENDS = {signal.SIGINT, signal.SIGTERM}


def fail(reason: str) -> NoReturn:
    """One line on standard error, exit code 1."""
    click.echo(reason, err=True)
    sys.exit(1)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--port",
    default=6379,
    show_default=True,
    type=click.IntRange(1, _LAST_PORT),
    help="Port of the first node; the others follow it.",
)
@click.option("--shards", default=1, show_default=True, type=click.IntRange(1, 500))
@click.option("--replicas", default=0, show_default=True, type=click.IntRange(0, 5), help="Of each shard.")
@click.option("--engine-version", default="7.2", show_default=True, type=click.Choice(list(ENGINE_LEVELS)))
@click.option("--tls/--no-tls", default=False, show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Keep the data here between runs.")
@click.option(
    "--bind",
    default="range",
    show_default=True,
    type=click.Choice(["auto", "loopback", "range"]),
    help="range: one address, a port for each node. loopback: an address for each node, one port.",
)
@click.option(
    "--unrestricted", is_flag=True, help="With CONFIG, DEBUG, SAVE and ACL SETUSER, which MemoryDB lacks."
)
def main(
    port: int,
    shards: int,
    replicas: int,
    engine_version: str,
    tls: bool,
    data_dir: Path | None,
    bind: str,
    unrestricted: bool,
) -> None:
    """A cluster without AWS: prints its nodes, then `Ready.`, and serves until it is interrupted."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # until `serve`: they would end the process at once
    logging.basicConfig(format="%(message)s")
    logging.getLogger("localstack_memorydb.engine").setLevel(
        logging.INFO
    )  # what CONFIG calls loglevel notice
    last = port + shards * (replicas + 1) - 1
    if last > _LAST_PORT and bind != "loopback":
        fail(
            f"{shards * (replicas + 1)} nodes need the ports {port} to {last}, and the last one is {_LAST_PORT}"
        )
    spec = ClusterSpec(
        "bare",
        shards,
        replicas,
        port,
        "valkey",
        engine_version,
        tls,
        storage="bare",
        unrestricted=unrestricted,
    )
    with _opened(EngineSettings(bind=bind, port_range=(port, last), data_dir=data_dir)) as engine:
        try:
            cluster = engine.create_cluster(spec, returns=True)
        except AddressError:
            fail(f"{_wanted(bind, port, last)}: choose another --port")
        except LogError as error:
            fail(str(error))
        _report(cluster.topology(), shards, replicas)
        engine.serve(_ENDS)


@contextmanager
def _opened(settings: EngineSettings) -> Iterator[Engine]:
    with ExitStack() as stack:
        directory = settings.data_dir
        try:
            if directory is not None:
                stack.enter_context(lock_directory(directory))
            engine = Engine(settings)
            engine.start_here()
        except DirectoryInUseError:
            fail(f"another engine or emulator uses the data directory {directory}")
        except OSError as error:
            fail(f"the data directory {directory} cannot be used: {error.strerror or error}")
        except AuthorityError as error:
            fail(str(error))
        yield stack.enter_context(engine)


def _wanted(bind: str, port: int, last: int) -> str:
    if bind == "loopback":
        return f"no address 127.x.y.z has port {port} free"
    if port == last:
        return f"port {port} on 127.0.0.1 is in use"
    return f"of the ports {port} to {last} on 127.0.0.1 some are in use"


def _report(topology: Sequence[ShardInfo], shards: int, replicas: int) -> None:
    kept = len(topology), len(topology[0].nodes) - 1
    if kept != (shards, replicas):
        click.echo(
            f"The data directory has a cluster of {kept[0]} shards with {kept[1]} replicas each: it starts as it is.",
            err=True,
        )
    for shard in topology:
        for node in shard.nodes:
            click.echo(f"{node.name} {node.role} {node.host}:{node.port}")
    click.echo("Ready.")


if __name__ == "__main__":
    main()
