"""Connections to hosts of the Internet only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone, DNSLookupError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.web.client import URI
from twisted.web.error import SchemeNotSupported

from chatd.model.addresses import is_on_internet
from chatd.push.internet import (
    CONNECT_SECONDS,
    MOST_BYTES,
    OPEN_SECONDS,
    WARNING_SECONDS,
    InternetEndpoints,
)

URL = "https://push.example.net/one"


class Names:
    """A resolver of names, whose answers the test chooses."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self.hosts = hosts
        self.asked: list[str] = []

    def resolveHostName(self, receiver: Any, name: str, portNumber: int = 0, *_: Any) -> Any:
        """Answer at once."""
        self.asked.append(name)
        resolution = Resolution(name)
        receiver.resolutionBegan(resolution)
        for host in self.hosts:
            kind = IPv6Address if ":" in host else IPv4Address
            receiver.addressResolved(kind("TCP", host, portNumber))
        receiver.resolutionComplete()
        return resolution


class Resolution:
    """A name that is being resolved."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Has no effect."""


def plain(host: str, endpoint: IStreamClientEndpoint) -> IStreamClientEndpoint:
    """The endpoint without TLS, whose host is checked elsewhere."""
    assert host == "push.example.net"
    return endpoint


def connecting(*hosts: str) -> tuple[MemoryReactorClock, Names, list[Any]]:
    """A connection to a push service whose name has these addresses, and its outcome."""
    reactor = MemoryReactorClock()
    names = Names(hosts)
    reactor.nameResolver = names  # type: ignore[assignment]
    endpoint = InternetEndpoints(reactor, plain).endpointForURI(URI.fromBytes(URL.encode()))
    outcome: list[Any] = []
    endpoint.connect(Factory.forProtocol(Protocol)).addBoth(outcome.append)
    return reactor, names, outcome


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """The name is resolved once, so nobody can give it another address in between."""
    reactor, names, _ = connecting("8.8.8.8")
    assert names.asked == ["push.example.net"]
    assert [client[:2] for client in reactor.tcpClients] == [("8.8.8.8", 443)]


@given(st.lists(st.ip_addresses().map(str), min_size=1, max_size=4))
def test_nothing_is_connected_to_if_any_address_is_not_of_the_internet(hosts: list[str]) -> None:
    """Of several addresses, the client could be given the bad one."""
    reactor, _, outcome = connecting(*hosts)
    if all(map(is_on_internet, hosts)):
        assert reactor.tcpClients[0][0] in hosts
    else:
        assert not reactor.tcpClients
        assert outcome[0].check(DNSLookupError)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1%eth0"]
)
def test_a_name_with_an_inner_address_is_not_connected_to(
    host: str, logged_warnings: list[str]
) -> None:
    """Nor to a good address besides; the log says why."""
    for hosts in ([host], ["8.8.8.8", host], [host, "8.8.8.8"]):
        reactor, _, outcome = connecting(*hosts)
        assert not reactor.tcpClients
        assert outcome[0].check(DNSLookupError)
    assert f"nothing is sent to push.example.net: its address {host}" in logged_warnings[0]


def test_names_with_inner_addresses_do_not_fill_the_log(logged_warnings: list[str]) -> None:
    """A client chooses them: the log has one warning now and then."""
    reactor = MemoryReactorClock()
    reactor.nameResolver = Names(["127.0.0.1"])  # type: ignore[assignment]
    endpoints = InternetEndpoints(reactor, plain)

    def connect() -> None:
        endpoint = endpoints.endpointForURI(URI.fromBytes(URL.encode()))
        endpoint.connect(Factory.forProtocol(Protocol)).addErrback(lambda _: None)

    for _ in range(3):
        connect()
    assert len(logged_warnings) == 1
    reactor.advance(WARNING_SECONDS)
    connect()
    assert len(logged_warnings) == 2


@pytest.mark.parametrize(
    "url", ["http://push.example.net/", "https://push.example.net:8443/", "http://a:443/"]
)
def test_only_https_at_its_own_port_is_spoken(url: str) -> None:
    """Whatever a caller asks for."""
    endpoints = InternetEndpoints(MemoryReactorClock())
    with pytest.raises(SchemeNotSupported):
        endpoints.endpointForURI(URI.fromBytes(url.encode()))


def test_a_host_that_sends_too_much_is_disconnected() -> None:
    """Endless headers would fill the memory."""
    reactor, _, outcome = connecting("8.8.8.8")
    _, _, factory, *_ = reactor.tcpClients[0]
    transport = StringTransport()
    wire: Any = factory.buildProtocol(None)
    wire.makeConnection(transport)
    assert isinstance(outcome[0], Protocol)
    wire.dataReceived(b"x" * MOST_BYTES)
    assert not transport.disconnecting
    wire.dataReceived(b"x")
    assert transport.disconnecting


def test_a_host_that_does_not_end_the_connection_is_disconnected() -> None:
    """It is for one request."""
    reactor, _, _ = connecting("8.8.8.8")
    transport = StringTransport()
    wire: Any = reactor.tcpClients[0][2].buildProtocol(None)
    wire.makeConnection(transport)
    reactor.advance(OPEN_SECONDS - 1)
    wire.dataReceived(b"x")
    assert not transport.disconnecting
    reactor.advance(1)
    assert transport.disconnecting
    ended, _, _ = connecting("8.8.8.8")
    wire = ended.tcpClients[0][2].buildProtocol(None)
    wire.makeConnection(StringTransport())
    wire.connectionLost(Failure(ConnectionDone()))
    ended.advance(CONNECT_SECONDS)
    assert not ended.getDelayedCalls()


def test_tls_is_spoken_with_the_name_of_the_host() -> None:
    """The first bytes are a ClientHello that names it."""
    reactor = MemoryReactorClock()
    reactor.nameResolver = Names(["8.8.8.8"])  # type: ignore[assignment]
    endpoint = InternetEndpoints(reactor).endpointForURI(URI.fromBytes(URL.encode()))
    connected = endpoint.connect(Factory.forProtocol(Protocol))
    _, _, factory, *_ = reactor.tcpClients[0]
    transport = StringTransport()
    wire: Any = factory.buildProtocol(None)
    wire.makeConnection(transport)
    hello = transport.value()
    assert hello[0] == 0x16
    assert b"push.example.net" in hello
    connected.addErrback(lambda _: None)
