"""What the logs are kept in: one small interface, several engines.

1. The store gives the ids: `max(previous + 1, microseconds now)`, strictly rising over the whole
   server and over restarts.
2. A batch is stored whole or not at all.
3. Everything stored comes back through the one listener, in the order of the ids, and `append`'s
   Deferred fires right behind it, in the same turn: senders know their ids before readers are
   woken.  What the listener never saw was never shown to anyone.
4. A room's log is a window on the store.  It may be dropped when nobody looks through it: `recall`
   opens it again where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred

from ..eventlog import Entry
from ..events import Event, RoomEvent, TopicSet

Listener = Callable[[Sequence[Entry]], None]
"""Is told what was stored."""
Marks = Mapping[int, bytes]
"""For some events of a batch, by their place in it: what identifies the request they came from."""
NO_MARKS: Marks = {}


class Past(NamedTuple):
    """What a store knows of a room without looking into it."""

    topic: str
    first: int
    """The id of the oldest entry kept."""
    last: int
    """The id of the newest."""


class Recalled(NamedTuple):
    """The end of a room's log, as it was at some id."""

    entries: Sequence[Entry]
    floor: int
    """The lowest cursor after which these are all there were; not above that id."""
    torn: bool = False
    """Whether there may be more, which cannot be read now."""


class Store(Protocol):
    """The engine under a `ChatService`."""

    id: str
    """What tells this store from every other, in ASCII letters and digits, once it is open: random,
    and kept as long as the history is."""
    last: int
    """The highest id that was ever given, or the time of the start: nothing older is remembered."""

    @property
    def rooms(self) -> Mapping[str, Past]:
        """The rooms in which something is kept."""

    @property
    def marks(self) -> Mapping[bytes, int]:
        """The marks of the last minutes before the start, and the ids they went with; none any more
        when `chatd.limits.REMEMBERED_SECONDS` have passed since.
        """

    def check(self) -> None:
        """Look whether the engine can be used, and let go of it again.

        Raises `chatd.errors.Unavailable`, which says why it cannot.
        """

    def open(self) -> None:
        """Begin: `id`, `last`, `rooms` and `marks` hold from here on.

        Raises `chatd.errors.Unavailable` when the engine cannot be used, saying why.
        """

    def follow(self, listener: Listener) -> None:
        """Call `listener` with every stored entry, in batches, from now on."""

    def append(self, batch: Sequence[Event], marks: Marks = NO_MARKS) -> Deferred[list[int]]:
        """Store the events together, and with them the marks; the Deferred fires with the ids.

        It fails with `chatd.errors.Unavailable` when the engine refused: then nothing of the batch
        was stored.
        """

    def probe(self) -> Deferred[None]:
        """Fires if the engine can store something now.

        Fails with `chatd.errors.Unavailable`, which says why it cannot.
        """

    def recall(self, room: str, until: int) -> Recalled:
        """The end of a room's log, up to and including the id `until`, at once.

        What cannot be read is not there, lies below the floor, and makes it torn.
        """

    def read(self, room: str, before: int | None, limit: int) -> Deferred[list[Entry]]:
        """The last `limit` entries of a room whose ids are below `before` (None: the newest),
        oldest first; only what the listener was told of.  They may be fewer if they come to more
        than one answer holds (`chatd.pages.MOST_BYTES`).  Fails with `chatd.errors.Unavailable`.
        """

    def close(self) -> Deferred[None]:
        """Finish what was begun, then take no more."""


def topic_after(event: RoomEvent, past: Past | None) -> str:
    """A room's topic when `event` has happened in it."""
    if isinstance(event, TopicSet):
        return event.text
    return past.topic if past else ""
