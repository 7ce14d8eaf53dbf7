"""What `@pytest.mark.memorydb(...)` asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


class MarkerError(ValueError):
    """A marker that cannot be understood; str() is one line that says why."""


@dataclass(frozen=True)
class Wanted:
    """A cluster as a test describes it. Two tests with equal descriptions can use the same shared cluster.

    `users` maps names to access strings. `options` goes to CreateCluster as it is.
    """

    shards: int = 1
    replicas: int = 0
    tls: bool = True
    users: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    engine: str | None = None
    engine_version: str | None = None
    node_type: str = "db.t4g.small"
    shared: bool = False
    decode_responses: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        """The parameters of CreateCluster, but for its name and ACL."""
        asked = {
            "NodeType": self.node_type,
            "NumShards": self.shards,
            "NumReplicasPerShard": self.replicas,
            "TLSEnabled": self.tls,
            "Engine": self.engine,
            "EngineVersion": self.engine_version,
            **self.options,
        }
        return {name: value for name, value in asked.items() if value is not None}


def wanted(marks: Iterable[pytest.Mark]) -> Wanted:
    """The description that markers give together: later ones win. Raises MarkerError."""
    asked: dict[str, Any] = {}
    for mark in marks:
        if mark.args:
            raise MarkerError("pytest.mark.memorydb takes keyword arguments only, such as shards=2")
        asked |= mark.kwargs
    known = [row.name for row in fields(Wanted)]
    for name in asked:
        if name not in known:
            raise MarkerError(f"pytest.mark.memorydb: there is no {name}; there are {', '.join(known)}")
    for name in ("users", "parameters", "options"):
        if not isinstance(asked.get(name, {}), Mapping):
            raise MarkerError(f"pytest.mark.memorydb: {name} must be a dict")
    return Wanted(**asked)
