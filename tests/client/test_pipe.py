"""`Pipe`: says the lines of an input in few messages, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from chatd.client.pipe import GATHER_SECONDS, MOST_BYTES, MOST_LINES, WAITING_BYTES, Pipe
from chatd.model.errors import BadText, Banned, ChatError, TextTooLong
from chatd.testing import result_of
from chatd.testing.clock import StrictClock


class Room:
    """A room that acknowledges messages when the test says so, or at once."""

    def __init__(self, *, at_once: bool = True, most: int = MOST_BYTES) -> None:
        self.texts: list[str] = []
        self.at_once = at_once
        self.most = most
        self.waiting: deque[Deferred[int]] = deque()
        self.refusal: ChatError | None = None
        self.clock = StrictClock()
        self.pipe = Pipe(self.say, self.clock)
        self.input: deque[str] = deque()
        self.more: Deferred[None] | None = None
        self.ended = False
        self.read = 0
        self.done = Deferred.fromCoroutine(self.pipe.run(self._lines()))
        self.done.addErrback(self._failed)
        self.failure: BaseException | None = None

    def _failed(self, failure) -> None:
        self.failure = failure.value

    def say(self, text: str) -> Deferred[int]:
        said: Deferred[int] = Deferred()
        if self.refusal:
            said.errback(self.refusal)
        elif len(text.encode()) > self.most:
            said.errback(TextTooLong("too long"))
        elif not text.strip("\u200b \n"):
            said.errback(BadText("empty"))
        else:
            self.texts.append(text)
            if self.at_once:
                said.callback(1)
            else:
                self.waiting.append(said)
        return said

    async def _lines(self) -> AsyncIterator[bytes | None]:
        while self.input or not self.ended:
            if not self.input:
                self.more = Deferred()
                await self.more
                continue
            self.read += 1
            line = self.input.popleft()
            yield None if line == "LONG" else line.encode()

    def type(self, *lines: str) -> None:
        self.input.extend(lines)
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        more, self.more = self.more, None
        if more:
            more.callback(None)


def numbered(count: int) -> list[str]:
    return [f"  line {n}" for n in range(count)]


def test_sixty_lines_are_two_messages_without_a_wait() -> None:
    """Leading blanks of lines are kept."""
    room = Room()
    room.type(*numbered(60))
    room.end()
    result_of(room.done)
    assert [text.count("\n") + 1 for text in room.texts] == [50, 10]
    assert "\n".join(room.texts).split("\n") == numbered(60)


def test_lines_that_arrive_one_by_one_are_gathered_for_a_moment() -> None:
    """The delay is short, so that the lines of a slow program appear almost at once."""
    room = Room()
    room.type("one")
    room.type("two")
    assert room.texts == []
    room.clock.advance(GATHER_SECONDS)
    assert room.texts == ["one\ntwo"]
    room.type("three")
    room.clock.advance(GATHER_SECONDS)
    room.end()
    result_of(room.done)
    assert room.texts == ["one\ntwo", "three"]


def test_one_message_is_under_way_at_a_time() -> None:
    """Lines that arrive meanwhile form the next message, so a rate limit makes longer messages."""
    room = Room(at_once=False)
    room.type("one")
    room.clock.advance(GATHER_SECONDS)
    room.type("two", "three")
    room.clock.advance(60)
    assert room.texts == ["one"]
    room.waiting.popleft().callback(1)
    room.end()
    room.clock.advance(GATHER_SECONDS)
    assert room.texts == ["one", "two\nthree"]
    room.waiting.popleft().callback(1)
    result_of(room.done)


def test_a_fast_writer_waits() -> None:
    """Memory holds at most `WAITING_BYTES` and one line (backpressure)."""
    room = Room(at_once=False)
    line = "x" * 1024
    room.type(*[line] * 1000)
    room.clock.advance(GATHER_SECONDS)
    assert room.read <= WAITING_BYTES // 1024 + 2 + MOST_BYTES // 1024
    room.at_once = True
    while room.waiting:
        room.waiting.popleft().callback(1)
    room.end()
    result_of(room.done)
    assert "\n".join(room.texts).split("\n") == [line] * 1000


def test_blank_messages_are_left_out_and_blank_lines_are_not() -> None:
    """The server would refuse a message of blanks only."""
    room = Room()
    room.type("", "  ")
    room.clock.advance(GATHER_SECONDS)
    room.type("\u200b")
    room.clock.advance(GATHER_SECONDS)
    room.type("one", "", "two")
    room.end()
    room.clock.advance(GATHER_SECONDS)
    result_of(room.done)
    assert room.texts == ["one\n\ntwo"]


def test_a_refusal_ends_the_pipe_and_counts_the_unsaid_lines() -> None:
    """A banned person's other lines would be refused, too."""
    room = Room()
    room.refusal = Banned("you are banned")
    room.type(*numbered(40))
    room.clock.advance(GATHER_SECONDS)
    assert isinstance(room.failure, Banned)
    assert room.pipe.unsaid == 40


def test_a_line_that_is_too_long_to_be_read_is_counted() -> None:
    """The other lines are said."""
    room = Room()
    room.type("one", "LONG", "two")
    room.end()
    room.clock.advance(GATHER_SECONDS)
    result_of(room.done)
    assert (room.texts, room.pipe.dropped) == (["one\ntwo"], 1)


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=300)),
    st.integers(4, 500),
)
def test_every_line_is_said_once_and_in_order(lines: list[str], most: int) -> None:
    """For any limit of the server; no message has more lines than a server accepts."""
    room = Room(most=most)
    room.type(*lines)
    room.end()
    room.clock.advance(GATHER_SECONDS)
    result_of(room.done)
    assert all(text.count("\n") < MOST_LINES for text in room.texts)
    visible = [char for line in lines for char in line if not char.isspace() and char != "\u200b"]
    said = [char for text in room.texts for char in text if not char.isspace() and char != "\u200b"]
    assert said == visible


def test_after_a_refused_length_messages_are_shorter() -> None:
    """So the limit is found once, not with each message."""
    room = Room(most=100)
    room.type(*["x" * 40] * 200)
    room.end()
    room.clock.advance(GATHER_SECONDS)
    result_of(room.done)
    assert "\n".join(room.texts).split("\n") == ["x" * 40] * 200
    assert room.pipe._most <= 100


@pytest.mark.parametrize("count", [0, 1])
def test_an_input_that_ends_ends_the_pipe(count: int) -> None:
    """Without lines nothing is said."""
    room = Room()
    room.type(*numbered(count))
    room.end()
    room.clock.advance(GATHER_SECONDS)
    result_of(room.done)
    assert len(room.texts) == count
