"""Telnet's option bytes, taken out of a stream of text."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.codecs.telnet import MAX_ANSWERS, MAX_SUBNEGOTIATION, OptionFilter

from .streams import cut, places

IAC, SE, NOP, SB = b"\xff", b"\xf0", b"\xf1", b"\xfa"
WILL, WONT, DO, DONT = b"\xfb", b"\xfc", b"\xfd", b"\xfe"
ECHO, LINEMODE = b"\x01", b"\x22"

Parts = list[tuple[bytes, bytes, bytes]]
"""What comes in, the text in it, and what it is answered with."""


def request(verb: bytes, option: int) -> tuple[bytes, bytes, bytes]:
    refusals = {WILL: DONT, DO: WONT}
    code = bytes([option])
    return IAC + verb + code, b"", IAC + refusals[verb] + code if verb in refusals else b""


def subnegotiation(content: bytes) -> tuple[bytes, bytes, bytes]:
    return IAC + SB + content.replace(IAC, IAC + IAC) + IAC + SE, b"", b""


conversations = st.lists(
    st.one_of(
        st.binary(max_size=20).map(lambda b: b.replace(IAC, b"")).map(lambda t: (t, t, b"")),
        st.builds(request, st.sampled_from([WILL, WONT, DO, DONT]), st.integers(0, 255)),
        st.just((IAC + IAC, IAC, b"")),
        st.integers(0xF1, 0xF9).map(lambda command: (IAC + bytes([command]), b"", b"")),
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
def test_the_text_stays_and_the_requests_are_refused(parts: Parts, at: list[int]) -> None:
    """However the bytes are cut."""
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
def test_any_bytes_are_taken_however_they_are_cut(stream: bytes, at: list[int]) -> None:
    """Nothing is raised, and nothing depends on where TCP cuts."""
    assert filtered(*cut(stream, at)) == filtered(stream)


@given(st.binary().map(lambda data: data.replace(IAC, b"")), places)
def test_text_passes_untouched_and_unanswered(text: bytes, at: list[int]) -> None:
    """A plain netcat sees only text, and UTF-8 holds no 0xFF."""
    assert filtered(*cut(text, at)) == (text, b"")


def test_a_filter_sends_nothing_first() -> None:
    """Only what was asked is answered, and once."""
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
def test_option_bytes_are_taken_out(stream: bytes, text: bytes, answers: bytes) -> None:
    """What a real telnet sends never reaches a message."""
    assert filtered(stream) == (text, answers)


@given(st.lists(st.sampled_from([IAC + DO + ECHO, IAC + WILL + ECHO]), max_size=1000))
def test_whoever_asks_on_and_on_gets_silence(requests: list[bytes]) -> None:
    """Answers are refusals, and bounded."""
    text, answers = filtered(*requests)
    assert text == b""
    assert len(answers) == 3 * min(len(requests), MAX_ANSWERS)
    assert {answers[i : i + 2] for i in range(0, len(answers), 3)} <= {IAC + WONT, IAC + DONT}


def test_thousands_of_option_bytes_leave_the_text_alone() -> None:
    """In one packet or in many."""
    text, answers = filtered(*[(IAC + DO + ECHO) * 5000 + b"hi"] * 3)
    assert text == b"hihihi"
    assert len(answers) == 3 * MAX_ANSWERS


@pytest.mark.parametrize("unit", [b"x", IAC + IAC, IAC + NOP], ids=["bytes", "IACs", "commands"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000, 5000])
def test_a_subnegotiation_may_be_so_long_and_no_longer(unit: bytes, size: int) -> None:
    """However it is cut; what follows is text again, so that nobody is muted for ever."""
    whole = IAC + SB + unit * MAX_SUBNEGOTIATION
    for stream in (whole + IAC + SE + b"hello", whole + unit + b"hello"):
        packets = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert filtered(*packets) == (b"hello", b"")


def test_a_subnegotiation_without_an_end_keeps_no_memory() -> None:
    """Whatever its packets."""
    options = OptionFilter()
    tracemalloc.start()
    for _ in range(30):
        options.feed((IAC + SB) * 100 + b"x" * 65000 + IAC + SB)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 10 * MAX_SUBNEGOTIATION
