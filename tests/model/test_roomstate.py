"""A room's settings (`chatd.model.roomstate`)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.roomstate import NEW_ROOM, RoomState, decode_state, encode_state


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_settings_survive_encoding_and_decoding(topic: str) -> None:
    """With any topic."""
    assert decode_state(encode_state(RoomState(topic))) == RoomState(topic)


def test_default_settings_are_not_encoded() -> None:
    """So a later version may change the defaults; unknown fields are ignored."""
    assert encode_state(NEW_ROOM) == b"{}"
    assert decode_state(b"{}") == NEW_ROOM
    assert decode_state(b'{"later":[1]}') == NEW_ROOM


@pytest.mark.parametrize("value", [b"", b"[]", b'{"topic":1}'])
def test_invalid_settings_raise_decode_error(value: bytes) -> None:
    """The index of rooms catches this one exception type."""
    with pytest.raises(msgspec.DecodeError):
        decode_state(value)


def test_with_topic_returns_a_copy() -> None:
    """Settings are immutable values."""
    state = RoomState("tea")
    assert (state.with_topic("code").topic, state.topic) == ("code", "tea")
