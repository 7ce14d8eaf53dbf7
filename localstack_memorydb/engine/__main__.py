"""`python -m localstack_memorydb.engine --port N [--shards S --replicas R] [--unrestricted]`: a bare cluster, without AWS."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from localstack_memorydb.engine import AddressError, ClusterSpec, Engine, EngineSettings, LogError
from localstack_memorydb.engine.registry import ENGINE_LEVELS

_ENDS = {signal.SIGINT, signal.SIGTERM}


@click.command(help=__doc__)
@click.option("--port", default=6379, show_default=True, help="Port of the nodes.")
@click.option("--shards", default=1, show_default=True)
@click.option("--replicas", default=0, show_default=True)
@click.option("--engine-version", default="7.2", show_default=True, type=click.Choice(list(ENGINE_LEVELS)))
@click.option("--tls/--no-tls", default=False, show_default=True)
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Keep the data there.")
@click.option("--bind", default="range", show_default=True, type=click.Choice(["auto", "loopback", "range"]))
@click.option(
    "--unrestricted", is_flag=True, help="With CONFIG, DEBUG, SAVE and ACL SETUSER, which MemoryDB has not."
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
    """Serves until it is interrupted."""
    signal.pthread_sigmask(
        signal.SIG_BLOCK, _ENDS
    )  # before there are threads: they would end the process at once
    last = port + shards * (replicas + 1) - 1
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
    with Engine(EngineSettings(bind=bind, port_range=(port, last), data_dir=data_dir)) as engine:
        try:
            cluster = engine.create_cluster(spec, returns=True)
        except (AddressError, LogError) as error:
            click.echo(str(error), err=True)
            sys.exit(1)
        for shard in cluster.topology():
            for node in shard.nodes:
                click.echo(f"{node.name} {node.role} {node.host}:{node.port}")
        click.echo("Ready.")
        signal.sigwait(_ENDS)


if __name__ == "__main__":
    main()
