"""The WebSocket protocol (RFC 6455), on a connection that a `ChatChannel` or an
`UnparsedConnection` hands over.

1. While each packet is one whole text or one pong, it is read without a parser
   (`chatd.http.wholeframes`).  From the first other packet on, `wsproto` parses all frames.  No
   extension is negotiated, and so no compression, with which 60 kB of input could become 60 MB.
2. The size of a message is checked while it is received, before its fragments are joined.
3. A close frame of the peer is answered with the same code.  After a close frame of the server, the
   peer has `CLOSE_SECONDS` to answer.
4. While the peer does not read, its frames are not parsed, so neither pongs nor answers pile up.
   If a peer sends many frames at once, `FRAMES_A_TURN` are handled in each turn of the reactor.
"""

from __future__ import annotations

import base64
import binascii

from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.server import Request
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, generate_accept_token
from zope.interface import implementer

from ..model.errors import Malformed
from ..net.flow import FlowControlled
from ..net.liveness import SILENT_BEATS
from ..net.peers import GOING_DOWN, Peers
from ..net.stalls import TOO_SLOW
from ..net.tcp import PeerDead
from .fields import header, header_lines
from .wholeframes import is_whole_pong, whole_text

MAX_MESSAGE = 64 * 1024
"""Bytes in a client's message, as in a request's body."""
MAX_FRAGMENTS = 1000
"""Fragments in a client's message.  A limit of bytes is not enough: a frame of one byte costs more
than the byte."""
FRAMES_A_TURN = 8
"""Frames of one connection that are handled in one turn of the reactor."""
CLOSE_SECONDS = 5.0
"""Seconds for the peer to answer a close before the connection is cut."""

# Close codes (RFC 6455, section 7.4.1).
NORMAL = 1000
UNSUPPORTED = 1003
POLICY_VIOLATION = 1008
BAD_DATA = 1007
TOO_BIG = 1009
# IANA's registry of WebSocket close codes.
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013


def handshake(request: Request, protocol: str = "") -> bytes:
    """The answer to a client's opening handshake (RFC 6455, section 4.2), which chooses the
    subprotocol `protocol`, if one is given.

    Raises `Malformed`, whose message names the missing part.
    """
    if request.method != b"GET" or request.clientproto != b"HTTP/1.1":
        raise Malformed("a WebSocket begins with a GET of HTTP/1.1")
    if not wants_websocket(request) or "upgrade" not in _tokens(request, "connection"):
        raise Malformed("a WebSocket's handshake says Upgrade: websocket and Connection: Upgrade")
    if not header(request, "host"):
        raise Malformed("a WebSocket's handshake names the Host")
    if header_lines(request, "sec-websocket-version") != ["13"]:
        request.setHeader(b"sec-websocket-version", b"13")
        raise Malformed("only Sec-WebSocket-Version 13 is spoken here")
    keys = header_lines(request, "sec-websocket-key")
    try:
        valid = len(keys) == 1 and len(base64.b64decode(keys[0], validate=True)) == 16
    except (binascii.Error, ValueError):
        valid = False
    if not valid:
        raise Malformed("a WebSocket's handshake has one Sec-WebSocket-Key of 16 bytes in base64")
    return switching(keys[0].encode(), protocol.encode())


def switching(key: bytes, protocol: bytes = b"") -> bytes:
    """The answer to a valid handshake with that `Sec-WebSocket-Key`; see `handshake`."""
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b\r\n"
        % (
            generate_accept_token(key),
            b"Sec-WebSocket-Protocol: %b\r\n" % protocol if protocol else b"",
        )
    )


def subprotocols(request: Request) -> list[str]:
    """The subprotocols that a client offers, the one it prefers first."""
    values = header_lines(request, "sec-websocket-protocol")
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def wants_websocket(request: Request) -> bool:
    """Whether a request asks to become a WebSocket."""
    return "websocket" in _tokens(request, "upgrade")


def _reply(event: CloseConnection, *, broken: bool) -> CloseConnection:
    """The answer to a close frame; if the peer has `broken` the protocol, with the reason."""
    if broken and event.code == BAD_DATA:
        return CloseConnection(BAD_DATA, "what is sent as text has to be UTF-8")
    return event.response()


def _tokens(request: Request, name: str) -> set[str]:
    """The words of a header that is a list (RFC 9110, section 5.6.1)."""
    values = header_lines(request, name)
    return {token.strip().lower() for value in values for token in value.split(",")}


@implementer(IHalfCloseableProtocol)
class WebSocketProtocol(FlowControlled):
    """One WebSocket, from the end of its handshake to its close.  A subclass handles messages."""

    # Class attributes: most WebSockets are only written to, and store no values of their own.
    held = False
    """Whether frames from the peer wait, unparsed, until `release`."""
    silent = 0
    """Pings sent since the peer last sent anything."""
    open = True
    """Whether neither side has sent a close frame, after which no frame may be sent."""
    _made: Connection | None = None
    _simple = True
    """Whether each packet so far was one whole frame, of which `wsproto` has seen nothing."""
    _parts: list[str | bytes | bytearray] | None = None
    _size = 0
    _fragments = 0
    _timer: IDelayedCall | None = None
    _turn: IDelayedCall | None = None

    def __init__(self, clock: IReactorTime, peers: Peers, max_message: int = MAX_MESSAGE) -> None:
        super().__init__(peers)
        self._clock = clock
        self._max_message = max_message

    @property
    def _frames(self) -> Connection:
        """The state of the frames, made for the first one that `wsproto` parses or makes."""
        if self._made is None:
            self._made = Connection(ConnectionType.SERVER)
        return self._made

    # -- for subclasses --------------------------------------------------------------------------

    def opened(self) -> None:
        """The handshake is done."""

    def text_received(self, text: str) -> None:
        """A complete text message was received."""

    def bytes_received(self, data: bytes) -> None:
        """A complete binary message was received."""

    def closing(self) -> None:
        """One side has begun to close: no more frames may be sent."""

    def closed(self) -> None:
        """The connection is gone."""

    def write(self, frames: bytes) -> None:
        """Send encoded frames; they are dropped if the WebSocket is closing."""
        if self.open:
            self.transport.write(frames)

    def hold(self) -> None:
        """Look at nothing that the peer sends, until `release`."""
        if not self.held:
            self.held = True
            self.transport.pauseProducing()

    def release(self) -> None:
        """Look at what the peer sends again."""
        if self.held:
            self.held = False
            self._work()
            self._read_on()

    def ping(self) -> None:
        """Send a ping; disconnect a peer that has sent nothing since `SILENT_BEATS` pings.

        A peer that does not read gets no ping, because its pong would not be parsed.
        """
        if self.full:
            return
        if self.silent >= SILENT_BEATS:
            self.transport.abortConnection()
            return
        self.silent += 1
        self._send(Ping())

    def close(self, code: int, reason: str) -> None:
        """Send a close frame; the connection is closed when the peer answers, or after
        `CLOSE_SECONDS`.
        """
        self._send(CloseConnection(code, reason))
        self._shut()
        if self._timer is None:
            self._timer = self._clock.callLater(CLOSE_SECONDS, self._cut)

    # -- the transport's side --------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The connection has been handed over."""
        super().connectionMade()
        self.opened()

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer, cut anywhere."""
        self.silent = 0
        if self._simple and not (self.full or self.held) and len(data) <= self._max_message:
            text = whole_text(data)
            if text is not None:
                if self.open:
                    self.text_received(text)
                return
            if is_whole_pong(data):
                return
        self._simple = False
        try:
            self._frames.receive_data(data)
        except LocalProtocolError:
            return  # closed: further input is ignored
        self._work()

    def readConnectionLost(self) -> None:
        """The peer sends no more, not even an answer to a close."""
        self.hang_up()

    def writeConnectionLost(self) -> None:
        """Never called: only peers half-close the connection."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._turn:
            self._turn.cancel()
            self._turn = None
        if isinstance(reason.value, PeerDead):
            self.silent = SILENT_BEATS
        self.closed()
        super().connectionLost(reason)

    def filled(self) -> None:
        """The peer does not read: parse no more of its frames."""
        self.transport.pauseProducing()

    def drained(self) -> None:
        """The peer reads again."""
        self._work()
        self._read_on()

    # -- disconnection by the server -------------------------------------------------------------

    def drain(self) -> None:
        """See `Connected.drain`."""
        self.close(SERVICE_RESTART, GOING_DOWN)

    def disconnect(self) -> None:
        """See `Reader.disconnect`."""
        self.close(TRY_AGAIN_LATER, TOO_SLOW)

    # -- frames ----------------------------------------------------------------------------------

    def _send(self, event: Event) -> None:
        try:
            self.transport.write(bytes(self._frames.send(event)))
        except LocalProtocolError:
            """The WebSocket is closing: drop the frame."""

    def _work(self) -> None:
        if self.full or self.held or self._turn:
            return  # over TLS, some bytes arrive in spite of `pauseProducing`
        for number, event in enumerate(self._frames.events(), 1):
            if isinstance(event, TextMessage | BytesMessage):
                self._message(event)
            elif isinstance(event, Ping):
                self._send(event.response())
            elif isinstance(event, CloseConnection):
                self._close_received(event)
            if self.full or self.held:
                break
            if number == FRAMES_A_TURN:
                self.transport.pauseProducing()
                self._turn = self._clock.callLater(0, self._next_turn)
                break

    def _next_turn(self) -> None:
        self._turn = None
        self._work()
        self._read_on()

    def _read_on(self) -> None:
        if not (self.full or self.held or self._turn or self.transport.disconnecting):
            self.transport.resumeProducing()

    def _message(self, event: TextMessage | BytesMessage) -> None:
        if not self.open:
            return
        # The limit is in bytes of UTF-8, and a character has up to four.
        data = event.data
        self._size += len(data.encode() if isinstance(data, str) else data)
        self._fragments += event.frame_finished
        if self._size > self._max_message or self._fragments > MAX_FRAGMENTS:
            self._parts = None
            self.close(
                TOO_BIG,
                f"a message has at most {self._max_message} bytes in {MAX_FRAGMENTS} fragments",
            )
            return
        parts = self._parts
        if parts is None:
            parts = self._parts = []
        if event.data:
            parts.append(event.data)
        if event.message_finished:
            self._parts, self._size, self._fragments = None, 0, 0
            if isinstance(event, TextMessage):
                self.text_received("".join(part for part in parts if isinstance(part, str)))
            else:
                self.bytes_received(b"".join(part for part in parts if not isinstance(part, str)))

    def _close_received(self, event: CloseConnection) -> None:
        """The peer closes, or answers the server's close, or has broken the protocol."""
        self._shut()
        broken = self._frames.state is ConnectionState.OPEN  # no close frame: `wsproto` gave up
        if self._frames.state is not ConnectionState.CLOSED:
            self._send(_reply(event, broken=broken))
        self.hang_up()

    def _shut(self) -> None:
        self.open = False
        self.closing()

    def _cut(self) -> None:
        self._timer = None
        self.transport.abortConnection()
