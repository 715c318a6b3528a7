"""The past of rooms: pages of what the store has kept, and where readers of it begin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, DeferredSemaphore

from ..store import Store
from ..stream.eventlog import Page
from ..stream.feed import Source
from ..stream.places import Place, lost, oldest
from .room import Room
from .rooms import Rooms

PAGES_AT_ONCE = 4
"""Pages of history that are read from the store at a time: hundreds of clients may ask for one, and
what is read for them must not pile up before it is sent."""


class Past:
    """Reads what was said before."""

    def __init__(
        self,
        store: Store,
        rooms: Rooms,
        horizon: Callable[[], int],
        was_lost: Callable[[int], bool],
    ) -> None:
        """`horizon` tells the highest id shown, and `was_lost` whether a cursor was given behind
        events that the store has lost since.
        """
        self._store = store
        self._rooms = rooms
        self._horizon = horizon
        self._was_lost = was_lost
        self._paging = DeferredSemaphore(PAGES_AT_ONCE)

    def page(self, room: Room, before: int | None, limit: int) -> Deferred[Page]:
        """The last `limit` events of a room below the id `before` (None: the newest), oldest first;
        fewer, if that is more than one answer holds (`chatd.stream.pages`).

        Reaches as far back as the store kept them.  Fails with `Unavailable`.
        """
        page = self._paging.run(self._store.read, room.name, before=before, limit=limit)
        return page.addCallback(self._rooms.redacted.cleared)

    def page_after(self, room: Room, after: int, limit: int) -> Deferred[Page]:
        """The first `limit` events of a room above the id `after`, oldest first; fewer, if that is
        more than one answer holds.

        Begins as far back as the store kept them (`Page.floor`).  Fails with `Unavailable`.
        """
        page = self._paging.run(self._store.read, room.name, after=after, limit=limit)
        return page.addCallback(self._rooms.redacted.cleared)

    def place(self, sources: Sequence[Source], cursor: int) -> Place:
        """Where a reader begins that says it stands at `cursor`; 0: before the oldest event kept.

        A cursor above the horizon was given by another node, which is a moment ahead; or, if the
        store knows better, by another server, or by an earlier life of this one.
        """
        ahead = cursor > self._horizon() and not self._store.given(cursor)
        if ahead or self._was_lost(cursor):
            return lost(sources)
        return Place(cursor) if cursor else oldest(sources, self._first)

    def _first(self, name: str) -> int | None:
        ends = self._rooms.index.ends(name)
        return ends.first if ends else None
