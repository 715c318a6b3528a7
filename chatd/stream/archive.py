"""Archives: pages of a source's events from the store, for readers behind the window in memory.

1. Readers that ask for the same page while it is under way share one read, and readers of one codec
   share the `Batch` made of it: a reconnect storm costs one read of each page.
2. A page holds all events between two cursors, `after` and `until`, except those that its floor
   reports as missing.  A page that reaches the end of the archive holds at least the events that
   the log had when the page was requested.  So a reader may continue from `until`, wherever the
   log's window is by then.
3. If a page cannot be read, the reader reads the source once as if it had no archive.  The same
   holds if retention has left no event that is not in memory too.
4. A reader that stops, pauses or changes its sources drops its pages; a page without readers is
   dropped when it arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from weakref import WeakSet

from .batch import Batch
from .eventlog import Entry, Page
from .reader import Reader

ReadPage = Callable[[int, int, Callable[[Page | None], None]], object]
"""`read(after, limit, done)`: read at most the first `limit` events after the cursor `after`, and
call `done` with them once, now or later; with None if they could not be read.  Never raises."""


class PageRead:
    """One page of an archive, requested or arrived, and the readers that wait for it."""

    __slots__ = (
        "__weakref__",
        "_last",
        "after",
        "arrived",
        "batches",
        "page",
        "readers",
        "until",
        "void",
    )

    def __init__(self, after: int, last: int) -> None:
        """A page after the cursor `after`, requested when the log's last cursor was `last`."""
        self.after = after
        self.until = after
        """The cursor up to which the page is complete."""
        self.page: Page | None = None
        self.arrived = False
        """Whether the archive has answered; with `page` None: it could not be read."""
        self.readers: set[Reader] = set()
        self.batches: dict[tuple[str, int], Batch] = {}
        """Batches made of it, by codec and cursor, for readers of this source alone."""
        self.void = False
        """Whether its events may have been erased since: readers request another page."""
        self._last = last

    def arrive(self, page: Page | None) -> None:
        """Store the archive's answer; None: the page could not be read."""
        self.arrived = True
        if page is not None:
            last = page.entries[-1].id if page.entries else 0
            until = max(page.floor, last, 0 if page.more else self._last)
            if until > self.after:  # otherwise a reader would request it for ever
                self.page, self.until = page, until

    def redact(self, entry: Entry) -> None:
        """Replace the entry with the same id, if the page has one."""
        page = self.page
        if page is not None and any(old.id == entry.id for old in page.entries):
            entries = [entry if old.id == entry.id else old for old in page.entries]
            self.page = page._replace(entries=entries)
            self.batches.clear()

    def covers(self, place: int) -> bool:
        """Whether it is the page that a reader at `place` needs."""
        return not self.void and (place == self.after or self.after < place < self.until)

    @property
    def failed(self) -> bool:
        """Whether the page could not be read."""
        return self.arrived and self.page is None

    def reaches(self, floor: int) -> Page | None:
        """The page, if it could be read and holds events that a log with that floor does not."""
        page = self.page
        return page if page and page.floor < floor else None


class Archive:
    """The archive of one source: reads pages, and wakes readers when their page has arrived."""

    __slots__ = ("_pages", "_read", "_under_way", "_wake_soon")

    def __init__(self, read: ReadPage, wake_soon: Callable[[Collection[Reader]], object]) -> None:
        """An archive over `read`; `wake_soon` wakes readers in slices: `Notifier.wake_soon`."""
        self._read = read
        self._wake_soon = wake_soon
        self._under_way: dict[tuple[int, int], PageRead] = {}
        self._pages: WeakSet[PageRead] = WeakSet()
        """Pages that readers still have, or wait for."""

    def page(self, after: int, limit: int, last: int, reader: Reader) -> PageRead:
        """The page after `after` with at most `limit` events; `reader` is woken when it arrives.

        `last` is the log's last cursor.  The page may have arrived already; then the reader is not
        woken.
        """
        key = (after, limit)
        read = self._under_way.get(key)
        if read is None:
            read = self._under_way[key] = PageRead(after, last)
            self._pages.add(read)
            page_read = read
            self._read(after, limit, lambda page: self._arrived(key, page_read, page))
        if not read.arrived:
            read.readers.add(reader)
        return read

    def redact(self, entry: Entry) -> None:
        """Replace the entry with the same id in all pages that have arrived.  `ReadPage` does the
        same for pages that are still being read.
        """
        for read in list(self._pages):
            read.redact(entry)

    def forget(self) -> None:
        """Use no page that was requested before: its events may have been erased since."""
        self._under_way.clear()
        for read in list(self._pages):
            read.void = True

    def _arrived(self, key: tuple[int, int], read: PageRead, page: Page | None) -> None:
        if self._under_way.get(key) is read:
            del self._under_way[key]
        read.arrive(page)
        readers, read.readers = read.readers, set()
        if readers:
            self._wake_soon(readers)
