"""Searches: policy checks and rate limits of full-text search.

1. The gate checks that the reader may read the room, before a search and after it, as for a page of
   history.
2. Searches are rate-limited per account, or per address for clients without an account.  The number
   of waiting searches is limited, too, because one thread of the store carries them all out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from ..model.addresses import Address
from ..model.errors import RateLimited, Unavailable
from ..model.events import MESSAGES
from ..model.search import Query
from ..store import Found, Store
from ..stream.eventlog import Entry
from .admission import seconds
from .limits import Buckets
from .owners import Owner, identity_of
from .readers import Readers
from .redactions import PageAfter, find_entry
from .room import Room
from .rooms import Rooms

RATE = 5
"""Searches per second for one account or address."""
AT_ONCE = 50
"""Burst of the rate limit: a client may search each of a person's rooms at once."""
MOST_WAITING = 200
"""Waiting searches of all clients; with a large index each search takes some milliseconds."""


class Searches:
    """Searches the rooms of one chat."""

    def __init__(
        self,
        store: Store,
        rooms: Rooms,
        readers: Readers,
        page_after: PageAfter,
        now: Callable[[], float],
    ) -> None:
        """`now` is a monotonic clock, in seconds."""
        self._store = store
        self._rooms = rooms
        self._readers = readers
        self._page_after = page_after
        self._buckets: Buckets[str | Address] = Buckets(RATE, now, AT_ONCE)
        self._waiting = 0

    def search(
        self, owner: Owner, room: Room, query: Query, before: int | None, limit: int
    ) -> Deferred[Found]:
        """The newest messages of a room that match, below the id `before`: see `Store.search`.

        Raises `RateLimited`, `Unavailable`, and the refusals of the policy; fails with those, and
        with `NoSearch`.
        """
        self._readers.check_reading(owner, room)
        self._spend(owner)
        if self._waiting >= MOST_WAITING:
            raise Unavailable("too many searches are waiting; try again in a moment")
        self._waiting += 1

        def answered(result: Any) -> Any:
            self._waiting -= 1
            return result

        def found(result: Found) -> Found:
            self._readers.check_reading(owner, room)  # permissions may have changed meanwhile
            latest = [self._rooms.redacted.latest(entry) for entry in result.entries]
            return Found([entry for entry in latest if entry and _has_text(entry)], result.next)

        searching = self._store.search(room.name, query, before=before, limit=limit)
        return searching.addBoth(answered).addCallback(found)

    def message(self, owner: Owner, room: Room, id: int) -> Deferred[Entry | None]:
        """The message of that id in a room; None: there is none.

        Raises the refusals of the policy; fails with those, and with `Unavailable`.
        """
        self._readers.check_reading(owner, room)

        def found(entry: Entry | None) -> Entry | None:
            self._readers.check_reading(owner, room)
            latest = self._rooms.redacted.latest(entry)
            return latest if latest and isinstance(latest.event, MESSAGES) else None

        return find_entry(room, id, self._page_after).addCallback(found)

    def _spend(self, owner: Owner) -> None:
        identity = identity_of(owner)
        wait = self._buckets.bucket(identity.account or identity.address).take()
        if wait:
            raise RateLimited(
                f"too many searches: {RATE} a second are taken; try again in {seconds(wait)}", wait
            )


def _has_text(entry: Entry) -> bool:
    """Whether a message that was found has not been redacted since."""
    return isinstance(entry.event, MESSAGES) and not entry.event.redacted
