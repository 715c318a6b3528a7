"""The audit trail: an administrator reads it here, and it is kept from growing without end.

1. The trail has two tables: `AUDIT` has what administrators and the console did, `ROOM_AUDIT` what
   rooms' owners and ops did.  Everybody may own a room, and write records there as fast as
   messages, so each table has the whole bound for itself: no such record ever takes the place of an
   administrator's.
2. The trail is shortened once a minute, by units of at most `AT_ONCE` records.  If several nodes
   share the store, each of them does it.  A node counts the records after it has read which ones
   are the oldest, so that nodes that do it at once delete the same ones, and none too many.
3. In Redis a table has no order, so finding the oldest records takes a scan of the whole table.
   Their keys are remembered, `KNOWN` at most, and there is another scan when all of those are
   deleted.  A table that is neither too long nor too old only costs asking for its size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.audit import Record, decode_record
from ..model.errors import ChatError
from ..model.policy import Action
from ..model.units import AUDIT, ROOM_AUDIT, Change, Unit
from ..store.failing import Failing
from ..store.retained import DAY, TIDY_SECONDS
from .core import Core
from .person import Person

AT_ONCE = 500
"""Records that are deleted together: some milliseconds of the store's time."""
KNOWN = 20_000
"""Keys of the oldest records of a table that are remembered: 2 MB."""
MOST_RECORDS = 100_000
"""Records of each table that are kept by default: 20 to 70 MB."""

SHORTEN = "shorten the audit trail"
"""What may fail, in the log."""


@dataclass(frozen=True)
class TrailBounds:
    """How much of the audit trail is kept."""

    days: float | None = None
    """None: no limit."""
    records: int = MOST_RECORDS
    """The number of records in each of the two tables; 0: no limit."""


class AuditTrail:
    """The records of what moderators and administrators did."""

    _log = Logger()

    def __init__(self, core: Core, now: Callable[[], int]) -> None:
        """`now` tells microseconds since the Unix epoch."""
        self._store = core.store
        self._journal = core.journal
        self._readers = core.readers
        self._now = now
        self.bounds = TrailBounds()
        """They may be changed at any time; what is beyond them is deleted within a minute."""
        self._oldest: dict[str, list[str]] = {AUDIT: [], ROOM_AUDIT: []}
        """By table, the keys of its oldest records, as far as they are known: the oldest first."""
        self._failing = Failing()
        self._loop = LoopingCall(self.shorten)
        self._loop.clock = core.clock

    def begin(self) -> None:
        """Shorten the trail from now on; the store is open."""
        self._loop.start(TIDY_SECONDS, now=False)

    def stop(self) -> None:
        """Shorten it no more."""
        if self._loop.running:
            self._loop.stop()

    # -- reading ---------------------------------------------------------------------------------

    def page(
        self, person: Person, before: str | None, limit: int
    ) -> Deferred[tuple[list[tuple[str, Record]], bool]]:
        """The last `limit` records, or the last before the key `before`, the newest first; and
        whether there are more.  A record's key begins with the time in microseconds since the Unix
        epoch, as 16 hexadecimal digits.

        Raises `NotAllowed`; fails with `Unavailable`.
        """
        self._readers.policy.may(person, Action.SEE_AUDIT)
        return Deferred.fromCoroutine(self._page(before, limit))

    async def _page(self, before: str | None, limit: int) -> tuple[list[tuple[str, Record]], bool]:
        found = [
            await self._store.cells(table, before, limit + 1, down=True)
            for table in (AUDIT, ROOM_AUDIT)
        ]
        cells = sorted(chain.from_iterable(found), reverse=True)
        return [(key, decode_record(cell.value)) for key, cell in cells[:limit]], len(cells) > limit

    # -- shortening ------------------------------------------------------------------------------

    def shorten(self) -> Deferred[None]:
        """Delete the records beyond the bounds; fires when that is done.  What the store cannot
        read or write now is deleted the next time.
        """
        shortening = Deferred.fromCoroutine(self._shorten())
        shortening.addCallback(lambda _: self._failing.worked(SHORTEN, None))
        return shortening.addErrback(self._failed)

    async def _shorten(self) -> None:
        for table, oldest in self._oldest.items():
            while beyond := await self._beyond(table, oldest):
                await self._delete(table, beyond)

    async def _beyond(self, table: str, oldest: list[str]) -> list[str]:
        """The keys of the oldest records beyond the bounds, `AT_ONCE` at most."""
        days = self.bounds.days
        first = "" if days is None else _key_at(self._now() - int(days * DAY))
        size = await self._store.size(table)
        if not size or (self._excess(size) <= 0 and (oldest[0] if oldest else "") >= first):
            return []
        some: list[str] = []
        while not some:
            if not oldest:
                oldest += [key for key, _ in await self._store.cells(table, None, KNOWN)]
                if not oldest:
                    return []
            # This node has deleted some of those that it knew, and other nodes have.
            known = oldest[:AT_ONCE]
            there = await self._store.get(table, known)
            some = oldest[:AT_ONCE] = [key for key in known if key in there]
        # Counted again, because other nodes may have deleted some since the keys were read.
        excess = self._excess(await self._store.size(table))
        return [key for place, key in enumerate(some) if place < excess or key < first]

    def _excess(self, size: int) -> int:
        """How many records a table of that size has too many."""
        return size - self.bounds.records if self.bounds.records else 0

    async def _delete(self, table: str, keys: list[str]) -> None:
        self._journal.check()
        unit = Unit((), [Change(table, key, None) for key in keys])
        await self._journal.submit(lambda: unit)

    def _failed(self, failure: Failure) -> None:
        if failure.check(ChatError):
            self._failing.has_failed(SHORTEN, failure.getErrorMessage())
        else:
            self._log.failure("the audit trail could not be shortened", failure)


def _key_at(micros: int) -> str:
    """The lowest key of records from a time on, in microseconds since the Unix epoch."""
    return f"{max(micros, 0):016x}"
