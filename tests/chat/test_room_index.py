"""Which rooms exist (`chatd.chat.room_index`)."""

from __future__ import annotations

import pytest

from chatd.chat.room_index import UNKNOWN, RoomIndex
from chatd.model.roomstate import CLOSED, RoomState, encode_state
from chatd.model.units import ROOMS, Cell, Change, Expect, Unit
from chatd.store import RoomSummary

NEW = encode_state(RoomState())
TEA = encode_state(RoomState("tea"))


@pytest.fixture
def index() -> RoomIndex:
    made = RoomIndex()
    made.opened({"dev": RoomSummary(3, 9)}, {"dev": Cell(3, NEW), "ops": Cell(5, TEA)})
    return made


def test_a_room_is_known_by_its_cell(index: RoomIndex) -> None:
    """With its settings and their version, also if none of its events is kept."""
    assert list(index) == ["dev", "ops"]
    assert len(index) == 2
    assert (index.known("ops").version, index.known("ops").state.topic) == (5, "tea")
    assert index.known("nowhere") == UNKNOWN
    assert (index.ends("dev"), index.ends("ops")) == (RoomSummary(3, 9), None)


def test_events_and_settings_are_followed(index: RoomIndex) -> None:
    """As they are shown."""
    assert index.appended("ops", 11)
    assert not index.appended("dev", 12)
    assert (index.ends("ops"), index.ends("dev")) == (RoomSummary(11, 11), RoomSummary(3, 12))
    index.changed(Change(ROOMS, "dev", TEA), 13)
    assert index.known("dev") == (13, RoomState("tea"))
    assert index.changed(Change(ROOMS, "ops", None), 14) == UNKNOWN
    assert index.known("ops") == UNKNOWN


def test_a_room_with_an_event_exists_though_it_has_no_cell(index: RoomIndex) -> None:
    """As one whose cell went with its last event while another one was on its way."""
    index.appended("new", 11)
    assert "new" in index
    assert list(index) == ["dev", "ops", "new"]
    assert len(index) == 3


def test_a_room_without_settings_is_removed_with_its_last_event(index: RoomIndex) -> None:
    """By a unit that expects it to be unchanged; a room with settings stays."""
    assert index.judge_removal("dev") == Unit()
    index.forgotten({"dev": 9})
    assert index.ends("dev") == RoomSummary(9, 9)
    index.forgotten({"dev": None, "ops": None, "nowhere": None})
    assert index.judge_removal("dev") == Unit(
        changes=(Change(ROOMS, "dev", None),), expects=(Expect(ROOMS, "dev", 3),)
    )
    assert index.judge_removal("ops") == index.judge_removal("nowhere") == Unit()
    index.appended("dev", 20)
    assert index.judge_removal("dev") == Unit()


def test_settings_that_cannot_be_decoded_close_the_room(
    index: RoomIndex, logged_errors: list[str]
) -> None:
    """A broken file takes no room away and opens none, and the operator is told."""
    index.changed(Change(ROOMS, "dev", b"?"), 20)
    assert index.known("dev") == (20, CLOSED)
    assert "cannot be decoded" in logged_errors.pop()


def test_settings_of_a_later_version_are_read_as_far_as_they_are_known(index: RoomIndex) -> None:
    """Unknown ones are left alone."""
    index.changed(Change(ROOMS, "dev", b'{"topic":"x","posting":"members"}'), 20)
    assert index.known("dev").state.topic == "x"
