"""`/rooms/{room}/events` and `/events`: one URL, read in the style that the client asks for."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.web.server import NOT_DONE_YET, Request

from ..errors import Malformed
from ..eventlog import Entry
from ..pages import newest
from ..subscriber import Batch
from .access import Access
from .fields import header, one, whole_number
from .http import ChatChannel
from .learned import learn
from .longpoll import DEFAULT_WAIT, MAX_WAIT, Asked, Polls, Style, json_style, plain_style
from .media import EVENT_STREAM, preferred
from .ndjson import open_ndjson
from .reading import Reading, read_query
from .request import ChatRequest
from .resource import ApiResource
from .sse import open_sse
from .websocket import ChatSocket
from .wsprotocol import handshake, wants_websocket

_SECONDS = re.compile(r"-?\d{1,40}(\.\d{1,40})?", re.ASCII)
NDJSON = "application/x-ndjson"
_STYLES = ("application/json", EVENT_STREAM, "text/plain", NDJSON)


class EventsResource(ApiResource):
    """What happened in some rooms, and what happens next."""

    isLeaf = True

    def __init__(self, access: Access, rooms: Sequence[str] | None) -> None:
        """Of the rooms of the path, or, with None, of those that the query names."""
        super().__init__()
        self._access = access
        self._rooms = rooms

    def render_GET(self, request: Request) -> Any:
        """Read on from a cursor, or back from an id."""
        access = self._access
        media = preferred(header(request, "accept") or "", _STYLES)
        socket = wants_websocket(request)
        before = whole_number(request, "before")
        stream = before is None and (socket or media == EVENT_STREAM)
        lease = access.reader(request, stream=stream)
        reading = read_query(request, access.service, self._rooms, lease)
        style = plain_style(reading) if media == "text/plain" else json_style(reading)
        if before is not None:
            if one(request, "since") is not None:
                raise Malformed("give before to page back, or since to read on; not both")
            return self._page(request, reading, before, style)
        address = access.address(request)
        reading.watch(address)
        if socket:
            accept = handshake(request)
            reading.check()
            access.use_ticket(request)
            channel = cast(ChatChannel, request.channel)
            return channel.upgrade(accept, ChatSocket(access, reading, address))
        if media in (EVENT_STREAM, NDJSON):
            reading.check()
            if request.method != b"HEAD":
                access.use_ticket(request)
            open_stream = open_sse if media == EVENT_STREAM else open_ndjson
            return open_stream(access.streams, request, reading)
        return RequestPoll(access.polls, request, reading, style, _wait(request)).hold()

    def _page(
        self, request: Request, reading: Reading, before: int, style: Style
    ) -> Deferred[bytes]:
        """The last events before an id, at once, as far back as the store goes.

        `next` is the cursor behind the last of them; but where the page was cut short by its size,
        it is the id to go on from with `before`.
        """
        if len(reading.rooms) != 1:
            raise Malformed("before pages back through one room; use /rooms/{room}/events")
        style.dress(request)
        room, service = reading.rooms[0], self._access.service

        def told(found: list[Entry]) -> bytes:
            entries, chunk, _ = newest(found, style.codec)
            place = entries[-1].id if entries else max(before - 1, 0)
            if len(entries) < reading.limit and service.has_older(room, entries):
                place = entries[0].id
                if not style.head:
                    _link(request, f"before={place}&limit={reading.limit}")
            return style.body(Batch(chunk, len(entries), place))

        return service.page(room, before, reading.limit).addCallback(told)


class RequestPoll:
    """A poll that a request of twisted.web's asks: an outlet that takes one batch."""

    brief = True

    def __init__(
        self, polls: Polls, request: Request, reading: Reading, style: Style, wait: float
    ) -> None:
        self.due: float | None = None
        self.filed = 0
        self._asked = Asked(reading, style, wait, poll_key(request, reading))
        self._polls = polls
        self._request = request
        self._subscriber = reading.subscriber(self, style.codec)
        self._answered = False
        reading.begin(self)

    def hold(self) -> int:
        """Answer now, or when there is something to say, or when the wait is over."""
        asked = self._asked
        self._subscriber.start()
        if asked.wait <= 0:
            self.conclude()
        if self._answered:
            asked.reading.end(self)
        else:
            self._polls.deadlines.set(self, asked.wait)
            self._polls.place(asked.key, self)
            cast(ChatRequest, self._request).conclude = self.conclude
            self._request.notifyFinish().addBoth(self._finished)
        return NOT_DONE_YET

    def deliver(self, batch: Batch) -> bool:
        """Answer."""
        self._answered = True
        request, style = self._request, self._asked.style
        body = style.body(batch)
        style.dress(request)
        request.setHeader(b"content-length", b"%d" % len(body))
        if not style.head:
            _link(request, f"{self._asked.reading.query}since={batch.cursor}")
        request.write(body)
        # Before the answer is finished: then the channel may go on to what was pipelined.
        learned = learn(self._polls, self._asked, request)
        if learned:
            cast(ChatChannel, request.channel).learned = learned
        request.finish()
        return False

    def give_up(self) -> None:
        """Answer with no events: nothing came in time, a newer poll took over, or the session is
        over.
        """
        if not self._answered:
            self._subscriber.stop()
            self.deliver(Batch(b"", 0, self._subscriber.cursor))

    time_is_up = dismiss = give_up

    def conclude(self) -> None:
        """Answer with what there is: the server is going down."""
        self._subscriber.wake()
        self.give_up()

    def _finished(self, _: object) -> None:
        """It is answered, or its client has gone."""
        self._answered = True
        cast(ChatRequest, self._request).conclude = None
        self._subscriber.stop()
        self._polls.deadlines.forget(self)
        self._polls.vacate(self._asked.key, self)
        self._asked.reading.end(self)


def poll_key(request: Request, reading: Reading) -> Hashable:
    """What two polls have in common of which only one is held; None for whoever has no session.

    Raises `Malformed`.
    """
    if reading.lease is None:
        return None
    return (reading.lease, one(request, "reader"), reading.several, tuple(reading.rooms))


def _link(request: Request, query: str) -> None:
    """Say where to go on in a header: text has no place for the cursor, RFC 8288 has one."""
    place = request.path.decode("ascii", "replace")
    request.setHeader(b"link", f'<{place}?{query}>; rel="next"'.encode())


def _wait(request: Request) -> float:
    text = one(request, "wait")
    if text is not None and not _SECONDS.fullmatch(text):
        raise Malformed(f"wait has to be a number of seconds, 0 to {MAX_WAIT:g}")
    if request.method == b"HEAD":
        return 0.0
    return DEFAULT_WAIT if text is None else min(max(float(text), 0.0), MAX_WAIT)
