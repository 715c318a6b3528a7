"""The lean reactor does what the reactor it is made of does."""

from __future__ import annotations

import subprocess
import sys

import pytest
from twisted.internet.testing import StringTransport

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


def test_what_was_closed_by_an_earlier_event_of_the_round_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two connections that are ready at once, the first may close the second."""
    reactor = LeanEPollReactor()
    called: list[object] = []
    first, second = StringTransport(), StringTransport()
    reactor._selectables.update({1001: first, 1002: second})

    def close_the_other(selectable: object, fd: int, event: int) -> None:
        called.append(selectable)
        reactor._selectables.pop(1002, None)

    monkeypatch.setattr(reactor, "_doReadOrWrite", close_the_other)
    monkeypatch.setattr(
        reactor, "_poller", type("Ready", (), {"poll": lambda *_: [(1001, 1), (1002, 1)]})()
    )
    reactor.doPoll(0)
    assert called == [first]
