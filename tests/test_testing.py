"""The doubles that chatd ships: what a test may take for granted of them."""

import re
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import Factory, Protocol

from chatd.commands import Say
from chatd.errors import Unavailable
from chatd.testing import FakeConnection, InMemoryChat, result_of
from chatd.testing.clock import StrictClock


def test_the_example_of_the_module_works(chat: InMemoryChat) -> None:
    """As its docstring shows it."""
    ada = chat.service.enter("ada")
    chat.service.perform(ada, Say("lobby", "hello"))
    assert chat.texts("lobby") == []
    chat.settle()
    assert chat.texts("lobby") == ["hello"]


def test_a_chat_stands_still_until_it_is_told_to_go_on(chat: InMemoryChat) -> None:
    """Settling takes no time; advancing takes as much as it says."""
    called: list[str] = []
    chat.clock.callLater(1, called.append, "due")
    chat.settle()
    assert called == []
    chat.advance(1.001)
    assert called == ["due"]


def test_a_store_that_is_told_to_refuses_and_goes_on_afterwards(chat: InMemoryChat) -> None:
    """As a disk that was full for a while."""
    ada = chat.service.enter("ada")
    chat.settle()
    chat.store.refusing = True
    lost = chat.service.perform(ada, Say("lobby", "lost"))
    chat.settle()
    with pytest.raises(Unavailable):
        result_of(lost)
    chat.store.refusing = False
    kept = chat.service.perform(ada, Say("lobby", "kept"))
    chat.settle()
    assert result_of(kept) == chat.entries("lobby")[-1].id
    assert chat.texts("lobby") == ["kept"]


def test_a_result_is_there_or_the_test_fails() -> None:
    """Nobody waits in a test without a network."""
    assert result_of(succeed(5)) == 5
    with pytest.raises(KeyError):
        result_of(fail(KeyError("x")))
    with pytest.raises(AssertionError, match="not fired"):
        result_of(Deferred())


class Parrot(Protocol):
    """Says what it hears, and hangs up at a full stop."""

    def dataReceived(self, data: bytes) -> None:
        """Say it again."""
        assert self.transport is not None
        self.transport.write(data)
        if data == b".":
            self.transport.loseConnection()


def test_a_connection_carries_each_part_as_a_packet_of_its_own() -> None:
    """And nothing more once it is lost."""
    connection = FakeConnection(Factory.forProtocol(Parrot))
    connection.send(b"a", b"b")
    assert connection.received() == b"ab"
    assert connection.received() == b""
    connection.send(b".", b"c")
    assert connection.lost
    assert connection.received() == b"."


def test_a_clock_takes_no_negative_delay() -> None:
    """A real reactor would raise, and the call would never come."""
    clock = StrictClock()
    with pytest.raises(AssertionError, match="not greater"):
        clock.callLater(-1e-9, list)
    assert clock.getDelayedCalls() == []


def test_a_clock_may_go_on_while_it_is_read() -> None:
    """As real ones do between any two looks."""
    clock = StrictClock()
    clock.creep = 0.5
    assert [clock.seconds(), clock.seconds()] == [0.5, 1.0]


def test_every_test_uses_the_strict_clock() -> None:
    """Twisted's own takes negative delays."""
    tests = Path(__file__).parent
    lenient = re.compile(r"from twisted\.internet\.task import .*\bClock\b|task\.Clock\b")
    found = [path.name for path in tests.rglob("*.py") if lenient.search(path.read_text())]
    assert found == []
