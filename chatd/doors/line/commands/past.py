"""Commands about earlier events: the last ones, and those after an id.

While a page is read from the store, live events may fill the client's buffer.  Then the page is
dropped, and the line is carried out again when the client has read them.
"""

from __future__ import annotations

from ....chat.room import Room
from ....codecs.commandlines import number
from ....codecs.lines import CURRENT, MAX_HISTORY, answer
from ....codecs.timed import Days
from ....model.text import counted
from ....stream.batch import Batch, Gap
from ....stream.eventlog import Page
from ....stream.pages import newest, oldest_first
from ... import history
from ..client import LineClient
from .row import command

USUAL = 20
"""Events that `/history` shows if no number is given."""


@command(
    "/history [N]",
    f"show the last N events here (20; at most {MAX_HISTORY})",
    number("how many events", USUAL),
)
def show_history(client: LineClient, count: int) -> None:
    """As many as fit into one answer."""
    room = client.reader.here()
    client.reader.check(room)
    count = max(1, min(count, MAX_HISTORY))
    found = history.newest(client.service, room, count)
    client.wait_for(found, _tell_history, client, room, count)


def _tell_history(page: Page, client: LineClient, room: Room, count: int) -> None:
    if _must_wait(client, room, b"/history %d" % count):
        return
    if not page.entries:
        client.answer(f"nothing has happened in #{room.name} yet")
        return
    entries, chunk, whole = newest(page.entries, client.reader.dated)
    few = len(entries) < count and (page.more or not whole)
    most = " (no more fit into one answer)" if few else ""
    begin = answer(f"the last {counted(len(entries), 'event')} in #{room.name}{most}:")
    end = answer(f"end of the history; /since {entries[-1].id} shows what comes after it")
    client.write(begin + Days(0).dated(chunk) + end)


@command(
    "/since ID",
    "show what came after the event ID, as after a reconnect",
    number("an event's id"),
)
def since(client: LineClient, id_: int) -> None:
    """As many as fit into one answer, which ends with the id to go on from."""
    reader = client.reader
    room = reader.here()

    def told(batch: Batch) -> bytes:
        shown = reader.shown(batch.chunk)
        return _since(room, batch.count, shown, batch.cursor, whole=batch.end)

    batch = history.shared(client.service, client.session, room, reader.codecs[0], id_)
    if batch is not None:
        client.write(batch.cached("since", told))
    else:
        found = history.since(client.service, room, id_)
        client.wait_for(found, _tell_since, client, room, id_)


def _tell_since(found: history.Since, client: LineClient, room: Room, cursor: int) -> None:
    if _must_wait(client, room, b"/since %d" % cursor):
        return
    reader = client.reader
    entries, chunk, whole = oldest_first(found.entries, reader.codecs[0])
    whole = whole and not found.more
    gap = CURRENT.gap(Gap(room.name, None)) if found.gap else b""
    last = found.cursor if whole else entries[-1].id
    client.write(_since(room, len(entries), gap + reader.shown(chunk), last, whole=whole))


def _since(room: Room, count: int, shown: bytes, last: int, *, whole: bool) -> bytes:
    """The answer with so many events, as they are shown, up to the id `last`."""
    first = "" if whole else "the first "
    begin = answer(f"{first}{counted(count, 'event')} in #{room.name} since then:")
    end = f"there is more; /since {last} goes on from here"
    if whole:
        end = f"that is all; /since {last} shows what comes after it"
    return begin + shown + answer(end)


def _must_wait(client: LineClient, room: Room, line: bytes) -> bool:
    """Whether a page has to wait for the client to read; then `line` is carried out again.

    Raises `NotAllowed` if the room may not be read any more.
    """
    client.reader.check(room)
    if client.subscriber.paused:
        client.wire.put_back(line)
    return client.subscriber.paused
