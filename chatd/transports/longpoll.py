"""Long-polls: a request is held (`NOT_DONE_YET`) until there is something to say.

1. The cursor comes with the request and is never remembered for it: the next request's `since` is
   the acknowledgement, so a lost answer loses nothing.
2. A poll is a subscriber whose outlet takes one batch.  Whatever came after its cursor answers it
   at once.
3. Of two polls by one session for the same rooms the older is answered at once, with no events.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall
from twisted.web.server import NOT_DONE_YET, Request

from ..codecs.json import JSON, encode, poll_answer
from ..codecs.lines import PLAIN, PLAIN_ROOMS, LinesCodec
from ..eventlog import Codec
from ..service import ChatService
from ..subscriber import Batch
from .reading import Reading
from .resource import one

DEFAULT_WAIT = 25.0
"""Seconds that a poll is held unless it says otherwise: below the minute after which proxies give
up."""
MAX_WAIT = 60.0
"""Seconds that a poll is held at most."""


@dataclass(frozen=True)
class Style:
    """How a poll wants its answer."""

    name: str
    codec: Codec
    content_type: bytes
    head: bytes = b""

    def body(self, batch: Batch) -> bytes:
        """The answer's body: made once for all polls of this style at one cursor."""
        return batch.once(self.name, self._body)

    def dress(self, request: Request) -> None:
        """The headers of every answer in this style."""
        request.setHeader(b"content-type", self.content_type)
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-accel-buffering", b"no")
        request.setHeader(b"x-content-type-options", b"nosniff")

    def _body(self, batch: Batch) -> bytes:
        if isinstance(self.codec, LinesCodec):
            return b"".join(map(self.codec.gap, batch.gaps)) + batch.chunk
        return poll_answer(self.head, batch)


def json_style(reading: Reading) -> Style:
    """The default: a JSON object that says which room, or rooms, it is about."""
    names = [room.name for room in reading.rooms]
    about = encode({"rooms": names} if reading.several else {"room": names[0]})[1:-1]
    return Style(about.decode(), JSON, b"application/json", about)


def plain_style(reading: Reading) -> Style:
    """The line door's text, for `curl -H 'Accept: text/plain'`."""
    codec = PLAIN_ROOMS if reading.several else PLAIN
    return Style("plain", codec, b"text/plain; charset=utf-8")


class Polls:
    """The polls that are held."""

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self._held: dict[Hashable, Poll] = {}

    def hold(self, request: Request, reading: Reading, style: Style, wait: float) -> int:
        """Answer as soon as something lies after the cursor, or after `wait` seconds.

        Raises `Malformed`.
        """
        key: Hashable = request
        if reading.lease:
            key = (reading.lease, one(request, "reader"), tuple(reading.rooms))
        poll = Poll(request, reading, style)
        poll.subscriber.start()
        if not poll.answered and wait > 0:
            poll.timer = self._service.clock.callLater(wait, poll.give_up)
            older = self._held.get(key)
            self._held[key] = poll
            request.notifyFinish().addBoth(lambda _: self._finished(key, poll))
            if older:
                older.give_up()
        else:
            poll.give_up()
            poll.end()
        return NOT_DONE_YET

    def _finished(self, key: Hashable, poll: Poll) -> None:
        poll.end()
        if self._held.get(key) is poll:
            del self._held[key]


class Poll:
    """One request: an outlet that takes one batch."""

    def __init__(self, request: Request, reading: Reading, style: Style) -> None:
        self.reading = reading
        self.subscriber = reading.subscriber(self, style.codec)
        self.answered = False
        self.timer: IDelayedCall | None = None
        self._request = request
        self._style = style
        reading.begin(self)

    def deliver(self, batch: Batch) -> bool:
        """Answer."""
        self.answered = True
        request = self._request
        body = self._style.body(batch)
        self._style.dress(request)
        request.setHeader(b"content-length", b"%d" % len(body))
        if not self._style.head:
            # Text has no place for the cursor; RFC 8288 has one.
            place = request.path.decode("ascii", "replace")
            link = f'<{place}?{self.reading.query}since={batch.cursor}>; rel="next"'
            request.setHeader(b"link", link.encode())
        request.write(body)
        request.finish()
        return False

    def give_up(self) -> None:
        """Answer with no events: nothing came in time, or a newer poll took over."""
        if not self.answered:
            self.subscriber.stop()
            self.deliver(Batch(b"", 0, self.subscriber.cursor))

    dismiss = give_up

    def end(self) -> None:
        """The request is over: answered, or its client has gone."""
        self.answered = True
        self.subscriber.stop()
        if self.timer and self.timer.active():
            self.timer.cancel()
        self.reading.end(self)
