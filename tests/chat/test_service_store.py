"""The chat over a file: begun again, killed, forgetting."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatd.chat.request_keys import former_key
from chatd.model.commands import Join, Say, SetTopic, Tell
from chatd.model.errors import SlowMode, Unavailable
from chatd.model.moderation import Configure
from chatd.model.units import REMEMBERED_SECONDS
from chatd.store.retained import TIDY_SECONDS, Retention
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import evict_rooms, read, reading, refused
from ..kit.file_chat import FileChat


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


def say(chat: InMemoryChat, text: str, room: str = "lobby") -> int:
    """A visitor says something; its id."""
    return chat.perform(chat.service.visitor("ada"), Say(room, text)) or 0


def reads(chat: InMemoryChat, room: str, cursor: int) -> list[str]:
    """What a reader of a room is given from a cursor on."""
    outlet = reading(chat, chat.room(room), cursor=cursor)
    chat.settle()
    return read(outlet)


@pytest.mark.parametrize("way", ["stop", "kill"])
@pytest.mark.parametrize("history", [2, 1000], ids=["short logs", "long logs"])
def test_a_reader_goes_on_over_a_restart(path: Path, way: str, history: int) -> None:
    """Where it stood, without a gap; also if that was behind a private message, or behind what is
    held in memory.
    """
    before = FileChat(path, history=history)
    ada, bob = before.enter(), before.enter("bob")
    cursors = [before.service.horizon]
    for n in range(3):
        cursors.append(say(before, str(n)))
    cursors.append(before.perform(ada, Tell("bob", "psst")) or 0)
    assert bob.inbox.log.last == cursors[-1]
    getattr(before, way)()
    after = FileChat(path, history=history)
    for place, cursor in enumerate(cursors):
        say(after, "new")
        seen = reads(after, "lobby", cursor)
        assert [text for text in seen if text != "new"] == [str(n) for n in range(place, 3)]
    after.stop()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_nobody_is_connected_after_a_restart(path: Path, way: str) -> None:
    """Names can be had at once, and rooms have no members."""
    before = FileChat(path)
    ada = before.enter("ada")
    before.perform(ada, Join("dev"))
    getattr(before, way)()
    after = FileChat(path)
    assert dict(after.service.people.held) == {}
    assert after.room("dev").names == []
    assert after.enter("ada").name == "ada"
    after.stop()


def test_a_topic_survives_a_restart_and_an_empty_memory(path: Path) -> None:
    """It is the room's, in memory or not."""
    lasting = FileChat(path)
    ada = lasting.enter("ada")
    lasting.perform(ada, SetTopic("dev", "code"))
    lasting.service.end(ada)
    lasting.settle()
    evict_rooms(lasting)
    assert lasting.room("dev").state.topic == "code"
    lasting.stop()
    again = FileChat(path)
    assert [(room.name, room.topic) for room in again.service.rooms.listings()] == [
        ("dev", "code"),
        ("lobby", ""),
    ]
    assert again.room("dev").state.topic == "code"
    say(again, "hi", "dev")
    assert again.room("dev").state.topic == "code"
    again.stop()


def test_a_clock_that_jumps_over_a_restart_changes_no_order(path: Path) -> None:
    """An hour back, a year ahead, a year back: ids rise, and cursors hold."""
    year = 365 * 24 * 3600.0
    chat = FileChat(path)
    cursor, ids = chat.service.horizon, []
    for n, jump in enumerate([-3600.0, year, -year, 0.0]):
        wall = chat.now() + jump
        chat.stop()
        chat = FileChat(path, wall=wall)
        ids.append(say(chat, str(n)))
    assert ids == sorted(set(ids))
    assert reads(chat, "lobby", cursor) == ["0", "1", "2", "3"]
    chat.stop()


def test_a_reader_from_before_what_is_kept_is_told(path: Path) -> None:
    """Of the gap, also in a room of which nothing is left, and in one that came back."""
    chat = FileChat(path, retention=Retention(events=2))
    cursor = say(chat, "one", "dev")
    for n in range(4):
        say(chat, str(n))
    chat.advance(TIDY_SECONDS)
    evict_rooms(chat)
    assert reads(chat, "lobby", cursor) == ["GAP", "2", "3"]
    assert [room.name for room in chat.service.rooms.listings()] == ["lobby"]
    say(chat, "two", "dev")
    evict_rooms(chat)
    assert reads(chat, "dev", 1) == ["GAP", "two"]
    chat.stop()


def test_the_limit_on_rooms_holds_over_a_restart(path: Path) -> None:
    """Those there are can be used, and when one is forgotten another may be made."""
    chat = FileChat(path, max_rooms=3, retention=Retention(events=2))
    for room in ("lobby", "one", "two"):
        say(chat, "hi", room)
    for _ in range(2):
        with pytest.raises(Unavailable, match="3 rooms"):
            say(chat, "hi", "three")
        with pytest.raises(Unavailable, match="3 rooms"):
            chat.perform(chat.enter(), Join("three"))
        say(chat, "hi", "one")
        chat.stop()
        chat = FileChat(path, max_rooms=3)
    chat.stop()
    chat = FileChat(path, max_rooms=3, retention=Retention(events=2))
    chat.settle()
    assert say(chat, "hi", "three")
    chat.stop()


def test_rooms_in_memory_and_in_the_store_count_together(path: Path) -> None:
    """Half here and half there is all the same."""
    chat = FileChat(path, max_rooms=4)
    for room in ("lobby", "one", "two"):
        say(chat, "hi", room)
    chat.stop()
    chat = FileChat(path, max_rooms=4)
    guest = chat.enter()
    outcomes = [chat.service.perform(guest, Join(room)) for room in ("three", "four")]
    chat.settle()
    assert [refused(outcome) for outcome in outcomes] == [None, Unavailable]
    chat.stop()


# -- request keys --------------------------------------------------------------------------------


def once(chat: InMemoryChat, key: str, text: str = "hi") -> int | None:
    """A visitor says something in a request with a key."""
    command = Say("lobby", text)
    hashed = chat.service.request_keys.key("ada", key, command)
    visitor = chat.service.visitor("ada")
    answer = chat.service.request_keys.once(
        hashed, lambda: chat.service.perform(visitor, command, hashed)
    )
    chat.settle()
    return result_of(answer)


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_a_request_that_is_sent_again_after_a_restart_is_known(path: Path, way: str) -> None:
    """For five minutes; and another one with that key is not."""
    before = FileChat(path)
    first = once(before, "1")
    getattr(before, way)()
    after = FileChat(path, wall=before.now())
    assert once(after, "1") == first
    assert once(after, "1", "other") != first
    assert after.texts("lobby") == ["hi", "other"]
    after.advance(REMEMBERED_SECONDS + TIDY_SECONDS)
    assert once(after, "1") != first
    after.stop()


def test_a_request_carried_out_by_the_version_before_is_known_after_the_upgrade(
    path: Path,
) -> None:
    """That version has stored a key of its own kind."""
    before = FileChat(path)
    command = Say("lobby", "hi")
    visitor = before.service.visitor("ada")
    said = before.service.perform(visitor, command, former_key("ada", "1", command))
    before.settle()
    before.stop()
    after = FileChat(path, wall=before.now())
    assert once(after, "1") == result_of(said)
    assert after.texts("lobby") == ["hi"]
    after.stop()


def test_times_are_judged_by_the_clock_of_the_ids(chat: InMemoryChat) -> None:
    """A node whose own clock is wrong lets nobody wait for longer in slow mode, say."""
    ada = chat.enter("ada")
    chat.perform(ada, Join("dev"))
    chat.perform(ada, Configure("dev", slow=60))
    bob = chat.enter("bob")
    chat.perform(bob, Say("dev", "one"))
    with pytest.raises(SlowMode):
        chat.perform(bob, Say("dev", "two"))
    chat.store.ahead = 61.0
    chat.perform(bob, Say("dev", "three"))
