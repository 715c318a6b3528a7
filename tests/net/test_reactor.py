"""The lean epoll reactor behaves like Twisted's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from select import EPOLLIN, EPOLLOUT

import pytest
from twisted.internet.testing import StringTransport

from chatd.net.reactor import STEPS, LeanEPollReactor

_CHATTER = """
from chatd.net.reactor import install, install_by_default
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


def test_the_reactor_reads_writes_and_logs_exceptions_of_a_protocol() -> None:
    """Only the logging context is left out: a protocol that raises is logged, and its connection
    closed.
    """
    out = subprocess.run(
        [sys.executable, "-c", _CHATTER], capture_output=True, text=True, timeout=30, check=True
    )
    assert out.stdout == "LeanEPollReactor ['on purpose']\n"


@pytest.mark.parametrize("event", [EPOLLIN, EPOLLOUT], ids=["read", "write"])
def test_a_descriptor_closed_by_an_earlier_event_of_the_round_is_skipped(
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
    monkeypatch.setattr(reactor, "_poll", lambda *_: ready)
    reactor.doPoll(0)
    assert called == [1001]


class Readable(StringTransport):
    """A descriptor that asks for something at the end of its turn."""

    def __init__(self, read: Callable[[], object]) -> None:
        super().__init__()
        self.doRead = read


def turn(
    reactor: LeanEPollReactor, monkeypatch: pytest.MonkeyPatch, *reads: Callable[[], object]
) -> list[float]:
    """One turn, in which these descriptors are ready; returns the seconds that it would wait."""
    waits: list[float] = []

    def poll(timeout: float, most: int) -> list[tuple[int, int]]:
        waits.append(timeout)
        return [(fd, EPOLLIN) for fd in range(1001, 1001 + len(reads))]

    reactor._selectables.update({fd: Readable(read) for fd, read in enumerate(reads, 1001)})
    monkeypatch.setattr(reactor, "_poll", poll)
    reactor.doPoll(5)
    return waits


def test_what_descriptors_ask_for_is_done_when_all_of_them_were_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A batch takes what a whole turn brings, and each step follows in the same turn."""
    reactor, done = LeanEPollReactor(), []

    def store() -> None:
        done.append("stored")
        reactor.at_turn_end(lambda: done.append("shown"))

    def read() -> None:
        done.append("read")
        reactor.at_turn_end(store)

    turn(reactor, monkeypatch, read, lambda: done.append("read, too"))
    assert done == ["read", "read, too", "stored", "shown"]


def test_calls_that_ask_for_each_other_do_not_hold_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `STEPS` rounds the descriptors have their turn, without a wait."""
    reactor, done = LeanEPollReactor(), []

    def again() -> None:
        done.append("again")
        reactor.at_turn_end(again)

    reactor.at_turn_end(again)
    assert turn(reactor, monkeypatch) == [0]
    assert len(done) == STEPS
    assert turn(reactor, monkeypatch) == [0]
    assert len(done) == 2 * STEPS


def test_a_call_at_the_end_that_fails_is_logged_and_the_others_are_made(
    monkeypatch: pytest.MonkeyPatch, logged_errors: list[str]
) -> None:
    """One connection's fault does not keep another's message."""
    reactor, done = LeanEPollReactor(), []
    reactor.at_turn_end(lambda: 1 // 0)
    reactor.at_turn_end(lambda: done.append("made"))
    turn(reactor, monkeypatch)
    assert done == ["made"]
    assert len(logged_errors) == 1
    logged_errors.clear()
    assert turn(reactor, monkeypatch) == [5], "nothing is left to do"
