"""Events in the form in which the clients of all doors return them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Seen = tuple[str, ...]
"""An event in that form."""
EVERYTHING = frozenset({"message", "action", "topic", "join", "leave", "nick", "notice", "gap"})
"""The kinds of events."""
GAP: Seen = ("gap",)
"""Events are missing here."""


def seen_in_json(event: dict[str, Any]) -> Iterator[Seen]:
    """The events in one JSON event."""
    people = [event[name] for name in ("from", "to") if name in event]
    for line in event.get("text", "").split("\n"):
        yield (event["type"], *people, *([line] if event["type"] in _WORDY else []))


def seen_in_lines(lines: list[str]) -> Iterator[Seen]:
    """The events in lines; answers, errors and the replay on joining are left out."""
    replayed = False
    for line in lines:
        if line.startswith("== "):
            if re.fullmatch(r"== the last \d+ messages? in #lobby:", line):
                replayed = True
            elif line == "== end of the last messages":
                replayed = False
        elif not replayed and not line.startswith("!! "):
            yield seen_in_line(line)


def seen_in_line(line: str) -> Seen:
    """The event in one line."""
    for pattern, *lead in _LINES:
        if found := re.fullmatch(pattern, line):
            return (*lead, *(word or "" for word in found.groups()))
    raise AssertionError(f"a line of no known form: {line!r}")


_WORDY = ("message", "action", "topic", "leave", "notice")
_LINES = [
    (r"<(\S+)> (.*)", "message"),
    (r"\* (\S+) (.*)", "action"),
    (r"-- (\S+) joined #lobby", "join"),
    (r"-- (\S+) left #lobby(?: \((.*)\))?", "leave"),
    (r"-- (\S+) is now (\S+)", "nick"),
    (r"-- (\S+) set the topic: (.*)", "topic"),
    (r"-- (\S+) cleared the topic()", "topic"),
    (r">> (?:\d+ )?events were missed here; /history.*", "gap"),
    (r"-- (.*)", "notice"),
]
