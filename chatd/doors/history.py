"""History: earlier events of a room, from memory if it holds them, or else from the store.

1. If memory holds all requested events, or all kept ones, the answer is made of memory, and the
   Deferred has already fired.
2. A replay contains no event after its cursor: the client's reader delivers those live.
3. After a restart many clients ask for the events after the same cursor.  They share one batch
   (`shared`), as readers do.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ..chat.owners import Owner
from ..chat.room import Room
from ..chat.service import ChatService
from ..model.errors import ChatError
from ..model.events import MESSAGES, Event
from ..stream.batch import Batch
from ..stream.eventlog import Codec, Entry, EventLog, Page
from ..stream.pages import MOST_ENTRIES

LOOKED_THROUGH = 200
"""Events in the store, before those in memory, that a replay searches for messages."""


class Since(NamedTuple):
    """The events after a cursor."""

    entries: Sequence[Entry]
    """Oldest first."""
    gap: bool
    """Whether events after the cursor are not kept, or the server never issued the cursor."""
    more: bool
    """Whether there are events after the last entry."""
    cursor: int
    """The cursor from which to continue: up to it only the gap's events are missing."""


class Replay(NamedTuple):
    """The last messages of a room, for a client that joins it."""

    entries: Sequence[Entry]
    """Messages, oldest first."""
    unread: bool = False
    """Whether earlier messages could not be read from the store now."""


def newest(service: ChatService, room: Room, count: int) -> Deferred[Page]:
    """The last `count` events of a room.  Fails with `Unavailable`."""
    entries = room.log.latest(count)
    if len(entries) >= count or not _has_older(service, room):
        more = _has_older(service, room) or len(entries) < len(room.log)
        return succeed(Page(entries, room.log.floor, more))
    return service.page(room, None, count)


def replay(service: ChatService, room: Room, cursor: int, count: int) -> Deferred[Replay]:
    """The last `count` messages of a room up to `cursor`, among the events in memory and the
    `LOOKED_THROUGH` events before them.
    """
    recent = remembered(service, room, cursor, count)
    if recent is not None:
        return succeed(recent)
    found = _up_to(room.log, cursor, count, MESSAGES)

    def complete(page: Page) -> Replay:
        past = [entry for entry in page.entries if isinstance(entry.event, MESSAGES)]
        return Replay([*past, *found][-count:])

    def unread(failure: Failure) -> Replay:
        failure.trap(ChatError)
        return Replay(found, unread=True)

    before = min(cursor, room.log.floor) + 1
    return service.page(room, before, LOOKED_THROUGH).addCallbacks(complete, unread)


def remembered(service: ChatService, room: Room, cursor: int, count: int) -> Replay | None:
    """Like `replay`, if all of it is in memory; otherwise None."""
    found = _up_to(room.log, cursor, count, MESSAGES)
    if len(found) >= count or not _has_older(service, room):
        return Replay(found)
    return None


def since(service: ChatService, room: Room, cursor: int) -> Deferred[Since]:
    """The events after `cursor`, at most `MOST_ENTRIES`; cursor 0: from the oldest kept event on.

    Fails with `Unavailable`.
    """
    place = service.place([room], cursor)
    begin, lost = place.cursor, bool(place.gaps)
    newer = room.log.since(begin)
    if newer.complete or room.archive is None:
        first = newer.entries[:MOST_ENTRIES]
        last = first[-1].id if first else max(begin, room.log.last)
        lost = lost or not newer.complete
        return succeed(Since(first, lost, len(first) < len(newer.entries), last))

    def read(page: Page) -> Since:
        last = page.entries[-1].id if page.entries else max(begin, page.floor)
        return Since(page.entries, lost or page.floor > begin, page.more, last)

    return service.page_after(room, begin, MOST_ENTRIES).addCallback(read)


def shared(
    service: ChatService, owner: Owner, room: Room, codec: Codec, cursor: int
) -> Batch | None:
    """The events after `cursor`, at most `MOST_ENTRIES`, as the batch that all readers with that
    codec and cursor share.  None if there are none, or if some are not kept in memory: then ask
    `since`.

    Raises `NotAllowed` if the owner may not read the room.
    """
    place = service.place([room], cursor)
    batch = service.readers.batch(owner, room, codec, place.cursor)
    return None if batch is None or batch.gaps or place.gaps else batch


def _has_older(service: ChatService, room: Room) -> bool:
    """Whether the store keeps events from before those in memory."""
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
