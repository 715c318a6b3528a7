"""A room's settings (`chatd.model.roomstate`)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.roomstate import NEW_ROOM, RoomState, decode_state, encode_state


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_settings_are_read_back_as_they_were_written(topic: str) -> None:
    """Whatever the topic."""
    assert decode_state(encode_state(RoomState(topic))) == RoomState(topic)


def test_a_new_room_has_the_defaults_and_says_nothing_of_them() -> None:
    """So that defaults may change with a later version."""
    assert encode_state(NEW_ROOM) == b"{}"
    assert decode_state(b"{}") == NEW_ROOM
    assert decode_state(b'{"later":[1]}') == NEW_ROOM


@pytest.mark.parametrize("value", [b"", b"[]", b'{"topic":1}'])
def test_invalid_settings_raise_an_error(value: bytes) -> None:
    """One kind of error, that the index can catch."""
    with pytest.raises(msgspec.DecodeError):
        decode_state(value)


def test_another_topic_leaves_the_old_settings_alone() -> None:
    """They are values."""
    state = RoomState("tea")
    assert (state.with_topic("code").topic, state.topic) == ("code", "tea")
