"""Selections: which feeds a reader reads, from which place in each, and without which events.

1. A selection is the reader's own; what follows in it is shared with other readers wherever it can
   be: if only one feed has anything to read, and nothing is hidden, the batch is that feed's.
2. Feeds that a reader joined while others were unread, or that it begins to read further on than
   others, have places of their own, until its cursor has passed them.
3. Ids are hidden until the cursor has passed them.
4. Gaps that a reader is owed when it begins are told with the first batch, or on their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .backlog import Backlog
from .batch import Batch, Gap
from .eventlog import EventLog
from .feed import Feed, merged


class Selection:
    """The feeds of one reader, and what follows its cursor in them."""

    __slots__ = ("_begins", "_hidden", "feeds", "owed", "single")

    def __init__(
        self,
        feeds: Sequence[Feed],
        cursor: int,
        places: Mapping[EventLog, int] | None = None,
        owed: tuple[Gap, ...] = (),
    ) -> None:
        self.feeds = tuple(feeds)
        self.single: Feed | None = None
        """The only feed that has anything to read, so that nothing need be merged; None if several
        have, or if something is hidden.
        """
        self._hidden: set[int] | None = None
        self._begins = dict(places) if places else None
        self.owed = owed
        self.find_single(cursor)

    def find_single(self, cursor: int) -> None:
        """Find the single feed for a reader at `cursor`."""
        self.single = None
        if not (self._hidden or self._begins or self.owed):
            # The inbox of most sessions is empty; `Source.append` asks again for its first entry.
            spoken = [feed for feed in self.feeds if feed.log.count or feed.log.last > cursor]
            if len(spoken) == 1:
                self.single = spoken[0]

    def pay(self, batch: Batch | None, cursor: int) -> Batch:
        """The batch that follows `cursor`, if one does, with the gaps that the reader is owed."""
        owed, self.owed = self.owed, ()
        self.find_single(cursor)
        batch = batch or Batch(b"", 0, cursor, end=True)
        told = {gap.source for gap in owed}
        gaps = (*owed, *(gap for gap in batch.gaps if gap.source not in told))
        return Batch(batch.chunk, batch.count, batch.cursor, gaps, end=batch.end)

    def rewind(self, cursor: int, owed: tuple[Gap, ...]) -> None:
        """Read everything on from `cursor`, and tell these gaps first."""
        self._begins = None
        self.owed = owed
        self.find_single(cursor)

    def hide(self, ids: Sequence[int], cursor: int) -> None:
        """Leave these events out from now on."""
        self._hidden = (self._hidden or set()).union(ids)
        self.find_single(cursor)

    def change(self, feeds: Sequence[Feed], begin: int, cursor: int) -> int:
        """Select other feeds, for a reader at `cursor`; answers its cursor from then on.

        A log that was not read before is read from `begin` on, which may lie before the cursor:
        then the reader stands there, and has read the others up to where it stood.
        """
        known = {feed.log for feed in self.feeds}
        self.feeds = tuple(feeds)
        begins = {log: place for log, place in (self._begins or {}).items() if log in known}
        new = {feed.log for feed in feeds} - known
        if new and begin < cursor:
            begins.update((log, max(cursor, begins.get(log, 0))) for log in known)
            cursor = begin
        elif begin > cursor:
            begins.update(dict.fromkeys(new, begin))
        self._begins = begins or None
        self.find_single(cursor)
        return cursor

    def places(self, cursor: int) -> list[tuple[Feed, int]]:
        """All feeds, and the place from which each of them is to be read on."""
        begins = self._begins or {}
        return [(feed, max(cursor, begins.get(feed.log, 0))) for feed in self.feeds]

    def behind(self, cursor: int) -> list[tuple[Feed, int]]:
        """The same of those feeds of which a page is needed."""
        return [(feed, place) for feed, place in self._unread(cursor) if feed.needs_page(place)]

    def _unread(self, cursor: int) -> list[tuple[Feed, int]]:
        """The same of those feeds that may have anything to read."""
        return [(self.single, cursor)] if self.single else self.places(cursor)

    def next(self, cursor: int, limit: int) -> Batch | None:
        """What follows `cursor`; None if nothing does, or if a page is needed first."""
        if self._begins:
            if cursor < max(self._begins.values()):
                return self._next_in_all(cursor, limit)
            self._begins = None
            self.find_single(cursor)
        fresh = None
        for feed in self.feeds:
            if feed.log.last > cursor:
                if fresh is not None:
                    break
                fresh = feed
        else:
            if fresh is None or not self._hidden:
                return fresh.after(cursor, limit) if fresh else None
        return self._next_in_all(cursor, limit)

    def next_page(self, backlog: Backlog, cursor: int, limit: int) -> Batch:
        """What follows `cursor` by the pages that were needed, all of which have arrived."""
        return self._passed(backlog.batch(self._unread(cursor), cursor, limit, self._hidden or ()))

    def _next_in_all(self, cursor: int, limit: int) -> Batch | None:
        places = self.places(cursor)
        if all(feed.log.last <= place for feed, place in places):
            return None
        if any(feed.needs_page(place) for feed, place in places):
            return None
        return self._passed(merged(places, cursor, limit, self._hidden or ()))

    def _passed(self, batch: Batch) -> Batch:
        """The batch; the ids that were hidden from it need not be kept any more."""
        if self._hidden:
            self._hidden = {id_ for id_ in self._hidden if id_ > batch.cursor} or None
            self.find_single(batch.cursor)
        return batch
