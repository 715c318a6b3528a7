"""The terminal client: sends its input lines as messages, and prints events as lines.

1. A line is read and sent when the line before it has been acknowledged.  So the pipe of a fast
   writer fills (backpressure).
2. If the server refuses a line, the client prints the reason and goes on.  If a line cannot be
   sent, the client ends.
3. At the end of the input the client waits until all messages are acknowledged and printed, and
   leaves.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import suppress

import msgspec
from twisted.internet.defer import Deferred, FirstError, TimeoutError, gatherResults
from twisted.internet.interfaces import IReactorFDSet, IReactorTime, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from ..codecs.lines import LineDecoder, describe
from ..model.errors import (
    ChatError,
    RateLimited,
    TextTooLong,
    TooLarge,
    Unavailable,
    UnknownCommand,
)
from ..model.events import (
    AnyRoomEvent,
    RedactedPrivately,
    SentPrivately,
    Told,
)
from ..model.text import printable
from .answers import Event
from .chat import ChatClient
from .commands import COMMANDS

LINE_BYTES = 64 * 1024
"""Bytes in the longest input line; a line that is too long for one message is sent in parts."""
ECHO_SECONDS = 5.0
"""Seconds that the client waits, before it leaves, for its last message to be printed."""
REPLAY = 10
"""Past events that are printed first at a terminal."""

_IN_NO_ROOM = Told | RedactedPrivately
_SWITCHES = ("listed", "outside", "slow")
_RARE = (
    "role",
    "ban",
    "by",
    "until",
    "access",
    "posting",
    "topic",
    "redacted",
    "target",
    *_SWITCHES,
)
"""Fields that few types of events have; where they are empty, they are left out."""


class Terminal:
    """A client in one room, with lines in and out.

    At a terminal (`live`) the client first prints a greeting and the last events, and it refuses
    unknown commands.  From a pipe, a line that starts with an unknown command is a message.
    """

    def __init__(
        self,
        client: ChatClient,
        room: str,
        clock: IReactorTime,
        show: Callable[[str], None],
        complain: Callable[[str], None],
        *,
        live: bool = False,
        literal: bool = False,
    ) -> None:
        """`show` prints a line, `complain` an error; with `literal`, no line is a command."""
        self.client = client
        self.room = room
        self._clock = clock
        self._show = show
        self._complain = complain
        self._live = live
        self.literal = literal
        self.ended = False
        self._refused = False
        self.said = self._seen = 0
        self._echo: Deferred[None] | None = None

    async def run(self, lines: AsyncIterable[bytes | None]) -> int:
        """Send the lines and print events.  Returns the exit status."""
        try:
            self.room = await self.client.join(self.room)
            if self._live:
                self.answer(f"you are {self.client.name} in #{self.room}; /help, or ^D to leave")
            work = [Deferred.fromCoroutine(part) for part in (self._read(), self._send(lines))]
            try:
                await gatherResults(work, consumeErrors=True)
            except FirstError as first:
                first.subFailure.raiseException()
            finally:
                for part in work:
                    part.cancel()
        except ChatError as problem:
            self._complain(problem.message)
            return 1
        finally:
            await self.client.close()
        return int(self._refused)

    async def _read(self) -> None:
        async for event in self.client.events(self.room, latest=REPLAY if self._live else 0):
            self.tell(event)
            self._seen = event.id
            if self._echo and self._seen >= self.said:
                echo, self._echo = self._echo, None
                echo.callback(None)

    async def _send(self, lines: AsyncIterable[bytes | None]) -> None:
        async for line in lines:
            try:
                await self._carry_out(line)
            except (RateLimited, Unavailable):
                raise
            except ChatError as problem:
                self._refused = True
                self._complain(problem.message)
            if self.ended:
                break
        if self._seen < self.said:
            self._echo = Deferred()
            with suppress(TimeoutError):
                await self._echo.addTimeout(ECHO_SECONDS, self._clock)
        await self.client.close()

    async def _carry_out(self, line: bytes | None) -> None:
        """Send a line as a message, or run the command in it."""
        if line is None:
            raise TextTooLong(f"a line of more than {LINE_BYTES} bytes was not sent")
        text = printable(line.decode(errors="replace"))
        indented = text[:1].isspace() and not self._live  # a program's output
        try:
            parsed = text if self.literal or indented else COMMANDS.parse(text)
        except UnknownCommand:
            if self._live:
                raise
            parsed = text
        if isinstance(parsed, str):
            await self._say(parsed)
        else:
            command, words = parsed
            await command.do(self, *words)

    async def _say(self, text: str) -> None:
        """Send a message, in parts if it is too long for the server."""
        if not text.strip():
            return
        try:
            self.said = await self.client.say(text, self.room)
        except (TextTooLong, TooLarge):
            if len(text) == 1:
                raise
            half = len(text) // 2
            await self._say(text[:half])
            await self._say(text[half:])

    def answer(self, text: str) -> None:
        """Show an answer."""
        self._show(f"== {text}")

    def tell(self, event: Event) -> None:
        """Show an event."""
        for line in in_lines(event, self.client.name):
            self._show(line)


def in_lines(event: Event, own_name: str) -> Iterator[str]:
    """The lines of an event, as on the line door; none for a type unknown to this client."""
    if event.type == "gap":
        yield ">> events were missed here; /history shows what is left"
    with suppress(msgspec.ValidationError):
        happened = msgspec.convert(_fields(event), AnyRoomEvent if event.room else _IN_NO_ROOM)
        if isinstance(happened, Told) and happened.sender == own_name:
            happened = SentPrivately(
                happened.sender,
                happened.to,
                happened.text,
                notice=happened.notice,
                redacted=happened.redacted,
            )
        yield from map(printable, describe(happened))


def _fields(event: Event) -> dict[str, object]:
    """The fields of an event, without those that its type does not have."""
    fields: dict[str, object] = msgspec.to_builtins(event)
    own = {name: value for name, value in fields.items() if not (name in _RARE and not value)}
    if event.type == "role":
        own["role"] = event.role
    if event.type == "settings":
        own |= {name: fields[name] for name in _SWITCHES if fields[name] is not None}
    return own


@implementer(IReadDescriptor)
class Input:
    """Reads lines from a file on demand; yields None for a line that is too long.

    `StandardIO` would make the terminal non-blocking for every process that shares it.
    """

    def __init__(self, reactor: IReactorFDSet, file: int) -> None:
        self._reactor = reactor
        self._file = file
        self._decoder = LineDecoder(LINE_BYTES)
        self._lines: deque[bytes | None] = deque()
        self._more: Deferred[bytes] | None = None
        self._ended = False

    def __aiter__(self) -> Input:
        return self

    async def __anext__(self) -> bytes | None:
        while not self._lines:
            if self._ended:
                raise StopAsyncIteration
            self._more = Deferred(lambda _: self._reactor.removeReader(self))
            self._reactor.addReader(self)
            data = await self._more
            self._ended = not data
            self._lines.extend(self._decoder.feed(data) if data else self._decoder.finish())
        return self._lines.popleft()

    def doRead(self) -> None:
        """Read from the file."""
        try:
            self._read(os.read(self._file, LINE_BYTES))
        except BlockingIOError:
            pass
        except OSError:  # the terminal is gone
            self._read(b"")

    def connectionLost(self, reason: Failure) -> None:
        """The writer has closed the pipe."""
        self._read(b"")

    def fileno(self) -> int:
        """The file descriptor."""
        return self._file

    def logPrefix(self) -> str:
        """The prefix of log lines."""
        return "input"

    def _read(self, data: bytes) -> None:
        self._reactor.removeReader(self)
        if self._more and not self._more.called:
            self._more.callback(data)
