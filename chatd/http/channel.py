"""HTTP/1.1 with bounds: what `twisted.web` leaves to its users.

1. A body is capped while it comes in, whether its length is told or it is chunked.
2. A request has to be complete within a time that counts from its first byte, however steadily it
   trickles.
3. A client that is refused in the middle of a request is answered before the connection closes:
   what it still sends is swallowed for a moment, because a reset would take the answer back.
4. Requests that come without waiting for answers are answered one in each turn of the reactor, and
   none while the client does not read: neither the work nor the answers pile up.
5. What two readers of HTTP could take for two different things is refused where Twisted would take
   it for one of them (`chatd.http.syntax`), and as soon as it shows: a bad head is answered
   before its body comes.
6. A connection may take a fast path past all of this (`FastPath`): a request of a few lines that
   came whole, whose bytes and meaning are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IReactorTime,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, datetimeToString
from twisted.web.http import Request as HTTPRequest
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import implementer

from ..codecs.json import error_body
from ..model.errors import (
    ChatError,
    InDoubt,
    Malformed,
    RateLimited,
    TooLarge,
    TooSlow,
    Unavailable,
    WrongHost,
)
from ..net.connections import LINGER_SECONDS
from ..net.handshakes import TimedHandshake
from ..net.peers import Peers
from .chunked import Chunks
from .hosts import Hosts
from .request import ChatRequest
from .resource import STATUS, retry_after
from .syntax import check_field, check_headers, read_target

MAX_BODY = 64 * 1024
"""Bytes in a request's body, if nothing else is asked for: twice the longest message, every byte of
it escaped."""
REQUEST_SECONDS = 20.0
"""Seconds from a request's first byte to its last, if nothing else is asked for: a body of 64 KiB
needs no more over an old modem."""
IDLE_SECONDS = 75.0
"""Seconds that a connection may be kept without a request, if nothing else is asked for: longer
than the 60 and 65 of proxies, so that it is the proxy that closes, which knows what it has sent."""
LATE_SECONDS = 10.0
"""Seconds beyond that for which a request is still answered."""
MAX_HEADERS = 100
"""Headers of a request: browsers and proxies send thirty, and each costs more than its bytes."""
MAX_EARLY = 16 * 1024
"""Bytes that are kept of what a client sends before it has its answer; the rest waits in TCP."""


@dataclass(frozen=True)
class Bounds:
    """How much a client may send, and how long it may take."""

    body: int | None = None
    """Bytes in a request's body; None: what the door finds enough."""
    request_seconds: float = REQUEST_SECONDS
    """Seconds from a request's first byte to its last."""
    idle_seconds: float = IDLE_SECONDS
    """Seconds that a connection may be kept without a request."""


USUAL = Bounds()
"""If nothing else is asked for."""


class Upgraded(Protocol):
    """What a connection may be handed over to: an `IProtocol` that knows half-closing."""

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        """See `IProtocol.makeConnection`."""

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol.dataReceived`."""

    def readConnectionLost(self) -> None:
        """See `IHalfCloseableProtocol.readConnectionLost`."""

    def connectionLost(self, reason: Failure) -> None:
        """See `IProtocol.connectionLost`."""


class FastRequest(Protocol):
    """A request that one connection sends again and again, answered past `twisted.web`."""

    @property
    def held(self) -> bool:
        """Whether it waits for its answer."""

    def take(self, packet: bytes) -> bool:
        """Whether the packet is that request again; if so, it is answered or held."""

    def data_received(self, data: bytes) -> None:
        """In the channel's place, while nothing but this request comes."""

    def come_back(self) -> None:
        """Let the channel go on when the request is answered."""

    def conclude(self) -> None:
        """Answer with what there is: the server is going down."""

    def unlearn(self) -> None:
        """The connection is the channel's again."""

    def gone(self) -> None:
        """The client has gone."""


class FastPath(Protocol):
    """Knows requests that need not be parsed."""

    def recognise(self, channel: ChatChannel, packet: bytes) -> FastRequest | None:
        """The request that a new connection's first packet is, None if it has to be parsed."""


@implementer(IHalfCloseableProtocol)
class ChatChannel(TimedHandshake, HTTPChannel):
    """One HTTP connection, with a deadline for each request."""

    requestFactory = ChatRequest
    maxHeaders = MAX_HEADERS  # noqa: N815
    site: ChatSite
    _new = True
    """Whether nothing has come in yet."""
    _busy = False
    _deadline: IDelayedCall | None = None
    _refused = False
    early = b""
    """What came in while a learned poll was held."""
    full = False
    """Whether the client does not read, so that nothing more is answered."""
    _answered: Request | None = None
    _turn: IDelayedCall | None = None
    _half_closed = False
    _input_over = False
    """Whether the client sends no more."""
    _late = False
    """Whether it has been idle for so long that the next answer is the last."""

    def connectionMade(self) -> None:
        """A client has come."""
        super().connectionMade()
        self.learned: FastRequest | None = None
        """The request that this connection sends again and again, once it has sent it."""
        self.packet = b""
        """The packet that the request under way came in, if nothing was under way before it."""
        self._transport: Any = self.transport
        self.site.peers.add(self)
        self.begin_handshake(self.transport, self.site.reactor)

    def dataReceived(self, data: bytes) -> None:
        """Bytes came in; a request that they leave incomplete has to hurry."""
        if self._new:
            self._new = False
            if self.site.fast_path:
                self.learned = self.site.fast_path.recognise(self, data)
        idle = not (self.requests or self._buffer or self.full)
        if self.learned and idle and self.learned.take(data):
            # Twisted's idle timer is for what Twisted parses: moving it costs more than a poll.
            self.setTimeout(None)
            self.dataReceived = self.learned.data_received  # type: ignore[method-assign]
            return
        if self._refused:
            return
        # Nothing under way: no request, and (in LineReceiver's buffer) no beginning of one.
        self.packet = b"" if self.requests or self._buffer else data
        super().dataReceived(data)
        # Private is only where Twisted keeps how long the chunk says that it is.
        if getattr(self._transferDecoder, "length", 0) > self.max_body:
            self.requests[-1].too_large()
        if self.line_mode and b"\n" in self._buffer and b"\r\n" not in self._buffer:
            # Twisted would wait for ever for a CR (RFC 9112, section 2.2).
            self._bad_request("a line of HTTP ends with CR LF")
        self._start_clock()
        if sum(map(len, self._dataBuffer)) > MAX_EARLY:
            # Twisted overlooks what comes behind a body, and all of it while the client is full.
            self._transport.pauseProducing()

    def readConnectionLost(self) -> None:
        """The client sends no more; what it asked for last is answered, unless that takes long."""
        self._input_over = True
        held = self.learned and self.learned.held
        if self._answered or (self.early and not held):
            self._half_closed = True  # others wait to be answered too
        elif self._busy or held:
            if self.learned and held:
                self._half_closed = True
                self.learned.come_back()
            elif self._more:
                self._half_closed = True  # Twisted would drop what waits behind the last answer
            else:
                self.persistent = 0
            self._deadline = self._deadline or self.callLater(LINGER_SECONDS, self._hang_up)
        else:
            self._stop_clock()
            self._hang_up()

    def writeConnectionLost(self) -> None:
        """Never happens: it is the client who half-closes."""

    @property
    def max_body(self) -> int:
        """See `Refusing.max_body`."""
        return self.site.max_body

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
        # Private is only where Twisted keeps what has come in behind a body.
        return bool(self._buffer) or any(self._dataBuffer)

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
        elif self.early and not (self.learned and self.learned.held):
            self.replay_soon()

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
        self.end_handshake()
        self._stop_clock()
        if self._turn:
            self._turn.cancel()
            self._turn = None
        learned = self.learned
        self.unlearn()
        if learned:
            learned.gone()
        self.early = b""
        super().connectionLost(reason)
        self.site.peers.discard(self)

    # -- being let go, and going down ------------------------------------------------------------

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

    def drain(self) -> None:
        """See `Connected.drain`.

        A request that is on its way here is still answered; by the door's tree, which refuses it.
        """
        for request in self.requests:
            if request is self._answered:
                continue  # those behind it are refused
            self.persistent = 0
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        learned = self.learned
        self.unlearn()
        self.early = b""
        if learned and learned.held:
            learned.conclude()
        elif self.requests and self.requests[0].conclude:
            self.requests[0].conclude()

    # -- learned polls ---------------------------------------------------------------------------

    def unlearn(self) -> None:
        """From here on everything goes through Twisted again, until a poll is learned anew."""
        if self.learned:
            self.learned.unlearn()
            self.learned = None
        self.__dict__.pop("dataReceived", None)

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

    def put_off(self, data: bytes) -> None:
        """Let what comes while a poll is held wait: who pipelines is answered in order."""
        self.early += data
        if len(self.early) > MAX_EARLY:
            self._transport.pauseProducing()

    def replay_soon(self) -> None:
        """The poll is answered: what had to wait for that goes on."""
        self.callLater(0, self._replay)

    def _replay(self) -> None:
        early, self.early = self.early, b""
        if early:
            self._transport.resumeProducing()
            self.dataReceived(early)
        if self._half_closed:
            self.readConnectionLost()

    # -- stricter than Twisted -------------------------------------------------------------------

    def lineReceived(self, line: bytes) -> None:
        """A line of a request's head came in."""
        # Twisted would put it behind the line before; others would not (RFC 9112, section 5.2).
        if line.startswith((b" ", b"\t")):
            self._bad_request("no line of a request's head begins with a space")
        else:
            super().lineReceived(line)

    def headerReceived(self, line: bytes) -> bool:
        """A header came in; answers whether it will do."""
        try:
            check_field(line)
        except Malformed as error:
            return self._bad_request(error.message)
        try:
            line.decode()
        except UnicodeDecodeError:  # RFC 9110, section 5.5; and Twisted decodes UTF-8 or raises
            line = line.decode("latin-1").encode()
        good: bool = super().headerReceived(line)
        return good

    def allHeadersReceived(self) -> None:
        """A request's head is complete: judge it before its body comes."""
        request: ChatRequest = self.requests[-1]
        headers = request.requestHeaders
        try:
            # Private is only where Twisted keeps the request line until the body is complete.
            check_headers(headers, self._version)
            request.target = read_target(self._command, self._path, self._version, headers)
            if self.site.hosts:
                host = request.getHeader("host") or ""
                request.host_known = self.site.hosts.check(host, self.getPeer())
        except Malformed as error:
            self._bad_request(error.message)
        except WrongHost as error:
            self.refuse(421, b"Misdirected Request", error)
        else:
            if self.length is None:
                # Private is only which decoder Twisted has chosen, which takes what is no chunk.
                finish = self._finishRequestBody
                self._transferDecoder = Chunks(request.handleContentChunk, finish)
            super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:
        """Bytes of a body came in, or of what comes behind it."""
        try:
            super().rawDataReceived(data)
        except Malformed as error:
            self._bad_request(error.message)

    def writeHeaders(  # noqa: N802
        self, version: bytes, code: bytes, reason: bytes, headers: Headers
    ) -> None:
        """Write an answer's head.  It does not say by which version of what it was made."""
        headers.removeHeader(b"server")
        if code in (b"204", b"304"):
            # RFC 9110, section 8.6: not of an answer that has no body by its status.
            headers.removeHeader(b"content-length")
        super().writeHeaders(version, code, reason, headers)

    def checkPersistence(  # noqa: N802
        self, request: HTTPRequest, version: bytes
    ) -> bool:
        """Whether the connection goes on behind this request."""
        # Twisted overlooks a "close" with others in the list (RFC 9112, section 9.6).
        listed = b",".join(request.requestHeaders.getRawHeaders(b"connection", []))
        words = [word.strip() for word in listed.lower().split(b",")]
        if b"close" in words or self._late or self.site.peers.draining:
            request.requestHeaders.setRawHeaders(b"connection", [b"close"])
        persistent: bool = super().checkPersistence(request, version)
        return persistent

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line of the request's head is longer than anybody's should be."""
        error = TooLarge(f"a line of a request has at most {self.MAX_LENGTH} bytes here")
        self.refuse(431, b"Request Header Fields Too Large", error)

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        """Whatever Twisted itself refuses, as it calls this: it would tell no reason, and close
        before the client has read that.
        """
        many = self._receivedHeaderCount > self.maxHeaders
        if many or self._receivedHeaderSize > self.totalHeadersSize:
            error = TooLarge(
                f"a request has at most {self.maxHeaders} headers here, "
                f"of {self.totalHeadersSize} bytes in all"
            )
            self.refuse(431, b"Request Header Fields Too Large", error)
        else:
            self._bad_request("that is not HTTP/1.1 as RFC 9112 has it")

    def _bad_request(self, message: str) -> bool:
        """Refuse; returns False: the request is not good."""
        self.refuse(400, b"Bad Request", Malformed(message))
        return False

    # -- other ways out --------------------------------------------------------------------------

    def upgrade(self, accept: bytes, protocol: Upgraded) -> int:
        """Hand the connection over: behind `accept`, it speaks another protocol.

        See RFC 9110, section 7.8; or it is an answer that does not end, and has begun.  The request
        that asked for it is never finished, and its `notifyFinish` never fires.
        """
        transport: Any = self.transport
        # Where Twisted keeps what came in while the request waited for its rooms.
        early = b"".join(self._dataBuffer)
        self._dataBuffer = []
        self._stop_clock()
        self.setTimeout(None)
        self.requests.clear()
        self.packet = b""
        transport.unregisterProducer()
        if accept:
            transport.write(accept)
        # What follows in this packet, and in all others, is the new protocol's.
        self.dataReceived = self.rawDataReceived = protocol.dataReceived  # type: ignore[method-assign]
        self.readConnectionLost = protocol.readConnectionLost  # type: ignore[method-assign]
        self.connectionLost = protocol.connectionLost  # type: ignore[assignment, method-assign]
        self.site.peers.discard(self)
        if early:
            transport.resumeProducing()
        protocol.makeConnection(transport)
        if early:
            protocol.dataReceived(early)
        if self._input_over:
            protocol.readConnectionLost()
        return NOT_DONE_YET

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
        answer = _last_answer(status, phrase, error)
        if getattr(self, "_command", b"") == b"HEAD":
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
        begun = self.requests or self._buffer
        if begun and not (self._busy or self._deadline or self._refused):
            self._deadline = self.callLater(self.site.request_seconds, self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


def _last_answer(status: int, phrase: bytes, error: ChatError) -> bytes:
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


class ChatSite(Site):
    """A site of chatd's: bounded, without an access log, HTTP/1.1 only."""

    noisy = False
    protocol = ChatChannel  # type: ignore[assignment]  # no wrapper that would switch to HTTP/2
    requestFactory = ChatRequest

    def __init__(
        self,
        root: IResource,
        reactor: IReactorTime,
        bounds: Bounds = USUAL,
        peers: Peers | None = None,
        fast_path: FastPath | None = None,
        hosts: Hosts | None = None,
    ) -> None:
        self.hosts = hosts
        """Under which names it may be asked; None: under any."""
        self.fast_path = fast_path
        """Knows requests that need not be parsed; None: all are parsed."""
        self.max_body = MAX_BODY if bounds.body is None else bounds.body
        self.request_seconds = bounds.request_seconds
        self.idle_seconds = bounds.idle_seconds
        self.kept_seconds = bounds.idle_seconds + LATE_SECONDS
        self.peers = Peers(reactor) if peers is None else peers
        super().__init__(
            root, reactor=reactor, timeout=bounds.idle_seconds, parsePOSTFormSubmission=False
        )

    def log(self, request: HTTPRequest) -> None:
        """Write nothing: a long-poller would fill the log with the same line all day."""

    def turn_away(self, error: ChatError) -> bytes:
        """What a client is told that is not let in."""
        status = HTTPStatus(STATUS[type(error)])
        return _last_answer(status, status.phrase.encode(), error)

    def acceptableProtocols(self) -> list[bytes]:
        """No HTTP/2: in Twisted it ends held requests at the idle timeout."""
        return [b"http/1.1"]
