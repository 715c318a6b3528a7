"""The doubles that chatd ships: what a test may take for granted of them."""

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import Factory, Protocol

from chatd.model.commands import Say
from chatd.model.errors import Unavailable
from chatd.testing import FakeConnection, InMemoryChat, result_of
from chatd.testing.stores import FakeFollower, Held, RefusingStore


def test_the_example_of_the_module_works(chat: InMemoryChat) -> None:
    """The one in its docstring."""
    ada = chat.enter("ada")
    chat.perform(ada, Say("lobby", "hello"))
    assert chat.texts("lobby") == ["hello"]


def test_the_clock_of_a_chat_stands_still_until_it_is_advanced(chat: InMemoryChat) -> None:
    """Settling takes no time."""
    called: list[str] = []
    chat.clock.callLater(1, called.append, "due")
    chat.settle()
    assert called == []
    chat.advance(1.001)
    assert called == ["due"]


def test_perform_returns_the_result_or_raises_the_error(chat: InMemoryChat) -> None:
    """After everything has settled."""
    ada = chat.enter("ada")
    assert chat.perform(ada, Say("lobby", "x")) == chat.entries("lobby")[-1].id
    chat.store.refusing = True
    with pytest.raises(Unavailable):
        chat.perform(ada, Say("lobby", "lost"))
    chat.store.refusing = False
    assert chat.perform(ada, Say("lobby", "kept"))
    assert chat.texts("lobby") == ["x", "kept"]


@pytest.mark.parametrize("held", ["appends", "shown"])
def test_held_appends_continue_when_released(chat: InMemoryChat, held: Held) -> None:
    """The hold may be before storing or before showing."""
    ada = chat.enter("ada")
    chat.store.hold(held)
    said = chat.service.perform(ada, Say("lobby", "x"))
    chat.advance(60)
    assert not said.called
    chat.store.release()
    chat.settle()
    assert result_of(said)


def test_two_nodes_share_one_chat(chat: InMemoryChat) -> None:
    """On one clock."""
    other = InMemoryChat(node=chat)
    ada = chat.enter("ada")
    other.perform(other.enter("bob"), Say("lobby", "x"))
    assert chat.texts("lobby") == other.texts("lobby") == ["x"]
    assert other.clock is chat.clock
    assert chat.room("lobby").names == other.room("lobby").names == [ada.name, "bob"]


def test_the_fake_follower_holds_the_current_cells(chat: InMemoryChat) -> None:
    """Removed cells are gone."""
    follower = FakeFollower()
    store = RefusingStore(chat.clock, chat.clock.seconds, 10, engine=chat.store.engine)
    store.open(follower)
    ada, bob = chat.enter("ada"), chat.enter("bob")
    chat.service.end(bob)
    chat.settle()
    assert set(follower.table("names")) == {ada.key}
    assert len(follower.entries) == 6


def test_result_of_returns_raises_or_fails() -> None:
    """It never waits."""
    assert result_of(succeed(5)) == 5
    with pytest.raises(KeyError):
        result_of(fail(KeyError("x")))
    with pytest.raises(AssertionError, match="not fired"):
        result_of(Deferred())


class Parrot(Protocol):
    """Sends back what it receives, and closes at a full stop."""

    def dataReceived(self, data: bytes) -> None:
        """Send it back."""
        assert self.transport is not None
        self.transport.write(data)
        if data == b".":
            self.transport.loseConnection()


def test_each_part_sent_is_a_packet_of_its_own() -> None:
    """Nothing is carried after the connection is lost."""
    connection = FakeConnection(Factory.forProtocol(Parrot))
    connection.send(b"a", b"b")
    assert connection.received() == b"ab"
    assert connection.received() == b""
    connection.send(b".", b"c")
    assert connection.lost
    assert connection.received() == b"."
