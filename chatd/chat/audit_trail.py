"""The audit trail: an administrator reads it here, and it is kept from growing without end.

1. The trail has two tables: `AUDIT` has what administrators and the console did, `ROOM_AUDIT` what
   others did who moderate a room.  Everybody may own a room, and write records there as fast as
   messages, so each table has the whole bound for itself: no such record ever takes the place of an
   administrator's.
2. The trail is shortened once a minute, by units of at most `AT_ONCE` records.  If several nodes
   share the store, each of them does it.  A node counts the records after it has read which ones
   are the oldest, so that nodes that do it at once delete the same ones, and none too many.
3. The key of the oldest record is remembered.  So a table that is neither too long nor too old only
   costs asking for its size.
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
from ..store.retained import DAY, TIDY_SECONDS
from .core import Core
from .person import Person

AT_ONCE = 500
"""Records that are deleted together: some milliseconds of the store's time."""
MOST_RECORDS = 100_000
"""Records of each table that are kept by default: 20 to 70 MB."""


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
        self._oldest: dict[str, str] = {}
        """By table, a key below which there is no record."""
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
        return Deferred.fromCoroutine(self._shorten()).addErrback(self._failed)

    async def _shorten(self) -> None:
        for table in (AUDIT, ROOM_AUDIT):
            now, days = self._now(), self.bounds.days
            first = "" if days is None else _key_at(now - int(days * DAY))
            while await self._excess(table) > 0 or self._oldest.get(table, "") < first:
                keys = [key for key, _ in await self._store.cells(table, None, AT_ONCE)]
                # Counted again, because other nodes may have deleted some since the keys were read.
                excess = await self._excess(table)
                beyond = [key for place, key in enumerate(keys) if place < excess or key < first]
                await self._delete(table, beyond)
                if len(beyond) < AT_ONCE:
                    self._oldest[table] = (keys[len(beyond) :] or [_key_at(now)])[0]
                    break

    async def _excess(self, table: str) -> int:
        """How many records a table has too many."""
        most = self.bounds.records
        return await self._store.size(table) - most if most else 0

    async def _delete(self, table: str, keys: list[str]) -> None:
        self._journal.check()
        unit = Unit((), [Change(table, key, None) for key in keys])
        await self._journal.submit(lambda: unit)

    def _failed(self, failure: Failure) -> None:
        if not failure.check(ChatError):
            self._log.failure("the audit trail could not be shortened", failure)


def _key_at(micros: int) -> str:
    """The lowest key of records from a time on, in microseconds since the Unix epoch."""
    return f"{max(micros, 0):016x}"
