"""Tickets: good once, and not for long."""

from __future__ import annotations

import pytest

from chatd.chat.tickets import MOST_TICKETS, TICKET_SECONDS, Tickets
from chatd.model.errors import BadToken
from chatd.testing.clock import StrictClock


@pytest.fixture
def clock() -> StrictClock:
    return StrictClock()


@pytest.fixture
def tickets(clock: StrictClock) -> Tickets[str]:
    return Tickets(clock.seconds)


def test_a_ticket_is_good_once(tickets: Tickets[str]) -> None:
    """It is valid for its holder once, and then unknown."""
    first, second = tickets.issue("ada"), tickets.issue("bob")
    assert first != second
    assert (tickets.redeem(second), tickets.redeem(first)) == ("bob", "ada")
    for used in (first, second, "", "nonsense"):
        with pytest.raises(BadToken, match="POST /session/ticket"):
            tickets.redeem(used)


def test_looking_up_a_ticket_does_not_use_it_up(tickets: Tickets[str]) -> None:
    """Its holder can be looked up before it is used; an invalid ticket has none."""
    ticket = tickets.issue("ada")
    assert [tickets.holder(ticket), tickets.holder(ticket), tickets.redeem(ticket)] == ["ada"] * 3
    for used in (ticket, "", "nonsense"):
        with pytest.raises(BadToken, match="POST /session/ticket"):
            tickets.holder(used)


def test_ticket_expires_after_half_a_minute(clock: StrictClock, tickets: Tickets[str]) -> None:
    """And nothing of it is left afterwards."""
    early = tickets.issue("ada")
    clock.advance(1)
    late = tickets.issue("ada")
    clock.advance(TICKET_SECONDS - 1)
    with pytest.raises(BadToken):
        tickets.redeem(early)
    assert tickets.redeem(late) == "ada"
    assert len(tickets) == 0


def test_a_holder_has_so_many_tickets_at_most(tickets: Tickets[str]) -> None:
    """The oldest gives way; others keep theirs."""
    other = tickets.issue("bob")
    issued = [tickets.issue("ada") for _ in range(MOST_TICKETS + 2)]
    assert len(tickets) == MOST_TICKETS + 1
    for gone in issued[:2]:
        with pytest.raises(BadToken):
            tickets.redeem(gone)
    assert tickets.redeem(issued[2]) == "ada"
    assert tickets.redeem(other) == "bob"
