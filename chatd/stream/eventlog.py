"""Event logs: the newest entries of one room, in memory, bounded and numbered.

1. Ids rise strictly; the store gives them (microseconds since the Unix epoch).
2. A cursor is a place *between* entries: cursor N is right after the entry N, whether or not
   there is such an entry.
3. The log holds everything after the cursor `floor`.  A full log evicts its oldest entry for each
   new one, and `floor` rises.  `since` reports when it cannot return all entries.
4. A log is *incomplete* if its earlier entries could not be loaded; `prepend` completes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from msgspec import Struct, field

from ..model.events import Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Codec(Protocol):
    """Encoder of events for one kind of reader.  Pure: equal entries give equal bytes."""

    @property
    def name(self) -> str:
        """Codecs of one name share their encoded bytes."""

    def encode(self, entry: Entry, /) -> bytes:
        """One entry."""

    def join(self, chunks: Sequence[bytes], /) -> bytes:
        """Several encoded entries as one run of bytes."""


class Entry(Struct, eq=False):
    """A stored event and its id.  Its encoded bytes are cached for each codec."""

    id: int
    """Microseconds since the Unix epoch; strictly rising over the whole chat."""
    event: Event
    _encoded: dict[str, bytes] = field(default_factory=dict)

    def encoded(self, codec: Codec) -> bytes:
        """This entry as `codec` encodes it."""
        data = self._encoded.get(codec.name)
        if data is None:
            data = self._encoded[codec.name] = codec.encode(self)
        return data

    @property
    def time(self) -> str:
        """The time of storing: RFC 3339, UTC, with microseconds."""
        moment = _EPOCH + timedelta(microseconds=self.id)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def __repr__(self) -> str:
        return f"<Entry {self.id} {self.event!r}>"


def encoded(entries: Iterable[Entry], codec: Codec) -> list[bytes]:
    """Entries as `codec` encodes them."""
    name = codec.name
    return [entry._encoded.get(name) or entry.encoded(codec) for entry in entries]


class Suffix(Struct, frozen=True):
    """The entries after a cursor."""

    entries: Sequence[Entry]
    complete: bool
    """False if the log no longer has, or never had, all entries after the cursor."""


class Page(NamedTuple):
    """Some of a room's kept events, oldest first."""

    entries: Sequence[Entry]
    floor: int
    """The lowest cursor after which all of the room's events are still kept."""
    more: bool
    """Whether more events follow in the requested direction."""


class EventLog:
    """The last `capacity` entries of one room."""

    __slots__ = ("_entries", "capacity", "count", "floor", "incomplete", "last", "rewrites")

    def __init__(self, capacity: int, floor: int = 0, *, incomplete: bool = False) -> None:
        """An empty log that is complete from the cursor `floor` on."""
        self.capacity = capacity
        """The most entries that it holds."""
        # The deque is made for the first entry: it takes 600 bytes, and every session has a log.
        self._entries: deque[Entry] | tuple[()] = ()
        self.floor = floor
        """The lowest cursor after which the log holds everything."""
        self.last = floor
        """The cursor after the newest entry."""
        self.count = 0
        """Entries ever appended."""
        self.incomplete = incomplete
        """Whether entries before `floor` exist that could not be loaded."""
        self.rewrites = 0
        """Changes whenever its entries change otherwise than by new ones."""

    def __len__(self) -> int:
        return len(self._entries)

    def evicting(self, entries: int) -> int:
        """The id of the newest entry that `entries` new ones would evict; 0 if none."""
        held = len(self._entries)
        over = held + entries - self.capacity
        return self._entries[min(over, held) - 1].id if over > 0 and held else 0

    @property
    def first(self) -> int | None:
        """The id of the oldest entry still held."""
        return self._entries[0].id if self._entries else None

    @property
    def middle(self) -> int:
        """The id of the entry in the middle of those still held; 0 if there is none."""
        return self._entries[len(self._entries) // 2].id if self._entries else 0

    def append(self, entry: Entry) -> None:
        """Add the newest entry; a full log evicts its oldest one."""
        self.extend((entry,))

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add the newest entries, oldest first; a full log evicts as many."""
        if not entries:
            return
        log = self._entries
        if not log:
            log = self._entries = deque(maxlen=self.capacity)
        held, added = len(log), len(entries)
        evicted = held + added - self.capacity
        if evicted > held:
            self.floor = entries[evicted - held - 1].id
        elif evicted > 0:
            self.floor = log[evicted - 1].id
        log.extend(entries)
        self.last = entries[-1].id
        self.count += added

    def prepend(self, entries: Sequence[Entry], floor: int) -> None:
        """Add earlier entries before the others, as far as the capacity allows.  `entries` are all
        those between the cursor `floor` and the log's own floor.
        """
        self.rewrites += 1
        self.incomplete = False
        room = self.capacity - len(self._entries)
        if room <= 0:
            return
        if room < len(entries):
            floor = entries[-room - 1].id
        if not self._entries:  # or a reader would look for more between here and `last`
            self.last = entries[-1].id if entries else floor
        self.floor = floor
        self._entries = deque([*entries[-room:], *self._entries], self.capacity)

    def restart(self, entries: Sequence[Entry], floor: int, last: int) -> None:
        """Replace the entries, because the log was read again: `entries` are all of those after the
        cursor `floor` and up to `last`.
        """
        self.rewrites += 1
        self.incomplete = False
        self._entries = deque(entries, self.capacity)
        self.floor = floor
        self.last = last
        self.count += len(entries)

    def clear(self) -> None:
        """Drop all entries, which have been erased.  No gap is reported for them."""
        self.rewrites += 1
        self._entries = ()
        self.incomplete = False

    def replace(self, entry: Entry) -> bool:
        """Replace the entry with the same id; returns whether the log has one."""
        entries = self._entries
        self.rewrites += 1
        for place in range(len(entries) - 1, -1, -1):
            if entries[place].id == entry.id:
                entries[place] = entry  # type: ignore[index]  # it is no tuple: it has entries
                return True
            if entries[place].id < entry.id:
                break
        return False

    def since(self, cursor: int) -> Suffix:
        """The entries after `cursor`, oldest first, and whether none is missing."""
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

    def before_latest(self, count: int) -> int:
        """The cursor before the last `count` entries."""
        entries = self._entries
        if not entries:
            return self.floor
        return max(entries[-min(count, len(entries))].id - 1, self.floor)

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
