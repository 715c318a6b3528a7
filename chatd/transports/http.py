"""HTTP/1.1 with bounds: what `twisted.web` leaves to its users.

1. A body is capped while it comes in, whether its length is told or it is chunked.
2. A request has to be complete within a time that counts from its first byte, however steadily it
   trickles.
3. Whoever is refused in the middle of a request is answered before the connection closes: what they
   still send is swallowed for a moment, for a reset would take the answer back.
4. Requests that come without waiting for answers are answered one in each turn of the reactor, and
   none while the client does not read: neither the work nor the answers pile up.
5. What two readers of HTTP could take for two different things is refused where Twisted would take
   it for one of them (RFC 9112, section 11.2).
6. A poll that is known goes past all of this (`chatd.transports.learned`): it is a request of a few
   lines that came whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import implementer

from ..codecs.json import error_body
from ..errors import ChatError, Malformed, RateLimited, TooLarge, TooSlow, Unavailable
from .connections import LINGER_SECONDS
from .handshakes import TimedHandshake
from .learned import LearnedPoll, recognise
from .longpoll import Polls
from .peers import Peers
from .resource import STATUS, retry_after

MAX_BODY = 64 * 1024
"""Bytes in a request's body, if nothing else is asked for: twice the longest message, every byte of
it escaped."""
REQUEST_SECONDS = 20.0
"""Seconds from a request's first byte to its last, if nothing else is asked for: a body of 64 KiB
needs no more over an old modem."""
IDLE_SECONDS = 60.0
"""Seconds that a connection may be kept without a request, if nothing else is asked for: a page
that polls keeps its own busy, and a browser opens new ones at will."""
MAX_HEADERS = 100
"""Headers of a request: browsers and proxies send thirty, and each costs more than its bytes."""
MAX_CHUNKS = 1000
"""Chunks of a request's body: reading one costs more than reading its byte."""
MAX_EARLY = 16 * 1024
"""Bytes that are kept of what a client sends before it has its answer; the rest waits in TCP."""

_ABSOLUTE = re.compile(rb"https?://([^/?]+)(.*)", re.IGNORECASE)
_HOST = re.compile(rb"[\w.~!$&'()*+,;=%:\[\]-]*")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


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


class ChatRequest(Request):
    """A request whose body is capped."""

    channel: ChatChannel
    _received = 0
    _chunks = 0
    refused = False
    """Whether it was answered before it was complete, and is not to be carried out."""
    conclude: Callable[[], None] | None = None
    """How its answer is brought to an end before its time, if it is one that waits."""

    def gotLength(self, length: int | None) -> None:
        """The headers are complete."""
        if length is not None and length > self.channel.site.max_body:
            # The channel would greet an over-long body with "100 Continue" behind the refusal.
            self.requestHeaders.removeHeader(b"expect")
            self.too_large()
        # Of no known length, it would get a file, which takes a descriptor; it is capped as it is.
        super().gotLength(0)

    def handleContentChunk(self, data: bytes) -> None:
        """Some of the body came in."""
        self._received += len(data)
        self._chunks += 1
        if self._received > self.channel.site.max_body or self._chunks > MAX_CHUNKS:
            self.too_large()
        if not self.refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The request is complete."""
        if self.refused:
            return
        try:
            target = self._target(path, version)
        except Malformed as error:
            self.channel.refuse(400, b"Bad Request", error)
        else:
            self.channel.complete()
            super().requestReceived(command, target, version)

    def _target(self, target: bytes, version: bytes) -> bytes:
        """The path and query that are asked for.  Raises `Malformed`.

        See RFC 9112, sections 3.2 (Host), 3.2.1 (a path) and 3.2.2 (a whole URL, whose host counts,
        whatever Host says).
        """
        hosts: Sequence[bytes] = self.requestHeaders.getRawHeaders(b"host", [])
        if len(hosts) != 1 and (hosts or version == b"HTTP/1.1"):
            raise Malformed("a request of HTTP/1.1 has one Host header")
        if absolute := _ABSOLUTE.fullmatch(target):
            host, target = absolute.groups()
            if not target.startswith(b"/"):
                target = b"/" + target
            hosts = [host]
            self.requestHeaders.setRawHeaders(b"host", hosts)
        if hosts and not _HOST.fullmatch(hosts[0]):
            raise Malformed("that is no host")
        if not target.startswith(b"/") and target != b"*":
            raise Malformed("the target of a request is a path: GET / HTTP/1.1")
        # Twisted parts parameters at a semicolon too, and would cut a text there.
        path, mark, query = target.partition(b"?")
        return path + mark + query.replace(b";", b"%3B")

    def too_large(self) -> None:
        """It has, or announces, more body than may be."""
        if not self.refused:
            self.channel.refuse(
                413,
                b"Content Too Large",
                TooLarge(
                    f"a body has at most {self.channel.site.max_body} bytes here, "
                    f"in {MAX_CHUNKS} chunks"
                ),
            )


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
    _full = False
    _answered: Request | None = None
    _turn: IDelayedCall | None = None
    _half_closed = False

    def connectionMade(self) -> None:
        """A client has come."""
        super().connectionMade()
        self.learned: LearnedPoll | None = None
        """The poll that this connection asks again and again, once it has asked it."""
        self.packet = b""
        """The packet that the request under way came in, if nothing was under way before it."""
        self._transport: Any = self.transport
        self.site.peers.add(self)
        self.begin_handshake(self.transport, self.site.reactor)

    def dataReceived(self, data: bytes) -> None:
        """Bytes came in; a request that they leave incomplete has to hurry."""
        if self._new:
            self._new = False
            if self.site.polls:
                self.learned = recognise(self.site.polls, self, data)
        if self.learned and not (self.requests or self._buffer) and self.learned.take(data):
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
        if getattr(self._transferDecoder, "length", 0) > self.site.max_body:
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

    def complete(self) -> None:
        """A request is complete and being answered."""
        self._busy = True
        self._stop_clock()

    def requestDone(self, request: Request) -> None:
        """A request was answered; if the next one is here already, it has to wait for its turn."""
        if self.persistent and self._more:
            self._answered = request
            if self._full:
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
        self._full = True
        self.site.peers.stalls.full(self)
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """The client has read all of it."""
        self._full = False
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
        if self._full and self.persistent:
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

    def let_go(self) -> None:
        """See `Reader.let_go`; there is no place in the middle of an answer to say why."""
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
        """The connection has been idle for too long.  Twisted's own would log each one."""
        if self._deadline:
            return  # a request that has begun has a time of its own, and is answered at its end
        assert self.abortTimeout is not None
        self._deadline = self.callLater(self.abortTimeout, self._cut)
        self.loseConnection()

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
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if _CONTROL.search(line):  # RFC 9110, section 5.5
            return self._bad_request("a header holds a control character")
        if name == b"transfer-encoding" and value.lower() != b"chunked":  # RFC 9112, section 6.3
            return self._bad_request("the only Transfer-Encoding that is read here is chunked")
        if name == b"content-length" and len(value) > 4000:  # int() raises at 4,301 digits
            return self._bad_request("that is no Content-Length")
        try:
            line.decode()
        except UnicodeDecodeError:  # RFC 9110, section 5.5; and Twisted decodes UTF-8 or raises
            line = line.decode("latin-1").encode()
        good: bool = super().headerReceived(line)
        return good

    def checkPersistence(  # noqa: N802
        self, request: HTTPRequest, version: bytes
    ) -> bool:
        """Whether the connection goes on behind this request."""
        # Twisted overlooks a "close" with others in the list (RFC 9112, section 9.6).
        listed = b",".join(request.requestHeaders.getRawHeaders(b"connection", []))
        words = [word.strip() for word in listed.lower().split(b",")]
        if b"close" in words or self.site.peers.draining:
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
        """Refuse; answers False, for whoever asks whether the request is good."""
        self.refuse(400, b"Bad Request", Malformed(message))
        return False

    # -- other ways out --------------------------------------------------------------------------

    def upgrade(self, accept: bytes, protocol: Upgraded) -> int:
        """Hand the connection over: behind `accept`, it speaks another protocol.

        See RFC 9110, section 7.8; or it is an answer that does not end, and has begun.  The request
        that asked for it is never finished, and its `notifyFinish` never fires.
        """
        transport: Any = self.transport
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
        protocol.makeConnection(transport)
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
        self.transport.write(_last_answer(status, phrase, error))
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
    if isinstance(error, RateLimited | Unavailable):
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
        polls: Polls | None = None,
    ) -> None:
        self.polls = polls
        """Of whose questions a connection's first one may be."""
        self.max_body = MAX_BODY if bounds.body is None else bounds.body
        self.request_seconds = bounds.request_seconds
        self.idle_seconds = bounds.idle_seconds
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
