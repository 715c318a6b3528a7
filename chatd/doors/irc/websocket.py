"""IRC over WebSocket, at `/irc`: a line a message (https://ircv3.net/specs/extensions/websocket).

1. The subprotocol is the first of the client's that is spoken here; without one, text.
2. A message is one line; its end may be missing.
"""

from __future__ import annotations

from typing import cast

from twisted.web.server import Request

from ...codecs.websocket import frame
from ...http.channel import ChatChannel
from ...http.proxies import Proxies
from ...http.resource import ApiResource
from ...http.wsprotocol import NORMAL, WebSocketProtocol, handshake, subprotocols, wants_websocket
from ...model.addresses import Address
from ...model.errors import Malformed
from ...stream.subscriber import Subscriber
from .door import IrcDoor
from .link import IrcLink, is_loopback

TEXT = "text.ircv3.net"
BINARY = "binary.ircv3.net"
SUBPROTOCOLS = (TEXT, BINARY)


class IrcSocket(WebSocketProtocol):
    """One client's WebSocket."""

    def __init__(self, door: IrcDoor, address: Address, *, secure: bool, binary: bool) -> None:
        super().__init__(door.service.clock, door.peers)
        self._link = SocketLink(door, address, self, secure=secure, binary=binary)

    def opened(self) -> None:
        """See `WebSocketProtocol.opened`."""
        self._link.opened()

    def text_received(self, text: str) -> None:
        """One line."""
        self._link.received(text.encode())

    def bytes_received(self, data: bytes) -> None:
        """One line, which need not be text."""
        self._link.received(data)

    def pauseProducing(self) -> None:
        """The client reads more slowly than it is written to."""
        super().pauseProducing()
        self._link.pause()

    def drained(self) -> None:
        """See `WebSocketProtocol.drained`."""
        self._link.resume()

    def closed(self) -> None:
        """See `WebSocketProtocol.closed`."""
        self._link.lost()

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return self._link.owed

    def drain(self) -> None:
        """See `Connected.drain`."""
        self._link.drain()

    def disconnect(self) -> None:
        """See `Reader.disconnect`."""
        self._link.disconnect()


class SocketLink(IrcLink):
    """What a client has of its WebSocket."""

    def __init__(
        self, door: IrcDoor, address: Address, socket: IrcSocket, *, secure: bool, binary: bool
    ) -> None:
        super().__init__(door, address, secure=secure)
        self._socket = socket
        self._opcode = b"\x82" if binary else b"\x81"

    def received(self, data: bytes) -> None:
        """One line from the client."""
        self.heard()
        line = data.rstrip(b"\r\n").replace(b"\r", b" ").replace(b"\n", b" ")
        if line and not (self.ending or self.closing):
            self.queue.lines.feed(line + b"\n")
            self.work()

    def transmit(self, data: bytes) -> None:
        """See `IrcLink.transmit`: each line is a message, without its end."""
        frames = (self._opcode + frame(line)[1:] for line in data.split(b"\r\n") if line)
        self._socket.write(b"".join(frames))

    def begin_reading(self, subscriber: Subscriber) -> None:
        """See `IrcLink.begin_reading`."""
        subscriber.start()

    def hold(self) -> None:
        """See `IrcLink.hold`."""
        self._socket.hold()

    def take_more(self) -> None:
        """See `IrcLink.take_more`."""
        self._socket.release()

    def shut(self) -> None:
        """See `IrcLink.shut`."""
        self._socket.close(NORMAL, "")


class IrcWebSocketResource(ApiResource):
    """`/irc`."""

    isLeaf = True

    def __init__(self, door: IrcDoor, proxies: Proxies) -> None:
        super().__init__()
        self._door = door
        self._proxies = proxies

    def render_GET(self, request: Request) -> int:
        """Become a WebSocket."""
        if not wants_websocket(request):
            raise Malformed("this is IRC over WebSocket: connect with an IRC client for the web")
        offered = subprotocols(request)
        chosen = next((name for name in offered if name in SUBPROTOCOLS), "")
        accept = handshake(request, chosen)
        peer = getattr(request.getClientAddress(), "host", None)
        secure = (
            self._proxies.secure(request)
            or is_loopback(peer)
            or self._door.service.sign_in.rules.plain_passwords
        )
        socket = IrcSocket(
            self._door, self._proxies.address(request), secure=secure, binary=chosen == BINARY
        )
        return cast(ChatChannel, request.channel).upgrade(accept, socket)
