"""Selections: the feeds of one reader, its place in each, and the events that it leaves out.

1. A selection belongs to one reader, but its batches are shared with other readers if possible: if
   only one feed has entries, and no event is left out, the batch is that feed's shared batch.
2. A feed may have a place of its own, ahead of the cursor: because it was added while other feeds
   had unread entries, or because the reader begins later in it.  The place is dropped when the
   cursor has passed it.
3. A hidden id is forgotten when the cursor has passed it.
4. Gaps that are due before the first event (`owed`) are reported with the first batch, or in a
   batch without entries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .backlog import Backlog
from .batch import Batch, Gap
from .eventlog import EventLog
from .feed import Feed, merged


class Selection:
    """The feeds of one reader, and the batches that follow its cursor in them."""

    __slots__ = ("_begins", "_hidden", "feeds", "owed", "single")

    def __init__(
        self,
        feeds: Sequence[Feed],
        places: Mapping[EventLog, int] | None = None,
        owed: tuple[Gap, ...] = (),
    ) -> None:
        self.feeds = tuple(feeds)
        self.single: Feed | None = None
        """The only feed that has entries, so that no merge is needed; None if several have, if
        events are hidden, if a feed has a place of its own, or if gaps are due; and until
        `find_single` is called.
        """
        self._hidden: set[int] | None = None
        self._begins = dict(places) if places else None
        self.owed = owed

    def find_single(self, cursor: int) -> None:
        """Find the single feed for a reader at `cursor`."""
        self.single = None
        if not (self._hidden or self._begins or self.owed):
            # Most sessions' inbox is empty; `Source.append` calls this again for a first entry.
            for feed in self.feeds:
                if feed.log.count or feed.log.last > cursor:
                    if self.single is not None:
                        self.single = None
                        break
                    self.single = feed

    def pay(self, batch: Batch | None, cursor: int) -> Batch:
        """`batch` with the gaps in `owed` added; if it is None, an empty batch with those gaps."""
        owed, self.owed = self.owed, ()
        self.find_single(cursor)
        batch = batch or Batch(b"", 0, cursor, end=True)
        told = {gap.source for gap in owed}
        gaps = (*owed, *(gap for gap in batch.gaps if gap.source not in told))
        return Batch(batch.chunk, batch.count, batch.cursor, gaps, end=batch.end)

    def rewind(self, cursor: int, owed: tuple[Gap, ...]) -> None:
        """Continue all logs from `cursor`, with the gaps `owed` first."""
        self._begins = None
        self.owed = owed
        self.find_single(cursor)

    def hide(self, ids: Sequence[int], cursor: int) -> None:
        """Leave these events out of all batches from now on."""
        self._hidden = (self._hidden or set()).union(ids)
        self.find_single(cursor)

    def change(self, feeds: Sequence[Feed], begin: int, cursor: int) -> int:
        """Replace the feeds of a reader at `cursor`; returns the reader's new cursor.

        A log that was not read before is read from `begin` on.  If `begin` is before `cursor`, it
        becomes the new cursor, and each other log keeps the reader's former place.
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
        """Every feed with the place from which it is read next."""
        begins = self._begins or {}
        return [(feed, max(cursor, begins.get(feed.log, 0))) for feed in self.feeds]

    def behind(self, cursor: int) -> list[tuple[Feed, int]]:
        """Like `places`, but only feeds of which the reader needs a page of the store."""
        return [(feed, place) for feed, place in self._unread(cursor) if feed.needs_page(place)]

    def _unread(self, cursor: int) -> list[tuple[Feed, int]]:
        """Like `places`, but only the single feed if there is one."""
        return [(self.single, cursor)] if self.single else self.places(cursor)

    def next(self, cursor: int, limit: int) -> Batch | None:
        """The batch after `cursor`; None at the end of all logs, or if a page is needed first."""
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
        """The batch after `cursor`, made of the backlog's pages, all of which have arrived."""
        return self._passed(backlog.batch(self._unread(cursor), cursor, limit, self._hidden or ()))

    def _next_in_all(self, cursor: int, limit: int) -> Batch | None:
        places = self.places(cursor)
        if all(feed.log.last <= place for feed, place in places):
            return None
        if any(feed.needs_page(place) for feed, place in places):
            return None
        return self._passed(merged(places, cursor, limit, self._hidden or ()))

    def _passed(self, batch: Batch) -> Batch:
        """Return `batch`, and forget the hidden ids up to its cursor."""
        if self._hidden:
            self._hidden = {id_ for id_ in self._hidden if id_ > batch.cursor} or None
            self.find_single(batch.cursor)
        return batch
