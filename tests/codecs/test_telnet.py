"""Telnet commands and options, filtered out of a stream of text (RFC 854)."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.codecs.telnet import MAX_ANSWERS, MAX_SUBNEGOTIATION, OptionFilter

from ..kit.packets import cut, places

IAC, SE, NOP, SB = b"\xff", b"\xf0", b"\xf1", b"\xfa"
WILL, WONT, DO, DONT = b"\xfb", b"\xfc", b"\xfd", b"\xfe"
ECHO, LINEMODE, SIZE = b"\x01", b"\x22", b"\x1f"

Parts = list[tuple[bytes, bytes, bytes]]
"""Triples of received bytes, the text in them, and the bytes sent in answer."""


def request(verb: bytes, option: int) -> tuple[bytes, bytes, bytes]:
    refusals = {WILL: DONT, DO: WONT}
    code = bytes([option])
    return IAC + verb + code, b"", IAC + refusals[verb] + code if verb in refusals else b""


def subnegotiation(content: bytes) -> tuple[bytes, bytes, bytes]:
    content = content.replace(b"\n", b"").replace(IAC, IAC + IAC)
    return IAC + SB + content + IAC + SE, b"", b""


def command(code: int) -> tuple[bytes, bytes, bytes]:
    return IAC + bytes([code]), {0xF7: b"\b", 0xF8: b"\x15"}.get(code, b""), b""


others = st.integers(0, 255).filter(lambda option: option != SIZE[0])
"""Options other than the size of the window."""
conversations = st.lists(
    st.one_of(
        st.binary(max_size=20).map(lambda b: b.replace(IAC, b"") + b".").map(lambda t: (t, t, b"")),
        st.builds(request, st.sampled_from([WILL, WONT, DO, DONT]), others),
        st.just((IAC + IAC, IAC, b"")),
        st.integers(0xEC, 0xF9).map(command),
        st.builds(subnegotiation, st.binary(max_size=20)),
        st.just(subnegotiation(IAC + SE + IAC)),
    ),
    max_size=20,
)
"""What a telnet client may send: text, requests, escaped 0xFF, commands, subnegotiations."""


def filtered(*packets: bytes) -> tuple[bytes, bytes]:
    options = OptionFilter()
    text, answers = bytearray(), bytearray()
    for packet in packets:
        text += options.feed(packet)
        answers += options.answers()
    return bytes(text), bytes(answers)


@given(conversations, places)
def test_text_is_kept_and_option_requests_are_refused(parts: Parts, at: list[int]) -> None:
    """At any packet boundaries."""
    stream, text, answers = (
        (b"".join(column) for column in zip(*parts, strict=True)) if parts else (b"", b"", b"")
    )
    for packets in ([stream], cut(stream, at), [bytes([byte]) for byte in stream]):
        assert filtered(*packets) == (text, answers)


@given(
    st.lists(st.sampled_from([IAC, SB, SE, WILL, DO, NOP, b"a", b"\0"]), max_size=40).map(b"".join)
    | st.binary(),
    places,
)
@example(IAC + SB + IAC + SE, [])
@example(IAC + b"a" + IAC + b"b", [1, 3])
def test_any_bytes_are_filtered_alike_at_any_packet_boundaries(
    stream: bytes, at: list[int]
) -> None:
    """Nothing is raised."""
    assert filtered(*cut(stream, at)) == filtered(stream)


@given(st.binary().map(lambda data: data.replace(IAC, b"")), places)
def test_plain_text_is_unchanged_and_unanswered(text: bytes, at: list[int]) -> None:
    """A netcat client gets no telnet bytes; UTF-8 never contains 0xFF."""
    assert filtered(*cut(text, at)) == (text, b"")


@pytest.mark.parametrize("code", range(0xEC, 0xFA), ids=hex)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_no_command_byte_reaches_a_message(code: int, size: int) -> None:
    """Neither those of RFC 1184 (EOF, SUSP, ABORT, EOR) nor of RFC 854; the erasing ones erase."""
    stream, text, _ = command(code)
    stream = b"x" + stream + b"y\xff"
    packets = [stream[i : i + size] for i in range(0, len(stream), size)]
    assert filtered(*packets) == (b"x" + text + b"y", b"")


@given(
    st.text("\u00dcber\u65e5\u672c\u00c3\u00cf\u00da\u2703\u201c\U0001f603 abc", max_size=30),
    places,
)
@example("\u00dcber \u65e5\u672c \u00c3 \u00cf \u00da \U0001f603", [])
def test_bytes_that_inetutils_telnet_replaces_are_restored(text: str, at: list[int]) -> None:
    """Debian's telnet 2.4 sends a command and DO TIMING-MARK instead of some bytes of UTF-8."""
    sent = text.encode()
    for byte, mistaken in [(0x83, 0xF4), (0x8F, 0xF5), (0x9A, 0xED), (0x9C, 0xF3)]:
        sent = sent.replace(bytes([byte]), IAC + bytes([mistaken]) + IAC + DO + b"\x06")
    for packets in ([sent], cut(sent, at), [bytes([byte]) for byte in sent]):
        assert filtered(*packets)[0] == text.encode()


def test_an_interrupt_between_characters_is_not_restored_as_a_byte() -> None:
    """The user pressed ^C."""
    assert filtered("Ü".encode() + IAC + b"\xf4" + IAC + DO + b"\x06x")[0] == "Üx".encode()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"hello\r\n", False),
        (b"caf\xe9\xff\xff\n", False),
        (b"hello\r\0", True),
        (IAC + WILL + ECHO, True),
        (IAC + SB + LINEMODE + IAC + SE, True),
        (IAC + NOP, True),
    ],
)
def test_a_telnet_client_is_recognized(sent: bytes, shown: bool) -> None:
    """By any command, or by CR NUL; not by what netcat sends."""
    options = OptionFilter()
    options.feed(sent)
    assert options.telnet == shown


def test_an_unfinished_subnegotiation_ends_with_the_line() -> None:
    """So its client is not muted for a thousand bytes of typing."""
    assert filtered(IAC + SB + LINEMODE + b"x\r\nhello\r\n") == (b"hello\r\n", b"")


def test_the_filter_only_answers_requests_and_once() -> None:
    """It never starts a negotiation."""
    options = OptionFilter()
    assert options.answers() == b""
    options.feed(IAC + DO + ECHO)
    assert [options.answers(), options.answers()] == [IAC + WONT + ECHO, b""]


@pytest.mark.parametrize(
    ("stream", "text", "answers"),
    [
        (IAC + DO + ECHO + b"hi", b"hi", IAC + WONT + ECHO),
        (IAC + WILL + LINEMODE + b"hi", b"hi", IAC + DONT + LINEMODE),
        (IAC + WONT + ECHO + IAC + DONT + ECHO, b"", b""),
        (b"\xff\xf4\xff\xfd\x06", b"", b"\xff\xfc\x06"),
        (b"na\xefve \xff\xff", b"na\xefve \xff", b""),
        (IAC + b"abc", IAC + b"abc", b""),
        (IAC + SB + IAC + SE + b"hi", b"hi", b""),
        (b"h" + IAC + SB + LINEMODE + IAC + NOP + IAC + SE + b"i", b"hi", b""),
        (b"h" + IAC + SB + LINEMODE + IAC + IAC + SE + b"x" + IAC + SE + b"i", b"hi", b""),
    ],
    ids=["DO", "WILL", "refusals", "^C", "0xFF", "Latin-1", "empty SB", "SB with a command", "SB"],
)
def test_option_bytes_are_removed_from_the_text(stream: bytes, text: bytes, answers: bytes) -> None:
    """Cases that real telnet clients send."""
    assert filtered(stream) == (text, answers)


def size(columns: int, lines: int = 24) -> bytes:
    """A subnegotiation with the size of a window."""
    numbers = columns.to_bytes(2) + lines.to_bytes(2)
    return IAC + SB + SIZE + numbers.replace(IAC, IAC + IAC) + IAC + SE


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=5), places)
def test_size_of_a_window_is_asked_for_when_it_is_offered(widths: list[int], at: list[int]) -> None:
    """At any packet boundaries; each change is taken, and a repeated offer is not answered."""
    stream = b"".join([(IAC + WILL + SIZE) * 2, *map(size, widths), b"text"])
    options = OptionFilter()
    text = b"".join(options.feed(packet) for packet in cut(stream, at))
    if b"\r\n" in stream:  # ends a subnegotiation, so that none swallows what follows
        return
    assert (text, options.answers()) == (b"text", IAC + DO + SIZE)
    assert options.columns == widths[-1]


def test_offer_of_the_size_can_be_taken_back() -> None:
    """Only once, and the width is unknown then; it may be offered again."""
    options = OptionFilter()

    def told(data: bytes) -> tuple[int | None, bytes]:
        options.feed(data)
        return options.columns, options.answers()

    assert told(IAC + WONT + SIZE) == (None, b"")
    assert told(IAC + WILL + SIZE + size(80)) == (80, IAC + DO + SIZE)
    assert told((IAC + WONT + SIZE) * 2) == (None, IAC + DONT + SIZE)
    assert told(size(80)) == (None, b"")
    assert told(IAC + WILL + SIZE + size(132)) == (132, IAC + DO + SIZE)


@pytest.mark.parametrize(
    "bad",
    [
        IAC + SB + SIZE + IAC + SE,
        IAC + SB + SIZE + b"\0\x28\0" + IAC + SE,
        IAC + SB + SIZE + b"\0\x28\0\x18\0" + IAC + SE,
        IAC + SB + SIZE + b"\0\x28\0" + IAC + b"\x18" + IAC + SE,
        IAC + SB + b"\x18" + b"\0\x28\0\x18" + IAC + SE,
        IAC + SB + SIZE + b"\0\x28\0\x18\r\n",
    ],
    ids=["empty", "short", "long", "half-escaped", "another-option", "unfinished"],
)
def test_bad_size_is_ignored(bad: bytes) -> None:
    """The width stays what it was."""
    options = OptionFilter()
    options.feed(IAC + WILL + SIZE + size(80))
    assert options.feed(bad + b"hi") == b"hi"
    assert options.columns == 80


@given(st.lists(st.sampled_from([IAC + DO + ECHO, IAC + WILL + ECHO]), max_size=1000))
def test_the_number_of_option_answers_is_bounded(requests: list[bytes]) -> None:
    """At most `MAX_ANSWERS`, all of them refusals."""
    text, answers = filtered(*requests)
    assert text == b""
    assert len(answers) == 3 * min(len(requests), MAX_ANSWERS)
    assert {answers[i : i + 2] for i in range(0, len(answers), 3)} <= {IAC + WONT, IAC + DONT}


def test_thousands_of_option_requests_do_not_affect_the_text() -> None:
    """In several packets."""
    text, answers = filtered(*[(IAC + DO + ECHO) * 5000 + b"hi"] * 3)
    assert text == b"hihihi"
    assert len(answers) == 3 * MAX_ANSWERS


@pytest.mark.parametrize("unit", [b"x", IAC + IAC, IAC + NOP], ids=["bytes", "IACs", "commands"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000, 5000])
def test_the_length_of_a_subnegotiation_is_bounded(unit: bytes, size: int) -> None:
    """At any packet boundaries; what follows is text again, so no client is muted for ever."""
    whole = IAC + SB + unit * MAX_SUBNEGOTIATION
    for stream in (whole + IAC + SE + b"hello", whole + unit + b"hello"):
        packets = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert filtered(*packets) == (b"hello", b"")


def test_an_unfinished_subnegotiation_takes_bounded_memory() -> None:
    """Whatever its packets."""
    options = OptionFilter()
    tracemalloc.start()
    for _ in range(30):
        options.feed((IAC + SB) * 100 + b"x" * 65000 + IAC + SB)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 10 * MAX_SUBNEGOTIATION
