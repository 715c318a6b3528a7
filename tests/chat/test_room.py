"""A room: its topic, who is in it, and how their coming and going is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.limits import TokenBucket
from chatd.chat.room import CROWD, Room, Tally
from chatd.chat.session import INBOX, Session
from chatd.model.events import Said, TopicSet
from chatd.stream.eventlog import Entry, EventLog
from chatd.stream.notifier import Notifier


@pytest.fixture
def room() -> Room:
    return Room("lobby", EventLog(10))


@pytest.fixture
def notifier() -> Notifier:
    return Notifier(lambda wake: None, lambda failure: pytest.fail(str(failure)), lambda: 0.0)


def somebody(name: str) -> Session:
    return Session(name, TokenBucket(0, lambda: 0.0), named=True)


def test_the_topic_is_what_was_shown_last(room: Room, notifier: Notifier) -> None:
    """It changes with the log, so that nobody reads one and sees another."""
    for id_, text in enumerate(("tea", "", "coffee"), 1):
        room.show(Entry(id_, TopicSet("lobby", "ada", text)), notifier)
        assert room.topic == text
    room.show(Entry(4, Said("lobby", "ada", "tea?")), notifier)
    assert room.topic == "coffee"
    assert room.log.count == 4


def test_the_names_are_in_alphabetical_order(room: Room) -> None:
    """Of people, who do not come before others for their capital letter."""
    for name in ("bob", "Cy", "ada", "Bea"):
        room.come(name)
    assert room.names == ["ada", "Bea", "bob", "Cy"]


@given(
    st.lists(
        st.sampled_from(["ada", "Ada", "bea", "straße", "strasse", "ſ", "s", "z"]), unique=True
    )
)
def test_whoever_goes_is_the_one_who_is_gone(names: list[str]) -> None:
    """Whatever other name is like theirs."""
    room = Room("lobby", EventLog(10))
    for name in names:
        room.come(name)
    for number, name in enumerate(names):
        room.go(name)
        assert set(room.names) == set(names[number + 1 :])
        assert room.names == sorted(room.names, key=str.casefold)


@pytest.mark.parametrize(("present", "crowded"), [(0, False), (CROWD, False), (CROWD + 1, True)])
def test_a_crowd_is_more_than_a_hundred(room: Room, present: int, crowded: bool) -> None:
    """Nobody reads two hundred joins."""
    for n in range(present):
        room.come(f"p{n}")
    assert CROWD == 100
    assert room.crowded is crowded


@pytest.mark.parametrize(
    ("joined", "left", "text"),
    [(3, 0, "3 joined"), (0, 1, "1 left"), (12, 40, "12 joined, 40 left")],
)
def test_a_summary_tells_how_many_came_and_went(joined: int, left: int, text: str) -> None:
    """And then there is nothing more to sum up."""
    tally = Tally()
    assert not tally
    tally.joined, tally.left = joined, left
    assert tally
    assert tally.clear() == text
    assert not tally


def test_private_messages_are_kept_for_one_who_does_not_read(notifier: Notifier) -> None:
    """Some hundreds of them, not without bound."""
    ada = somebody("ada")
    for id_ in range(1, 2 * INBOX):
        ada.inbox.append(Entry(id_, Said("", "bob", "psst")), notifier)
    entries, complete = ada.inbox.log.since(0)
    assert ([entry.id for entry in entries], complete) == (list(range(INBOX, 2 * INBOX)), False)
