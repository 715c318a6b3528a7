"""Killing: an administrator ends all sessions of a person."""

from __future__ import annotations

import pytest

from chatd.chat.deputy import Deputy
from chatd.model.addresses import LOCAL
from chatd.model.audit import Record
from chatd.model.errors import BadToken, NoSuchPerson, NotAllowed
from chatd.testing import InMemoryChat

from ..kit.chat import (
    administrator,
    audit,
    reading,
    refused,
    registered,
    set_account,
    settled,
    signed_in,
)


@pytest.fixture
def ruth(chat: InMemoryChat) -> Deputy:
    """An administrator."""
    return chat.service.signed_in.deputy(administrator(chat, "ruth"), LOCAL)


def test_a_guest_who_is_killed_leaves_and_its_readers_end(chat: InMemoryChat, ruth: Deputy) -> None:
    session = settled(chat, chat.service.sessions.open("bob"))
    outlet = reading(chat, chat.room("lobby"), owner=session)
    settled(chat, chat.service.kill(ruth, "Bob", "spam"))
    assert chat.service.people.own("bob") is None
    assert [error.message for error in outlet.revocations] == ["killed by ruth: spam"]
    with pytest.raises(BadToken):
        chat.service.sessions.find(session.token)


def test_a_guest_on_another_node_who_is_killed_leaves(chat: InMemoryChat, ruth: Deputy) -> None:
    """Its readers there are told why, and its token is invalid on every node."""
    node = InMemoryChat(node=chat)
    session = settled(node, node.service.sessions.open("bob"))
    outlet = reading(node, node.room("lobby"), owner=session)
    settled(chat, chat.service.kill(ruth, "bob", "spam"))
    for one in (chat, node):
        assert one.service.people.find("bob") is None
        assert refused(adopting(one, session.token)) is BadToken
    assert [error.message for error in outlet.revocations] == ["killed by ruth: spam"]


def test_a_guest_with_sessions_on_two_nodes_is_killed_on_both(
    chat: InMemoryChat, ruth: Deputy
) -> None:
    """Whichever of them the administrator is on."""
    node, third = InMemoryChat(node=chat), InMemoryChat(node=chat)
    session = settled(node, node.service.sessions.open("bob"))
    settled(third, third.service.sessions.adopt(session.token, LOCAL))
    settled(chat, chat.service.kill(ruth, "bob", ""))
    for one in (chat, node, third):
        assert one.service.people.find("bob") is None
        assert refused(adopting(one, session.token)) is BadToken


def test_who_has_the_name_next_is_not_killed(chat: InMemoryChat, ruth: Deputy) -> None:
    """The person is meant, not the name."""
    node = InMemoryChat(node=chat)
    bob = node.enter("bob")
    killing = chat.service.kill(ruth, "bob", "")
    node.service.end(bob)
    settled(chat, killing)
    again = node.enter("bob")
    chat.settle()
    assert node.service.people.own("bob") is again


def test_an_account_that_is_killed_is_signed_out_everywhere(
    chat: InMemoryChat, ruth: Deputy
) -> None:
    registered(chat, "bob")
    sessions = [signed_in(chat, "bob") for _ in range(3)]
    settled(chat, chat.service.kill(ruth, "bob", ""))
    assert chat.service.people.own("bob") is None
    for session in sessions:
        assert refused(adopting(chat, session.token)) is BadToken
    signed_in(chat, "bob")
    assert chat.service.people.own("bob") is not None


def adopting(chat: InMemoryChat, token: str) -> object:
    adopted = chat.service.sessions.adopt(token, LOCAL)
    chat.settle()
    return adopted


def test_only_administrators_kill_and_it_is_recorded(chat: InMemoryChat, ruth: Deputy) -> None:
    bob = chat.enter("bob")
    with pytest.raises(NotAllowed):
        chat.service.kill(bob, "ruth", "")
    with pytest.raises(NoSuchPerson):
        chat.service.kill(ruth, "eve", "")
    settled(chat, chat.service.kill(ruth, "bob", "spam"))
    (record,) = audit(chat)
    assert record == Record("kill", "ruth", True, "", "bob", "spam")


def test_an_administrator_who_is_none_any_more_kills_nobody(chat: InMemoryChat) -> None:
    proof = administrator(chat, "ruth")
    deputy = chat.service.signed_in.deputy(proof, LOCAL)
    chat.enter("bob")
    set_account(chat, proof, admin=False)
    with pytest.raises(NotAllowed):
        chat.service.kill(deputy, "bob", "")
    assert chat.service.people.own("bob") is not None
