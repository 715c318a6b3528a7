"""The input of a line connection: telnet's options out, other protocols recognised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.lineinput import LineInput

IAC, DO, WONT, ECHO = b"\xff", b"\xfd", b"\xfc", b"\x01"


@given(st.lists(st.integers(1, 9), max_size=9))
def test_text_is_unchanged_at_any_packet_boundaries(sizes: list[int]) -> None:
    """A client that sends no telnet command does not count as telnet."""
    input_, data, found = LineInput(), b"hello there\nGET /dev/null\n", b""
    for size in sizes:
        found += input_.feed(data[:size])
        data = data[size:]
    assert found + input_.feed(data) == b"hello there\nGET /dev/null\n"
    assert (input_.problem, input_.telnet) == ("", False)


def test_a_telnet_option_is_refused_and_removed() -> None:
    """It is answered once."""
    input_ = LineInput()
    assert input_.feed(b"he" + IAC + DO + ECHO + b"llo\n") == b"hello\n"
    assert input_.telnet
    assert input_.answers() == IAC + WONT + ECHO
    assert input_.answers() == b""


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"SSH-2.0-x\r\n", b"\x16\x03\x01", b"\0"])
def test_another_protocol_is_reported_and_gives_no_text(data: bytes) -> None:
    """Its later bytes give no text either."""
    input_ = LineInput()
    assert input_.feed(data) == b""
    input_.finish()
    assert input_.problem
    assert input_.feed(b"hello\n") == b""
