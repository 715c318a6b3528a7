"""How coming and going is announced, and the presence stream (`chatd.chat.presence`)."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat import judge
from chatd.chat.judge import CROWD
from chatd.chat.person import Person
from chatd.chat.presence import SUMMARY_SECONDS, Tally
from chatd.model.commands import Join, Rename, Say
from chatd.model.events import (
    Arrived,
    Departed,
    Joined,
    Left,
    NameChanged,
    Noticed,
    PresenceEvent,
    Renamed,
    Said,
)
from chatd.testing import InMemoryChat
from chatd.testing.policies import DenyAll

from ..kit.chat import events, reading


def enter_many(chat: InMemoryChat, count: int, prefix: str = "p") -> list[Person]:
    return [chat.enter(f"{prefix}{n}") for n in range(count)]


@pytest.mark.parametrize(
    ("joined", "left", "text"),
    [(3, 0, "3 joined"), (0, 1, "1 left"), (12, 40, "12 joined, 40 left")],
)
def test_a_summary_tells_how_many_came_and_went(joined: int, left: int, text: str) -> None:
    """In one line."""
    tally = Tally()
    tally.joined, tally.left = joined, left
    assert str(tally) == text


def test_in_a_crowd_comings_and_goings_are_summed_up(chat: InMemoryChat) -> None:
    """Ten seconds after the first, in one notice; each is announced or summed up, never both."""
    people = enter_many(chat, CROWD + 30)
    assert events(chat) == [Joined("lobby", f"p{n}") for n in range(CROWD)]
    for person in people[:20]:
        chat.service.end(person)
    chat.advance(SUMMARY_SECONDS - 0.001)
    assert len(events(chat)) == CROWD
    chat.advance(0.001)
    assert events(chat)[CROWD:] == [Noticed("lobby", "30 joined, 20 left")]
    chat.advance(10 * SUMMARY_SECONDS)
    assert len(events(chat)) == CROWD + 1, "nothing happened, nothing is told"


def test_when_the_crowd_has_gone_everyone_is_announced_again(chat: InMemoryChat) -> None:
    """From a hundred downwards."""
    people = enter_many(chat, CROWD + 2)
    chat.advance(SUMMARY_SECONDS)
    before = len(events(chat))
    for person in people[:3]:
        chat.service.end(person)
        chat.settle()
    assert events(chat)[before:] == [Left("lobby", "p2")]
    chat.enter("ada")
    assert events(chat)[-1] == Joined("lobby", "ada")
    chat.advance(SUMMARY_SECONDS)
    assert events(chat)[-1] == Noticed("lobby", "2 left")


def test_what_is_said_in_a_crowd_is_shown_as_ever(chat: InMemoryChat) -> None:
    """Only joins and leaves are summed up, and only in that room."""
    *_, last = enter_many(chat, CROWD + 1)
    chat.perform(last, Join("dev"))
    chat.perform(last, Say("lobby", "hi"))
    chat.perform(last, Rename("eve"))
    assert events(chat, "dev") == [Joined("dev", "p100"), Renamed("dev", "p100", "eve")]
    assert events(chat)[CROWD:] == [
        Said("lobby", "p100", "hi"),
        Renamed("lobby", "p100", "eve"),
    ]
    chat.advance(SUMMARY_SECONDS)


def test_a_guest_who_takes_a_name_in_a_crowd_is_summed_up(chat: InMemoryChat) -> None:
    """As an arrival."""
    guest = chat.enter()
    enter_many(chat, CROWD)
    chat.advance(SUMMARY_SECONDS)
    before = len(events(chat))
    chat.perform(guest, Rename("eve"))
    chat.advance(SUMMARY_SECONDS)
    assert events(chat)[before:] == [Noticed("lobby", "1 joined")]


@given(
    st.lists(
        st.tuples(st.sampled_from(["come", "go", "guest", "name"]), st.sampled_from([0, 1, 5, 30])),
        max_size=60,
    ),
    st.booleans(),
)
def test_announcements_and_summaries_are_everything(
    steps: list[tuple[str, int]], together: bool
) -> None:
    """No coming or going is told twice or not at all, and summaries are ten seconds apart; also of
    those who come and go together, so that the crowd is another one when they are stored.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "CROWD", 3)
        chat = InMemoryChat()
        here: list[Person] = []
        guests: list[Person] = []
        came = went = 0
        for step, pause in steps:
            if step == "come":
                chat.service.enter(f"p{came}").addCallback(here.append)
                came += 1
            elif step == "guest":
                chat.service.enter().addCallback(guests.append)
            elif step == "name" and guests:
                here.append(guests.pop())
                chat.service.perform(here[-1], Rename(f"p{came}"))
                came += 1
            elif step == "go" and here:
                chat.service.end(here.pop(0))
                went += 1
            if pause or not together:
                chat.advance(pause)
        chat.advance(2 * SUMMARY_SECONDS)
    joined = left = 0
    told_at = [0]
    for entry in chat.entries("lobby"):
        match entry.event:
            case Joined():
                joined += 1
            case Left():
                left += 1
            case Noticed(text=text):
                counts = {word: int(n) for n, word in (part.split() for part in text.split(", "))}
                joined += counts.get("joined", 0)
                left += counts.get("left", 0)
                assert entry.id - told_at[-1] >= SUMMARY_SECONDS * 1_000_000
                told_at.append(entry.id)
    assert (joined, left) == (came, went)


# -- the presence stream -------------------------------------------------------------------------


def watched(chat: InMemoryChat, room: str = "lobby") -> list[PresenceEvent]:
    """What the presence stream of a room holds."""
    presence = chat.room(room).watched
    assert presence
    return [e.event for e in presence.log.since(0).entries if isinstance(e.event, PresenceEvent)]


def test_the_presence_stream_has_everyone(chat: InMemoryChat) -> None:
    """Guests and crowds too, arrivals, departures and names; from when it is first asked for."""
    early = chat.enter("early")
    presence = chat.room("lobby").presence
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "CROWD", 0)
        guest, ada = chat.enter(), chat.enter("ada")
        chat.perform(guest, Rename("gus"))
        chat.service.end(ada, "bye")
        chat.settle()
    assert watched(chat) == [
        Arrived("lobby", "guest-0001"),
        Arrived("lobby", "ada"),
        NameChanged("lobby", "guest-0001", "gus"),
        Departed("lobby", "ada", "bye", quit=True),
    ]
    assert presence.name == "lobby"
    assert not early.ended
    chat.advance(SUMMARY_SECONDS)


def test_the_presence_stream_has_nothing_else(chat: InMemoryChat) -> None:
    """What is said is in the room's log, and presence is not."""
    ada = chat.enter("ada")
    presence = chat.room("lobby").presence
    chat.perform(ada, Say("lobby", "hi"))
    assert presence.log.count == 0
    assert not any(isinstance(event, PresenceEvent) for event in events(chat))


def test_a_reader_of_presence_is_told_at_once(chat: InMemoryChat) -> None:
    """In the same turn as readers of the room."""
    lobby = chat.room("lobby")
    outlet = reading(chat, lobby.presence)
    chat.enter()
    assert [batch.count for batch in outlet.batches] == [1]


def test_a_presence_stream_lives_as_long_as_it_is_read(chat: InMemoryChat) -> None:
    """And keeps its room in memory; a room without such a reader has no presence stream."""
    outlet = reading(chat, chat.room("dev").presence)
    gc.collect()
    room = chat.room("dev")
    assert room.watched is not None
    assert outlet.subscriber
    outlet.subscriber.stop()
    outlet.subscriber = None
    gc.collect()
    assert room.watched is None


# -- the whole stream ----------------------------------------------------------------------------


def test_a_rooms_stream_has_its_events_and_its_presence_in_order(chat: InMemoryChat) -> None:
    """One source, so that a reader of both is on the fast path."""
    lobby = chat.room("lobby")
    stream = lobby.stream
    ada = chat.enter("ada")
    chat.perform(ada, Say("lobby", "hi"))
    entries = stream.log.since(0).entries
    told = [type(entry.event).__name__ for entry in entries]
    assert told == ["Joined", "Arrived", "Said"]
    assert [entry.id for entry in entries] == sorted(entry.id for entry in entries)
    assert lobby.stream is stream


def test_a_reader_of_a_rooms_stream_is_on_the_fast_path(chat: InMemoryChat) -> None:
    """Whatever has come before: presence and messages are one feed."""
    lobby = chat.room("lobby")
    outlet = reading(chat, lobby.stream)
    assert outlet.subscriber
    chat.perform(chat.enter("ada"), Say("lobby", "hi"))
    outlet.subscriber.push(lambda data: None)
    assert outlet.subscriber.fast_path is not None


def test_a_stream_lives_as_long_as_it_is_read(chat: InMemoryChat) -> None:
    """A room whose stream nobody reads keeps none."""
    outlet = reading(chat, chat.room("dev").stream)
    gc.collect()
    assert chat.room("dev").streamed is not None
    assert outlet.subscriber
    outlet.subscriber.stop()
    outlet.subscriber = None
    gc.collect()
    assert chat.room("dev").streamed is None


def test_a_stream_that_is_forbidden_ends(chat: InMemoryChat) -> None:
    """The gate knows the readers of a room's stream like those of its log."""
    outlet = reading(chat, chat.room("lobby").stream)
    chat.service.readers.policy = DenyAll()
    assert len(outlet.revocations) == 1
