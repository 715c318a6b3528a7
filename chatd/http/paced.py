"""The pace of one HTTP connection: deadlines, pipelining, backpressure, idle timeout and closing.

1. A request has to be complete within `request_seconds` of its first byte.  Every byte resets
   Twisted's own timer, so the deadline is a timer of the channel.
2. Of pipelined requests one is answered in each turn of the reactor, and none while the client does
   not read.  So neither work nor answers pile up.
3. If a request is refused before it is complete, the answer is sent before the connection closes.
   Further input is discarded for `LINGER_SECONDS`, because a TCP reset could destroy the answer.
4. An idle connection is closed in such a way that a request which the client sends at the same
   moment is still answered.

Overridden methods of `HTTPChannel`: `requestDone` (to delay the next request), `pauseProducing` and
`resumeProducing` (to notice backpressure), `timeoutConnection` (Twisted's logs every timeout, and
loses a request sent at the same moment), `loseConnection` (to notice stalls), `connectionLost` (to
stop the timers).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString
from twisted.web.server import Request

from ..codecs.json import error_body
from ..model.errors import ChatError, TooSlow
from ..model.metrics import RARE
from ..net.connections import LINGER_SECONDS
from .bounds import LATE_SECONDS
from .resource import retry_after
from .strict import StrictChannel


class PacedChannel(StrictChannel):
    """An HTTP connection with a deadline for each request, and backpressure."""

    full = False
    """Whether the client does not read, so that no further request is answered."""
    packet = b""
    """The packet in which the current request arrived; empty if another request was in progress."""
    _transport: Any
    _busy = False
    _deadline: IDelayedCall | None = None
    _refused = False
    _answered: Request | None = None
    _turn: IDelayedCall | None = None
    _half_closed = False
    """Whether the client sends no more, but some of its requests still wait for an answer."""
    _late = False
    """Whether the idle timeout has passed, so that the next answer is the last."""

    def unlearn(self) -> None:
        """Leave the fast path, if the channel has one: every byte is parsed again."""

    def readConnectionLost(self) -> None:
        """The client sends no more."""
        raise NotImplementedError

    @property
    def max_body(self) -> int:
        """See `Refusing.max_body`."""
        most: int = self.site.max_body
        return most

    @property
    def is_last(self) -> bool:
        """See `StrictChannel.is_last`."""
        peers = self.site.peers
        return self._late or peers.draining or peers.retiring

    def complete(self) -> None:
        """A request is complete, and the server begins to answer it."""
        self._busy = True
        self._stop_clock()

    def requestDone(self, request: Request) -> None:
        """A request was answered.  A pipelined request waits for the next turn of the reactor, and
        every next request waits until the client has read the answer.
        """
        if self.persistent and (self._more or self.full):
            self._answered = request
            if self.full:
                self.setTimeout(self.site.idle_seconds)  # the client has this time to read
            else:
                self._turn = self.callLater(0, self._next_turn)
        else:
            self._go_on(request)

    @property
    def _more(self) -> bool:
        """Whether bytes of the next request have been received."""
        return bool(self.unparsed) or any(self.waiting)

    def pauseProducing(self) -> None:
        """The client does not read: answer no further request until it does."""
        self.full = True
        self.site.peers.stalls.full(self)
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """The client has read all that was sent."""
        self.full = False
        self.site.peers.stalls.drained(self)
        super().resumeProducing()
        if self._answered and not self._turn:
            self._turn = self.callLater(0, self._next_turn)

    def _next_turn(self) -> None:
        self._turn = None
        request, self._answered = self._answered, None
        assert request is not None
        self._go_on(request)
        if self._half_closed and not self._answered:
            self.readConnectionLost()

    def _go_on(self, request: Request) -> None:
        """The request is over; the next one begins."""
        self._busy = False
        super().requestDone(request)
        if self.full and self.persistent:
            self._transport.pauseProducing()
        self._start_clock()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._stop_clock()
        if self._turn:
            self._turn.cancel()
            self._turn = None
        super().connectionLost(reason)

    # -- closing ---------------------------------------------------------------------------------

    def loseConnection(self) -> None:
        """Close the connection once the client has read what was sent."""
        self.site.peers.stalls.closing(self)
        super().loseConnection()

    def disconnect(self) -> None:
        """See `Reader.disconnect`.  No reason is sent: an HTTP answer has no place for it."""
        self.loseConnection()

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return self._busy

    def timeoutConnection(self) -> None:
        """The connection has been idle for too long.

        The client may be sending a request at this moment, which a close would lose.  So for
        `LATE_SECONDS` more one request is answered, with `Connection: close`.
        """
        if self._deadline:
            return  # a request that has begun has its own deadline, and is refused at its end
        if self._late or self.full:
            self.close_idle()
        else:
            self._late = True
            self.setTimeout(LATE_SECONDS)

    def close_idle(self) -> None:
        """Close an idle connection.

        Requests that the client sends before it notices the close are discarded and not carried
        out.  A clean close tells the client so; a TCP reset would not.
        """
        self._refused = True
        self.unlearn()
        self.setTimeout(None)
        if self.full:
            assert self.abortTimeout is not None
            self._deadline = self.callLater(self.abortTimeout, self._cut)
            self.loseConnection()
            return
        self._deadline = self.callLater(LINGER_SECONDS, self._hang_up)
        self._transport.loseWriteConnection()

    def _cut(self) -> None:
        self._deadline = None
        self._transport.abortConnection()

    def refuse(self, status: int, phrase: bytes, error: ChatError) -> None:
        """Answer an incomplete or malformed request with `error`, and close the connection."""
        if self._refused:
            return
        self._refused = True
        RARE.refused(error)
        self._stop_clock()
        self.setTimeout(None)
        # Neither the rest of this request nor a later one may be carried out.
        self.unlearn()
        self.clearLineBuffer()
        for request in self.requests:
            request.refused = True
        assert self.transport is not None
        answer = last_answer(status, phrase, error)
        if self.method == b"HEAD":
            answer = answer[: answer.index(b"\r\n\r\n") + 4]
        self.transport.write(answer)
        self._deadline = self.callLater(LINGER_SECONDS, self._hang_up)
        self._transport.loseWriteConnection()

    def _too_slow(self) -> None:
        self._deadline = None
        self.refuse(
            408,
            b"Request Timeout",
            TooSlow(f"a request has to be complete within {self.site.request_seconds:g} seconds"),
        )

    def _hang_up(self) -> None:
        self._deadline = None
        self.loseConnection()

    def _start_clock(self) -> None:
        """Start the deadline of a request that has begun and is incomplete."""
        begun = self.requests or self.unparsed
        if begun and not (self._busy or self._deadline or self._refused):
            self._deadline = self.callLater(self.site.request_seconds, self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


def last_answer(status: int, phrase: bytes, error: ChatError) -> bytes:
    """A complete response with `Connection: close`."""
    body = error_body(error)
    head = [
        b"HTTP/1.1 %d %b" % (status, phrase),
        b"Date: %b" % datetimeToString(),
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    ]
    head += [b"%b: %b" % header for header in retry_after(error)]
    return b"\r\n".join([*head, b"", body])
