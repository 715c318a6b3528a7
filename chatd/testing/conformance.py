"""An echo behind chatd's own HTTP and WebSocket stack, for conformance suites to drive.

GET says OK and POST echoes its body, at every path: where a path answered 404, a suite that looks
for requests that are taken by mistake would find none.  `/ws` echoes text and binary messages.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Request
from wsproto.events import BytesMessage, TextMessage

from ..http.channel import ChatChannel
from ..http.resource import ApiResource
from ..http.site import ChatSite
from ..http.wsprotocol import WebSocketProtocol, handshake
from ..net.peers import Peers


def echo_site(clock: IReactorTime) -> ChatSite:
    """What the suites talk to."""
    root = Echo()
    peers = Peers(clock)
    root.putChild(b"ws", WebSocketEcho(clock, peers))
    return ChatSite(root, clock, peers=peers)


class Echo(ApiResource):
    """Says OK, or what it is told."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        """Every path is here, but for those of other resources."""
        return self

    def render_GET(self, request: Request) -> bytes:
        """Say OK."""
        request.setHeader(b"content-type", b"text/plain")
        return b"OK"

    def render_POST(self, request: Request) -> bytes:
        """Say it again."""
        request.setHeader(b"content-type", b"application/octet-stream")
        body: bytes = request.content.read() if request.content else b""
        return body


class WebSocketEcho(ApiResource):
    """`/ws`: where a WebSocket begins."""

    isLeaf = True

    def __init__(self, clock: IReactorTime, peers: Peers) -> None:
        super().__init__()
        self._clock = clock
        self._peers = peers

    def render_GET(self, request: Request) -> Any:
        """Shake hands.  Raises `Malformed`."""
        accept = handshake(request)
        socket = EchoSocket(self._clock, self._peers)
        return cast(ChatChannel, request.channel).upgrade(accept, socket)


class EchoSocket(WebSocketProtocol):
    """Sends every message back."""

    def text_received(self, text: str) -> None:
        """Say it again."""
        self._send(TextMessage(text))

    def bytes_received(self, data: bytes) -> None:
        """Say it again."""
        self._send(BytesMessage(data))
