"""`Pipe`: says the lines of an input in order, in few messages of many lines.

1. Lines that arrive within `GATHER_SECONDS`, or while a message is under way, form the next
   message: at most `MOST_LINES` lines and `MOST_BYTES` bytes.  So a build of sixty lines becomes
   two messages, and a rate limit makes messages longer before it delays them.
2. One message is under way at a time, and is repeated with the same idempotency key until the
   server acknowledges it.  So the order is kept, and nothing is said twice.
3. When `WAITING_BYTES` are queued, the input is not read further (backpressure).
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime

from ..model.errors import BadText, TextTooLong, TooLarge
from ..model.text import MAX_LINE_BREAKS

MOST_LINES = MAX_LINE_BREAKS
"""Lines in one message."""
MOST_BYTES = 4096
"""Bytes in one message: the default limit of servers.  After a refusal a `Pipe` sends less."""
GATHER_SECONDS = 0.1
"""Seconds to wait for more lines before a message that is not full is sent."""
WAITING_BYTES = 256 * 1024
"""Bytes in memory above which the input is paused."""


class Pipe:
    """Says lines; see the module."""

    def __init__(self, say: Callable[[str], Awaitable[object]], clock: IReactorTime) -> None:
        self._say = say
        self._clock = clock
        self._lines: deque[str] = deque()
        self._size = 0
        """Bytes of the queued lines."""
        self._most = MOST_BYTES
        self._ended = False
        self._arrived: Deferred[None] | None = None
        self._gathered: Deferred[None] | None = None
        self._taken: Deferred[None] | None = None
        self.dropped = 0
        """Lines that were too long to be read."""
        self.unsaid = 0
        """Lines that were read but not said, if `run` has failed."""

    async def run(self, lines: AsyncIterable[bytes | None]) -> None:
        """Say all lines.  Raises the first `ChatError` with which a message is refused."""
        work = [Deferred.fromCoroutine(part) for part in (self._read(lines), self._send())]
        try:
            await gatherResults(work, consumeErrors=True)
        except FirstError as first:
            first.subFailure.raiseException()
        finally:
            for part in work:
                part.cancel()

    async def _read(self, lines: AsyncIterable[bytes | None]) -> None:
        async for line in lines:
            if line is None:
                self.dropped += 1
                continue
            self._lines.append(line.decode(errors="replace"))
            self._size += len(line) + 1
            self._wake(full=len(self._lines) >= MOST_LINES or self._size >= self._most)
            if self._size >= WAITING_BYTES:
                self._taken = Deferred()
                await self._taken
        self._ended = True
        self._wake(full=True)

    def _wake(self, *, full: bool) -> None:
        """Resume `_send`, because a line has arrived; with `full`, enough for a whole message."""
        arrived, self._arrived = self._arrived, None
        if arrived:
            arrived.callback(None)
        gathered, self._gathered = self._gathered, None
        if gathered and full:
            gathered.callback(None)
        else:
            self._gathered = gathered

    async def _send(self) -> None:
        while self._lines or not self._ended:
            if not self._lines:
                self._arrived = Deferred()
                await self._arrived
                continue
            if not (self._ended or len(self._lines) >= MOST_LINES or self._size >= self._most):
                await self._gather()
            batch = self._take()
            self.unsaid = len(batch) + len(self._lines)
            await self._say_lines(batch)
            self.unsaid = 0

    async def _gather(self) -> None:
        """Wait for enough lines for a whole message, but at most `GATHER_SECONDS`."""
        gathered: Deferred[None] = Deferred()
        self._gathered = gathered
        timer = self._clock.callLater(GATHER_SECONDS, gathered.callback, None)
        try:
            await gathered
        finally:
            self._gathered = None
            if timer.active():
                timer.cancel()

    def _take(self) -> list[str]:
        """The lines of the next message."""
        batch: list[str] = []
        size = 0
        while self._lines and len(batch) < MOST_LINES:
            more = len(self._lines[0].encode(errors="replace")) + 1
            if batch and size + more > self._most:
                break
            batch.append(self._lines.popleft())
            size += more
        self._size = max(0, self._size - size) if self._lines else 0
        taken, self._taken = self._taken, None
        if taken:
            taken.callback(None)
        return batch

    async def _say_lines(self, lines: list[str]) -> None:
        """Say lines as one message, or as several if the server refuses it as too long."""
        text = "\n".join(lines)
        if not text.strip():
            return
        try:
            await self._say(text)
        except BadText:  # nothing in it is visible
            return
        except (TextTooLong, TooLarge):
            self._most = max(1, min(self._most, len(text.encode(errors="replace")) // 2))
            if len(text) == 1:
                raise
            for part in _halves(lines):
                await self._say_lines(part)


def _halves(lines: list[str]) -> tuple[list[str], list[str]]:
    if len(lines) > 1:
        return lines[: len(lines) // 2], lines[len(lines) // 2 :]
    half = len(lines[0]) // 2
    return [lines[0][:half]], [lines[0][half:]]
