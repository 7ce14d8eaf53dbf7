"""Places, as far as no real server here can say it: what engine 6.2 is stricter about."""

from __future__ import annotations

import pytest

from tests.unit.cluster_without_sockets import Client, start


@pytest.fixture
def client() -> Client:
    return Client(next(start(version="6.2").nodes()))


def test_6_2_knows_units_in_lower_case_only(client: Client) -> None:
    client("GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania")
    assert client("GEODIST k Palermo Catania km") == b"$8\r\n166.2742\r\n"
    assert client("GEODIST k Palermo Catania KM") == (
        b"-ERR unsupported unit provided. please use m, km, ft, mi\r\n"
    )


def test_what_is_stored_lies_in_one_slot_with_its_source(client: Client) -> None:
    """The last STORE or STOREDIST names the destination, so that is the one that is looked at."""
    client("GEOADD {a}k 1 1 member")
    crossed = b"-CROSSSLOT Keys in request don't hash to the same slot\r\n"
    assert client("GEORADIUS {a}k 1 1 1 km STORE {a}t STORE {b}t") == crossed
    assert client("GEORADIUS {a}k 1 1 1 km STORE {a}t STOREDIST {b}t") == crossed
    assert client("GEORADIUS {a}k 1 1 1 km STORE {b}t STORE {a}t") == b":1\r\n"


@pytest.mark.parametrize("distance", ["", "ASC", "WITHDIST"])
def test_a_place_on_the_border_is_inside(distance: str) -> None:
    """Whether distances are wanted or not: then they are reckoned only where it is close."""
    client = Client(next(start().nodes()))
    client("GEOADD k 0 0 centre 0 10 north 10 0 east")
    meters = float(client("GEODIST k centre east").split(b"\r\n")[1])
    found = [
        client(f"GEOSEARCH k FROMMEMBER centre {area} m {distance}")
        for reach in (meters + 0.001, meters - 0.001)
        for area in (f"BYRADIUS {reach}", f"BYBOX {reach * 2} 1")
    ]
    assert [b"$4\r\neast" in each for each in found] == [True, True, False, False]
