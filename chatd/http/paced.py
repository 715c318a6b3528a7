"""The pace of one HTTP connection: deadlines, pipelined requests, backpressure, and its end.

1. A request has to be complete within a time that counts from its first byte, however steadily it
   trickles.  Every byte resets Twisted's own timer, so the deadline is a timer of the channel.
2. Requests that come without waiting for answers are answered one in each turn of the reactor, and
   none while the client does not read: neither the work nor the answers pile up.
3. A client that is refused in the middle of a request is answered before the connection closes:
   what it still sends is swallowed for a moment, because a reset would take the answer back.
4. An idle connection is closed so that a request which crosses the close is still answered.

What is overridden of `HTTPChannel`: `requestDone` (to wait before the next request),
`pauseProducing` and `resumeProducing` (to see backpressure), `timeoutConnection` (Twisted's own
logs each connection, and loses a request that crosses the close), `loseConnection` (to see stalls),
`connectionLost` (to stop the timers).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString
from twisted.web.server import Request

from ..codecs.json import error_body
from ..model.errors import ChatError, InDoubt, RateLimited, TooSlow, Unavailable
from ..net.connections import LINGER_SECONDS
from .bounds import LATE_SECONDS
from .resource import retry_after
from .strict import StrictChannel


class PacedChannel(StrictChannel):
    """A connection with a deadline for each request."""

    full = False
    """Whether the client does not read, so that nothing more is answered."""
    packet = b""
    """The packet that the request under way came in, if nothing was under way before it."""
    _transport: Any
    _busy = False
    _deadline: IDelayedCall | None = None
    _refused = False
    _answered: Request | None = None
    _turn: IDelayedCall | None = None
    _half_closed = False
    """Whether the client sends no more, and requests that it sent still wait."""
    _late = False
    """Whether it has been idle for so long that the next answer is the last."""

    def unlearn(self) -> None:
        """From here on every byte is parsed; a channel with a fast path leaves it."""

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
        return self._late or self.site.peers.draining

    def complete(self) -> None:
        """A request is complete and being answered."""
        self._busy = True
        self._stop_clock()

    def requestDone(self, request: Request) -> None:
        """A request was answered; the next one has to wait for its turn, if it is here already, and
        in any case until the client has read the answer.
        """
        if self.persistent and (self._more or self.full):
            self._answered = request
            if self.full:
                self.setTimeout(self.site.idle_seconds)  # for the client to read
            else:
                self._turn = self.callLater(0, self._next_turn)
        else:
            self._go_on(request)

    @property
    def _more(self) -> bool:
        """Whether something of the next request has come in already."""
        return bool(self.unparsed) or any(self.waiting)

    def pauseProducing(self) -> None:
        """The client does not read: nothing more is answered until it does."""
        self.full = True
        self.site.peers.stalls.full(self)
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """The client has read all of it."""
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
        """Close, once the client has read what it is sent."""
        self.site.peers.stalls.closing(self)
        super().loseConnection()

    def disconnect(self) -> None:
        """See `Reader.disconnect`; there is no place in the middle of an answer to say why."""
        self.loseConnection()

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return self._busy

    def timeoutConnection(self) -> None:
        """The connection has been idle for too long.  Twisted's own would log each one.

        A request that the client sent before it could know of the close would be lost.  So for
        `LATE_SECONDS` more one is answered, with `Connection: close`.
        """
        if self._deadline:
            return  # a request that has begun has a time of its own, and is answered at its end
        if self._late or self.full:
            self.close_idle()
        else:
            self._late = True
            self.setTimeout(LATE_SECONDS)

    def close_idle(self) -> None:
        """Close a connection on which nothing has been asked for long.

        What the client sends before it has seen that is swallowed, and not carried out: a reset
        would not tell it so.
        """
        if self.full or self.isSecure():  # TLS knows no half-closing
            assert self.abortTimeout is not None
            self._deadline = self.callLater(self.abortTimeout, self._cut)
            self.loseConnection()
            return
        self._refused = True
        self.unlearn()
        self.setTimeout(None)
        self._transport.loseWriteConnection()
        self._deadline = self.callLater(LINGER_SECONDS, self._hang_up)

    def _cut(self) -> None:
        self._deadline = None
        self._transport.abortConnection()

    def refuse(self, status: int, phrase: bytes, error: ChatError) -> None:
        """Answer what is not even a whole request, and close."""
        if self._refused:
            return
        self._refused = True
        self._stop_clock()
        self.setTimeout(None)
        # Nothing more of it, or behind it, is to be carried out.
        self.unlearn()
        self.clearLineBuffer()
        for request in self.requests:
            request.refused = True
        assert self.transport is not None
        answer = last_answer(status, phrase, error)
        if self.method == b"HEAD":
            answer = answer[: answer.index(b"\r\n\r\n") + 4]
        self.transport.write(answer)
        if not self.isSecure():  # TLS knows no half-closing
            self._transport.loseWriteConnection()
        self._deadline = self.callLater(LINGER_SECONDS, self._hang_up)

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
        """If a request has begun, it has to be complete in time."""
        begun = self.requests or self.unparsed
        if begun and not (self._busy or self._deadline or self._refused):
            self._deadline = self.callLater(self.site.request_seconds, self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


def last_answer(status: int, phrase: bytes, error: ChatError) -> bytes:
    """A whole answer, behind which the connection closes."""
    body = error_body(error)
    head = [
        b"HTTP/1.1 %d %b" % (status, phrase),
        b"Date: %b" % datetimeToString(),
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    ]
    if isinstance(error, RateLimited | Unavailable | InDoubt):
        head.append(b"Retry-After: " + retry_after(error))
    return b"\r\n".join([*head, b"", body])
