"""What is told of people beside their names (`chatd.chat.cards`)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from chatd.chat.card import Card
from chatd.chat.cards import Cards
from chatd.chat.elsewhere import Elsewhere
from chatd.model.addresses import Address
from chatd.model.commands import Rename
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import registered, settled, signed_in

HOME, OFFICE = Address("192.0.2.1"), Address("198.51.100.7")


@pytest.fixture
def chat() -> InMemoryChat:
    chat = InMemoryChat()
    make_ready(chat)
    return chat


def make_ready(chat: InMemoryChat) -> Cards:
    ready = chat.service.cards.ready()
    chat.settle()
    result_of(ready)
    return chat.service.cards


def host(chat: InMemoryChat, name: str) -> str:
    return chat.service.cards.of(name).host


def test_a_host_stands_for_an_address_and_tells_nothing_of_it(chat: InMemoryChat) -> None:
    chat.enter("ada", HOME)
    chat.enter("bob", HOME)
    chat.enter("eve", OFFICE)
    assert host(chat, "ada") == host(chat, "bob") != host(chat, "eve")
    assert re.fullmatch(r"[a-z0-9]{10}\.guest", host(chat, "ada"))


def test_another_chat_has_other_hosts(chat: InMemoryChat) -> None:
    """Nobody can find an address by trying all of them somewhere else."""
    other = InMemoryChat()
    make_ready(other)
    chat.enter("ada", HOME)
    other.enter("ada", HOME)
    assert host(chat, "ada") != host(other, "ada")


def test_hosts_are_the_same_on_every_node_and_after_a_restart(chat: InMemoryChat) -> None:
    node = InMemoryChat(node=chat)
    one, other = chat.service.cards, make_ready(node)
    assert one.host_of_address(HOME) == other.host_of_address(HOME)


def test_two_nodes_that_start_at_once_agree() -> None:
    chat = InMemoryChat()
    node = InMemoryChat(node=chat)
    both = [chat.service.cards.ready(), node.service.cards.ready()]
    chat.settle()
    for ready in both:
        result_of(ready)
    cards = (chat.service.cards, node.service.cards)
    assert len({one.host_of_account("ada") for one in cards}) == 1


def test_whoever_has_gone_is_remembered(chat: InMemoryChat) -> None:
    ada = chat.enter("ada", HOME)
    here = chat.service.cards.of("ada")
    chat.service.end(ada)
    chat.settle()
    gone = chat.service.cards.of("Ada")
    assert (gone.user, gone.host, bool(gone.until)) == (here.user, here.host, True)
    chat.enter("ada", OFFICE)
    assert host(chat, "ada") != here.host
    assert [past.host for past in chat.service.cards.past("ADA")] == [here.host]


def test_so_many_are_remembered_and_no_more(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one name the last one, as long as any of that name is remembered."""
    monkeypatch.setattr("chatd.chat.cards.MOST_REMEMBERED", 2)
    cards = chat.service.cards
    for name in ("ada", "ada", "bob", "cy"):
        chat.service.end(chat.enter(name, HOME))
        chat.settle()
    assert not cards.of("ada").until
    assert [bool(cards.of(name).until) for name in ("bob", "cy")] == [True, True]
    assert list(cards.past("ada")) == []


def test_a_name_that_was_changed_is_remembered_too(chat: InMemoryChat) -> None:
    ada = chat.enter("ada", HOME)
    chat.perform(ada, Rename("lovelace"))
    assert host(chat, "ada") == host(chat, "lovelace")


def test_an_account_has_a_host_of_its_own(chat: InMemoryChat) -> None:
    known = chat.service.cards.of("ada", account=True)
    assert known.user == "account"
    assert re.fullmatch(r"[a-z0-9]{10}\.account", known.host)
    assert known.host == chat.service.cards.host_of_account("ada")
    assert chat.service.cards.of("nobody").host.endswith(".guest")


def test_a_key_that_the_store_has_lost_is_stored_again() -> None:
    """So hosts stay as they are, on every node; a key that another node has stored counts."""
    one = InMemoryChat()
    make_ready(one)
    two = InMemoryChat(node=one)
    one.enter("ada", HOME)
    before = host(one, "ada")
    for column in one.store.engine.cells._tables["secrets"]:
        column.clear()
    for chat in (one, two):
        reading = chat.service.cards.anew()
        chat.settle()
        result_of(reading)()
        chat.settle()
    assert host(one, "ada") == before
    assert two.service.cards.host_of_address(HOME) == before


def test_a_person_on_another_node_has_the_same_card(chat: InMemoryChat) -> None:
    """Also when it is changed later; a host does not tell on which node its guest is."""
    node = InMemoryChat(node=chat)
    make_ready(node)
    card = Card("~ada", "Ada Lovelace", invisible=False)
    entering = node.service.enter("ada", HOME, card=card)
    chat.settle()
    ada = result_of(entering)
    assert chat.service.cards.of("ada") == node.service.cards.of("ada")
    assert chat.service.people.person("ada").card == card
    assert host(chat, "ada") == chat.service.cards.host_of_address(HOME)
    for change in (
        lambda: node.service.signals.away(ada, "tea"),
        lambda: node.service.signals.describe(ada, "Countess"),
        lambda: node.service.signals.restate(ada, replace(ada.card, bot=True)),
    ):
        changing = change()
        chat.settle()
        result_of(changing)
    there = chat.service.cards.of("ada")
    assert there == node.service.cards.of("ada")
    assert (there.away, there.realname, there.bot) == ("tea", "Countess", True)


def test_a_person_with_sessions_on_two_nodes_has_one_card(chat: InMemoryChat) -> None:
    """A session that says nothing of the person changes nothing of it."""
    registered(chat, "ada")
    ada = signed_in(chat, "ada")
    describing = chat.service.signals.restate(ada.person, replace(ada.person.card, realname="A."))
    chat.settle()
    result_of(describing)
    node = InMemoryChat(node=chat)
    there = settled(node, node.service.sessions.adopt(ada.token, HOME))
    assert there.person.card.realname == ada.person.card.realname == "A."
    going = node.service.signals.away(there.person, "tea")
    chat.settle()
    result_of(going)
    assert ada.person.card.away == "tea"


def test_a_card_that_gave_way_is_used_if_the_other_session_has_ended(chat: InMemoryChat) -> None:
    """The account's first session here begins while its last one elsewhere ends."""
    registered(chat, "ada")
    node = InMemoryChat(node=chat)
    there = signed_in(chat, "ada")
    record = settled(node, node.service.accounts.find("ada"))
    card = Card("~ada", "Ada L.")
    node.store.hold("appends")
    arriving = node.service.arrivals.arrive(record, HOME, card)
    node.settle()
    settled(chat, chat.service.signed_in.sign_out(there))
    node.store.release()
    assert settled(node, arriving).card == card
    chat.settle()
    held = chat.service.people.held["ada"]
    assert isinstance(held, Elsewhere)
    assert held.card == card
