"""A room's memory: a bounded log of numbered entries.

1. Ids rise strictly; the store gives them (microseconds since the Unix epoch).
2. A cursor is a place *between* entries: cursor N stands right behind the entry N, whether or not
   there is one.
3. The log holds everything after `floor`, and says so when it is asked for more.
4. A log whose past could not be read is torn, until that is put before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from ..model.events import Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Codec(Protocol):
    """Events to bytes, for one kind of reader.  Pure: the same entry always gives the same
    bytes.
    """

    @property
    def name(self) -> str:
        """Readers whose codecs share a name share the bytes."""

    def encode(self, entry: Entry, /) -> bytes:
        """One entry."""

    def join(self, chunks: Sequence[bytes], /) -> bytes:
        """Several encoded entries as one run of bytes."""


class Entry:
    """An event and its place: what the store made of it.  Each codec's bytes of it are made
    once.
    """

    __slots__ = ("_encoded", "event", "id")

    def __init__(self, id: int, event: Event) -> None:
        self.id = id
        """Microseconds since the Unix epoch; strictly rising over the whole server."""
        self.event = event
        self._encoded: dict[str, bytes] = {}

    def encoded(self, codec: Codec) -> bytes:
        """This entry in `codec`'s bytes."""
        try:
            return self._encoded[codec.name]
        except KeyError:
            data = self._encoded[codec.name] = codec.encode(self)
            return data

    @property
    def time(self) -> str:
        """When it was stored: RFC 3339, UTC, microseconds."""
        moment = _EPOCH + timedelta(microseconds=self.id)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def __repr__(self) -> str:
        return f"<Entry {self.id} {self.event!r}>"


class Suffix(NamedTuple):
    """What lies after a cursor."""

    entries: Sequence[Entry]
    complete: bool
    """False when the log no longer holds, or never held, all that came after the cursor."""


class Page(NamedTuple):
    """Some of a room's kept events, in order, oldest first."""

    entries: Sequence[Entry]
    floor: int
    """The lowest cursor after which all of the room's events are still kept."""
    more: bool
    """Whether there are more in the direction that was asked for."""


class EventLog:
    """The last `capacity` entries of one room."""

    __slots__ = ("_capacity", "_entries", "count", "floor", "last", "torn")

    def __init__(self, capacity: int, floor: int = 0, *, torn: bool = False) -> None:
        """Begin an empty log that is complete from the cursor `floor` on."""
        self._capacity = capacity
        # A deque is made when it is needed: it takes 600 bytes, and every session has a log.
        self._entries: deque[Entry] | tuple[()] = ()
        self.floor = floor
        """The lowest cursor after which the log holds everything."""
        self.last = floor
        """The cursor behind the newest entry."""
        self.count = 0
        """Entries ever appended."""
        self.torn = torn
        """Whether it should reach further back than its floor, and cannot."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def first(self) -> int | None:
        """The id of the oldest entry still held."""
        return self._entries[0].id if self._entries else None

    def append(self, entry: Entry) -> None:
        """Add the newest entry; the oldest falls out when the log is full."""
        entries = self._entries
        if isinstance(entries, tuple):
            entries = self._entries = deque(maxlen=self._capacity)
        if len(entries) == self._capacity:
            self.floor = entries[0].id if entries else entry.id
        entries.append(entry)
        self.last = entry.id
        self.count += 1

    def mend(self, entries: Sequence[Entry], floor: int) -> None:
        """Put its past before it, as far as there is room: all that is after the cursor `floor`."""
        self.torn = False
        room = self._capacity - len(self._entries)
        if room <= 0:
            return
        if room < len(entries):
            floor = entries[-room - 1].id
        self.floor = floor
        self._entries = deque([*entries[-room:], *self._entries], self._capacity)

    def since(self, cursor: int) -> Suffix:
        """The entries after `cursor`, oldest first, and whether they are all."""
        found = []
        for entry in reversed(self._entries):
            if entry.id <= cursor:
                break
            found.append(entry)
        found.reverse()
        return Suffix(found, cursor >= self.floor)

    def ordinal(self, cursor: int) -> int:
        """How many of the entries ever appended lie before `cursor`; exact while `since` is
        complete.
        """
        return self.count - len(self.since(cursor).entries)

    def latest(
        self, count: int, kinds: type[Event] | tuple[type[Event], ...] = Event
    ) -> list[Entry]:
        """The last `count` entries of the given kinds, oldest first."""
        found: list[Entry] = []
        for entry in reversed(self._entries):
            if len(found) >= count:
                break
            if isinstance(entry.event, kinds):
                found.append(entry)
        found.reverse()
        return found
