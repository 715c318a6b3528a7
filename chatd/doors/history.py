"""What was said before, for clients that ask for it: from memory where that reaches, or else from
the store.

1. Memory answers if it holds all that is asked for, or all that is kept; then the Deferred has
   fired.
2. A page never holds what was shown after the cursor that it was asked for: its reader is given
   that live.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ..chat.room import Room
from ..chat.service import ChatService
from ..model.errors import ChatError
from ..model.events import MESSAGES, Event
from ..stream.eventlog import Entry, EventLog, Page
from ..stream.pages import MOST_ENTRIES

LOOKED_THROUGH = 200
"""Events before those in memory among which the messages of a replay are looked for."""


class Since(NamedTuple):
    """What came after a cursor."""

    entries: Sequence[Entry]
    """Oldest first."""
    gap: bool
    """Whether events after the cursor are kept nowhere, or the cursor was never given."""
    more: bool
    """Whether there is more behind the last entry."""
    cursor: int
    """The cursor up to which nothing is left out but what the gap tells."""


class Replay(NamedTuple):
    """What a client that comes into a room is shown."""

    entries: Sequence[Entry]
    """Messages, oldest first."""
    unread: bool = False
    """Whether earlier ones could not be read now."""


def newest(service: ChatService, room: Room, count: int) -> Deferred[Page]:
    """The last `count` events of a room.  Fails with `Unavailable`."""
    entries = room.log.latest(count)
    if len(entries) >= count or not _has_older(service, room):
        more = _has_older(service, room) or len(entries) < len(room.log)
        return succeed(Page(entries, room.log.floor, more))
    return service.page(room, None, count)


def replay(service: ChatService, room: Room, cursor: int, count: int) -> Deferred[Replay]:
    """The last `count` messages of a room up to `cursor`, as far as memory reaches or the
    `LOOKED_THROUGH` events before it.
    """
    found = _up_to(room.log, cursor, count, MESSAGES)
    if len(found) >= count or not _has_older(service, room):
        return succeed(Replay(found))

    def complete(page: Page) -> Replay:
        past = [entry for entry in page.entries if isinstance(entry.event, MESSAGES)]
        return Replay([*past, *found][-count:])

    def unread(failure: Failure) -> Replay:
        failure.trap(ChatError)
        return Replay(found, unread=True)

    before = min(cursor, room.log.floor) + 1
    return service.page(room, before, LOOKED_THROUGH).addCallbacks(complete, unread)


def since(service: ChatService, room: Room, cursor: int) -> Deferred[Since]:
    """What came after `cursor`, at most `MOST_ENTRIES` events; 0: from the oldest event that is
    kept.  Fails with `Unavailable`.
    """
    place = service.place([room], cursor)
    begin, lost = place.cursor, bool(place.gaps)
    entries, complete = room.log.since(begin)
    if complete or room.archive is None:
        first = entries[:MOST_ENTRIES]
        last = first[-1].id if first else max(begin, room.log.last)
        return succeed(Since(first, lost or not complete, len(first) < len(entries), last))

    def read(page: Page) -> Since:
        last = page.entries[-1].id if page.entries else max(begin, page.floor)
        return Since(page.entries, lost or page.floor > begin, page.more, last)

    return service.page_after(room, begin, MOST_ENTRIES).addCallback(read)


def _has_older(service: ChatService, room: Room) -> bool:
    """Whether events are kept that the log in memory does not hold."""
    ends = service.rooms.index.ends(room.name)
    return ends is not None and ends.first <= room.log.floor


def _up_to(
    log: EventLog, cursor: int, count: int, kinds: type[Event] | tuple[type[Event], ...]
) -> list[Entry]:
    """The last `count` entries of the given kinds up to `cursor`, oldest first."""
    newer = 0 if log.last <= cursor else len(log.since(cursor).entries)
    found = log.latest(count + newer, kinds)
    return found[: bisect_right(found, cursor, key=_id)][-count:]


def _id(entry: Entry) -> int:
    return entry.id
