"""History: pages of stored events, and the places where readers begin in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, DeferredSemaphore

from ..store import Store
from ..stream.eventlog import Page
from ..stream.feed import Source
from ..stream.places import Place, gaps_in, lost, oldest
from .inbox import Private
from .room import Room
from .rooms import Rooms

PAGES_AT_ONCE = 4
"""Pages of history that are read from the store at a time.  Hundreds of clients may ask at once,
and the pages must not pile up in memory before they are sent."""


class Past:
    """Reads history from the store."""

    def __init__(
        self,
        store: Store,
        rooms: Rooms,
        horizon: Callable[[], int],
        fork: Callable[[int], int | None],
    ) -> None:
        """`horizon` returns the highest id shown; `fork` is `Nodes.fork`."""
        self._store = store
        self._rooms = rooms
        self._horizon = horizon
        self._fork = fork
        self._paging = DeferredSemaphore(PAGES_AT_ONCE)

    def page(self, room: Room, before: int | None, limit: int) -> Deferred[Page]:
        """The last `limit` events of a room below the id `before` (None: the newest), oldest first;
        fewer, if that is more than one answer holds (`chatd.stream.pages`).

        It reaches as far back as the store has events.  Fails with `Unavailable`.
        """
        page = self._paging.run(self._store.read, room.name, before=before, limit=limit)
        return page.addCallback(self._rooms.redacted.cleared)

    def page_after(self, room: Room, after: int, limit: int) -> Deferred[Page]:
        """The first `limit` events of a room above the id `after`, oldest first; fewer, if that is
        more than one answer holds.

        It begins where the stored events begin (`Page.floor`).  Fails with `Unavailable`.
        """
        page = self._paging.run(self._store.read, room.name, after=after, limit=limit)
        return page.addCallback(self._rooms.redacted.cleared)

    def place(self, sources: Sequence[Source], cursor: int) -> Place:
        """The place in each log where a reader with that `cursor` begins; 0: before the oldest
        event that is stored.

        A cursor above the horizon was given by another node, which is a moment ahead, or comes from
        another server, or from a lost state of this one; the store knows which.  For a cursor
        behind events that the store has lost, the reader gets a gap, and then the later events.
        """
        fork = self._fork(cursor)
        if fork is not None:
            return Place(fork, gaps=gaps_in(sources))
        if cursor > self._horizon() and not self._store.given(cursor):
            return lost(sources)
        return Place(cursor) if cursor else oldest(sources, self._first)

    def _first(self, source: Source) -> int | None:
        """The id of the oldest event kept; of private messages, one that none is below."""
        if isinstance(source, Private):
            return None if source.account is None else source.oldest + 1
        ends = self._rooms.index.ends(source.name)
        return ends.first if ends else None
