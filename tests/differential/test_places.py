"""Random places and searches beside those of a real server: the same members and digits, in the same order."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from random import Random

import pytest

from localstack_memorydb.engine.resp import encode_request
from tests.unit.cluster_without_sockets import NOW, Client, start

from .witness import BINARIES, Server, ask, witness


@pytest.fixture(scope="module", params=["redis", "valkey"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if BINARIES[request.param][0]() is None:
        pytest.skip(f"no {request.param}-server to compare with")
    with witness(request.param) as found:
        yield found


@pytest.fixture
def same(server: Server) -> Iterator[Callable[..., None]]:
    """Says a command to both and compares the bytes."""
    ours = Client(next(start(version=".".join(map(str, server.version))).nodes()))
    with socket.create_connection((server.host, server.port), timeout=60) as connection:

        def say(*words: object, doubles: bool = False) -> None:
            argv = [str(word).encode() for word in words]
            expected, got = ask(connection, *argv), ours.session.receive(encode_request(argv), NOW)
            # One double in a thousand is printed with other digits (docs/differences.md); it must be the same double.
            assert got == expected or (doubles and numbers(got) == numbers(expected)), argv

        yield say


def numbers(reply: bytes) -> list[object]:
    """The lines of a reply without their lengths, scores as numbers."""
    lines = [line for line in reply.split(b"\r\n") if not line.startswith(b"$")]
    return [float(line) if line[:1].isdigit() else line for line in lines]


def longitude(luck: Random) -> float:
    return round(luck.choice((luck.uniform(-180, 180), luck.gauss(179.9, 0.1), luck.gauss(13, 2))), 6)


def latitude(luck: Random) -> float:
    return round(
        luck.choice((luck.uniform(-85, 85), luck.gauss(84, 0.5), luck.gauss(-67, 1), luck.gauss(38, 2))), 6
    )


def place(luck: Random) -> tuple[float, float]:
    east, north = longitude(luck), latitude(luck)
    return (east + 180) % 360 - 180, max(-85.05, min(85.05, north))


def area(luck: Random) -> list[object]:
    unit = luck.choice(("m", "km", "ft", "mi"))
    size = round(10 ** luck.uniform(0, 7.8) / {"m": 1, "km": 1000, "ft": 0.3, "mi": 1600}[unit], 3)
    if luck.random() < 0.5:
        return ["BYRADIUS", size, unit]
    return ["BYBOX", size, round(size * luck.choice((1, 0.1, 3)), 3), unit]


def options(luck: Random) -> list[object]:
    words: list[object] = [word for word in ("WITHDIST", "WITHHASH", "WITHCOORD") if luck.random() < 0.3]
    words += luck.choice(([], ["ASC"], ["DESC"]))
    return words + luck.choice(
        ([], [], ["COUNT", luck.randrange(1, 60)], ["COUNT", luck.randrange(1, 60), "ANY"])
    )


@pytest.mark.parametrize("seed", range(6))
def test_searches_find_what_a_real_server_finds(same: Callable[..., None], seed: int) -> None:
    luck = Random(seed)
    key, stored = f"{{places{seed}}}", f"{{places{seed}}}stored"
    same("DEL", key, stored)
    members = [f"m{number}" for number in range(luck.choice((30, 300)))]
    for member in members:
        same("GEOADD", key, *place(luck), member)
    same("ZRANGE", key, 0, -1, "WITHSCORES")
    same("GEOPOS", key, *members)
    same("GEOHASH", key, *members)
    for _ in range(150):
        same("GEODIST", key, luck.choice(members), luck.choice(members), luck.choice(("m", "km", "ft", "mi")))
        centre = luck.choice((["FROMMEMBER", luck.choice(members)], ["FROMLONLAT", *place(luck)]))
        same("GEOSEARCH", key, *centre, *area(luck), *options(luck))
        same("GEOSEARCHSTORE", stored, key, *centre, *area(luck), *luck.choice(([], ["STOREDIST"])))
        same("ZRANGE", stored, 0, -1, "WITHSCORES", doubles=True)


@pytest.mark.parametrize("seed", range(4))
def test_the_nearest_of_a_crowd_come_in_the_same_order(same: Callable[..., None], seed: int) -> None:
    """Of many at the same distance: which ones are the first few, and in which order?"""
    luck = Random(seed)
    key = f"{{crowd{seed}}}"
    same("DEL", key)
    for number in range(luck.choice((7, 20, 100, 400))):
        same("GEOADD", key, luck.randrange(4), luck.randrange(4), f"m{number}")
    for _ in range(80):
        count = luck.randrange(1, 420)
        same(
            "GEOSEARCH",
            key,
            "FROMLONLAT",
            1,
            1,
            "BYRADIUS",
            9999,
            "km",
            luck.choice(("ASC", "DESC")),
            "COUNT",
            count,
        )
