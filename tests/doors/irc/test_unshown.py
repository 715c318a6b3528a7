"""What a PONG waits for."""

from __future__ import annotations

from twisted.internet.task import Clock

from chatd.doors.irc.unshown import MOST_SECONDS, Unshown

from ...kit.irc import register
from ...kit.server import MemoryServer


def test_a_call_waits_for_the_messages_that_were_begun_before() -> None:
    """And for none that is begun later; in the order of the calls."""
    clock, called = Clock(), list[str]()
    unshown = Unshown(clock)
    unshown.when_shown(lambda: called.append("none"))
    one, two = unshown.begin(), unshown.begin()
    unshown.when_shown(lambda: called.append("two"))
    three = unshown.begin()
    unshown.when_shown(lambda: called.append("three"))
    unshown.end(two)
    assert called == ["none"]
    unshown.end(one)
    assert called == ["none", "two"]
    unshown.end(three)
    assert called == ["none", "two", "three"]
    assert not clock.getDelayedCalls()


def test_a_call_does_not_wait_for_ever() -> None:
    """A store that does not answer does not silence the door."""
    clock, called = Clock(), list[str]()
    unshown = Unshown(clock)
    one = unshown.begin()
    unshown.when_shown(lambda: called.append("late"))
    clock.advance(MOST_SECONDS)
    assert called == ["late"]
    unshown.end(one)
    assert called == ["late"]


def test_a_pong_comes_after_what_another_client_has_said_before(server: MemoryServer) -> None:
    """In a channel or in private, however long the store takes."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    bob.read()
    server.hold_appends()
    ada.send("PRIVMSG bob :one", "PRIVMSG #dev :two")
    bob.send("PING x")
    assert bob.read() == []
    server.release_appends()
    assert [line.rpartition(":")[2] for line in bob.read()] == ["one", "two", "x"]
