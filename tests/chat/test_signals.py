"""What is passed on and kept nowhere (`chatd.chat.signals`)."""

from __future__ import annotations

import pytest

from chatd.chat.person import Person
from chatd.model.errors import InDoubt, NoSuchPerson, NotAllowed, NotInRoom, RateLimited
from chatd.model.events import AwayChanged, CardChanged, Event, Said, Signalled, Typing
from chatd.stream.eventlog import EventLog
from chatd.stream.feed import Source
from chatd.testing import InMemoryChat, result_of
from chatd.testing.policies import DenyAll


@pytest.fixture
def chat() -> InMemoryChat:
    return InMemoryChat()


@pytest.fixture
def ada(chat: InMemoryChat) -> Person:
    return chat.enter("ada")


def streamed(chat: InMemoryChat, source: Source) -> list[Event]:
    chat.settle()
    return [entry.event for entry in source.log.since(0).entries]


def test_typing_is_passed_on_in_its_room_and_not_kept(chat: InMemoryChat, ada: Person) -> None:
    stream = chat.room("lobby").stream
    typing = chat.service.signals.typing(ada, "#lobby", "active")
    assert streamed(chat, stream) == [Typing("lobby", "ada", "active")]
    result_of(typing)
    assert not any(isinstance(entry.event, Typing) for entry in chat.entries("lobby"))


def test_typing_in_a_room_takes_being_in_it(chat: InMemoryChat, ada: Person) -> None:
    typing = chat.service.signals.typing(ada, "#dev", "active")
    chat.settle()
    with pytest.raises(NotInRoom):
        result_of(typing)


def test_whoever_may_not_speak_is_not_seen_typing(chat: InMemoryChat, ada: Person) -> None:
    chat.service.readers.policy = DenyAll()
    typing = chat.service.signals.typing(ada, "#lobby", "active")
    chat.settle()
    with pytest.raises(NotAllowed):
        result_of(typing)


def test_signals_count_as_messages_do() -> None:
    chat = InMemoryChat(message_rate=1)
    ada = chat.enter("ada")
    for _ in range(4):
        chat.service.signals.typing(ada, "lobby", "active")
    with pytest.raises(RateLimited):
        chat.service.signals.typing(ada, "lobby", "active")
    chat.settle()


def test_a_signal_reaches_the_clients_of_one_person(chat: InMemoryChat, ada: Person) -> None:
    bob = chat.enter("bob")
    bob.signals = Source("", EventLog(9))
    told = chat.service.signals.tell(ada, "BOB", "PRIVMSG", "\x01VERSION\x01")
    assert streamed(chat, bob.signals) == [Signalled("ada", "bob", "PRIVMSG", "\x01VERSION\x01")]
    result_of(told)
    assert not streamed(chat, bob.inbox)


def test_a_signal_to_somebody_without_such_a_client_is_nothing(
    chat: InMemoryChat, ada: Person
) -> None:
    chat.enter("bob")
    told = chat.service.signals.tell(ada, "bob", "TAGMSG", "active")
    chat.settle()
    result_of(told)
    with pytest.raises(NoSuchPerson):
        chat.service.signals.tell(ada, "eve", "TAGMSG", "active")


def test_being_away_is_told_in_every_room(chat: InMemoryChat, ada: Person) -> None:
    stream = chat.room("lobby").stream
    chat.service.signals.away(ada, "tea")
    chat.service.signals.away(ada, "tea")
    chat.service.signals.away(ada, "")
    assert streamed(chat, stream) == [
        AwayChanged("lobby", "ada", "tea"),
        AwayChanged("lobby", "ada", ""),
    ]


def test_being_away_and_a_real_name_count_as_messages_do() -> None:
    """Others are told of both.  What a session's begin or end changes is not counted."""
    chat = InMemoryChat(message_rate=1)
    ada, signals = chat.enter("ada"), chat.service.signals
    for number in range(2):
        signals.away(ada, f"tea {number}")
        signals.describe(ada, f"Ada {number}")
    with pytest.raises(RateLimited):
        signals.away(ada, "coffee")
    with pytest.raises(RateLimited):
        signals.describe(ada, "Ada L.")
    assert (ada.card.away, ada.card.realname) == ("tea 1", "Ada 1")
    signals.away(ada, "tea 1")
    signals.away(ada, "", counted=False)
    assert ada.card.away == ""


def test_another_real_name_is_told_in_every_room(chat: InMemoryChat, ada: Person) -> None:
    stream = chat.room("lobby").stream
    chat.service.signals.describe(ada, "Ada L.")
    assert streamed(chat, stream) == [CardChanged("lobby", "ada", "Ada L.")]
    assert ada.card.realname == "Ada L."
    assert not any(isinstance(entry.event, Said) for entry in chat.entries("lobby"))


def test_a_change_that_the_store_refused_may_be_asked_for_again(chat: InMemoryChat) -> None:
    """It is not taken for one that other nodes know."""
    ada = chat.enter("ada")
    chat.store.doubting = "lost"
    away = chat.service.signals.away(ada, "lunch")
    chat.settle()
    with pytest.raises(InDoubt):
        result_of(away)
    chat.store.doubting = None
    stream = chat.room("lobby").stream
    chat.service.signals.away(ada, "lunch")
    assert streamed(chat, stream) == [AwayChanged("lobby", "ada", "lunch")]
    assert ada.card.away == "lunch"


def test_of_two_refused_changes_neither_is_taken_for_stored(chat: InMemoryChat) -> None:
    """The second was made from the first one's card."""
    ada, signals = chat.enter("ada"), chat.service.signals
    chat.store.doubting = "lost"
    changes = [signals.away(ada, "lunch"), signals.describe(ada, "Ada L.")]
    chat.settle()
    for change in changes:
        with pytest.raises(InDoubt):
            result_of(change)
    assert (ada.card.away, ada.card.realname) == ("", "")
    chat.store.doubting = None
    stream = chat.room("lobby").stream
    signals.away(ada, "lunch")
    assert streamed(chat, stream) == [AwayChanged("lobby", "ada", "lunch")]


def test_a_refused_change_leaves_the_one_before_it(chat: InMemoryChat) -> None:
    """That one is stored."""
    ada, signals = chat.enter("ada"), chat.service.signals
    signals.away(ada, "lunch")
    chat.service._journal.flush()
    chat.store.doubting = "lost"
    refused = signals.describe(ada, "Ada L.")
    chat.settle()
    with pytest.raises(InDoubt):
        result_of(refused)
    assert (ada.card.away, ada.card.realname) == ("lunch", "")
