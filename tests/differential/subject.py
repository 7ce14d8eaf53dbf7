"""Our engine as a server to compare: one shard without replicas, without TLS, on a loopback address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .transcript import version as numbers
from .witness import Server

ENGINE_VERSIONS = {"valkey": "7.2", "redis": "7.0", "redis6": "6.2"}
"""What a witness of each kind stands for."""


@contextmanager
def engine(
    kind: str,
    *,
    version: str | None = None,
    unrestricted: bool = False,
    tls: bool = False,
    **parameters: str,
) -> Iterator[Server]:
    """A cluster of MemoryDB's engine version that a witness of this kind stands for, or of another `version`."""
    from localstack_memorydb.engine import ClusterSpec, Engine, UserSpec, hash_password

    engine_version = version or ENGINE_VERSIONS[kind]
    with Engine() as running:
        spec = ClusterSpec(
            name=f"differential-{kind}",
            shards=1,
            replicas=0,
            engine=kind.rstrip("6"),
            engine_version=engine_version,
            tls=tls,
            unrestricted=unrestricted,
            parameters={name.replace("_", "-"): value for name, value in parameters.items()},
        )
        handle = running.create_cluster(spec)

        def set_users(users: Mapping[str, tuple[str, str]]) -> None:
            state = "off" if "default" in users else "on"
            specs = [UserSpec("default", f"{state} ~* &* +@all", "no-password")]
            for name, (password, rules) in users.items():
                if name != "default":
                    specs.append(
                        UserSpec(name, rules, "password", (hash_password(password, "salt"),), "salt")
                    )
            handle.set_users(specs)

        try:
            host, port = handle.endpoint()
            yield Server("engine", host, port, numbers(engine_version), set_users)
        finally:
            handle.close()
