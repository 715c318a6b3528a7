"""A chat over lines: what is typed or piped in is said, what happens is shown.

1. A line is sent when the one before it is acknowledged, and read when there is nothing to send: a
   writer that is too fast is held up by its pipe.
2. What the server refuses is told, and the next line goes on; what cannot be sent ends it all.
3. At the end of input it leaves, but not before everything said is acknowledged and shown.
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

from ..codecs.lines import COMMANDS, LineDecoder, describe, parse
from ..model.commands import (
    Act,
    Command,
    Join,
    Leave,
    Quit,
    Rename,
    Say,
    SetLiteral,
    SetTopic,
    ShowHelp,
    ShowHistory,
    ShowTopic,
    ShowWho,
    Switch,
    Tell,
)
from ..model.errors import (
    ChatError,
    RateLimited,
    TextTooLong,
    TooLarge,
    Unavailable,
    UnknownCommand,
)
from ..model.events import (
    Acted,
    Joined,
    Left,
    Noticed,
    Renamed,
    Said,
    SentPrivately,
    Told,
    TopicSet,
)
from ..model.text import printable
from .answers import Event
from .chat import ChatClient

LINE_BYTES = 64 * 1024
"""The longest line: what is too long for one message is said in several."""
ECHO_SECONDS = 5.0
"""Seconds that the end waits for the last message to be shown."""
REPLAY = 10
"""Past events that somebody at a terminal is shown first."""

_HERE = ("nick", "who", "me", "msg", "topic", "history", "literal", "help", "quit")
_HAPPENED = Said | Acted | Joined | Left | Renamed | TopicSet | Noticed | Told


class Terminal:
    """One room, as lines.

    With somebody at the terminal (`live`) there are a greeting and the last few events first, and a
    line that starts like a command has to be one; from a pipe, `/usr/bin/ld: …` is said.
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
        """`show` and `complain` write a line each; `literal`: no line is a command."""
        self._client = client
        self._room = room
        self._clock = clock
        self._show = show
        self._complain = complain
        self._live = live
        self._literal = literal
        self._refused = False
        self._said = self._seen = 0
        self._echo: Deferred[None] | None = None

    async def run(self, lines: AsyncIterable[bytes | None]) -> int:
        """Say the lines, and show what happens meanwhile; the exit status."""
        try:
            self._room = await self._client.join(self._room)
            if self._live:
                self._answer(f"you are {self._client.name} in #{self._room}; /help, or ^D to leave")
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
            await self._client.close()
        return int(self._refused)

    async def _read(self) -> None:
        async for event in self._client.events(self._room, latest=REPLAY if self._live else 0):
            self._tell(event)
            self._seen = event.id
            if self._echo and self._seen >= self._said:
                echo, self._echo = self._echo, None
                echo.callback(None)

    async def _send(self, lines: AsyncIterable[bytes | None]) -> None:
        async for line in lines:
            try:
                if not await self._carry_out(self._parse(line)):
                    break
            except (RateLimited, Unavailable):
                raise
            except ChatError as problem:
                self._refused = True
                self._complain(problem.message)
        if self._seen < self._said:
            self._echo = Deferred()
            with suppress(TimeoutError):
                await self._echo.addTimeout(ECHO_SECONDS, self._clock)
        await self._client.close()

    def _parse(self, line: bytes | None) -> Command:
        if line is None:
            raise TextTooLong(f"a line of more than {LINE_BYTES} bytes was not sent")
        text = printable(line.decode(errors="replace"))
        indented = text[:1].isspace() and not self._live  # a program's output
        try:
            return Say("", text) if self._literal or indented else parse(text, self._room)
        except UnknownCommand:
            if self._live:
                raise
            return Say("", text)

    async def _carry_out(self, command: Command) -> bool:
        """Do what a line asks for; whether there may be another one."""
        client, room = self._client, self._room
        match command:
            case Say(text=text):
                await self._say(text)
            case Act(text=text):
                self._said = await client.act(text, room)
            case Tell(to=to, text=text):
                self._said = await client.tell(to, text)
            case Rename(name=name):
                self._answer(f"you are now {await client.rename(name)}")
            case SetTopic(text=text):
                await client.topic(text, room)
            case ShowTopic():
                topic = await client.topic(room=room)
                self._answer(f"the topic of #{room}: {topic}" if topic else f"#{room} has no topic")
            case ShowWho(room=asked):
                names = await client.who(asked)
                self._answer(f"{len(names)} in #{asked.removeprefix('#')}: {', '.join(names)}")
            case ShowHistory(count=count):
                for event in await client.history(room, count):
                    self._tell(event)
                self._answer("end of the history")
            case ShowHelp():
                for name in _HERE:
                    self._answer(f"{COMMANDS[name].form:16} {COMMANDS[name].help}")
            case Quit(text=text):
                if text:
                    await client.leave(room, text)
                return False
            case SetLiteral():
                self._literal = True
            case Join(room=asked) | Switch(room=asked):
                raise UnknownCommand(
                    f"this client is in one room, #{room}; to be in another one, start it again "
                    f"with --room {asked.removeprefix('#')}"
                )
            case Leave():
                raise UnknownCommand("this client is in one room only; /quit leaves")
            case _:
                raise UnknownCommand(
                    "that works in telnet and nc only, not in this client; "
                    "/help lists what works here"
                )
        return True

    async def _say(self, text: str) -> None:
        """Say it, in parts if it is too long for the server."""
        if not text.strip():
            return
        try:
            self._said = await self._client.say(text, self._room)
        except (TextTooLong, TooLarge):
            if len(text) == 1:
                raise
            half = len(text) // 2
            await self._say(text[:half])
            await self._say(text[half:])

    def _answer(self, text: str) -> None:
        self._show(f"== {text}")

    def _tell(self, event: Event) -> None:
        for line in in_lines(event, self._client.name):
            self._show(line)


def in_lines(event: Event, own_name: str) -> Iterator[str]:
    """An event as the line door tells it; one of a type that is newer than this client, not."""
    if event.type == "gap":
        yield ">> events were missed here; /history shows what is left"
    with suppress(msgspec.ValidationError):
        happened = msgspec.convert(msgspec.to_builtins(event), _HAPPENED)
        if isinstance(happened, Told) and happened.sender == own_name:
            happened = SentPrivately(happened.sender, happened.to, happened.text)
        yield from map(printable, describe(happened))


@implementer(IReadDescriptor)
class Input:
    """The lines of a file, read when they are asked for.  None stands for one that was too long.

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
        """There is something to read, or the end."""
        try:
            self._read(os.read(self._file, LINE_BYTES))
        except BlockingIOError:
            pass
        except OSError:  # the terminal is gone
            self._read(b"")

    def connectionLost(self, reason: Failure) -> None:
        """The other end of the pipe is gone."""
        self._read(b"")

    def fileno(self) -> int:
        """What is read."""
        return self._file

    def logPrefix(self) -> str:
        """Who reads."""
        return "input"

    def _read(self, data: bytes) -> None:
        self._reactor.removeReader(self)
        if self._more and not self._more.called:
            self._more.callback(data)
