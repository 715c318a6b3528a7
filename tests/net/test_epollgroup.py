"""The epoll group (`chatd.net.epollgroup`): its members and all other connections are read in
turns.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionLost
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure

from chatd.net import epollgroup as module
from chatd.net.epollgroup import EpollGroup
from chatd.net.reactor import LeanEPollReactor


class Poll:
    """A connection in the epoll group that records what it reads, and the client's end of it."""

    def __init__(self, epoll_group: EpollGroup) -> None:
        self.epoll_group = epoll_group
        self.client, self.server = socket.socketpair()
        self.number = self.server.fileno()
        self.told: list[str] = []
        self.then: Callable[[], None] = lambda: None

    def say(self, word: str) -> None:
        self.client.send(word.encode())

    def doRead(self) -> None:
        self.told.append(self.server.recv(100).decode())
        self.then()

    def step_aside(self) -> None:
        self.told.append("aside")
        self.epoll_group.leave(self.number)

    def failed(self) -> None:
        self.told.append("failed")
        self.step_aside()

    def close(self) -> None:
        if "aside" not in self.told:
            self.step_aside()
        self.client.close()
        self.server.close()


class ReactorWithGroup:
    """A reactor, an epoll group in it, and polls in the group."""

    def __init__(self, reactor: EPollReactor | SelectReactor) -> None:
        self.reactor = reactor
        self.epoll_group = EpollGroup()
        self.polls: list[Poll] = []

    def poll(self) -> Poll:
        poll = Poll(self.epoll_group)
        self.epoll_group.enter(poll.number, poll, self.reactor)
        self.polls.append(poll)
        return poll

    def turn(self) -> None:
        self.reactor.doIteration(0)


@pytest.fixture(params=[LeanEPollReactor, EPollReactor, SelectReactor])
def watched(request: pytest.FixtureRequest) -> Iterator[ReactorWithGroup]:
    watched = ReactorWithGroup(request.param())
    yield watched
    for poll in watched.polls:
        poll.close()
    assert watched.epoll_group not in watched.reactor.getReaders()


def test_a_member_reads_its_connection_until_it_leaves(watched: ReactorWithGroup) -> None:
    """In any reactor; when the last member leaves, the group leaves the reactor."""
    one, other = watched.poll(), watched.poll()
    for word in ("one", "two"):
        one.say(word)
        watched.turn()
    one.step_aside()
    one.say("three")
    other.say("and I")
    watched.turn()
    assert (one.told, other.told) == (["one", "two", "aside"], ["and I"])
    watched.epoll_group.enter(one.number, one, watched.reactor)
    watched.turn()
    assert one.told[3:] == ["three"]
    one.told.remove("aside")


def test_many_ready_members_do_not_delay_other_connections(
    watched: ReactorWithGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other connections are read after every `AT_ONCE` members, and each member has its turn."""
    monkeypatch.setattr(module, "AT_ONCE", 3)
    polls = [watched.poll() for _ in range(9)]
    for poll in polls:
        poll.say("since")
    speaker = Poll(EpollGroup())
    told: list[int] = []

    class Speaker:
        def fileno(self) -> int:
            return speaker.number

        def doRead(self) -> None:
            speaker.doRead()
            told.append(sum(len(poll.told) for poll in polls))

        def logPrefix(self) -> str:
            return "speaker"

    reading = Speaker()
    watched.reactor.addReader(reading)
    for _ in range(3):
        speaker.say("hello")
        watched.turn()
    watched.reactor.removeReader(reading)
    assert len(told) == 3
    assert all(heard <= 3 * turn for turn, heard in enumerate(told, start=1))
    assert [poll.told for poll in polls] == [["since"]] * 9
    speaker.told.append("aside")
    speaker.close()


def test_a_member_removed_by_an_earlier_one_is_not_read(watched: ReactorWithGroup) -> None:
    """Of two members that are ready at once, the first may remove the second."""
    first, second = watched.poll(), watched.poll()
    first.then, second.then = second.step_aside, first.step_aside
    first.say("x")
    second.say("x")
    watched.turn()
    assert sorted([first.told, second.told]) == [["aside"], ["x"]]


def test_a_reactor_that_drops_the_group_gets_its_transports_back(watched: ReactorWithGroup) -> None:
    """So it can close them too."""
    polls = [watched.poll() for _ in range(2)]
    watched.epoll_group.connectionLost(Failure(ConnectionLost()))
    assert [poll.told for poll in polls] == [["aside"]] * 2


def test_a_closed_connection_goes_back_to_the_reactor(watched: ReactorWithGroup) -> None:
    """Any event except readable bytes is left to the reactor."""
    poll = watched.poll()
    poll.client.close()
    watched.turn()
    assert poll.told == ["aside"]


def test_an_exception_is_logged_and_closes_one_connection(
    watched: ReactorWithGroup, logged_errors: list[str]
) -> None:
    """The other members are read all the same."""
    bad, good = watched.poll(), watched.poll()

    def fail() -> None:
        raise RuntimeError("on purpose")

    bad.then = fail
    bad.say("x")
    good.say("x")
    watched.turn()
    assert (bad.told, good.told) == (["x", "failed", "aside"], ["x"])
    assert len(logged_errors) == 1
    logged_errors.clear()
