"""What a client of the line door sees, above all in telnet: options, wrapped lines."""

from __future__ import annotations

import pytest

from ...kit.terminal import Terminal

IAC, DONT, DO, WONT, WILL, SB, SE = b"\xff", b"\xfe", b"\xfd", b"\xfc", b"\xfb", b"\xfa", b"\xf0"
ECHO, SIZE = b"\x01", b"\x1f"
LONG = "one two three four five six seven eight"


def size(columns: int) -> bytes:
    """What a telnet client tells of its window."""
    return IAC + SB + SIZE + columns.to_bytes(2) + b"\0\x18" + IAC + SE


def test_client_that_sends_only_text_gets_no_telnet_options(ada: Terminal, bob: Terminal) -> None:
    """The server never begins a negotiation."""
    ada.wire.send(b"caf\xc3\xa9\n")
    ada.chat.settle()
    assert IAC not in ada.wire.received()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (IAC + DO + ECHO, IAC + WONT + ECHO),
        (IAC + WILL + ECHO, IAC + DONT + ECHO),
        (IAC + WONT + ECHO, b""),
        (IAC + DONT + ECHO, b""),
        (IAC + SB + b"\x18\x00xterm" + IAC + SE, b""),
        (IAC + SB + b"\x1f\x00\xff\xff\x00\n" + IAC + SE, b""),
        (IAC + b"\xf4" + IAC + DO + b"\x06", IAC + WONT + b"\x06"),
        (IAC + b"\xf1", b""),
    ],
    ids=["do", "will", "wont", "dont", "terminal-type", "window-size", "ctrl-c", "nop"],
)
@pytest.mark.parametrize("size", [0, 1])
def test_telnet_options_are_declined_and_never_reach_a_message(
    ada: Terminal, sent: bytes, answered: bytes, size: int
) -> None:
    """Even if packets cut them."""
    data = b"he" + sent + b"llo\r\n"
    ada.wire.send(*([data[i : i + size] for i in range(0, len(data), size)] if size else [data]))
    ada.chat.settle()
    assert ada.wire.received() == answered + b"<ada> hello\r\n"


def test_lines_are_wrapped_for_a_client_that_tells_its_width(ada: Terminal, bob: Terminal) -> None:
    """Events and answers, from when it tells; a change counts at once; others see no difference."""
    ada.wire.send(IAC + WILL + SIZE)
    assert ada.wire.received() == IAC + DO + SIZE
    assert bob.type(LONG) == [f"<bob> {LONG}"]
    assert ada.heard() == [f"<bob> {LONG}"]
    ada.wire.send(size(20))
    bob.type(LONG)
    assert ada.heard() == ["<bob> one two three", "  four five six", "  seven eight"]
    assert ada.type("/help who")[1:] == ["  is in a room, or", "  in the current one"]
    ada.wire.send(size(40))
    assert ada.type(LONG) == ["<ada> one two three four five six seven", "  eight"]
    assert bob.heard() == [f"<ada> {LONG}"]
    ada.wire.send(IAC + WONT + SIZE)
    assert ada.wire.received() == IAC + DONT + SIZE
    assert ada.type(LONG) == [f"<ada> {LONG}"]


def test_width_counts_for_the_readers_of_later_commands(ada: Terminal, bob: Terminal) -> None:
    """`/time` and another session replace the reader of a connection."""
    ada.wire.send(IAC + WILL + SIZE + size(20))
    ada.chat.settle()
    assert ada.wire.received() == IAC + DO + SIZE
    for command in ("/time on", "/time off", "/register correct horse", "/logout"):
        ada.type(command)
        bob.type(LONG)
        lines = ada.heard()
        assert len(lines) >= 3
        assert max(map(len, lines)) <= 20


def test_client_that_offers_no_width_keeps_direct_writes(ada: Terminal, bob: Terminal) -> None:
    """Wrapping costs only those who asked: the others get the shared bytes, unchanged."""
    ada.wire.send(IAC + WILL + b"\x18" + size(20))  # another option; a size that nobody asked for
    assert ada.wire.received() == IAC + DONT + b"\x18"
    assert bob.type(LONG) == [f"<bob> {LONG}"]
    assert ada.heard() == [f"<bob> {LONG}"]


def test_answers_to_telnet_options_are_bounded(ada: Terminal) -> None:
    """A flood of options gets a bounded number of answers; the connection stays open."""
    for _ in range(100):
        ada.wire.send((IAC + DO + ECHO) * 1000)
    assert len(ada.wire.received()) < 10_000
    assert ada.type("hello") == ["<ada> hello"]
