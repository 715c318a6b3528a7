"""HTTP/1.1 with bounds: what `twisted.web` leaves to its users.

1. A body is capped while it comes in, whether its length is told or it is chunked.
2. A request has to be complete within `REQUEST_SECONDS` of its first byte, however steadily it
   trickles.
3. Whoever is refused in the middle of a request is answered before the connection closes: what they
   still send is swallowed for a moment, for a reset would take the answer back.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall, IProtocol, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request, Site

from ..codecs.json import error_body
from ..errors import ChatError, TooLarge, TooSlow
from .deadlines import Deadlines
from .learned import LearnedPoll

MAX_BODY = 64 * 1024
"""Bytes in a request's body: ten times the longest message, every byte of it escaped."""
REQUEST_SECONDS = 20.0
"""Seconds from a request's first byte to its last."""
IDLE_SECONDS = 60.0
"""Seconds that a connection may be kept without a request."""
MAX_EARLY = 16 * 1024
"""Bytes that are kept of what a client sends before it has its answer; the rest waits in TCP."""
LINGER_SECONDS = 2.0
"""Seconds for which a refused client's bytes are swallowed."""


class ChatRequest(Request):
    """A request whose body is capped."""

    channel: ChatChannel
    _received = 0
    refused = False
    """Whether it was answered before it was complete, and is not to be carried out."""

    def gotLength(self, length: int | None) -> None:
        """The headers are complete."""
        if length is not None and length > MAX_BODY:
            # The channel would greet an over-long body with "100 Continue" behind the refusal.
            self.requestHeaders.removeHeader(b"expect")
            self._refuse()
            length = 0
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """Some of the body came in."""
        self._received += len(data)
        if self._received > MAX_BODY:
            self._refuse()
        if not self.refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The request is complete."""
        if not self.refused:
            self.channel.complete()
            super().requestReceived(command, path, version)

    def _refuse(self) -> None:
        if not self.refused:
            self.refused = True
            self.channel.refuse(
                413, b"Content Too Large", TooLarge(f"a body has at most {MAX_BODY} bytes here")
            )


class ChatChannel(HTTPChannel):
    """One HTTP connection, with a deadline for each request."""

    requestFactory = ChatRequest
    site: ChatSite
    _busy = False
    _deadline: IDelayedCall | None = None
    _refused = False
    _early = b""
    due: float | None = None
    filed = False

    def connectionMade(self) -> None:
        """A client has come."""
        super().connectionMade()
        self.learned: LearnedPoll | None = None
        """The poll that this connection asks again and again, once it has asked it."""
        self.packet = b""
        """The packet that the request under way came in, if nothing was under way before it."""
        self._transport: Any = self.transport

    def dataReceived(self, data: bytes) -> None:
        """Bytes came in; a request that they leave incomplete has to hurry."""
        learned = self.learned
        if learned is not None:
            if learned.held:
                self._put_off(data)
                return
            # Twisted's idle timer is for what Twisted parses: moving it costs more than a poll.
            self.due = None
            if not (self.requests or self._buffer) and learned.take(data):
                if self.timeOut:
                    self.setTimeout(None)
                return
        if self._refused:
            return
        # Nothing under way: no request, and (in LineReceiver's buffer) no beginning of one.
        self.packet = b"" if self.requests or self._buffer else data
        super().dataReceived(data)
        self._start_clock()

    def complete(self) -> None:
        """A request is complete and being answered."""
        self._busy = True
        self._stop_clock()

    def requestDone(self, request: Request) -> None:
        """A request was answered; the next one, which may be here already, begins."""
        self._busy = False
        super().requestDone(request)
        self._start_clock()

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line of the request's head is longer than anybody's should be."""
        error = TooLarge(f"a line of a request has at most {self.MAX_LENGTH} bytes here")
        self.refuse(431, b"Request Header Fields Too Large", error)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._stop_clock()
        if self.learned:
            self.learned.gone()
        self.due = None
        self._early = b""
        super().connectionLost(reason)

    # -- learned polls ---------------------------------------------------------------------------

    def answer_learned(self, response: bytes) -> None:
        """Write what answers the poll that this connection asks again and again."""
        self._transport.write(response)
        self.site.deadlines.set(self, IDLE_SECONDS)
        if self._early:
            self.callLater(0, self._replay)

    def time_is_up(self) -> None:
        """The connection has been idle for too long since its last learned poll was answered."""
        self.timeoutConnection()

    def _put_off(self, data: bytes) -> None:
        """Let what comes while a poll is held wait: who pipelines is answered in order."""
        self._early += data
        if len(self._early) > MAX_EARLY:
            self._transport.pauseProducing()

    def _replay(self) -> None:
        early, self._early = self._early, b""
        if early:
            self._transport.resumeProducing()
            self.dataReceived(early)

    # -- other ways out --------------------------------------------------------------------------

    def upgrade(self, accept: bytes, protocol: IProtocol) -> int:
        """Hand the connection over: behind `accept`, it speaks another protocol.

        See RFC 9110, section 7.8.  The request that asked for it is never finished, and its
        `notifyFinish` never fires.
        """
        transport: Any = self.transport
        self._stop_clock()
        self.setTimeout(None)
        self.requests.clear()
        transport.unregisterProducer()
        transport.write(accept)
        # What follows in this packet, and in all others, is the new protocol's.
        self.dataReceived = self.rawDataReceived = protocol.dataReceived  # type: ignore[method-assign]
        self.connectionLost = protocol.connectionLost  # type: ignore[assignment, method-assign]
        protocol.makeConnection(transport)
        return NOT_DONE_YET

    def refuse(self, status: int, phrase: bytes, error: ChatError) -> None:
        """Answer what is not even a whole request, and close."""
        self._refused = True
        self._stop_clock()
        self.setTimeout(None)
        body = error_body(error)
        assert self.transport is not None
        self.transport.writeSequence(
            [
                b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\n" % (status, phrase),
                b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body),
                body,
            ]
        )
        self._deadline = self.callLater(LINGER_SECONDS, self._hang_up)

    def _too_slow(self) -> None:
        self._deadline = None
        self.refuse(
            408,
            b"Request Timeout",
            TooSlow(f"a request has to be complete within {REQUEST_SECONDS:g} seconds"),
        )

    def _hang_up(self) -> None:
        self._deadline = None
        self.loseConnection()

    def _start_clock(self) -> None:
        """If a request has begun, it has to be complete in time."""
        begun = self.requests or self._buffer
        if begun and not (self._busy or self._deadline or self._refused):
            self._deadline = self.callLater(REQUEST_SECONDS, self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


class ChatSite(Site):
    """A site of chatd's: bounded, without an access log, HTTP/1.1 only."""

    noisy = False
    protocol = ChatChannel  # type: ignore[assignment]  # no wrapper that would switch to HTTP/2
    requestFactory = ChatRequest

    def __init__(self, root: IResource, reactor: IReactorTime) -> None:
        self.deadlines = Deadlines(reactor)
        super().__init__(root, reactor=reactor, timeout=IDLE_SECONDS, parsePOSTFormSubmission=False)

    def log(self, request: HTTPRequest) -> None:
        """Write nothing: a long-poller would fill the log with the same line all day."""

    def acceptableProtocols(self) -> list[bytes]:
        """No HTTP/2: in Twisted it ends held requests at the idle timeout."""
        return [b"http/1.1"]
