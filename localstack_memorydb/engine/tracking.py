"""Client-side caching: which clients want to hear that a key has changed. https://valkey.io/topics/client-side-caching/"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.errors import CommandError, printable
from localstack_memorydb.engine.looking import MANY, looking
from localstack_memorydb.engine.own_events import Later
from localstack_memorydb.engine.resp import Push, Reply, Wire

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

_LONGEST: Final = 256 << 20  # bytes of keys that are remembered: they may be long, and need not exist
_CHANNEL: Final = b"__redis__:invalidate"


class Tracker:
    """How one client tracks keys. `redirect` is the number of the client that is told instead, or 0.

    With `bcast` it hears of every key that begins with one of `prefixes`; else of keys that it has read, those only
    (`optin`) or all but those (`optout`) of a command that CLIENT CACHING (`caching`) precedes.
    """

    __slots__ = ("bcast", "broken", "caching", "noloop", "optin", "optout", "prefixes", "redirect")

    def __init__(self) -> None:
        self.redirect = 0
        self.bcast = self.optin = self.optout = self.noloop = False
        self.broken = self.caching = False
        self.prefixes: list[bytes] = []

    def refuse(self, former: Tracker | None) -> None:
        """Raises CommandError for options that exclude each other, or that differ too much from the former ones."""
        again = "before disabling tracking for this client, and then re-enabling it with a different mode."
        if self.prefixes and not self.bcast:
            raise CommandError("ERR PREFIX option requires BCAST mode to be enabled")
        if former is not None and former.bcast != self.bcast:
            raise CommandError(f"ERR You can't switch BCAST mode on/off {again}")
        if self.bcast and (self.optin or self.optout):
            raise CommandError("ERR OPTIN and OPTOUT are not compatible with BCAST")
        if self.optin and self.optout:
            raise CommandError("ERR You can't specify both OPTIN mode and OPTOUT mode")
        if former is not None and ((self.optin and former.optout) or (self.optout and former.optin)):
            raise CommandError(f"ERR You can't switch OPTIN/OPTOUT mode {again}")
        if self.bcast:
            _refuse_overlaps(self.prefixes, former.prefixes if former is not None else [])

    def wants(self) -> bool:
        """Whether the keys of the command that runs now are to be remembered."""
        if self.bcast:
            return False
        return self.caching if self.optin else not (self.optout and self.caching)


def _refuse_overlaps(prefixes: list[bytes], former: list[bytes]) -> None:
    first = _first_overlap(prefixes, former)
    if first is None:
        return
    prefix = prefixes[first]
    for kind, others in (("an existing", sorted(former)), ("another provided", prefixes[first + 1 :])):
        for other in others:
            if prefix.startswith(other) or other.startswith(prefix):
                raise CommandError(
                    f"ERR Prefix '{printable(prefix)}' overlaps with {kind} prefix '{printable(other)}'. "
                    "Prefixes for a single client must not overlap."
                )


def _first_overlap(prefixes: list[bytes], former: list[bytes]) -> int | None:
    """Which of the prefixes is the first that begins as another one does, of those that come later or were there before.

    In their order all that begin with a prefix follow it: `within` are those that the next one may begin with.
    """
    found: list[int] = []
    within: list[tuple[bytes, int]] = []
    numbered = [(prefix, place) for place, prefix in enumerate(prefixes)]
    for prefix, place in sorted([*numbered, *((each, len(prefixes)) for each in former)]):
        while within and not prefix.startswith(within[-1][0]):
            within.pop()
        if within:
            found.append(min(place, within[-1][1]))
        within.append((prefix, min(place, within[-1][1]) if within else place))
    return min((place for place in found if place < len(prefixes)), default=None)


class Tracking:
    """The keys that clients of a shard have read (`keys`), and the prefixes that others listen to.

    `pending` are the keys that changed since the last broadcast, with who changed them first. `size` is how long all `keys`
    are, and `room` how long they may be.
    """

    def __init__(self) -> None:
        self.keys: dict[bytes, dict[Session, None]] = {}
        self.prefixes: dict[bytes, dict[Session, None]] = {}
        self.pending: dict[bytes, Session | None] = {}
        self.clients: dict[Session, None] = {}
        self._lengths: list[int] = []  # of prefixes
        self.size = 0
        self.room = _LONGEST

    @property
    def active(self) -> bool:
        """Whether anybody wants to know which keys change, or may want to again: tracking can be turned off and on."""
        return bool(self.clients or self.keys)

    @property
    def items(self) -> int:
        """How many pairs of a key and a client there are."""
        return sum(len(sessions) for sessions in self.keys.values())

    def start(self, s: Session, tracker: Tracker) -> None:
        """The client tracks keys in that way from now on; prefixes that it had stay."""
        if tracker.bcast:
            former = s.tracking.prefixes if s.tracking is not None else []
            new = [prefix for prefix in tracker.prefixes or [b""] if prefix not in former]
            tracker.prefixes = [*former, *new]
            for prefix in new:
                self.prefixes.setdefault(prefix, {})[s] = None
                s.know(prefix)
            self._measure()
        s.tracking = tracker
        self.clients[s] = None

    def stop(self, s: Session) -> None:
        """The client no longer tracks; keys that it read are forgotten as they change."""
        if s.tracking is None:
            return
        s.unknow(s.tracking.prefixes)
        for prefix in s.tracking.prefixes:
            listening = self.prefixes.get(prefix, {})
            listening.pop(s, None)
            if not listening:
                self.prefixes.pop(prefix, None)
        self._measure()
        self.clients.pop(s, None)
        s.tracking = None

    def _measure(self) -> None:
        self._lengths = sorted(set(map(len, self.prefixes)))

    def _prefixes_of(self, key: bytes) -> list[bytes]:
        """The prefixes of the key that somebody listens to."""
        return [
            key[:length] for length in self._lengths if key[:length] in self.prefixes and length <= len(key)
        ]

    def leave(self, s: Session) -> None:
        """The client is gone. Where nobody tracks, nobody will ever ask for the keys that it has read."""
        if self.keys and not self.clients:
            self.keys = {key: readers for key, readers in self.keys.items() if readers.keys() - {s}}
            self.size = sum(map(len, self.keys))

    def remember(self, s: Session, keys: list[bytes], most: int) -> None:
        """The client has read the keys. Beyond `most` keys others are given up, and told of."""
        for key in keys if len(keys) < MANY else looking(keys):
            readers = self.keys.get(key)
            if readers is None:
                readers = self.keys[key] = {}
                self.size += len(key)
            readers[s] = None
        if len(self.keys) > most or self.size > self.room:
            self.keep(most)

    def keep(self, most: int) -> None:
        """Gives up keys beyond so many (0 is no limit), or so much, and tells of them."""
        while 0 < most < len(self.keys) or self.size > self.room:
            self._invalidate(next(iter(self.keys)), None)

    def changed(self, key: bytes, author: Session | None) -> None:
        """A key has changed."""
        # What a script changes is nobody's own change, as far as prefixes go. Who was the last to change it counts.
        if (
            self.prefixes
            and self._prefixes_of(key)
            and not (key in self.pending and author is not None and _takes_quietly(author, key))
        ):
            self.pending[key] = None if author is not None and author.script is not None else author
        if key in self.keys:
            self._invalidate(key, author)

    def _invalidate(self, key: bytes, author: Session | None) -> None:
        self.size -= len(key)
        for session in self.keys.pop(key):
            tracker = session.tracking
            if tracker is not None and not tracker.bcast and not (tracker.noloop and session is author):
                send(session, [key])

    def flushed(self) -> None:
        """Every key is gone."""
        for session in list(self.clients):
            send(session, None)
        self.keys.clear()
        self.size = 0

    def broadcast(self) -> None:
        """Tells those who listen to prefixes of what changed since the last time."""
        pending, self.pending = self.pending, {}
        changed: dict[bytes, list[bytes]] = {}
        for key in sorted(pending):
            for prefix in self._prefixes_of(key):
                changed.setdefault(prefix, []).append(key)
        for prefix, keys in sorted(changed.items()):
            for session in list(self.prefixes.get(prefix, ())):
                tracker = session.tracking
                if tracker is not None:
                    heard = [key for key in keys if not (tracker.noloop and pending[key] is session)]
                    if heard:
                        send(session, heard)


_TAKE: Final = frozenset({b"blpop", b"brpop"})
_MOVE: Final = frozenset({b"brpoplpush", b"blmove"})


def _takes_quietly(author: Session, key: bytes) -> bool:
    """Whether somebody is served who waited for a list: before 7.2 only who has filled it is said to have changed it."""
    waits = author.blocked
    if waits is None or not author.legacy_doubles or key not in waits.keys:
        return False
    word = waits.argv[0].lower()
    return word in _TAKE or (word in _MOVE and waits.argv[2] != key)


class _AtTheEnd(Later):
    """Stands for what a client is told of its own keys when its EXEC is over; None: all keys."""

    keys: list[bytes] | None = None


def send(s: Session, keys: Iterable[bytes] | None) -> None:
    """Tells the client, or the one that it redirects to, that keys are no longer what they were; None: all keys."""
    tracker, receiver = s.tracking, s
    # A null is that of the protocol of who keeps the keys, whoever gets it.
    body: Reply = list(keys) if keys is not None else Wire(b"_\r\n" if _protocol(s) == 3 else b"$-1\r\n")
    redirected = tracker is not None and tracker.redirect  # perhaps to itself
    if tracker is not None and tracker.redirect:
        found = s.node.sessions.get(tracker.redirect)
        if found is None:
            tracker.broken = True
            if _protocol(s) == 3:
                s.send(Push([b"tracking-redir-broken", tracker.redirect]))
            return
        receiver = found
    if receiver is s and s.in_exec > 0 and s.processing:
        mark = _AtTheEnd()
        mark.keys = body if isinstance(body, list) else None
        s.deferred.append(mark)
        return
    if _protocol(receiver) == 3:
        message = Push([b"invalidate", body])
    elif redirected and (receiver.channels or receiver.patterns or receiver.shard_channels):
        message = Push([b"message", _CHANNEL, body])
    else:
        return
    if receiver is s and s.processing:
        s.deferred.append(Later(s.encoders[Push](message)))
    else:
        receiver.send(message)


def settle(s: Session) -> None:
    """EXEC is over: the client is told of its own keys as its protocol and its channels are now."""
    told = s.deferred[:]
    s.deferred.clear()
    for data in told:
        if isinstance(data, _AtTheEnd):
            send(s, data.keys)
        else:
            s.deferred.append(data)


def _protocol(s: Session) -> int:
    """The client's protocol; while a script of its own runs, the session speaks that one's."""
    return s.protocol if s.script is None else s.script.protocols()[0]
