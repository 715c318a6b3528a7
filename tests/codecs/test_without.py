"""Lines of the line door without the messages of ignored people."""

from __future__ import annotations

from chatd.codecs.lines import CURRENT
from chatd.codecs.without import Without
from chatd.model.events import Acted, Event, Joined, Said, SentPrivately, Told
from chatd.stream.eventlog import Entry

CODEC = Without(CURRENT, frozenset({"bob"}))


def shown(event: Event) -> bytes:
    return CODEC.encode(Entry(1, event))


def test_messages_of_an_ignored_person_are_left_out() -> None:
    """In rooms and privately, in any spelling of the name."""
    heard = Said("lobby", "BOB", "hi"), Acted("lobby", "bob", "waves"), Told("bob", "ada", "psst")
    assert [shown(event) for event in heard] == [b""] * 3
    assert CODEC.join([b"", b"<ada> hi\r\n", b""]) == b"<ada> hi\r\n"


def test_other_messages_and_events_are_kept() -> None:
    """Also an ignored person's joins, and private messages to that person."""
    events = [
        Said("lobby", "ada", "hi"),
        Joined("lobby", "bob"),
        SentPrivately("ada", "bob", "psst"),
    ]
    for event in events:
        assert shown(event) == CURRENT.encode(Entry(1, event)) != b""


def test_clients_that_ignore_the_same_people_share_bytes() -> None:
    """Codecs with different lists have different names."""
    assert Without(CURRENT, frozenset({"a", "b"})).name == Without(CURRENT, frozenset("ba")).name
    assert CODEC.name not in (CURRENT.name, Without(CURRENT, frozenset("b")).name)
