"""`python -m localstack_memorydb.engine --port N [--shards S --replicas R] [--unrestricted]`: a bare cluster, without AWS."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click

from localstack_memorydb.engine import (
    AddressError,
    AuthorityError,
    ClusterSpec,
    Engine,
    EngineSettings,
    LogError,
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
    signal.pthread_sigmask(
        signal.SIG_BLOCK, _ENDS
    )  # before there are threads: they would end the process at once
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
    try:
        opened = Engine(EngineSettings(bind=bind, port_range=(port, last), data_dir=data_dir))
    except OSError as error:
        fail(f"the data directory {data_dir} cannot be used: {error.strerror or error}")
    except AuthorityError as error:
        fail(str(error))
    with opened as engine:
        try:
            cluster = engine.create_cluster(spec, returns=True)
        except (AddressError, LogError) as error:
            fail(str(error))
        for shard in cluster.topology():
            for node in shard.nodes:
                click.echo(f"{node.name} {node.role} {node.host}:{node.port}")
        click.echo("Ready.")
        signal.sigwait(_ENDS)


if __name__ == "__main__":
    main()
