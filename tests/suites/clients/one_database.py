"""A pytest plugin for suites of clients that take the server for one without a cluster: all keys are in database 0.

With `python -m tests.suites.one_slot` behind it the engine is much like one: a suite plays what it has for such servers.
"""

from __future__ import annotations

import importlib
import tracemalloc
from typing import Any

_CLIENTS = {
    "redis": ["redis.connection", "redis.asyncio.connection"],
    "valkey": ["valkey.connection", "valkey.asyncio.connection"],
}


def _stay_in_the_first(connection: type[Any]) -> None:
    begin = connection.__init__

    def connect(self: Any, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        self.db = 0

    connection.__init__ = connect


def _hide_the_cluster(client: type[Any]) -> None:
    ask = client.info

    def info(self: Any, *args: Any, **options: Any) -> Any:
        answer = ask(self, *args, **options)
        if isinstance(answer, dict) and "cluster_enabled" in answer:
            answer["cluster_enabled"] = 0
        return answer

    client.info = info


for _name, _modules in _CLIENTS.items():
    try:
        _client = importlib.import_module(_name)
    except ImportError:
        continue
    for _module in _modules:
        _stay_in_the_first(importlib.import_module(_module).AbstractConnection)
    _hide_the_cluster(getattr(_client, _name.capitalize()))

tracemalloc.start = lambda *_: (
    None
)  # some suites trace each allocation, which makes them several times as long
