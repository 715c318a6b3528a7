"""The line protocol: events as lines of text, bytes as lines.

A line's start tells its kind: `<ada> ` a message, `* ` an action, `-- ` any other event, `== ` an
answer, `!! ` an error, `>> ` a gap, `[` a private message.  `#dev ` before any of them names a room
that is not the current one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
        return f"{lead}{(self.end + lead).join(describe(event))}{self.end}".encode()

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The lines, one after another."""
        return b"".join(chunks)

    def gap(self, gap: Gap) -> bytes:
        """The line that reports a gap."""
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


def describe(event: Event) -> list[str]:
    """An event in words: the lines, without their ends."""
    match event:
        case Said(sender=sender, redacted=True) | Acted(sender=sender, redacted=True):
            return [f"-- a message of {sender} was deleted"]
        case Said(sender=sender, text=text):
            return [f"<{sender}> {line}" for line in text.split("\n")]
        case Acted(sender=sender, text=text):
            return [f"* {sender} {line}" for line in text.split("\n")]
        case Told(sender=sender, to=to, redacted=True, sent=sent):
            whose = f"to {to}" if sent else f"of {sender}"
            return [f"-- a private message {whose} was deleted"]
        case Told(sender=sender, to=to, text=text, sent=sent):
            lead = f"[to {to}]" if sent else f"[{sender}]"
            return [f"{lead} {line}" for line in text.split("\n")]
        case Joined(room=room, sender=sender):
            told_of = f"{sender} joined #{room}"
        case Left(room=room, sender=sender, text=text):
            told_of = f"{sender} left #{room}" + (f" ({text})" if text else "")
        case Renamed(sender=sender, to=to):
            told_of = f"{sender} is now {to}"
        case TopicSet(sender=sender, text=text):
            told_of = f"{sender} set the topic: {text}" if text else f"{sender} cleared the topic"
        case Noticed(text=text):
            told_of = text
        case Moderated():
            told_of = told(event)
        case RedactedPrivately():
            told_of = privately(event)
        case _:
            raise TypeError(f"an event that lines cannot tell: {event!r}")
    return [f"-- {told_of}"]


def answer(text: str) -> bytes:
    """An answer to a command."""
    return f"== {text}\r\n".encode()


def refusal(error: ChatError) -> bytes:
    """A refusal: what is wrong, and what to do."""
    return f"!! {error.message}\r\n".encode()


# -- what a client sends -------------------------------------------------------------------------


class LineDecoder:
    """Decodes a stream of bytes into lines, which are the same however the bytes are split.

    A line ends at LF or CR, and so at CRLF and CR NUL, too.  Empty lines are dropped, and so is a
    NUL at the start of a line.  A line of more than `limit` bytes is discarded, and None is
    returned for it.
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
        if len(ended) == 1 and not (rest or self._rest or self._overlong):  # nearly always
            line = ended[0].lstrip(b"\0")
            return [line if len(line) <= self._limit else None] if line else []
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
    """A list of the people `where`: their number, and the first `most` names."""
    if not names:
        return f"nobody is {where}"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)} {where}: {', '.join(names[:most])}{more}"
