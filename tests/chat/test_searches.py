"""Searches: permissions, limits, and redactions while a search is under way."""

from __future__ import annotations

import pytest

from chatd.chat.searches import AT_ONCE, MOST_WAITING
from chatd.model.addresses import Address
from chatd.model.commands import Say
from chatd.model.errors import ChatError, RateLimited, Unavailable
from chatd.model.identity import Stranger
from chatd.model.moderation import Redact
from chatd.model.search import parsed
from chatd.store import Found
from chatd.testing import InMemoryChat, result_of
from chatd.testing.policies import DenyAll
from chatd.testing.stores import RefusingStore

HIT = parsed("hit")


def found(chat: InMemoryChat, *, settle: bool = True) -> Found:
    """What a stranger finds in the lobby."""
    room = chat.room("lobby")
    searching = chat.service.searches.search(Stranger(), room, HIT, None, 50)
    if settle:
        chat.settle()
    return result_of(searching)


def test_search_asks_the_policy(chat: InMemoryChat) -> None:
    """The gate refuses a search in a room that the reader may not read."""
    chat.service.readers.policy = DenyAll()
    with pytest.raises(ChatError):
        found(chat)


def test_search_is_refused_if_its_reader_loses_the_right_meanwhile(chat: InMemoryChat) -> None:
    """The gate is asked again after the store has answered."""
    ada = chat.enter("ada")
    chat.perform(ada, Say("lobby", "hit"))
    searching = chat.service.searches.search(Stranger(), chat.room("lobby"), HIT, None, 50)
    chat.service.readers.policy = DenyAll()
    chat.settle()
    with pytest.raises(ChatError):
        result_of(searching)


def test_message_that_is_redacted_during_a_search_is_left_out(chat: InMemoryChat) -> None:
    """The store's answer still contains the message."""
    store = chat.store
    assert isinstance(store, RefusingStore)
    ada = chat.enter("ada")
    id_ = chat.perform(ada, Say("lobby", "hit"))
    assert id_ is not None
    store.hold("reads")
    searching = chat.service.searches.search(Stranger(), chat.room("lobby"), HIT, None, 50)
    chat.settle()
    chat.perform(ada, Redact("lobby", id_))
    store.release("reads")
    chat.settle()
    assert result_of(searching) == Found([], None)


def test_searches_are_rate_limited_by_address(chat: InMemoryChat) -> None:
    """The refusal says when to try again."""
    for _ in range(AT_ONCE):
        found(chat)
    with pytest.raises(RateLimited) as refused:
        found(chat)
    assert refused.value.retry_after > 0
    chat.advance(1)
    found(chat)


def test_number_of_waiting_searches_is_bounded(chat: InMemoryChat) -> None:
    """Further ones are refused until some are answered."""
    room = chat.room("lobby")
    for number in range(MOST_WAITING):
        stranger = Stranger(Address(f"192.0.2.{number % 250}"))
        chat.service.searches.search(stranger, room, HIT, None, 1)
    with pytest.raises(Unavailable):
        chat.service.searches.search(Stranger(), room, HIT, None, 1)
    chat.settle()
    found(chat)
