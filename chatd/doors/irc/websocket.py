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
from ...model.addresses import Address, is_own_machine
from ...model.errors import Malformed
from ...stream.subscriber import Subscriber
from .door import IrcDoor
from .link import IrcLink

TEXT = "text.ircv3.net"
BINARY = "binary.ircv3.net"
SUBPROTOCOLS = (TEXT, BINARY)


class IrcSocket(IrcLink, WebSocketProtocol):
    """One client's WebSocket."""

    def __init__(
        self, door: IrcDoor, address: Address, *, secure: bool, encrypted: bool, binary: bool
    ) -> None:
        """`encrypted` is as in `Link`."""
        super().__init__(door.service.clock, door.peers)
        self.begin_link(door, address, secure=secure)
        self._encrypted = encrypted
        self._opcode = b"\x82" if binary else b"\x81"

    def text_received(self, text: str) -> None:
        """See `WebSocketProtocol.text_received`: one line."""
        self.bytes_received(text.encode())

    def bytes_received(self, data: bytes) -> None:
        """See `WebSocketProtocol.bytes_received`: one line, which need not be text."""
        self.heard()
        line = data.rstrip(b"\r\n").replace(b"\r", b" ").replace(b"\n", b" ")
        if line and not (self.ending or self.finishing):
            self.received(line + b"\n")

    def closed(self) -> None:
        """See `WebSocketProtocol.closed`."""
        self.lost()

    # -- the transport ---------------------------------------------------------------------------

    def transmit(self, data: bytes) -> None:
        """See `IrcLink.transmit`: each line is a message, without its end."""
        frames = (self._opcode + frame(line)[1:] for line in data.split(b"\r\n") if line)
        self.write(b"".join(frames))

    @property
    def encrypted(self) -> bool:
        """See `Link.encrypted`."""
        return self._encrypted

    def begin_reading(self, subscriber: Subscriber) -> None:
        """See `IrcLink.begin_reading`."""
        subscriber.start()

    def hold(self) -> None:
        """See `IrcLink.hold`."""
        WebSocketProtocol.hold(self)

    def take_more(self) -> None:
        """See `IrcLink.take_more`."""
        self.release()

    def shut(self) -> None:
        """See `IrcLink.shut`."""
        self.close(NORMAL, "")


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
        address = self._proxies.address(request)
        encrypted = self._proxies.secure(request)
        secure = (
            encrypted or is_own_machine(address) or self._door.service.sign_in.rules.plain_passwords
        )
        binary = chosen == BINARY
        socket = IrcSocket(self._door, address, secure=secure, encrypted=encrypted, binary=binary)
        return cast(ChatChannel, request.channel).upgrade(accept, socket)
