"""The line protocol: events as lines, and bytes decoded into lines."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.lines import (
    CURRENT,
    ELSEWHERE,
    PLAIN,
    PLAIN_ROOMS,
    LineDecoder,
    answer,
    describe,
    refusal,
)
from chatd.model.errors import Malformed
from chatd.model.events import (
    Acted,
    Event,
    Joined,
    Left,
    Noticed,
    Renamed,
    Said,
    SentPrivately,
    Told,
    TopicSet,
)
from chatd.stream.batch import Gap
from chatd.stream.eventlog import Entry

from ..kit.packets import cut, places

# -- events as lines -------------------------------------------------------------------------------

LINES: list[tuple[Event, list[str]]] = [
    (Said("dev", "ada", "hello"), ["<ada> hello"]),
    (Said("dev", "ada", "one\n\n three"), ["<ada> one", "<ada> ", "<ada>  three"]),
    (Acted("dev", "ada", "waves"), ["* ada waves"]),
    (Acted("dev", "ada", "waves\nand goes"), ["* ada waves", "* ada and goes"]),
    (Joined("dev", "ada"), ["-- ada joined #dev"]),
    (Left("dev", "ada"), ["-- ada left #dev"]),
    (Left("dev", "ada", "bye"), ["-- ada left #dev (bye)"]),
    (Renamed("dev", "ada", "eve"), ["-- ada is now eve"]),
    (TopicSet("dev", "ada", "tea"), ["-- ada set the topic: tea"]),
    (TopicSet("dev", "ada", ""), ["-- ada cleared the topic"]),
    (Noticed("dev", "3 joined, 1 left"), ["-- 3 joined, 1 left"]),
]
PRIVATE: list[tuple[Event, list[str]]] = [
    (Told("ada", "bob", "psst"), ["[ada] psst"]),
    (Told("ada", "bob", "psst\nyou"), ["[ada] psst", "[ada] you"]),
    (SentPrivately("ada", "bob", "psst\nyou"), ["[to bob] psst", "[to bob] you"]),
]


def joined(lines: list[str], lead: str = "", end: str = "\r\n") -> bytes:
    return "".join(f"{lead}{line}{end}" for line in lines).encode()


@pytest.mark.parametrize(
    ("event", "lines"), LINES + PRIVATE, ids=lambda value: type(value).__name__
)
def test_the_start_of_a_line_shows_the_type_of_its_event(event: Event, lines: list[str]) -> None:
    """Each line of a text begins with its sender."""
    entry = Entry(1, event)
    assert CURRENT.encode(entry) == joined(lines)
    assert PLAIN.encode(entry) == joined(lines, end="\n")


@pytest.mark.parametrize(("event", "lines"), LINES, ids=lambda value: type(value).__name__)
def test_each_line_of_another_room_begins_with_the_room(event: Event, lines: list[str]) -> None:
    """A client in several rooms sees the room of each event."""
    entry = Entry(1, event)
    assert ELSEWHERE.encode(entry) == joined(lines, "#dev ")
    assert PLAIN_ROOMS.encode(entry) == joined(lines, "#dev ", "\n")


@pytest.mark.parametrize(("event", "lines"), PRIVATE, ids=lambda value: type(value).__name__)
def test_a_private_message_has_no_room_prefix(event: Event, lines: list[str]) -> None:
    """It belongs to no room."""
    assert ELSEWHERE.encode(Entry(1, event)) == joined(lines)


@pytest.mark.parametrize(
    ("gap", "line"),
    [
        (
            Gap("dev", 40),
            ">> 40 events were missed here; /history 40 shows what is left",
        ),
        (Gap("dev", None), ">> events were missed here; /history shows what is left"),
    ],
    ids=["measured", "unknown"],
)
def test_a_gap_line_has_the_count_and_a_hint_to_history(gap: Gap, line: str) -> None:
    """The count only if the server knows it, and the room if it is not the current one."""
    assert CURRENT.gap(gap) == joined([line])
    assert ELSEWHERE.gap(gap) == joined([line], "#dev ")
    assert PLAIN.gap(gap) == joined([line], end="\n")


def test_a_gap_in_private_messages_has_no_room_prefix() -> None:
    """Their source has no name."""
    assert ELSEWHERE.gap(Gap("", 2)).startswith(b">> 2 events")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), min_size=1))
def test_no_text_can_forge_another_kind_of_line(text: str) -> None:
    """Every line of the text begins with the prefix of its sender."""
    told = Said("dev", "ada", text), Acted("dev", "ada", text), Told("ada", "bob", text)
    for event, lead in zip(told, ("<ada> ", "* ada ", "[ada] "), strict=True):
        assert all(line.startswith(lead) for line in describe(event))
        assert len(list(describe(event))) == text.count("\n") + 1


def test_a_batch_is_the_concatenation_of_its_lines() -> None:
    """Nothing stands between or around them."""
    assert CURRENT.join([b"<ada> hi\r\n", b"* ada waves\r\n"]) == b"<ada> hi\r\n* ada waves\r\n"


def test_line_codecs_have_different_names() -> None:
    """An entry caches its bytes by the codec's name."""
    assert len({codec.name for codec in (CURRENT, ELSEWHERE, PLAIN, PLAIN_ROOMS)}) == 4


def test_answers_and_errors_have_their_own_prefixes() -> None:
    """No message of a user begins with them."""
    assert answer("3 here: ada, bob, cy") == b"== 3 here: ada, bob, cy\r\n"
    assert refusal(Malformed("no such é")) == "!! no such é\r\n".encode()


# -- bytes decoded into lines ----------------------------------------------------------------------

LIMIT = 20
streams = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r\0", b"\r", b"\0", b"a", b"hello", b"\xff", b"x" * 21])
    | st.binary(max_size=30)
).map(b"".join)


def lines_of(*parts: bytes, limit: int = LIMIT) -> list[bytes | None]:
    decoder = LineDecoder(limit)
    return [line for part in parts for line in decoder.feed(part)] + decoder.finish()


@given(streams, places)
def test_decoded_lines_do_not_depend_on_packet_boundaries(stream: bytes, at: list[int]) -> None:
    """TCP may split the bytes anywhere."""
    whole = lines_of(stream)
    assert lines_of(*cut(stream, at)) == whole
    assert lines_of(*(bytes([byte]) for byte in stream)) == whole


@given(streams)
def test_lines_are_the_bytes_between_line_ends(stream: bytes) -> None:
    """NULs before a line and empty lines are dropped; an overlong line is None."""
    lines = [line.lstrip(b"\0") for line in stream.replace(b"\r", b"\n").split(b"\n")]
    assert lines_of(stream) == [line if len(line) <= LIMIT else None for line in lines if line]


@pytest.mark.parametrize(
    "end", [b"\n", b"\r\n", b"\r\0", b"\r"], ids=["LF", "CRLF", "CR NUL", "CR"]
)
def test_every_line_end_ends_a_line_at_once(end: bytes) -> None:
    """Without waiting for a byte that may never come."""
    decoder = LineDecoder(LIMIT)
    for word in (b"one", b"two"):
        assert decoder.feed(word + end) == [word]
    assert decoder.finish() == []


def test_the_last_line_needs_no_line_end() -> None:
    """The end of the stream ends it."""
    decoder = LineDecoder(LIMIT)
    assert decoder.feed(b"hello\nbye") == [b"hello"]
    assert decoder.finish() == [b"bye"]
    assert decoder.finish() == []


def test_an_overlong_line_does_not_affect_its_neighbours() -> None:
    """It is one None, whatever its length."""
    assert lines_of(b"a\n", b"x" * 21, b"x" * 1000, b"\r\nb\n") == [b"a", None, b"b"]
    assert lines_of(b"x" * LIMIT + b"\n") == [b"x" * LIMIT]
    assert lines_of(b"x" * 21) == [None]


def test_an_endless_line_takes_bounded_memory() -> None:
    """The decoder holds at most a few packets."""
    decoder, packet = LineDecoder(4352), b"x" * 65536
    tracemalloc.start()
    for _ in range(100):
        assert decoder.feed(packet) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(packet)
    assert decoder.feed(b"\nhello\n") == [None, b"hello"]
