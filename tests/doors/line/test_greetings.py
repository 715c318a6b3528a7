"""The greeting of the line door: made once, and never out of date."""

from __future__ import annotations

import pytest

from chatd.chat.room import Room
from chatd.doors.history import Replay
from chatd.doors.line.greetings import Greetings
from chatd.model.events import Said
from chatd.model.roomstate import RoomState
from chatd.stream.eventlog import Entry, EventLog

from ...kit.server import MemoryServer
from ...kit.terminal import Terminal

MICROS = 1_700_000_000_000_000


@pytest.fixture
def room() -> Room:
    room = Room("lobby", EventLog(10))
    room.set_member("ada", "ada")
    return room


def said(text: str, *, id: int = MICROS, redacted: bool = False) -> Replay:
    """The last message of the room."""
    return Replay([Entry(id, Said("lobby", "bob", text, redacted=redacted))])


def test_clients_that_come_in_together_share_a_greeting(room: Room) -> None:
    """So it is made once for all that connect after a restart, whenever their replay is read."""
    greetings, replay = Greetings(), said("hello")
    first = greetings.of(room, replay)
    assert greetings.of(room, Replay([*replay.entries])) is first
    assert first.before.endswith(b"<bob> hello\r\n== end of the last messages\r\n== welcome, ")
    assert first.after.endswith(b"\r\n== you are in #lobby\r\n== 1 here: ada\r\n")


def test_greeting_tells_of_what_has_changed(room: Room) -> None:
    """Members, a name, the topic, messages, and their deletion."""
    greetings = Greetings()
    assert b"1 here: ada" in greetings.of(room, said("one")).after
    room.set_member("bea", "bea")
    assert b"2 here: ada, bea" in greetings.of(room, said("one")).after
    room.set_member("bea", "Bea")
    assert b"2 here: ada, Bea" in greetings.of(room, said("one")).after
    room.set_member("bea", None)
    assert b"1 here: ada" in greetings.of(room, said("one")).after
    room.set_state(RoomState(topic="tea"), 1)
    assert b"; topic: tea" in greetings.of(room, said("one")).after
    assert b"<bob> two" in greetings.of(room, said("two", id=MICROS + 1)).before
    deleted = greetings.of(room, said("", id=MICROS + 1, redacted=True))
    assert b"a message of bob was deleted" in deleted.before
    unread = greetings.of(room, Replay((), unread=True))
    assert unread.before.startswith(b"!! what was said in #lobby cannot be read now")


def test_the_last_messages_are_looked_up_once_until_they_change() -> None:
    """A new message and a deletion change them, and so does a cursor before the last of them."""
    server = MemoryServer()
    service, greetings = server.chat.service, Greetings()
    room = server.chat.room("lobby")

    def texts(cursor: int | None = None) -> list[str]:
        replay = greetings.replay(service, room, service.horizon if cursor is None else cursor)
        assert replay is not None
        return [entry.event.text for entry in replay.entries if isinstance(entry.event, Said)]

    first = server.say("one")
    assert texts() == ["one"]
    assert greetings.replay(service, room, service.horizon) is greetings.replay(
        service, room, service.horizon
    )
    server.say("two")
    assert texts() == ["one", "two"]
    assert texts(first) == ["one"]
    room.redact(Entry(first, Said("lobby", "bob", "", redacted=True)))
    assert texts() == ["", "two"]
    room.erase()
    assert texts() == []


def test_greeting_is_of_the_room_that_it_is_asked_for(room: Room) -> None:
    """Although nothing else differs."""
    greetings, other = Greetings(), Room("dev", EventLog(10))
    other.set_member("ada", "ada")
    assert b"#lobby" in greetings.of(room, Replay(())).after
    assert b"#dev" in greetings.of(other, Replay(())).after


def test_each_client_is_told_its_own_name() -> None:
    """And all that came in the same turn are members already."""
    server = MemoryServer()
    one, two = Terminal(server), Terminal(server)
    assert one.greeting[0].startswith("== welcome, guest-0001: /nick NAME")
    assert two.greeting[0].startswith("== welcome, guest-0002: /nick NAME")
    assert two.greeting[-1] == "== 2 here: guest-0001, guest-0002"
