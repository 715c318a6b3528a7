"""Places, the model of the terminal client."""

from __future__ import annotations

import pytest

from chatd.client import Event
from chatd.client.join.places import MOST_ITEMS, Note, Place, Places, mentions


def said(id_: int, text: str = "hi", room: str = "lobby", sender: str = "bob") -> Event:
    return Event(id_, "message", room, sender, text)


@pytest.fixture
def places() -> Places:
    """The places of ada: #dev and the visible lobby."""
    places = Places("ada")
    for room in ("dev", "lobby"):
        places.open(room)
        places.visit(room)
    return places


def texts(place: Place | None) -> list[str]:
    assert place
    return [item.text for item in place.items]


def test_events_are_shown_once_and_in_order(places: Places) -> None:
    """Whether they arrive live or from history."""
    places.add(said(5, "five"))
    places.add(said(7, "seven"))
    assert places.add_past("lobby", [said(3, "three"), said(5, "five"), said(6, "six")]) == 2
    assert texts(places.place) == ["three", "five", "six", "seven"]


def test_note_follows_the_event_that_was_the_newest(places: Places) -> None:
    """Later events are inserted after the note, earlier ones before it."""
    places.add(said(5, "five"))
    places.note("answer", "two\nlines")
    places.add(said(6, "six"))
    places.add_past("lobby", [said(4, "four")])
    assert texts(places.place) == ["four", "five", "two", "lines", "six"]


def test_messages_elsewhere_are_counted_until_they_are_seen(places: Places) -> None:
    """The user's own messages and joins are not counted; a mention is marked."""
    places.add(said(1, room="dev"))
    places.add(Event(2, "join", "dev", "eve"))
    places.add(said(3, room="dev", sender="ada"))
    dev = places.open("dev")
    assert (dev.unread, dev.mentioned) == (1, False)
    assert places.add(said(4, "hello Ada!", room="dev"))
    assert (dev.unread, dev.mentioned) == (2, True)
    places.visit("#Dev")
    assert (dev.unread, dev.mentioned) == (0, False)


def test_visible_place_counts_while_it_is_scrolled_up(places: Places) -> None:
    """Because the newest is not visible."""
    assert places.place
    places.place.scrolled = 3
    places.add(said(1))
    assert places.place.unread == 1


def test_private_message_opens_its_place(places: Places) -> None:
    """Under the other person's name, for received and sent messages."""
    assert places.add(Event(1, "private", "", "bob", "psst", "ada"))
    assert not places.add(Event(2, "private", "", "ada", "what?", "bob"))
    assert texts(places.find("@bob")) == ["psst", "what?"]
    places.go_to_unread()
    assert places.here == "@bob"


def test_redacted_message_loses_its_text(places: Places) -> None:
    """The message keeps its position."""
    places.add(said(1, "secret"))
    places.add(Event(2, "redact", "lobby", "ada", target=1))
    assert texts(places.place)[0] == ""


def test_people_and_topic_follow_the_events(places: Places) -> None:
    """Tab and the head of the screen show them."""
    assert places.place
    places.add(Event(1, "join", "lobby", "eve"))
    places.add(said(2))
    places.add(Event(3, "nick", "lobby", "eve", to="eva"))
    places.add(Event(4, "leave", "lobby", "bob"))
    places.add(Event(5, "topic", "lobby", "eva", "tea"))
    places.add(Event(6, "kick", "lobby", "ada", target="nobody"))
    assert (places.place.people, places.place.topic) == (["eva"], "tea")
    places.add(Event(7, "nick", "lobby", "ada", to="adele"))
    assert places.name == "adele"


def test_closing_a_place_shows_the_one_before_it(places: Places) -> None:
    """After the last place none is visible; an event of a closed room is dropped."""
    places.close("lobby")
    assert places.here == "dev"
    places.close("dev")
    assert places.place is None
    assert not places.add(said(1))
    places.note("error", "nowhere to stand")
    places.step(1)


def test_stepping_goes_round(places: Places) -> None:
    """In the order in which the places were opened."""
    places.step(1)
    assert places.here == "dev"
    places.step(-1)
    assert places.here == "lobby"


def test_number_of_items_is_bounded() -> None:
    """The oldest items are dropped, and can be loaded again."""
    place = Place("lobby", complete=True)
    for id_ in range(MOST_ITEMS + 2):
        place.add(said(id_ + 1))
    assert (len(place.items), place.first, place.complete) == (MOST_ITEMS, 3, False)
    assert place.last == MOST_ITEMS + 2
    assert not place.add(said(MOST_ITEMS))
    assert place.add(Note(MOST_ITEMS + 2, "answer", "x"))


@pytest.mark.parametrize(
    ("text", "name", "called"),
    [("hi ada", "ada", True), ("ADA: hi", "ada", True), ("adamant", "ada", False),
     ("x", "", False), ("hi a.b", "a.b", True)],
)  # fmt: skip
def test_name_is_mentioned_as_a_word(text: str, name: str, called: bool) -> None:
    """In any case of letters."""
    assert mentions(text, name) is called
