"""Accepting TCP connections: as Twisted's port does it, in fewer calls."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from errno import EMFILE
from typing import Any

import pytest
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port

from chatd.net import accepting, private
from chatd.net.accepting import ACCEPTS_A_TURN
from chatd.net.connections import Connections
from chatd.testing.clock import StrictClock

from ..kit.tcp import WatchList


class Doorway(Factory):
    """A factory that records the addresses of its clients; it refuses or fails if told so."""

    noisy = False
    protocol = Protocol
    refuses = fails = False

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def buildProtocol(self, addr: Any) -> Any:
        if self.fails:
            raise RuntimeError("no protocol")
        self.seen.append(addr)
        return None if self.refuses else super().buildProtocol(addr)


class Listener:
    """A listening port whose reactor does nothing by itself."""

    def __init__(self, interface: str) -> None:
        self.door = Doorway()
        self.watch: Any = WatchList()
        self.port = Port(0, self.door, interface=interface, reactor=self.watch)
        self.port.startListening()
        self.connections = Connections(StrictClock())
        self.connections.watch(self.port, "line")
        self.clients: list[socket.socket] = []

    def dial(self, number: int = 1) -> None:
        """Connect clients, which then wait to be accepted."""
        place: Any = self.port.getHost()
        address = place.host, place.port
        self.clients += [socket.create_connection(address, timeout=30) for _ in range(number)]

    @property
    def transports(self) -> list[Any]:
        """The accepted connections."""
        return [reader for reader in self.watch.readers if reader is not self.port]

    def close(self) -> None:
        for each in (*self.clients, *(transport.socket for transport in self.transports)):
            each.close()
        self.port.socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener("127.0.0.1")
    yield listener
    listener.close()


def test_waiting_connections_are_accepted_some_a_turn(listener: Listener) -> None:
    """So a storm of new connections does not hold up the old ones; none is lost."""
    listener.dial(ACCEPTS_A_TURN + 1)
    listener.port.doRead()
    assert len(listener.transports) == ACCEPTS_A_TURN
    listener.port.doRead()
    listener.port.doRead()  # no more wait
    assert len(listener.transports) == ACCEPTS_A_TURN + 1
    assert listener.connections.by_door == {"line": ACCEPTS_A_TURN + 1}


def test_accepted_connections_send_at_once(listener: Listener) -> None:
    """They have `TCP_NODELAY` from the listening socket, and keep it when the door asks for it."""
    listener.dial()
    listener.port.doRead()
    (transport,) = listener.transports
    transport.setTcpNoDelay(True)
    assert transport.getTcpNoDelay()
    transport.setTcpNoDelay(False)
    assert not transport.getTcpNoDelay()


@pytest.mark.parametrize("interface", ["127.0.0.1", "::1"])
def test_a_factory_is_told_the_address_of_the_client(interface: str) -> None:
    """The host and the port of the transport's peer, and counted for that host."""
    listener = Listener(interface)
    listener.dial()
    listener.port.doRead()
    (transport,), (address,) = listener.transports, listener.door.seen
    peer = transport.getPeer()
    assert (address.host, address.port) == (peer.host, peer.port)
    assert (address.host, address.port) == listener.clients[0].getsockname()[:2]
    assert transport.host == address.host
    assert IAddress.providedBy(address)
    listener.close()


def test_a_client_that_the_factory_refuses_is_disconnected(listener: Listener) -> None:
    """It is not counted."""
    listener.door.refuses = True
    listener.dial()
    listener.port.doRead()
    assert listener.clients[0].recv(1) == b""
    assert not listener.connections.count


def test_a_factory_that_fails_does_not_stop_the_port(
    listener: Listener, logged_errors: list[str]
) -> None:
    """The failure is logged, the client is disconnected, and the next one is accepted."""
    listener.door.fails = True
    listener.dial()
    listener.port.doRead()
    assert "no protocol" in logged_errors.pop()
    assert listener.clients[0].recv(1) == b""
    listener.door.fails = False
    listener.dial()
    listener.port.doRead()
    assert len(listener.transports) == 1


def test_a_protocol_that_fails_is_disconnected(
    listener: Listener, logged_errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would ever close the connection; the next client is served."""

    def fail(protocol: Protocol, transport: Any) -> None:
        raise RuntimeError("no connection")

    with monkeypatch.context() as patch:
        patch.setattr(Protocol, "makeConnection", fail)
        listener.dial()
        listener.port.doRead()
    assert "no connection" in logged_errors.pop()
    assert not listener.transports
    listener.watch.run()
    with pytest.raises(ConnectionResetError):
        listener.clients[0].recv(1)
    listener.dial()
    listener.port.doRead()
    assert len(listener.transports) == 1


def test_twisted_handles_other_errors_of_accept(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when no more files may be open; the connections accepted before stay."""
    accept = private.accepted_descriptor
    asked: list[str] = []

    def full(listening: socket.socket) -> Any:
        if asked:
            raise OSError(EMFILE, "too many open files")
        asked.append("accept")
        return accept(listening)

    listener.dial()
    monkeypatch.setattr(accepting, "accepted_descriptor", full)
    accepting.acceptor(listener.port, lambda: asked.append("Port.doRead"))()
    assert asked == ["accept", "Port.doRead"]
    assert len(listener.transports) == 1
