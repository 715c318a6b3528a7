"""The lean reactor does what the reactor it is made of does."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from select import EPOLLIN, EPOLLOUT

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from chatd.reactor import LeanEPollReactor

_CHATTER = """
from chatd.reactor import install, install_by_default
install()
install_by_default()
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import globalLogPublisher, LogLevel

told = []
globalLogPublisher.addObserver(
    lambda event: told.append(event) if event["log_level"] >= LogLevel.error else None)

class Echo(Protocol):
    def dataReceived(self, data):
        if data == b"raise":
            raise RuntimeError("on purpose")
        self.transport.write(data)

class Talk(Protocol):
    def connectionMade(self):
        self.transport.write(b"hello")
    def dataReceived(self, data):
        assert data == b"hello"
        self.transport.write(b"raise")
    def connectionLost(self, reason):
        print(type(reactor).__name__, [str(e["failure"].value) for e in told])
        reactor.stop()

def ask(port):
    where = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
    where.connect(Factory.forProtocol(Talk))

server = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
server.listen(Factory.forProtocol(Echo)).addCallback(ask)
reactor.callLater(20, reactor.stop)
reactor.run()
"""


def test_it_reads_writes_and_logs_what_a_protocol_raises() -> None:
    """Nothing but the logging context is left out: a protocol that raises is logged and dropped."""
    out = subprocess.run(
        [sys.executable, "-c", _CHATTER], capture_output=True, text=True, timeout=30, check=True
    )
    assert out.stdout == "LeanEPollReactor ['on purpose']\n"


@pytest.mark.parametrize("event", [EPOLLIN, EPOLLOUT], ids=["read", "write"])
def test_what_was_closed_by_an_earlier_event_of_the_round_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, event: int
) -> None:
    """Of two connections that are ready at once, the first may close the second."""
    reactor = LeanEPollReactor()
    called: list[int] = []

    class Connection(StringTransport):
        def __init__(self, fd: int) -> None:
            super().__init__()
            self.fd = fd

        def fileno(self) -> int:
            return self.fd

        def doRead(self) -> None:
            called.append(self.fd)
            reactor._selectables.pop(1002, None)

        doWrite = doRead

    reactor._selectables.update({fd: Connection(fd) for fd in (1001, 1002)})
    ready = [(1001, event), (1002, event)]
    monkeypatch.setattr(reactor, "_poller", type("Ready", (), {"poll": lambda *_: ready})())
    reactor.doPoll(0)
    assert called == [1001]


class Pair:
    """Two sockets, and a transport at one of them that notes what is done to it."""

    def __init__(self) -> None:
        self.client, self.server = socket.socketpair()
        self.told: list[str] = []
        self.reads = True

    def fileno(self) -> int:
        return self.server.fileno()

    def doRead(self) -> None:
        self.told.append(f"read {self.server.recv(100).decode()}")

    def connectionLost(self, reason: Failure) -> None:
        self.told.append(f"lost: {reason.value}")

    def logPrefix(self) -> str:
        return "pair"


class Stand:
    """Reads for a `Pair`."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.why: Exception | None = None
        self.raises: Exception | None = None

    def doRead(self) -> Exception | None:
        self.pair.told.append(f"stood in for {self.pair.server.recv(100).decode()}")
        if self.raises:
            raise self.raises
        return self.why


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    with pair.client, pair.server:
        yield pair


def test_whoever_stands_in_reads_until_it_stands_down(pair: Pair) -> None:
    """And then the transport does."""
    reactor = LeanEPollReactor()
    reactor.addReader(pair)
    reactor.stand_in(pair.fileno(), Stand(pair))
    for word in (b"one", b"two"):
        pair.client.send(word)
        reactor.doPoll(1)
    reactor.stand_down(pair.fileno())
    pair.client.send(b"three")
    reactor.doPoll(1)
    assert pair.told == ["stood in for one", "stood in for two", "read three"]


def test_a_descriptor_that_is_used_again_has_nobody_standing_in(pair: Pair) -> None:
    """Whoever stops reading, as before a close, ends that: the next connection of the number is
    another one."""
    reactor = LeanEPollReactor()
    reactor.addReader(pair)
    reactor.stand_in(pair.fileno(), Stand(pair))
    reactor.removeReader(pair)
    reactor.addReader(pair)
    pair.client.send(b"mine")
    reactor.doPoll(1)
    assert pair.told == ["read mine"]


def test_the_end_that_a_stand_tells_of_is_its_transport_s(
    pair: Pair, logged_errors: list[str]
) -> None:
    """So is an exception, which is logged."""
    for stand_in_trouble in ("why", "raises"):
        reactor = LeanEPollReactor()
        reactor.addReader(pair)
        stand = Stand(pair)
        setattr(stand, stand_in_trouble, ConnectionLost(stand_in_trouble))
        reactor.stand_in(pair.fileno(), stand)
        pair.client.send(b"x")
        reactor.doPoll(1)
    assert len([line for line in pair.told if line.startswith("lost: ")]) == 2
    assert len(logged_errors) == 1
    logged_errors.clear()
