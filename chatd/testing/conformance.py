"""An echo server on chatd's HTTP and WebSocket stack, for conformance suites.

GET answers OK and POST echoes its body, at every path: if other paths answered 404, a suite that
looks for requests that are accepted by mistake would find none.  `/ws` echoes messages.
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
    """The echo server."""
    root = Echo()
    peers = Peers(clock)
    root.putChild(b"ws", WebSocketEcho(clock, peers))
    return ChatSite(root, clock, peers=peers)


class Echo(ApiResource):
    """Answers OK, or echoes the body."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        """This resource has every path that no other resource has."""
        return self

    def render_GET(self, request: Request) -> bytes:
        """Answer OK."""
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
