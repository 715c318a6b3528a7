"""The chat over a store that is slow, fails, forgets, and is begun again."""

from __future__ import annotations

import gc
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from chatd import service as service_module
from chatd.codecs.json import JSON
from chatd.commands import Join, Say, SetTopic, Tell
from chatd.errors import Unavailable
from chatd.events import Joined, Left
from chatd.limits import Limits
from chatd.service import RECALL_SECONDS
from chatd.store import Recalled
from chatd.store.sqlite import TIDY_SECONDS, Retention
from chatd.subscriber import Subscriber
from chatd.testing import START, FakeOutlet, InMemoryChat, result_of
from chatd.wallclock import YEAR

from .store.lasting import LastingChat


@pytest.fixture
def lasting(path: Path) -> Iterator[LastingChat]:
    """A chat over a file."""
    chat = LastingChat(path)
    yield chat
    chat.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def slow(path: Path) -> Iterator[LastingChat]:
    """A chat whose disk takes five seconds for a commit."""
    chat = LastingChat(path, seconds=5)
    yield chat
    chat.stop()


def say(chat: InMemoryChat, text: str, room: str = "lobby") -> Deferred[int | None]:
    """Somebody passing by says something."""
    visitor = chat.service.visitor("ada")
    return chat.service.perform(visitor, Say(room, text))


def said(chat: InMemoryChat, text: str, room: str = "lobby") -> int:
    """Its id."""
    answer = say(chat, text, room)
    chat.settle()
    return result_of(answer) or 0


def reading(chat: InMemoryChat, room: str, cursor: int | None = None) -> FakeOutlet:
    """Somebody reads a room, from a cursor on."""
    outlet = FakeOutlet()
    source = chat.service.room(room)
    place = chat.service.place([source], chat.service.horizon if cursor is None else cursor)
    feeds = [source.feed(JSON)]
    outlet.subscriber = Subscriber(outlet, feeds, place.cursor, places=place.logs, gaps=place.gaps)
    outlet.subscriber.start()
    return outlet


def read(outlet: FakeOutlet) -> list[str]:
    """What was read: texts, and where something is missing."""
    found = []
    for batch in outlet.batches:
        found += ["GAP"] * bool(batch.gaps)
        events = json.loads(b"[%b]" % batch.chunk)
        found += [event["text"] for event in events if event["type"] == "message"]
    return found


# -- a slow store --------------------------------------------------------------------------------


def test_readers_go_on_while_the_store_takes_its_time(slow: LastingChat) -> None:
    """Whoever asks for what is there is answered at once, and order is kept."""
    live = reading(slow, "lobby")
    answers = [say(slow, "one")]
    slow.advance(4)
    answers += [say(slow, "two"), say(slow, "three")]
    assert (read(live), slow.texts("lobby")) == ([], [])
    slow.advance(1.5)
    assert read(live) == ["one"]
    assert read(reading(slow, "lobby", cursor=result_of(answers[0]))) == []
    assert slow.service.enter("bob").name == "bob"
    assert [room.name for room in slow.service.rooms()] == ["lobby"]
    assert not answers[1].called
    slow.advance(5)
    assert read(live) == ["one", "two", "three"]
    ids = [result_of(answer) or 0 for answer in answers]
    assert ids == sorted(ids)


def test_so_much_may_wait_for_the_store(slow: LastingChat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then no more is accepted, until it has caught up; what was accepted is stored."""
    monkeypatch.setattr(service_module, "MOST_UNSTORED", 5)
    answers = [say(slow, str(n)) for n in range(5)]
    for _ in range(3):
        with pytest.raises(Unavailable, match="behind with storing"):
            say(slow, "too much")
    slow.advance(5)
    slow.advance(5)
    slow.settle()
    assert all(answer.called for answer in answers)
    answers.append(say(slow, "5"))
    slow.advance(5)
    assert slow.texts("lobby") == [str(n) for n in range(6)]


def test_whoever_was_refused_makes_room_for_others(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the store refused waits no more."""
    monkeypatch.setattr(service_module, "MOST_UNSTORED", 2)
    chat.store.refusing = True
    for _ in range(3):
        refused = [say(chat, "x"), say(chat, "y")]
        chat.settle()
        for answer in refused:
            with pytest.raises(Unavailable, match="nobody saw it"):
                result_of(answer)
    chat.store.refusing = False
    said(chat, "z")
    assert chat.texts("lobby") == ["z"]


def test_a_room_that_comes_to_life_in_between_has_everything_once(slow: LastingChat) -> None:
    """What was shown before it came, and what is shown after: of what is under way nothing is
    there too early, or twice.
    """
    say(slow, "one", "dev")
    slow.advance(5)
    say(slow, "two", "dev")
    slow.advance(1)
    say(slow, "three", "dev")
    forget_rooms(slow)
    assert slow.texts("dev") == ["one"]
    forget_rooms(slow)
    outlet = reading(slow, "dev", cursor=1)
    slow.advance(4)
    assert slow.texts("dev") == ["one", "two"]
    slow.advance(5)
    slow.settle()
    assert read(outlet) == ["GAP", "one", "two", "three"]


def test_a_room_that_nobody_holds_begins_without_what_is_under_way(slow: LastingChat) -> None:
    """Though it is in the file: what is stored in one go is shown one after the other, and once."""
    eve, bob = slow.service.enter("eve"), slow.service.enter("bob")
    slow.service.perform(eve, Join("dev"))
    slow.advance(5)
    say(slow, "one")
    for session in (bob, eve):
        slow.advance(1)
        slow.service.end(session)
    forget_rooms(slow)
    assert [type(entry.event) for entry in slow.entries("dev")] == [Joined]
    forget_rooms(slow)
    for _ in range(10):
        slow.advance(1)
    assert [type(entry.event) for entry in slow.entries("dev")] == [Joined, Left]
    forget_rooms(slow)
    assert [type(entry.event) for entry in slow.entries("dev")] == [Joined, Left]


def forget_rooms(chat: InMemoryChat) -> None:
    """Time has passed, and other rooms were asked for."""
    chat.service._lately.clear()
    gc.collect()


def test_a_room_s_past_that_cannot_be_read_is_read_when_it_can_be(
    lasting: LastingChat, logged_errors: list[str]
) -> None:
    """Not asked for by everybody who comes; until then a reader is told of a gap, and afterwards
    nothing is missing, nor there twice.
    """
    ids = [said(lasting, text, "dev") for text in ("one", "two")]
    forget_rooms(lasting)
    meddle(lasting.path, "message", "spell")
    early = reading(lasting, "dev", ids[0])
    said(lasting, "three", "dev")
    assert read(early) == ["GAP", "three"]
    meddle(lasting.path, "spell", "message")
    lasting.advance(RECALL_SECONDS - 0.1)
    assert read(reading(lasting, "dev", ids[0])) == ["GAP", "three"]
    lasting.advance(0.1)
    assert read(reading(lasting, "dev", ids[0])) == ["two", "three"]
    said(lasting, "four", "dev")
    assert read(early) == ["GAP", "three", "four"]
    logged_errors.clear()
    assert lasting.texts("dev") == ["one", "two", "three", "four"]


def test_a_room_s_past_that_stays_unreadable_is_asked_for_now_and_then(
    lasting: LastingChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many come."""
    said(lasting, "one", "dev")
    forget_rooms(lasting)
    asked = []

    def recall(room: str, until: int) -> Recalled:
        asked.append(room)
        return Recalled((), until, torn=True)

    monkeypatch.setattr(lasting.store, "recall", recall)
    for _ in range(3):
        for _ in range(10):
            said(lasting, "hi", "dev")
            reading(lasting, "dev")
        lasting.advance(RECALL_SECONDS)
    assert asked == ["dev"] * 3


def meddle(path: Path, was: str, becomes: str) -> None:
    """Another program changes what events are called."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("UPDATE events SET event = replace(event, ?, ?)", (was, becomes))
    other.close()


# -- over a restart ------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_a_reader_goes_on_over_a_restart(path: Path, way: str) -> None:
    """Where it stood, without a gap; also if that was behind a private message."""
    before = LastingChat(path)
    ada, bob = before.service.enter(), before.service.enter("bob")
    cursors = [before.service.horizon]
    for n in range(3):
        cursors.append(said(before, str(n)))
    private = before.service.perform(ada, Tell("bob", "psst"))
    before.settle()
    cursors.append(result_of(private) or 0)
    assert bob.inbox.log.last == cursors[-1]
    getattr(before, way)()
    after = LastingChat(path)
    for place, cursor in enumerate(cursors):
        said(after, "new")
        seen = read(reading(after, "lobby", cursor))
        assert [text for text in seen if text != "new"] == [str(n) for n in range(place, 3)]
    after.stop()


def test_a_topic_survives_a_restart_and_an_empty_memory(path: Path) -> None:
    """It is the room's, whoever holds the room."""
    lasting = LastingChat(path)
    ada = lasting.service.enter("ada")
    lasting.service.perform(ada, SetTopic("dev", "code"))
    lasting.settle()
    lasting.service.end(ada)
    lasting.settle()
    forget_rooms(lasting)
    assert lasting.service.room("dev").topic == "code"
    lasting.stop()
    again = LastingChat(path)
    assert again.service.room("dev").topic == "code"
    assert [(room.name, room.topic) for room in again.service.rooms()] == [
        ("dev", "code"),
        ("lobby", ""),
    ]
    again.stop()


def test_a_topic_is_not_the_room_s_before_it_is_shown(slow: LastingChat) -> None:
    """Whoever brings the room to life in between finds the old one."""
    ada = slow.service.visitor("ada")
    for topic in ("old", "new"):
        slow.service.perform(ada, SetTopic("dev", topic))
        slow.advance(4)
        assert slow.service.room("dev").topic == ("" if topic == "old" else "old")
        slow.advance(2)
        forget_rooms(slow)
        assert slow.service.room("dev").topic == topic


def test_a_clock_that_jumps_over_a_restart_changes_no_order(path: Path) -> None:
    """An hour back, a year ahead, a year back: ids rise, and cursors hold."""
    year = 365 * 24 * 3600.0
    chat = LastingChat(path)
    cursor, ids = chat.service.horizon, []
    for n, jump in enumerate([-3600.0, year, -year, 0.0]):
        wall = chat.now() + jump
        chat.stop()
        chat = LastingChat(path, wall=wall)
        ids.append(said(chat, str(n)))
    assert ids == sorted(set(ids))
    assert read(reading(chat, "lobby", cursor)) == ["0", "1", "2", "3"]
    chat.stop()


def test_whoever_comes_from_before_what_is_kept_is_told(path: Path) -> None:
    """Of the gap, also in a room of which nothing is left, and in one that came back."""
    chat = LastingChat(path, retention=Retention(events=2))
    cursor = said(chat, "one", "dev")
    for n in range(4):
        said(chat, str(n))
    chat.advance(TIDY_SECONDS)
    forget_rooms(chat)
    assert read(reading(chat, "lobby", cursor)) == ["GAP", "2", "3"]
    assert [room.name for room in chat.service.rooms()] == ["lobby"]
    said(chat, "two", "dev")
    forget_rooms(chat)
    assert read(reading(chat, "dev", 1)) == ["GAP", "two"]
    chat.stop()


# -- so many rooms -------------------------------------------------------------------------------


def test_there_are_so_many_rooms(path: Path) -> None:
    """Whoever would make one more is told; those there are can be used, also after a restart, and
    when one is forgotten another may be made.
    """
    chat = LastingChat(path, max_rooms=3, retention=Retention(events=2))
    for room in ("lobby", "one", "two"):
        said(chat, "hi", room)
    for _ in range(2):
        with pytest.raises(Unavailable, match="3 rooms"):
            say(chat, "hi", "three")
        with pytest.raises(Unavailable, match="3 rooms"):
            chat.service.perform(chat.service.enter(), Join("three"))
        said(chat, "hi", "one")
        chat.stop()
        chat = LastingChat(path, max_rooms=3)
    chat.stop()
    chat = LastingChat(path, max_rooms=3, retention=Retention(events=2))
    chat.settle()
    assert said(chat, "hi", "three")
    chat.stop()


def test_rooms_that_are_only_spoken_in_yet_count(slow: LastingChat) -> None:
    """However slow the store is; whoever was refused, or has left, gives the room back."""
    slow.service.admission.limits = Limits(message_rate=0, rooms=3)
    guest = slow.service.enter()
    say(slow, "hi", "one")
    slow.service.perform(guest, Join("two"))
    with pytest.raises(Unavailable, match="3 rooms"):
        say(slow, "hi", "three")
    slow.service.end(guest)
    for room in ("three", "four"):
        say(slow, "hi", room)
    for _ in range(3):
        slow.advance(5)
    with pytest.raises(Unavailable, match="3 rooms"):
        say(slow, "hi", "five")


def test_rooms_in_memory_and_in_the_store_count_together(path: Path) -> None:
    """Half here and half there is all the same."""
    chat = LastingChat(path, max_rooms=4)
    for room in ("one", "two"):
        said(chat, "hi", room)
    chat.stop()
    chat = LastingChat(path, max_rooms=4)
    guest = chat.service.enter()
    chat.service.perform(guest, Join("three"))
    with pytest.raises(Unavailable, match="4 rooms"):
        chat.service.perform(guest, Join("four"))
    chat.stop()


@pytest.mark.parametrize(
    ("wall", "told"),
    [
        (START + 1, []),
        (START + 3 * YEAR, ["the clock is 3 years ahead of the last event"]),
        (START - 7200, ["the clock is 2 hours behind the last event"]),
    ],
)
def test_a_start_says_when_its_clock_is_odd(
    path: Path, logged_warnings: list[str], wall: float, told: list[str]
) -> None:
    """Before anything is dated by it; a new file has nothing to compare with."""
    first = LastingChat(path)
    first.service.perform(first.service.enter("ada"), Say("lobby", "hello"))
    first.settle()
    first.stop()
    LastingChat(path, wall=wall).stop()
    assert [line.split(";")[0] for line in logged_warnings] == told
