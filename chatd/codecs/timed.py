"""Lines with times: `14:03 <ada> hello`, and `== Sunday, 29 November 2026` where a day begins.

Whether a day has changed depends on what the reader saw before, but an event's bytes are shared by
all readers.  So the bytes carry a mark of their day (`MARK`, which no clean text holds), and
`Days.dated` turns the marks of one reader into lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ..stream.eventlog import Entry
from .lines import CURRENT, ELSEWHERE, LinesCodec, answer

MARK = b"\0"
"""Stands before each event, and before the six digits of its day."""


@dataclass(frozen=True)
class TimedLines:
    """Events as lines that begin with `HH:MM `, for `Days.dated`."""

    name: str
    lines: LinesCodec
    utc: bool
    """Whether times are UTC; else they are in the server's time zone."""

    def encode(self, entry: Entry) -> bytes:
        """One event: the mark of its day, and its lines."""
        moment = moment_of(entry.id, utc=self.utc)
        time = f"{moment:%H:%M} ".encode()
        lines = b"".join(time + line for line in self.lines.encode(entry).splitlines(keepends=True))
        return b"%b%06d%b" % (MARK, moment.toordinal(), lines)

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """Lines after lines."""
        return b"".join(chunks)


TIMED = {
    zone: (
        TimedLines(f"lines-{zone}", CURRENT, zone == "utc"),
        TimedLines(f"lines-elsewhere-{zone}", ELSEWHERE, zone == "utc"),
    )
    for zone in ("local", "utc")
}
"""The codecs of the current room and of other joined rooms, by time zone."""


class Days:
    """Which day one reader has got to."""

    __slots__ = ("_day",)

    def __init__(self, day: int | None = None) -> None:
        """`day` is the ordinal of the day whose line need not come; 0: each day has its line, the
        first one too; None: that of the first event.
        """
        self._day = day

    def dated(self, chunk: bytes) -> bytes:
        """Marked lines with a line where the day changes instead of the marks."""
        begin, *events = chunk.split(MARK)
        parts = [begin]
        for event in events:
            day = int(event[:6])
            if day != self._day:
                if self._day is not None:
                    parts.append(answer(written(date.fromordinal(day))))
                self._day = day
            parts.append(event[6:])
        return b"".join(parts)


def moment_of(id_: int, *, utc: bool) -> datetime:
    """When the event of an id was stored."""
    return datetime.fromtimestamp(id_ // 1_000_000, UTC if utc else None)


def written(day: date) -> str:
    """`Sunday, 29 November 2026`."""
    return f"{day:%A}, {day.day} {day:%B} {day.year}"
