"""The doubles that chatd ships: what a test may take for granted of them."""

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import Factory, Protocol

from chatd.model.commands import Say
from chatd.model.errors import Unavailable
from chatd.testing import FakeConnection, InMemoryChat, result_of
from chatd.testing.stores import FakeFollower, Held, RefusingStore


def test_the_example_of_the_module_works(chat: InMemoryChat) -> None:
    """As its docstring shows it."""
    ada = chat.enter("ada")
    chat.perform(ada, Say("lobby", "hello"))
    assert chat.texts("lobby") == ["hello"]


def test_the_clock_of_a_chat_stands_still_until_it_is_advanced(chat: InMemoryChat) -> None:
    """Settling takes no time; advancing takes as much as it says."""
    called: list[str] = []
    chat.clock.callLater(1, called.append, "due")
    chat.settle()
    assert called == []
    chat.advance(1.001)
    assert called == ["due"]


def test_the_outcome_of_a_command_is_returned_or_raised(chat: InMemoryChat) -> None:
    """When everything has settled."""
    ada = chat.enter("ada")
    assert chat.perform(ada, Say("lobby", "x")) == chat.entries("lobby")[-1].id
    chat.store.refusing = True
    with pytest.raises(Unavailable):
        chat.perform(ada, Say("lobby", "lost"))
    chat.store.refusing = False
    assert chat.perform(ada, Say("lobby", "kept"))
    assert chat.texts("lobby") == ["x", "kept"]


@pytest.mark.parametrize("held", ["appends", "shown"])
def test_a_store_holds_back_appends_shown_units_and_reads(chat: InMemoryChat, held: Held) -> None:
    """Until it is released, and then everything goes on."""
    ada = chat.enter("ada")
    chat.store.hold(held)
    said = chat.service.perform(ada, Say("lobby", "x"))
    chat.advance(60)
    assert not said.called
    chat.store.release()
    chat.settle()
    assert result_of(said)


def test_two_nodes_are_one_chat(chat: InMemoryChat) -> None:
    """On one clock."""
    other = InMemoryChat(node=chat)
    ada = chat.enter("ada")
    other.perform(other.enter("bob"), Say("lobby", "x"))
    assert chat.texts("lobby") == other.texts("lobby") == ["x"]
    assert other.clock is chat.clock
    assert chat.room("lobby").names == other.room("lobby").names == [ada.name, "bob"]


def test_a_follower_keeps_the_state_that_it_was_shown(chat: InMemoryChat) -> None:
    """Cells that are there, and none that went."""
    follower = FakeFollower()
    store = RefusingStore(chat.clock, chat.clock.seconds, 10, engine=chat.store.engine)
    store.open(follower)
    ada, bob = chat.enter("ada"), chat.enter("bob")
    chat.service.end(bob)
    chat.settle()
    assert set(follower.table("names")) == {ada.key}
    assert len(follower.entries) == 6


def test_a_result_is_there_or_the_test_fails() -> None:
    """A test without a network does not wait."""
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
