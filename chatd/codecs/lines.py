"""The line protocol: events as lines of text, bytes as lines.

The start of a line tells a client what it is: `<ada> ` a message, `* ` an action, `-- ` any other
event, `== ` an answer, `!! ` an error, `>> ` a gap, `[` a private message; `#dev ` before any of
them: another room than the current one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..model.errors import ChatError
from ..model.events import (
    Acted,
    Event,
    Joined,
    Left,
    Moderated,
    Noticed,
    RedactedPrivately,
    Renamed,
    RoomEvent,
    Said,
    Told,
    TopicSet,
)
from ..stream.batch import Gap
from ..stream.eventlog import Entry
from .moderated import privately, told

MAX_HISTORY = 500
"""Events that one `/history` shows."""


@dataclass(frozen=True)
class LinesCodec:
    """Events as lines.

    With `elsewhere`, the room's name comes before each line, as for a room that is not the current
    one.  `end` ends each line.
    """

    name: str
    elsewhere: bool = False
    end: str = "\r\n"

    def encode(self, entry: Entry) -> bytes:
        """One event, as one line or several."""
        event = entry.event
        lead = f"#{event.room} " if self.elsewhere and isinstance(event, RoomEvent) else ""
        return "".join(f"{lead}{line}{self.end}" for line in describe(event)).encode()

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The lines, one after another."""
        return b"".join(chunks)

    def gap(self, gap: Gap) -> bytes:
        """The line that tells of a gap."""
        lead = f"#{gap.source} " if self.elsewhere and gap.source else ""
        if gap.missed is None:
            told = "events were missed here; /history shows what is left"
        else:
            most = min(gap.missed, MAX_HISTORY)
            told = f"{gap.missed} events were missed here; /history {most} shows what is left"
        return f"{lead}>> {told}{self.end}".encode()


CURRENT = LinesCodec("lines")
"""The current room, to a line connection."""
ELSEWHERE = LinesCodec("lines-elsewhere", elsewhere=True)
"""Another joined room, to a line connection."""
PLAIN = LinesCodec("plain", end="\n")
"""One room, as text/plain over HTTP."""
PLAIN_ROOMS = LinesCodec("plain-rooms", elsewhere=True, end="\n")
"""Several rooms, as text/plain over HTTP."""


def describe(event: Event) -> Iterator[str]:
    """An event in words: the lines, without their ends."""
    match event:
        case Said(sender=sender, redacted=True) | Acted(sender=sender, redacted=True):
            yield f"-- a message of {sender} was deleted"
        case Said(sender=sender, text=text):
            yield from (f"<{sender}> {line}" for line in text.split("\n"))
        case Acted(sender=sender, text=text):
            yield from (f"* {sender} {line}" for line in text.split("\n"))
        case Told(sender=sender, to=to, redacted=True, sent=sent):
            whose = f"to {to}" if sent else f"of {sender}"
            yield f"-- a private message {whose} was deleted"
        case Told(sender=sender, to=to, text=text, sent=sent):
            lead = f"[to {to}]" if sent else f"[{sender}]"
            yield from (f"{lead} {line}" for line in text.split("\n"))
        case Joined(room=room, sender=sender):
            yield f"-- {sender} joined #{room}"
        case Left(room=room, sender=sender, text=text):
            yield f"-- {sender} left #{room}" + (f" ({text})" if text else "")
        case Renamed(sender=sender, to=to):
            yield f"-- {sender} is now {to}"
        case TopicSet(sender=sender, text=text):
            yield f"-- {sender} set the topic: {text}" if text else f"-- {sender} cleared the topic"
        case Noticed(text=text):
            yield f"-- {text}"
        case Moderated():
            yield f"-- {told(event)}"
        case RedactedPrivately():
            yield f"-- {privately(event)}"
        case _:
            raise TypeError(f"an event that lines cannot tell: {event!r}")


def answer(text: str) -> bytes:
    """An answer to a command."""
    return f"== {text}\r\n".encode()


def refusal(error: ChatError) -> bytes:
    """A refusal: what is wrong, and what to do."""
    return f"!! {error.message}\r\n".encode()


# -- what a client sends -------------------------------------------------------------------------


class LineDecoder:
    """Decodes a stream of bytes into lines, which are the same however the bytes are split.

    A line ends at LF or at CR, so that CRLF, CR NUL and LF all do; the empty lines in between are
    nothing, and so is a NUL at the beginning.  Of a line longer than `limit` bytes nothing is kept;
    it comes out as None.
    """

    __slots__ = ("_limit", "_overlong", "_rest")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._overlong = False

    @property
    def begun(self) -> bool:
        """Whether a line has begun that is not complete."""
        return bool(self._rest) or self._overlong

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that these bytes complete; None stands for one that was too long."""
        *ended, rest = _ENDS.split(data)
        lines: list[bytes | None] = []
        for part in ended:
            self._add(part)
            lines += self.finish()
        self._add(rest)
        return lines

    def finish(self) -> list[bytes | None]:
        """The line that the end of the stream, or of the line, completes: none or one."""
        line: bytes | None = bytes(self._rest)
        if self._overlong:
            line = None
        self._rest.clear()
        self._overlong = False
        return [] if line == b"" else [line]

    def _add(self, part: bytes) -> None:
        if self._overlong:
            return
        # CR NUL ends a line (RFC 854): the NUL is not the next one's.
        self._rest += part if self._rest else part.lstrip(b"\0")
        if len(self._rest) > self._limit:
            self._overlong = True
            self._rest.clear()


_ENDS = re.compile(rb"[\r\n]+")


# -- answers -------------------------------------------------------------------------------------


def listed(names: Sequence[str], where: str, most: int) -> str:
    """Who is `where`: the first `most` of the names, and how many there are."""
    if not names:
        return f"nobody is {where}"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)} {where}: {', '.join(names[:most])}{more}"


def counted(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
