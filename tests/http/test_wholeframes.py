"""The short way for whole frames, which is compared with `wsproto`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import Event, Pong, TextMessage

from chatd.http import wsprotocol
from chatd.http.wholeframes import is_whole_pong, whole_text

from ..kit.echo import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, EchoWebSocket, Frame, frame
from ..kit.packets import cut, places

SIZES = [0, 1, 3, 4, 5, 124, 125, 126, 127, 300, 65535, 65536]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def parsed(data: bytes) -> list[Event]:
    """What `wsproto` makes of these bytes."""
    connection = Connection(ConnectionType.SERVER)
    connection.receive_data(data)
    return list(connection.events())


frames = st.builds(
    frame,
    st.sampled_from([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG, 3]),
    texts.map(str.encode) | st.binary(max_size=200),
    final=st.booleans(),
    reserved=st.sampled_from([0, 0, 0, 4]),
    masked=st.sampled_from([True, True, False]),
    size=st.none() | st.integers(0, 200),
    width=st.sampled_from([0, 0, 16, 64]),
)


@given(st.one_of(frames, st.builds(bytes.__add__, frames, frames), st.binary(min_size=1)))
def test_what_is_recognised_is_what_wsproto_parses(data: bytes) -> None:
    """One whole message, or one pong; nothing else is recognised."""
    text, pong = whole_text(data), is_whole_pong(data)
    if text is not None:
        (event,) = parsed(data)
        assert isinstance(event, TextMessage)
        assert (event.data, event.frame_finished, event.message_finished) == (text, True, True)
    if pong:
        (event,) = parsed(data)
        assert isinstance(event, Pong)


@pytest.mark.parametrize("size", SIZES)
def test_texts_of_every_length_up_to_two_bytes_are_recognised(size: int) -> None:
    """Longer ones come in several packets anyway."""
    text = "x" * size
    assert whole_text(frame(TEXT, text.encode())) == (text if size < 65536 else None)


@given(texts, st.binary(max_size=125))
def test_whole_texts_and_pongs_are_recognised(text: str, payload: bytes) -> None:
    """And not their beginnings, nor anything behind them."""
    said, pong = frame(TEXT, text.encode()), frame(PONG, payload)
    assert whole_text(said) == text
    assert is_whole_pong(pong)
    for other in (said[:-1], said[:1], said + b"\x81", pong, pong[:-1], pong[:1], pong + pong):
        assert whole_text(other) is None
    for other in (pong[:-1], pong[:1], pong + pong, said):
        assert not is_whole_pong(other)


@pytest.mark.parametrize("second", range(256))
def test_no_second_byte_confuses_the_length(second: int) -> None:
    """Frames without a mask, too, which are refused."""
    for size in range(20):
        data = bytes([0x81, second]) + b"x" * size
        whole = second >= 0x80 and size == second - 0x80 + 4
        assert (whole_text(data) is not None) == whole
        assert is_whole_pong(b"\x8a" + data[1:]) == whole


@given(st.lists(frames, max_size=6), places)
def test_a_websocket_answers_as_if_wsproto_parsed_everything(
    sent: list[bytes], at: list[int]
) -> None:
    """Whatever frames come, in whatever packets."""
    data = b"".join(sent)
    packets = [packet for packet in cut(data, at) if packet]

    def answers() -> tuple[list[Frame], bool]:
        peer = EchoWebSocket()
        return peer.frames(peer.talk(*packets)), peer.closed

    short = answers()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wsprotocol, "whole_text", lambda data: None)
        patched.setattr(wsprotocol, "is_whole_pong", lambda data: False)
        assert answers() == short
