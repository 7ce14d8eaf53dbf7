"""Places on Earth, kept in sorted sets. https://valkey.io/commands/#geo"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import Final

from localstack_memorydb.engine import geo as earth
from localstack_memorydb.engine.commands.sorted_set_ranges import keep
from localstack_memorydb.engine.commands.sorted_sets import zadd
from localstack_memorydb.engine.errors import CommandError, SyntaxFault, printable
from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.nearest import in_order
from localstack_memorydb.engine.numbers import parse_float, parse_int
from localstack_memorydb.engine.registry import DENYOOM, READONLY, WRITE, Family, KeySpec, one, two
from localstack_memorydb.engine.resp import NULL_ARRAY, Absent, Argv, Decimal17, Reply
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.values import ZSet

geo = Family("geo", "@geo")

_NO_SUCH_MEMBER: Final = "ERR could not decode requested zset member"


# -- arguments --------------------------------------------------------------------------------------------------------


def _place(longitude: bytes, latitude: bytes) -> earth.Place:
    """A place on the map. Raises CommandError for one that is not."""
    east, north = parse_float(longitude), parse_float(latitude)
    if abs(east) > earth.LONGITUDE or abs(north) > earth.LATITUDE:
        raise CommandError(f"ERR invalid longitude,latitude pair {east:f},{north:f}")
    return east, north


def _unit(s: Session, text: bytes) -> float:
    """How many metres a unit has; 6.2 knows lower case only."""
    meters = earth.METERS.get(text if s.legacy else text.lower())
    if meters is None:
        names = "m, km, ft, mi" if s.legacy else "M, KM, FT, MI"
        raise CommandError(f"ERR unsupported unit provided. please use {names}")
    return meters


def _text(s: Session, meters: float) -> bytes:
    """A distance with four digits; 7.2 rounds the double's ten thousandfold."""
    if s.legacy_doubles or not -1e14 < meters < 1e14:
        return b"%.4f" % meters
    scaled = round(meters * 10_000)
    return b"%d.%04d" % divmod(scaled, 10_000)


# -- places -----------------------------------------------------------------------------------------------------------


@geo.command("GEOADD", -5, WRITE | DENYOOM, keys=one("RW update"), since="3.2.0")
def geoadd(s: Session, argv: Argv) -> Reply:
    """Adds members or moves them; how many were added."""
    at = 2
    while at < len(argv) and argv[at].upper() in (b"NX", b"XX", b"CH"):
        at += 1
    options = argv[2:at]
    words = {word.upper() for word in options}
    if (len(argv) - at) % 3 or {b"NX", b"XX"} <= words:
        raise SyntaxFault
    line = [b"ZADD", argv[1], *options]
    for longitude, latitude, member in looking(
        zip(argv[at::3], argv[at + 1 :: 3], argv[at + 2 :: 3], strict=True)
    ):
        line += [b"%d" % earth.encode(_place(longitude, latitude)), member]
    return zadd(s, line)


@geo.command("GEODIST", -4, READONLY, keys=one("RO access"), since="3.2.0")
def geodist(s: Session, argv: Argv) -> Reply:
    """How far two members are apart, in metres or another unit."""
    unit = 1.0
    if len(argv) == 5:
        unit = _unit(s, argv[4])
    elif len(argv) > 5:
        raise SyntaxFault
    found = s.value(argv[1], ZSet)
    if found is None or argv[2] not in found or argv[3] not in found:
        return None
    places = [earth.decode(found.scores[member]) for member in argv[2:4]]
    return _text(s, earth.distance(*places) / unit)


@geo.command("GEOHASH", -2, READONLY, keys=one("RO access"), since="3.2.0")
def geohash(s: Session, argv: Argv) -> Reply:
    """The members' places as geohashes of eleven letters."""
    found = s.value(argv[1], ZSet)
    if found is None:
        return Absent(repeat(None, len(argv) - 2))
    scores = found.scores
    return [earth.text_of(scores[member]) if member in scores else None for member in looking(argv[2:])]


def _coordinates(place: earth.Place) -> Reply:
    return [Decimal17(place[0]), Decimal17(place[1])]


@geo.command("GEOPOS", -2, READONLY, keys=one("RO access"), since="3.2.0")
def geopos(s: Session, argv: Argv) -> Reply:
    """The members' longitudes and latitudes."""
    found = s.value(argv[1], ZSet)
    if found is None:
        return Absent(repeat(NULL_ARRAY, len(argv) - 2))
    scores = found.scores
    return [
        _coordinates(earth.decode(scores[member])) if member in scores else NULL_ARRAY
        for member in looking(argv[2:])
    ]


# -- searching --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Search:
    """A search in `found` (None: no such key): the area, and what is wanted of it."""

    found: ZSet | None
    area: earth.Area = field(default_factory=earth.Area)
    centred: bytes = b""
    shaped: bytes = b""
    order: bytes = b""
    count: int = 0
    any: bool = False
    extras: set[bytes] = field(default_factory=set)
    destination: bytes | None = None
    distances: bool = False

    def centre_on(self, member: bytes) -> None:
        """Searches around a member."""
        if self.found is None:  # then nothing is found, and the rest of the line is looked at first
            return
        if member not in self.found:
            raise CommandError(_NO_SUCH_MEMBER)
        self.area.centre = earth.decode(self.found.scores[member])

    def circle(self, s: Session, radius: bytes, unit: bytes) -> None:
        """Searches a circle."""
        self.area.radius = parse_float(radius, "ERR need numeric radius")
        if self.area.radius < 0:
            raise CommandError("ERR radius cannot be negative")
        self.area.unit, self.area.box = _unit(s, unit), False

    def rectangle(self, s: Session, width: bytes, height: bytes, unit: bytes) -> None:
        """Searches a box."""
        self.area.width = parse_float(width, "ERR need numeric width")
        self.area.height = parse_float(height, "ERR need numeric height")
        if self.area.width < 0 or self.area.height < 0:
            raise CommandError("ERR height or width cannot be negative")
        self.area.unit, self.area.box = _unit(s, unit), True

    def option(self, argv: Argv, at: int) -> int:
        """An option that all searches have; how many words it took, 0 for none."""
        word = argv[at].upper()
        if word in (b"WITHDIST", b"WITHHASH", b"WITHCOORD"):
            self.extras.add(word)
        elif word == b"ANY":
            self.any = True
        elif word in (b"ASC", b"DESC"):
            self.order = word
        elif word == b"COUNT" and at + 1 < len(argv):
            self.count = parse_int(argv[at + 1])
            if self.count <= 0:
                raise CommandError("ERR COUNT must be > 0")
            return 2
        else:
            return 0
        return 1

    def check(self, s: Session, storing: str) -> None:
        """What is stored has no room for more than scores."""
        if self.destination is None or not self.extras:
            return
        if s.legacy:
            storing, plural = "STORE option in GEORADIUS", "S"
        else:
            plural = ""
        raise CommandError(
            f"ERR {storing} is not compatible with WITHDIST, WITHHASH and WITHCOORD{plural} options"
        )

    def check_count(self) -> None:
        """ANY is about COUNT."""
        if self.any and not self.count:
            raise CommandError("ERR the ANY argument requires COUNT argument")

    def hits(self) -> list[earth.Found]:
        """Distance in units (if it is wanted), score and member of what was found, in order."""
        if self.found is None:
            return []
        order = self.order or (b"ASC" if self.count and not self.any else b"")
        measures = bool(order or self.distances or b"WITHDIST" in self.extras)
        irange = self.found.order.irange
        met = chain.from_iterable(irange((low,), (high,), (True, False)) for low, high in self.area.ranges())
        found = self.area.within(looking(met), measures=measures)
        hits = list(islice(found, self.count) if self.any else found)
        if order:
            in_order(hits, self.count, descending=order == b"DESC")
        if self.count:
            del hits[self.count :]
        unit = self.area.unit
        return [(meters / unit, score, member) for meters, score, member in hits] if measures else hits


def _answer(s: Session, search: _Search) -> Reply:
    """The members found, with what was asked for of each; or how many were stored."""
    hits = search.hits()
    if search.destination is not None:
        pairs = [(member, meters if search.distances else score) for meters, score, member in hits]
        return keep(s, search.destination, ZSet.of(pairs, s.node.cluster.parameters.limits))
    s.unchanged = True
    extras = search.extras
    if not extras:
        return [hit[2] for hit in hits]
    reply = []
    for meters, score, member in looking(hits):
        entry: list[Reply] = [member]
        if b"WITHDIST" in extras:
            entry.append(_text(s, meters))
        if b"WITHHASH" in extras:
            entry.append(int(score))
        if b"WITHCOORD" in extras:
            entry.append(_coordinates(earth.decode(score)))
        reply.append(entry)
    return reply


def _geosearch(s: Session, argv: Argv, search: _Search, at: int) -> Reply:
    while at < len(argv):
        taken = search.option(argv, at) or _where(s, search, argv, at)
        if not taken:
            raise SyntaxFault
        at += taken
    search.check(s, "GEOSEARCHSTORE")
    name = printable(argv[0])
    if not search.centred:
        raise CommandError(f"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}")
    if not search.shaped:
        raise CommandError(f"ERR exactly one of BYRADIUS and BYBOX can be specified for {name}")
    search.check_count()
    return _answer(s, search)


def _where(s: Session, search: _Search, argv: Argv, at: int) -> int:
    """An option of GEOSEARCH that says where, or STOREDIST; how many words it took, 0 for none."""
    word, left = argv[at].upper(), len(argv) - at - 1
    if word == b"STOREDIST" and search.destination is not None:
        search.distances = True
        return 1
    if word == b"FROMMEMBER" and left and search.centred != b"FROMLONLAT":
        search.centre_on(argv[at + 1])
        search.centred = word
        return 2
    if word == b"FROMLONLAT" and left >= 2 and search.centred != b"FROMMEMBER":
        search.area.centre = _place(argv[at + 1], argv[at + 2])
        search.centred = word
        return 3
    if word == b"BYRADIUS" and left >= 2 and search.shaped != b"BYBOX":
        search.circle(s, argv[at + 1], argv[at + 2])
        search.shaped = word
        return 3
    if word == b"BYBOX" and left >= 3 and search.shaped != b"BYRADIUS":
        search.rectangle(s, argv[at + 1], argv[at + 2], argv[at + 3])
        search.shaped = word
        return 4
    return 0


@geo.command("GEOSEARCH", -7, READONLY, keys=one("RO access"), since="6.2.0")
def geosearch(s: Session, argv: Argv) -> Reply:
    """The members inside a circle or a box."""
    return _geosearch(s, argv, _Search(s.value(argv[1], ZSet)), 2)


@geo.command("GEOSEARCHSTORE", -8, WRITE | DENYOOM, keys=two("OW update", "RO access"), since="6.2.0")
def geosearchstore(s: Session, argv: Argv) -> Reply:
    """Stores what GEOSEARCH finds, with geohashes or distances as scores."""
    return _geosearch(s, argv, _Search(s.value(argv[2], ZSet), destination=argv[1]), 3)


# -- the older searches -----------------------------------------------------------------------------------------------


def _storing(at: int) -> tuple[KeySpec, ...]:
    return (
        *one("RO access"),
        *(KeySpec("OW update", at, keyword=word) for word in (b"STORE", b"STOREDIST")),
    )


def _keys(argv: Argv) -> list[bytes]:
    """The keys that a real server finds: of several STORE and STOREDIST the last one counts, wherever it stands."""
    stored: list[bytes] = []
    at = 5
    while at < len(argv) - 1:
        if argv[at].upper() in (b"STORE", b"STOREDIST"):
            at += 1
            stored = [argv[at]]
        at += 1
    return [argv[1], *stored]


def _georadius(s: Session, argv: Argv, search: _Search, at: int, stores: bool = True) -> Reply:
    while at < len(argv):
        word = argv[at].upper()
        taken = search.option(argv, at)
        if taken:
            at += taken
        elif stores and word in (b"STORE", b"STOREDIST") and at + 1 < len(argv):
            search.destination, search.distances = argv[at + 1], word == b"STOREDIST"
            at += 2
        else:
            raise SyntaxFault
    search.check(s, "STORE option in GEORADIUS")
    search.check_count()
    return _answer(s, search)


def _around_place(s: Session, argv: Argv) -> _Search:
    search = _Search(s.value(argv[1], ZSet))
    search.area.centre = _place(argv[2], argv[3])
    search.circle(s, argv[4], argv[5])
    return search


def _around_member(s: Session, argv: Argv) -> _Search:
    search = _Search(s.value(argv[1], ZSet))
    if search.found is not None:
        search.centre_on(argv[2])
        search.circle(s, argv[3], argv[4])
    return search


@geo.command("GEORADIUS", -6, WRITE | DENYOOM, keys=_storing(6), since="3.2.0", finder=_keys)
def georadius(s: Session, argv: Argv) -> Reply:
    """The members around a place, or how many of them were stored."""
    return _georadius(s, argv, _around_place(s, argv), 6)


@geo.command("GEORADIUS_RO", -6, READONLY, keys=one("RO access"), since="3.2.10")
def georadius_ro(s: Session, argv: Argv) -> Reply:
    """GEORADIUS without STORE."""
    return _georadius(s, argv, _around_place(s, argv), 6, stores=False)


@geo.command("GEORADIUSBYMEMBER", -5, WRITE | DENYOOM, keys=_storing(5), since="3.2.0", finder=_keys)
def georadiusbymember(s: Session, argv: Argv) -> Reply:
    """The members around a member, or how many of them were stored."""
    return _georadius(s, argv, _around_member(s, argv), 5)


@geo.command("GEORADIUSBYMEMBER_RO", -5, READONLY, keys=one("RO access"), since="3.2.10")
def georadiusbymember_ro(s: Session, argv: Argv) -> Reply:
    """GEORADIUSBYMEMBER without STORE."""
    return _georadius(s, argv, _around_member(s, argv), 5, stores=False)
