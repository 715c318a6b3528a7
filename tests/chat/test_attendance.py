"""Coming and going (`chatd.chat.attendance`)."""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail

from chatd.model.commands import Act, Join, Leave, Rename, Say
from chatd.model.errors import NotAllowed, NotInRoom, TextTooLong, TooManyRooms, Unavailable
from chatd.model.events import Joined, Left, Renamed, Said
from chatd.model.policy import Action
from chatd.testing import InMemoryChat, result_of
from chatd.testing.policies import DenyIf

from ..kit.chat import events, refused
from ..kit.garbage import existing_rooms


def test_everyone_starts_in_the_lobby(chat: InMemoryChat) -> None:
    """And those with a name are announced."""
    ada = chat.enter("ada")
    assert list(ada.rooms) == ["lobby"]
    assert events(chat) == [Joined("lobby", "ada")]


def test_guests_join_and_leave_without_an_announcement(chat: InMemoryChat) -> None:
    """But they are there, and may speak."""
    guest = chat.enter()
    chat.perform(guest, Join("dev"))
    assert chat.room("dev").names == ["guest-0001"]
    chat.perform(guest, Say("dev", "hi"))
    chat.perform(guest, Leave("dev"))
    chat.service.end(guest)
    chat.settle()
    assert events(chat) == []
    assert events(chat, "dev") == [Said("dev", "guest-0001", "hi")]


def test_a_guest_who_takes_a_name_has_joined(chat: InMemoryChat) -> None:
    """In each of the rooms; the guest's arrival was not announced."""
    guest = chat.enter()
    chat.perform(guest, Join("dev"))
    assert chat.perform(guest, Rename("ada")) == chat.entries("lobby")[0].id
    assert (events(chat), events(chat, "dev")) == (
        [Joined("lobby", "ada")],
        [Joined("dev", "ada")],
    )


def test_another_name_is_announced_in_every_joined_room(chat: InMemoryChat) -> None:
    """And nowhere else."""
    ada = chat.enter("ada")
    chat.enter("bob")
    chat.perform(ada, Join("dev"))
    chat.perform(ada, Join("ops"))
    chat.perform(ada, Leave("ops"))
    chat.perform(ada, Rename("eve"))
    told = Renamed("lobby", "ada", "eve"), Renamed("dev", "ada", "eve")
    assert (events(chat)[-1], events(chat, "dev")[-1]) == told
    assert events(chat, "ops") == [Joined("ops", "ada"), Left("ops", "ada")]
    assert (chat.room("lobby").names, chat.room("dev").names) == (["bob", "eve"], ["eve"])


def test_joining_twice_is_joining_once(chat: InMemoryChat) -> None:
    """Nothing to announce, and no error."""
    ada = chat.enter("ada")
    assert chat.perform(ada, Join("dev"))
    assert chat.perform(ada, Join("#DEV")) is None
    assert events(chat, "dev") == [Joined("dev", "ada")]


def test_joining_twice_before_the_first_is_stored_is_joining_once(chat: InMemoryChat) -> None:
    """A second click, or a paste."""
    ada = chat.enter("ada")
    chat.store.hold("appends")
    outcomes = [chat.service.perform(ada, Join(name)) for name in ("dev", "DEV", "dev")]
    chat.settle()
    chat.store.release()
    chat.settle()
    assert [result_of(outcome) is None for outcome in outcomes] == [False, True, True]
    assert events(chat, "dev") == [Joined("dev", "ada")]


def test_a_person_who_leaves_may_say_a_parting_word(chat: InMemoryChat) -> None:
    """In that room only."""
    ada = chat.enter("ada")
    chat.perform(ada, Join("dev"))
    chat.perform(ada, Leave("dev", "tea\ntime"))
    assert events(chat, "dev") == [Joined("dev", "ada"), Left("dev", "ada", "tea time")]
    assert (events(chat), list(ada.rooms)) == ([Joined("lobby", "ada")], ["lobby"])
    with pytest.raises(NotInRoom):
        chat.service.perform(ada, Leave("dev"))


def test_a_person_s_commands_take_effect_in_their_order(chat: InMemoryChat) -> None:
    """Given together, while the store takes its time: each finds what those before it have done."""
    ada = chat.enter("ada")
    chat.perform(ada, Join("dev"))
    chat.store.hold("appends")
    outcomes = [
        chat.service.perform(ada, command)
        for command in (
            Leave("dev"),
            Say("dev", "1"),
            Say("dev", "2"),
            Act("dev", "3"),
            Leave("dev"),
            Join("dev"),
            Rename("eve"),
            Say("dev", "4"),
            Leave("dev"),
            Leave("dev"),
            Join("dev"),
        )
    ]
    chat.settle()
    chat.store.release()
    chat.settle()
    assert [refused(outcome) for outcome in outcomes] == [None] * 9 + [NotInRoom, None]
    assert [
        (type(event).__name__, getattr(event, "text", ""), event.sender)  # type: ignore[attr-defined]
        for event in events(chat, "dev")
    ] == [
        ("Joined", "", "ada"),
        ("Left", "", "ada"),
        ("Joined", "", "ada"),
        ("Said", "1", "ada"),
        ("Said", "2", "ada"),
        ("Acted", "3", "ada"),
        ("Left", "", "ada"),
        ("Joined", "", "ada"),
        ("Renamed", "", "ada"),
        ("Said", "4", "eve"),
        ("Left", "", "eve"),
        ("Joined", "", "eve"),
    ]
    assert list(ada.rooms) == ["lobby", "dev"]


def test_the_limit_on_rooms_holds_for_joins_under_way_together(chat: InMemoryChat) -> None:
    """Those that come too many are refused; one that is left makes room for the next."""
    chat = InMemoryChat(rooms_per_session=3)
    ada = chat.enter("ada")
    chat.store.hold("appends")
    commands = [Join("a"), Join("b"), Join("c"), Say("d", "x"), Leave("a"), Join("e")]
    outcomes = [chat.service.perform(ada, command) for command in commands]
    chat.settle()
    chat.store.release()
    chat.settle()
    assert [refused(outcome) for outcome in outcomes] == [
        None,
        None,
        TooManyRooms,
        TooManyRooms,
        None,
        None,
    ]
    assert list(ada.rooms) == ["lobby", "b", "e"]


def test_a_person_who_ends_leaves_every_room(chat: InMemoryChat) -> None:
    """With a parting word; the Deferred of `end` fires when that is shown."""
    ada = chat.enter("ada")
    chat.perform(ada, Join("dev"))
    chat.store.hold("appends")
    ended = chat.service.end(ada, "bye")
    chat.settle()
    assert (ada.ended, ended.called) == (True, False)
    chat.store.release()
    chat.settle()
    assert ended.called
    assert (events(chat)[-1], events(chat, "dev")[-1]) == (
        Left("lobby", "ada", "bye"),
        Left("dev", "ada", "bye"),
    )
    assert (ada.rooms, chat.room("lobby").names) == ({}, [])


@pytest.mark.parametrize(
    "text", ["x" * 5000, "\u200b", "\x01", "\ud800"], ids=["long", "unseen", "control", "surrogate"]
)
def test_a_person_ends_whatever_the_parting_word(chat: InMemoryChat, text: str) -> None:
    """A bad one must not keep the name, nor the place in the rooms."""
    ada = chat.enter("ada")
    chat.service.end(ada, text)
    assert chat.enter("ada")
    assert [type(event) for event in events(chat)] == [Joined, Left, Joined]
    assert chat.room("lobby").names == ["ada"]
    with pytest.raises(TextTooLong):
        chat.service.perform(chat.enter("bob"), Leave("lobby", "x" * 5000))


def test_what_was_said_before_the_end_is_shown_before_it(chat: InMemoryChat) -> None:
    """Though everyone has gone by then: the room is there for it, and the person leaves it."""
    ada = chat.enter("ada")
    said = [chat.service.perform(ada, Say("dev", text)) for text in ("1", "2")]
    ended = chat.service.end(ada)
    chat.settle()
    assert ended.called
    assert [refused(outcome) for outcome in said] == [None, None]
    assert events(chat, "dev") == [
        Joined("dev", "ada"),
        Said("dev", "ada", "1"),
        Said("dev", "ada", "2"),
        Left("dev", "ada"),
    ]
    assert chat.room("dev").names == []


def test_a_departure_that_the_store_cannot_take_is_submitted_again(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name must become free, and a person who has gone must not be listed for ever."""

    ada = chat.enter("ada")
    with monkeypatch.context() as patch:
        patch.setattr(chat.store, "append", lambda units: fail(Unavailable("gone")))
        chat.service.end(ada)
        chat.advance(10)
        assert chat.room("lobby").names == ["ada"]
    chat.advance(2)
    assert chat.room("lobby").names == []
    assert chat.enter("ada")


def test_a_guest_s_silent_room_goes_with_the_guest(chat: InMemoryChat) -> None:
    """Joining and leaving rooms by the thousand leaves nothing behind."""
    before = existing_rooms(chat)
    guest = chat.enter()
    for n in range(50):
        chat.perform(guest, Join(f"room{n}"))
    assert len(existing_rooms(chat)) == len(before) + 51
    chat.service.end(guest)
    chat.settle()
    assert existing_rooms(chat) == before
    assert chat.service.rooms.listings() == []


@pytest.mark.parametrize(
    "action", [Action.ENTER, Action.JOIN, Action.RENAME], ids=lambda action: action.name
)
def test_a_policy_may_forbid_to_enter_to_join_and_to_rename(
    chat: InMemoryChat, action: Action
) -> None:
    """The person is told, and nothing has changed; leaving cannot be forbidden."""
    ada = chat.enter("ada")
    chat.service.readers.policy = DenyIf(lambda who, what, room: what is action)
    outcomes = [
        chat.service.enter("bob"),
        chat.service.perform(ada, Join("dev")),
        chat.service.perform(ada, Rename("eve")),
    ]
    chat.settle()
    place = [Action.ENTER, Action.JOIN, Action.RENAME].index(action)
    assert [refused(outcome) for outcome in outcomes] == [
        NotAllowed if number == place else None for number in range(3)
    ]
    chat.service.end(ada)
    chat.settle()
    assert ada.rooms == {}


def test_no_person_enters_a_server_that_shuts_down(chat: InMemoryChat) -> None:
    """Sessions that end then announce no departure: these people did not choose to leave."""
    ada = chat.enter("ada")
    drained = chat.service.drain()
    with pytest.raises(Unavailable, match="going down"):
        chat.service.enter("bob")
    with pytest.raises(Unavailable, match="going down"):
        chat.service.perform(ada, Leave("lobby"))
    assert drained.called
    assert result_of(chat.service.end(ada)) is None
    chat.settle()
    assert events(chat) == [Joined("lobby", "ada")]
