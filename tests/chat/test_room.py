"""A room in memory: its members, its settings (`chatd.chat.room`)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.judge import CROWD, crowded
from chatd.chat.room import Room
from chatd.model.events import Said
from chatd.model.names import name_key
from chatd.model.roomstate import RoomState
from chatd.model.units import Change, Expect
from chatd.stream.eventlog import Entry, EventLog


@pytest.fixture
def room() -> Room:
    return Room("lobby", EventLog(10))


def test_the_names_are_in_alphabetical_order(room: Room) -> None:
    """Of people, who do not come before others for their capital letter."""
    for name in ("bob", "Cy", "ada", "Bea"):
        room.set_member(name_key(name), name)
    assert room.names == ["ada", "Bea", "bob", "Cy"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ada", "bea", "straße", "ſ", "s", "z"]),
            st.sampled_from([str.upper, str.lower, str.title, None]),
        )
    )
)
def test_names_and_members_agree(steps) -> None:
    """Whatever names are similar, and whatever members join, leave, or change their spelling."""
    room = Room("lobby", EventLog(10))
    members: dict[str, str] = {}
    for key, spelling in steps:
        name = spelling(key) if spelling else None
        room.set_member(key, name)
        members.pop(key, None)
        if name is not None:
            members[key] = name
        assert room.members == members
        assert room.names == sorted(members.values(), key=str.casefold) or sorted(
            room.names
        ) == sorted(members.values())
        assert [n.casefold() for n in room.names] == sorted(n.casefold() for n in room.names)


@pytest.mark.parametrize(("present", "is_crowd"), [(0, False), (CROWD, False), (CROWD + 1, True)])
def test_a_crowd_is_more_than_a_hundred(room: Room, present: int, is_crowd: bool) -> None:
    """Two hundred joins in a row would bury the messages."""
    for n in range(present):
        room.set_member(f"p{n}", f"p{n}")
    assert CROWD == 100
    assert crowded(room) is is_crowd


def test_the_first_event_of_a_room_creates_it(room: Room) -> None:
    """With the settings of a new room; one that exists has them already."""
    assert [(change.table, change.key) for change in room.founding] == [("rooms", "lobby")]
    assert room.expect == Expect("rooms", "lobby", 0)
    room.set_state(RoomState("tea"), 7)
    assert room.founding == ()
    assert room.expect == Expect("rooms", "lobby", 7)


def test_a_member_is_a_cell_of_the_room(room: Room) -> None:
    """A table of its own, so that a join touches nothing that messages expect."""
    assert room.member("ada", "Ada") == Change("in:lobby", "ada", b"Ada")
    assert room.member("ada", None) == Change("in:lobby", "ada", None)


def test_what_is_deleted_or_erased_is_in_no_stream_either(room: Room) -> None:
    """A reader of the stream that lags behind gets it no more."""
    stream = room.stream
    for log in (room.log, stream.log):
        log.append(Entry(7, Said("lobby", "ada", "secret")))
    deleted = Entry(7, Said("lobby", "ada", "", redacted=True))
    room.redact(deleted)
    assert stream.log.since(0).entries == room.log.since(0).entries == [deleted]
    room.erase()
    assert stream.log.since(0).entries == room.log.since(0).entries == []
