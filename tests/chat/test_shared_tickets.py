"""Tickets of several nodes."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.sessions import LastingSession
from chatd.chat.tickets import MOST_TICKETS, TICKET_SECONDS
from chatd.model.addresses import LOCAL
from chatd.model.errors import BadToken
from chatd.model.units import TICKETS
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import registered, settled, signed_in


@pytest.fixture
def nodes() -> list[InMemoryChat]:
    """Three nodes of one chat."""
    one = InMemoryChat()
    return [one, InMemoryChat(node=one), InMemoryChat(node=one)]


def ticket_of(chat: InMemoryChat, session: LastingSession) -> str:
    ticket: str = settled(chat, chat.service.tickets.issue(session))
    return ticket


def fetch(chat: InMemoryChat, ticket: str) -> None:
    fetching = chat.service.tickets.fetch(ticket, LOCAL)
    if fetching is not None:
        settled(chat, fetching)


def stored(chat: InMemoryChat) -> dict[str, Any]:
    asked: Any = chat.store.table(TICKETS)
    chat.settle()
    return dict(result_of(asked))


def test_a_ticket_of_one_node_opens_a_stream_on_another(nodes: list[InMemoryChat]) -> None:
    """For a guest's session and an account's; they are adopted there."""
    one, two, _ = nodes
    registered(one, "ada")
    for session in (signed_in(one, "ada"), settled(one, one.service.sessions.open("bob"))):
        ticket = ticket_of(one, session)
        fetch(two, ticket)
        there = two.service.tickets.holder(ticket)
        assert there.person.name == session.person.name
        assert two.service.sessions.find(session.token) is there
        assert two.service.tickets.redeem(ticket) is there


def test_a_ticket_is_valid_once_over_all_nodes(nodes: list[InMemoryChat]) -> None:
    """Also on the node that issued it, and if two nodes get it in the same moment."""
    one, two, three = nodes
    session = settled(one, one.service.sessions.open("bob"))
    ticket = ticket_of(one, session)
    fetching = [chat.service.tickets.fetch(ticket, LOCAL) for chat in (two, three)]
    one.settle()
    for fetched in fetching:
        assert fetched is not None
        result_of(fetched)
    fetch(one, ticket)
    holders = []
    for chat in nodes:
        try:
            holders.append(chat.service.tickets.redeem(ticket))
        except BadToken:
            continue
    assert len(holders) == 1
    assert stored(one) == {}


def test_a_ticket_expires_on_every_node(nodes: list[InMemoryChat]) -> None:
    """Half a minute after it was issued, whether it was fetched or not."""
    one, two, _ = nodes
    session = settled(one, one.service.sessions.open("bob"))
    early, late = ticket_of(one, session), ticket_of(one, session)
    fetch(two, early)
    one.advance(TICKET_SECONDS)
    fetch(two, late)
    for ticket in (early, late):
        with pytest.raises(BadToken, match="POST /session/ticket"):
            two.service.tickets.holder(ticket)
    ticket_of(one, session)
    one.settle()
    assert len(stored(one)) == 1, "the expired one is deleted when the next is issued"


def test_a_session_has_few_tickets_that_were_not_used(nodes: list[InMemoryChat]) -> None:
    """One more makes the oldest invalid, on every node."""
    one, two, _ = nodes
    session = settled(one, one.service.sessions.open("bob"))
    tickets = [ticket_of(one, session) for _ in range(MOST_TICKETS + 1)]
    one.settle()
    assert len(stored(one)) == MOST_TICKETS
    fetch(two, tickets[0])
    with pytest.raises(BadToken):
        two.service.tickets.holder(tickets[0])


def test_the_store_holds_neither_ticket_nor_token(nodes: list[InMemoryChat]) -> None:
    """A program that reads the store can use neither."""
    one = nodes[0]
    session = settled(one, one.service.sessions.open("bob"))
    ticket = ticket_of(one, session)
    ((key, cell),) = stored(one).items()
    for secret in (ticket, session.token):
        assert secret not in key
        assert secret.encode() not in cell.value


@pytest.mark.parametrize("ticket", ["", "x" * 32, "../", "x" * 1000])
def test_a_ticket_that_no_node_has_issued_is_refused(
    nodes: list[InMemoryChat], ticket: str
) -> None:
    fetch(nodes[1], ticket)
    with pytest.raises(BadToken, match="POST /session/ticket"):
        nodes[1].service.tickets.holder(ticket)
