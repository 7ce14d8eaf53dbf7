"""Pictures of the largest sizes take long: others come in between."""

from __future__ import annotations

import pytest

from .cluster_without_sockets import NOW, Client, start
from .test_long_scripts import Clock


@pytest.mark.parametrize("line", ["LOLWUT VERSION 5 40 4 40", "LOLWUT VERSION 6 40 40"])
def test_a_picture_gives_way(line: str) -> None:
    cluster = start()
    cluster.clock = Clock(0.03)
    client = Client(cluster.shards[0].primary)
    assert client(line) == b""
    while not client.said:
        cluster.tick(NOW)
    assert client.heard().endswith(b"Redis ver. 7.2.4\n\r\n")
