"""Lines of the terminal client: items as fragments of text with styles, wrapped to a width.

A fragment is a pair of a style's name and a text, as prompt_toolkit takes them.  Everything that a
style means is also shown by words or signs, so that nothing is lost without colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, tzinfo
from zlib import crc32

from wcwidth import wcwidth

from ...model.text import printable
from ..answers import Event
from ..terminal import in_lines
from .places import Item, Note, Places, mentions

Fragment = tuple[str, str]
Line = list[Fragment]
COLOURS = 12
"""Colours for names: the styles `name0` to `name11`."""
INDENT = 6
"""Columns of indentation before the continuation of a line: the width of `HH:MM `."""
TAB = 8
"""Columns between tab stops."""


def colour_of(name: str) -> str:
    """The style of a name: the same for every user, and for every spelling of the name."""
    return f"class:name{crc32(name.casefold().encode()) % COLOURS}"


def day_of(item: Item, zone: tzinfo | None = None) -> date | None:
    """The day of an event; None for a note, which has no time of its own."""
    return _moment(item, zone).date() if isinstance(item, Event) else None


def heading(day: date) -> Line:
    """The line before the first event of a day."""
    return [("class:day", f"-- {day:%A}, {day.day} {day:%B} {day.year} --")]


def zone_of(places: Places) -> tzinfo | None:
    """The time zone of the times that are shown; None: the terminal's."""
    return UTC if places.times == "utc" else None


def lines_of(item: Item, own: str, zone: tzinfo | None = None, *, times: bool = True) -> list[Line]:
    """The lines of an item, with the time before each if it is an event; none for an event of a
    type that is not shown.
    """
    if isinstance(item, Note):
        lead = "== " if item.kind == "answer" else "!! "
        return [[(f"class:{item.kind}", f"{lead}{printable(item.text)}")]]
    time = [("class:time", f"{_moment(item, zone):%H:%M} ")] if times else []
    return [[*time, *_styled(item, line, own)] for line in in_lines(item, own)]


def _styled(event: Event, line: str, own: str) -> Line:
    """A line of an event, with its styles."""
    if event.redacted:
        return [("class:event", line)]
    if event.type == "message":
        lead = f"<{event.sender}>"
        text = line.removeprefix(lead)
        called = event.sender != own and mentions(text, own)
        style = "class:mention" if called else ""
        return [("", "<"), (colour_of(event.sender), event.sender), ("", ">"), (style, text)]
    if event.type == "action":
        text = line.removeprefix(f"* {event.sender}")
        return [("class:action", "* "), (colour_of(event.sender), event.sender),
                ("class:action", text)]  # fmt: skip
    if event.type == "private":
        lead, mark, text = line.partition("]")
        return [("class:private", lead + mark), ("", text)]
    return [("class:gap" if event.type == "gap" else "class:event", line)]


def wrapped(line: Iterable[Fragment], width: int) -> Iterator[Line]:
    """A line as lines of at most `width` columns, cut at blanks, and inside of longer words."""
    cells = [(style, char) for style, text in line for char in _expanded(text)]
    room, first = max(width, INDENT + 2), True
    while cells:
        lead: Line = [] if first else [("", " " * INDENT)]
        most = room if first else room - INDENT
        end, columns, blank = 0, 0, 0
        for end, (_, char) in enumerate(cells, 1):
            columns += max(wcwidth(char), 0)
            if columns > most:
                end -= 1
                break
            if char == " ":
                blank = end
        if end < len(cells) and blank and cells[end][1] != " ":
            end = blank
        end = max(end, 1)
        taken, cells = cells[:end], cells[end:]
        if cells:
            while cells and cells[0][1] == " ":
                cells = cells[1:]
        yield lead + _joined(taken)
        first = False


def _expanded(text: str) -> str:
    """The text with blanks in place of tabs."""
    return text.expandtabs(TAB)


def _joined(cells: list[Fragment]) -> Line:
    """Join styled characters into as few fragments as possible."""
    line: Line = []
    for style, char in cells:
        if line and line[-1][0] == style:
            line[-1] = style, line[-1][1] + char
        else:
            line.append((style, char))
    return line


def plain(line: Iterable[Fragment]) -> str:
    """A line without styles."""
    return "".join(text for _, text in line)


def _moment(event: Event, zone: tzinfo | None) -> datetime:
    return event.time.astimezone(zone)
