"""Releasing the persons of a node that is gone: each leaves once, on every other node."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from twisted.internet.defer import Deferred, fail

from chatd.chat.sessions import GRACE_SECONDS
from chatd.model.addresses import LOCAL
from chatd.model.commands import Join
from chatd.model.errors import BadToken, Unavailable
from chatd.model.units import GUESTS, TOLD, Stale, Unit
from chatd.store.redis.lease import BEAT_SECONDS, MOST_BEATS

from ..kit.redis import RedisServer
from ..kit.redis_chat import RedisChats, holders, leaves

pytestmark = pytest.mark.usefixtures("logged_warnings")
A_WHILE = BEAT_SECONDS * (MOST_BEATS + 3)


def test_people_of_a_killed_node_leave_once(chats: RedisChats) -> None:
    """In every room where they were; guests quietly.  Their names are free then."""
    one, two, three = chats.chats
    for name in ("ada", "bob", ""):
        person = one.enter(name)
        one.perform(person, Join("dev"))
    two.enter("eve")
    one.node.die()
    chats.nodes.advance(A_WHILE)
    for chat in (two, three):
        assert leaves(chat) == ["ada", "bob"]
        assert holders(chat) == {"eve": "eve"}
        assert (chat.room().names, chat.room("dev").names) == (["eve"], [])
    assert two.enter("ada").name == "ada"
    chats.chats.remove(one)


def test_people_of_a_node_that_goes_down_in_order_are_gone_without_a_word(
    chats: RedisChats,
) -> None:
    """They did not choose to go, and most are back in a moment: on another node."""
    one, two, three = chats.chats
    one.enter("ada")
    chats.answered(one.service.stopService())
    chats.nodes.advance(2 * BEAT_SECONDS)
    assert (leaves(two), holders(three), two.room().names) == ([], {}, [])
    assert two.enter("ada").name == "ada"
    chats.chats.remove(one)


def test_of_a_crowd_on_a_killed_node_the_leaves_are_summed_up(chats: RedisChats) -> None:
    """As when they leave by themselves."""
    one, two, _ = chats.chats
    for n in range(105):
        one.enter(f"p{n}")
    one.node.die()
    chats.nodes.advance(A_WHILE + 12)
    assert holders(two) == {}
    notices = [getattr(event, "text", "") for event in two.events()]
    assert any("left" in notice for notice in notices)
    assert len(leaves(two)) <= 105
    chats.chats.remove(one)


def test_people_of_a_node_that_dies_while_the_engine_is_full_leave(
    logged_errors: list[str],
) -> None:
    """Without a word in the history, which is not stored then; new people may come."""
    server = RedisServer().start()
    with RedisChats("a", "b", server=server) as chats:
        one, two = chats.chats
        one.enter("ada")
        server.ask("CONFIG", "SET", "maxmemory", "1")
        one.node.die()
        chats.nodes.advance(A_WHILE)
        assert (holders(two), two.room().names, leaves(two)) == ({}, [], [])
        assert two.enter("ada").name == "ada"
        chats.chats.remove(one)
    server.remove()
    logged_errors.clear()


@pytest.mark.parametrize("how", ["they leave", "their node dies"])
def test_guests_over_http_who_go_while_the_engine_is_full_cannot_be_adopted(
    how: str, logged_errors: list[str]
) -> None:
    """Their stored sessions go with them: what is deleted needs no space."""
    server = RedisServer().start()
    with RedisChats("a", "b", server=server) as chats:
        one, two = chats.chats
        session = chats.answered(one.service.sessions.open("ada"))
        server.ask("CONFIG", "SET", "maxmemory", "1")
        if how == "they leave":
            chats.answered(one.service.sessions.close(session))
        else:
            one.node.die()
            chats.nodes.advance(A_WHILE + GRACE_SECONDS + 2)
            chats.chats.remove(one)
        assert holders(two) == {}
        with pytest.raises(BadToken):
            chats.answered(two.service.sessions.adopt(session.token, LOCAL))
        assert [chats.answered(two.node.store.table(name)) for name in (GUESTS, TOLD)] == [{}, {}]
    server.remove()
    logged_errors.clear()


def test_a_guest_s_session_that_cannot_be_deleted_is_deleted_later(
    logged_errors: list[str],
) -> None:
    """Redis takes no writes at all in the moment when the grace is over."""
    server = RedisServer().start()
    with RedisChats("a", "b", server=server) as chats:
        one, two = chats.chats
        chats.answered(one.service.sessions.open("ada"))
        append = two.node.store.append
        released: list[Sequence[Unit]] = []

        def refuse_once(units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
            if units[0].expects[0].table == GUESTS and not released:
                released.append(units)
                return fail(Unavailable("it takes no writes"))
            return append(units)

        two.node.store.append = refuse_once  # type: ignore[method-assign]
        one.node.die()
        chats.nodes.advance(A_WHILE + GRACE_SECONDS)
        assert released
        chats.nodes.advance(2)
        assert chats.answered(two.node.store.table(GUESTS)) == {}
        chats.chats.remove(one)
    server.remove()
    logged_errors.clear()
