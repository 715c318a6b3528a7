"""Recent redactions, and pages of history that were read before them.

A page from the store is a copy.  A page that was read before a redaction, and arrives after it,
still has the redacted text; so recent redactions are applied to every page (`cleared`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed

from ..stream.eventlog import Entry, Page
from .room import Room

LATELY_SECONDS = 120.0
"""Seconds for which a redaction is remembered; reading a page takes less."""


PageAfter = Callable[[Room, int, int], Deferred[Page]]
"""`page_after(room, after, limit)`: see `ChatService.page_after`."""


def find_entry(room: Room, id: int, page_after: PageAfter) -> Deferred[Entry | None]:
    """The event of that id in a room; None: there is none.  Fails with `Unavailable`."""
    if id > room.log.floor:
        return succeed(next((e for e in room.log.since(id - 1).entries if e.id == id), None))
    return page_after(room, id - 1, 1).addCallback(
        lambda page: next((entry for entry in page.entries if entry.id == id), None)
    )


class Redactions:
    """The redacted forms of recently redacted events, by id."""

    def __init__(self) -> None:
        self._entries: OrderedDict[int, tuple[Entry, float]] = OrderedDict()

    def add(self, entry: Entry, now: float) -> None:
        """Remember the redacted form of an event; `now` is in seconds that never run backwards."""
        while self._entries:
            _, when = next(iter(self._entries.values()))
            if when > now - LATELY_SECONDS:
                break
            self._entries.popitem(last=False)
        self._entries[entry.id] = entry, now

    def latest(self, entry: Entry | None) -> Entry | None:
        """The redacted form of the entry if it was redacted recently, or else the entry."""
        found = self._entries.get(entry.id) if entry else None
        return found[0] if found else entry

    def cleared(self, page: Page) -> Page:
        """The page with recent redactions applied."""
        if not self._entries or not any(entry.id in self._entries for entry in page.entries):
            return page
        return page._replace(
            entries=[
                self._entries[entry.id][0] if entry.id in self._entries else entry
                for entry in page.entries
            ]
        )
