"""Long-polls: a request is held (`NOT_DONE_YET`) until there is something to say.

1. The cursor comes with the request and is never remembered for it: the next request's `since` is
   the acknowledgement, so a lost answer loses nothing.
2. A poll is a subscriber whose outlet takes one batch.  Whatever came after its cursor answers it
   at once.
3. Of two polls by one session for the same rooms the older is answered at once, with no events.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request

from ..codecs.json import JSON, encode, poll_answer
from ..codecs.lines import PLAIN, PLAIN_ROOMS
from ..eventlog import Codec
from ..leases import Lease
from ..room import Room
from ..service import ChatService
from ..subscriber import Batch, Source, Subscriber

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
        if self.head:
            return batch.once(self.name, lambda batch: poll_answer(self.head, batch))
        assert isinstance(self.codec, type(PLAIN))
        return b"".join(map(self.codec.gap, batch.gaps)) + batch.chunk


def json_style(rooms: Sequence[Room], *, several: bool) -> Style:
    """The default: a JSON object that says which room, or rooms, it is about."""
    names = [room.name for room in rooms]
    about = {"rooms": names} if several else {"room": names[0]}
    return Style(f"poll {names}", JSON, b"application/json", encode(about)[1:-1])


def plain_style(rooms: Sequence[Room], *, several: bool) -> Style:
    """The line door's text, for `curl -H 'Accept: text/plain'`."""
    return Style("plain", PLAIN_ROOMS if several else PLAIN, b"text/plain; charset=utf-8")


class Polls:
    """The polls that are held, for the doors that open and close them."""

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self._held: dict[Hashable, Poll] = {}

    def hold(
        self,
        request: Request,
        style: Style,
        sources: Sequence[Source],
        cursor: int,
        limit: int,
        wait: float,
        lease: Lease | None,
    ) -> int:
        """Answer the request as soon as something lies after `cursor`, or after `wait` seconds."""
        poll = Poll(request, style, lease)
        poll.subscriber = Subscriber(
            poll, [source.feed(style.codec) for source in sources], cursor, limit
        )
        poll.subscriber.start()
        if poll.answered:
            return NOT_DONE_YET
        if wait <= 0:
            poll.give_up()
            return NOT_DONE_YET
        poll.timer = self._service.clock.callLater(wait, poll.time_out)
        key = (lease, request.args.get(b"reader", [b""])[0], tuple(sources)) if lease else poll
        older = self._held.get(key)
        self._held[key] = poll
        if older:
            older.give_up()

        def finished(result: Failure | None) -> None:
            poll.end()
            if self._held.get(key) is poll:
                del self._held[key]
            for source in sources:
                if isinstance(source, Room):
                    self._service.forget(source)

        request.notifyFinish().addBoth(finished)
        return NOT_DONE_YET

    def release(self, lease: Lease | None = None) -> None:
        """Answer the polls that a session holds, or all of them, with no events."""
        for poll in list(self._held.values()):
            if lease is None or poll.lease is lease:
                poll.give_up()


class Poll:
    """One held request: an outlet that takes one batch."""

    subscriber: Subscriber

    def __init__(self, request: Request, style: Style, lease: Lease | None) -> None:
        self.lease = lease
        self.answered = False
        self.timer: IDelayedCall | None = None
        self._request = request
        self._style = style
        if lease:
            lease.hold()

    def deliver(self, batch: Batch) -> bool:
        """Answer."""
        self._answer(batch)
        return False

    def time_out(self) -> None:
        """Nothing came in time: an empty answer, and the cursor stands."""
        self.timer = None
        self.give_up()

    def give_up(self) -> None:
        """Answer with no events."""
        if not self.answered:
            self.subscriber.stop()
            self._answer(Batch(b"", 0, self.subscriber.cursor))

    def end(self) -> None:
        """The request is over: answered, or its client has gone."""
        self.subscriber.stop()
        self.answered = True
        if self.timer:
            self.timer.cancel()
            self.timer = None
        if self.lease:
            self.lease.release()
            self.lease = None

    def _answer(self, batch: Batch) -> None:
        self.answered = True
        request = self._request
        body = self._style.body(batch)
        path = bytes(request.path)
        request.setHeader(b"content-type", self._style.content_type)
        request.setHeader(b"content-length", b"%d" % len(body))
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-accel-buffering", b"no")
        request.setHeader(b"x-content-type-options", b"nosniff")
        request.setHeader(b"link", b'<%b?since=%d>; rel="next"' % (path, batch.cursor))
        request.write(body)
        request.finish()
