"""Letters: recent private messages, for persons whose sessions go on at another node."""

from __future__ import annotations

from chatd.chat.inbox import INBOX
from chatd.chat.person import Person
from chatd.chat.recent_letters import MOST_LETTERS, RecentLetters
from chatd.model.events import Event, SentPrivately, Told
from chatd.stream.eventlog import Entry

from ..kit.judging import person

LATEST = 10_000
"""The id of the last message, which is newer than all remembered messages."""


def told(letters: RecentLetters, *texts: str, first: int, to: str = "ada") -> None:
    """Private messages of eve, with ids from `first` on."""
    for id_, text in enumerate(texts, first):
        letters.add(Entry(id_, Told("eve", to, text)))


def inbox(one: Person) -> list[Event]:
    """What a person's inbox holds."""
    return [entry.event for entry in one.inbox.log.since(0).entries]


def test_a_person_is_given_what_was_sent_to_it_and_what_it_sent() -> None:
    """Each as on the other node; what others send each other is theirs."""
    letters = RecentLetters(shared=True)
    told(letters, "hello", first=10)
    told(letters, "secret", first=11, to="bob")
    letters.add(Entry(12, Told("ada", "bob", "hi")))
    ada = person()
    letters.give(ada, LATEST)
    assert inbox(ada) == [Told("eve", "ada", "hello"), SentPrivately("ada", "bob", "hi")]


def test_messages_of_ignored_people_are_left_out() -> None:
    """As they are on delivery."""
    letters = RecentLetters(shared=True)
    told(letters, "spam", first=10)
    ada = person()
    ada.ignored = frozenset({"eve"})
    letters.give(ada, LATEST)
    assert inbox(ada) == []


def test_messages_to_an_earlier_holder_of_the_name_are_left_out() -> None:
    """The person took the name at the id `since`."""
    letters = RecentLetters(shared=True)
    told(letters, "for the other ada", "for this ada", first=10)
    ada = person()
    ada.since = 11
    letters.give(ada, LATEST)
    assert inbox(ada) == [Told("eve", "ada", "for this ada")]


def test_a_message_that_the_inbox_has_already_is_not_doubled() -> None:
    """It was delivered while the person came."""
    letters = RecentLetters(shared=True)
    told(letters, "one", "two", first=10)
    ada = person()
    ada.inbox.log.append(Entry(11, Told("eve", "ada", "two")))
    letters.give(ada, LATEST)
    assert inbox(ada) == [Told("eve", "ada", "one"), Told("eve", "ada", "two")]


def test_a_reader_from_before_the_oldest_letter_has_a_gap() -> None:
    """The inbox holds the last ones, and says from where on it is complete."""
    letters = RecentLetters(shared=True)
    told(letters, *map(str, range(MOST_LETTERS + 5)), first=10)
    ada = person()
    letters.give(ada, LATEST)
    assert len(inbox(ada)) == INBOX
    assert ada.inbox.log.floor == 10 + MOST_LETTERS + 5 - INBOX - 1
    quiet = person("bob")
    letters.give(quiet, LATEST)
    assert quiet.inbox.log.floor == 14


def test_what_was_said_before_the_state_was_read_again_is_not_known() -> None:
    """So a reader with an older cursor has a gap."""
    letters = RecentLetters(shared=True)
    told(letters, "one", first=10)
    letters.restated(20)
    ada = person()
    letters.give(ada, LATEST)
    assert (inbox(ada), ada.inbox.log.floor) == ([], 20)


def test_a_person_without_messages_since_the_last_known_one_has_no_gap() -> None:
    """The store knows the id of the last message."""
    letters = RecentLetters(shared=True)
    letters.restated(20)
    ada = person()
    letters.give(ada, 15)
    assert ada.inbox.log.floor == 15


def test_messages_from_before_a_name_was_taken_again_are_a_gap() -> None:
    """Another person may have held the name in between."""
    letters = RecentLetters(shared=True)
    told(letters, "one", first=10)
    ada = person()
    ada.since = 12
    letters.give(ada, 10)
    assert (inbox(ada), ada.inbox.log.floor) == ([], 10)


def test_a_single_node_remembers_nothing() -> None:
    """Its persons have their inboxes."""
    letters = RecentLetters(shared=False)
    told(letters, "one", first=10)
    ada = person()
    letters.give(ada, LATEST)
    assert inbox(ada) == []
