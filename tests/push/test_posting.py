"""Requests to push services over HTTP."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.testing import MemoryReactorClock, StringTransport

from chatd.push.internet import InternetEndpoints
from chatd.push.posting import AgentPost, Reply


class AnyNames:
    """A resolver that knows every name."""

    def resolveHostName(self, receiver: Any, name: str, portNumber: int = 0, *_: Any) -> Any:
        """Answer at once."""
        receiver.resolutionBegan(self)
        receiver.addressResolved(IPv4Address("TCP", "8.8.8.8", portNumber))
        receiver.resolutionComplete()
        return self

    name = "push.example.net"

    def cancel(self) -> None:
        """Has no effect."""


def plain(_: str, endpoint: IStreamClientEndpoint) -> IStreamClientEndpoint:
    return endpoint


def posted() -> tuple[Any, StringTransport, list[Any]]:
    """A request that was sent: the connection, its transport, and the outcome."""
    reactor = MemoryReactorClock()
    reactor.nameResolver = AnyNames()  # type: ignore[assignment]
    post = AgentPost(reactor, InternetEndpoints(reactor, plain))
    outcome: list[Any] = []
    post("https://push.example.net/one?x", {b"TTL": [b"1"]}, b"body").addBoth(outcome.append)
    wire: Any = reactor.tcpClients[0][2].buildProtocol(None)
    transport = StringTransport()
    wire.makeConnection(transport)
    reactor.advance(0)
    return wire, transport, outcome


def test_a_post_is_sent_whole() -> None:
    """With its headers and its length."""
    wire, transport, outcome = posted()
    sent = transport.value()
    assert sent.startswith(b"POST /one?x HTTP/1.1\r\n")
    assert b"\r\nTtl: 1\r\n" in sent or b"\r\nTTL: 1\r\n" in sent
    assert b"\r\nHost: push.example.net\r\n" in sent
    assert b"\r\nContent-Length: 4\r\n" in sent
    assert sent.endswith(b"\r\n\r\nbody")
    wire.dataReceived(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    assert outcome == [Reply(201)]


def test_a_body_is_not_read_and_a_redirect_not_followed() -> None:
    """The connection ends after the headers."""
    wire, transport, outcome = posted()
    wire.dataReceived(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nRetry-After:  7 \r\n"
        b"Content-Length: 100000\r\n\r\nxxx"
    )
    assert outcome == [Reply(302, "7")]
    assert transport.disconnecting
