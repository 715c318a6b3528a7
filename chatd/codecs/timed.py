"""Lines with times: `14:03 <ada> hello`, and `== Sunday, 29 November 2026` when the day changes.

An event's bytes are shared by all readers, but a date line is due only if the reader's previous
event was on another day.  So the shared bytes contain a mark with the event's day (`MARK`, which no
clean text contains), and `Days.dated` replaces the marks by date lines for one reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ..stream.eventlog import Entry
from .lines import CURRENT, ELSEWHERE, LinesCodec, answer

MARK = b"\0"
"""Precedes each event, followed by six digits: the ordinal of its day."""


@dataclass(frozen=True)
class TimedLines:
    """Events as lines that begin with `HH:MM `, for `Days.dated`."""

    name: str
    lines: LinesCodec
    utc: bool
    """Whether times are in UTC, not in the server's time zone."""

    def encode(self, entry: Entry) -> bytes:
        """One event: the mark of its day, then its lines."""
        moment = moment_of(entry.id, utc=self.utc)
        time = f"{moment:%H:%M} ".encode()
        lines = b"".join(time + line for line in self.lines.encode(entry).splitlines(keepends=True))
        return b"%b%06d%b" % (MARK, moment.toordinal(), lines)

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The lines, one after another."""
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
    """The day of the last event that one reader has seen."""

    __slots__ = ("_day",)

    def __init__(self, day: int | None = None) -> None:
        """`day` is the ordinal of the last day seen.  With 0, the first event gets a line for its
        day; with None, it does not.
        """
        self._day = day

    def dated(self, chunk: bytes) -> bytes:
        """The lines, with a date line in place of each mark where the day changes."""
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
    """The time at which the event of an id was stored."""
    return datetime.fromtimestamp(id_ // 1_000_000, UTC if utc else None)


def written(day: date) -> str:
    """`Sunday, 29 November 2026`."""
    return f"{day:%A}, {day.day} {day:%B} {day.year}"
