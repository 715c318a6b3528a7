"""CHATHISTORY: parsing of requests, and collecting of the answer from pages of a store.

1. A walk goes forwards or backwards between two ids, excluding both, and collects wanted events.
2. It ends when it has the requested number *and* the rest of the last event's millisecond, or when
   there are no more events.  So a client that pages by `time` loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...stream.eventlog import Entry
from .isupport import MOST_HISTORY
from .moments import Selector, same_millisecond, selector

END_OF_TIME = 1 << 62
"""An id above all others."""
PAGE = 200
"""Events in one page that is read from the store."""


class BadRequest(Exception):
    """A CHATHISTORY request that is refused with `FAIL`."""

    def __init__(self, code: str, message: str, *words: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.words = words


class Stretch(NamedTuple):
    """The range of a walk: ids above `low` and below `high`, at most `limit` events."""

    low: int
    high: int
    forwards: bool
    limit: int


class Request(NamedTuple):
    """One parsed CHATHISTORY request."""

    subcommand: str
    target: str
    """A channel or a name; empty for TARGETS."""
    stretches: tuple[Stretch, ...]
    """The ranges whose events are the answer, oldest first."""


_WORDS = {"LATEST": 3, "BEFORE": 3, "AFTER": 3, "AROUND": 3, "BETWEEN": 4, "TARGETS": 3}
"""The number of parameters of each subcommand."""


def read_request(params: Sequence[str]) -> Request:
    """The parsed parameters of CHATHISTORY.  Raises `BadRequest`."""
    subcommand = params[0].upper() if params else ""
    if subcommand not in _WORDS:
        raise BadRequest(
            "INVALID_PARAMS", "there is no such CHATHISTORY command", subcommand or "*"
        )
    words = params[1:]
    if len(words) < _WORDS[subcommand]:
        raise BadRequest("INVALID_PARAMS", "that needs more words", subcommand)
    limit = words[_WORDS[subcommand] - 1]
    if not (limit.isascii() and limit.isdigit()):
        raise BadRequest("INVALID_PARAMS", "the limit is no number", subcommand)
    count = min(int(limit[:9]), MOST_HISTORY)
    if subcommand == "TARGETS":
        first, second = _place(words[0], subcommand), _place(words[1], subcommand)
        return Request(subcommand, "", (_between(first, second, count),))
    target, *places = words[: _WORDS[subcommand] - 1]
    if subcommand == "LATEST" and places == ["*"]:
        return Request(subcommand, target, (Stretch(0, END_OF_TIME, False, count),))
    first = _place(places[0], subcommand)
    match subcommand:
        case "LATEST":
            stretches = (Stretch(first.after, END_OF_TIME, False, count),)
        case "BEFORE":
            stretches = (Stretch(0, first.before, False, count),)
        case "AFTER":
            stretches = (Stretch(first.after, END_OF_TIME, True, count),)
        case "AROUND":
            half = count // 2
            return Request(
                subcommand,
                target,
                (
                    Stretch(0, first.before, False, half),
                    Stretch(first.before - 1, END_OF_TIME, True, count - half),
                ),
            )
        case _:
            stretches = (_between(first, _place(places[1], subcommand), count),)
    return Request(subcommand, target, stretches)


def _between(first: Selector, second: Selector, count: int) -> Stretch:
    if first.before <= second.before:
        return Stretch(first.after, second.before, True, count)
    return Stretch(second.after, first.before, False, count)


def _place(word: str, subcommand: str) -> Selector:
    found = selector(word)
    if found is None:
        raise BadRequest("INVALID_PARAMS", "a place is timestamp=… or msgid=…", subcommand, word)
    return found


class Walk:
    """Collects the events of one stretch from pages."""

    def __init__(self, stretch: Stretch, wanted: Callable[[Entry], bool]) -> None:
        self._stretch = stretch
        self._wanted = wanted
        self._place = stretch.low if stretch.forwards else stretch.high
        self._found: list[Entry] = []
        self.gap = False
        """Whether events at the start of the stretch are no longer kept."""
        self.done = stretch.limit <= 0 or stretch.low >= stretch.high - 1
        """Whether no further page is needed."""

    @property
    def after(self) -> int | None:
        """The id after which the next page begins; None for a walk backwards."""
        return self._place if self._stretch.forwards else None

    @property
    def before(self) -> int | None:
        """The id before which the next page ends; None for the newest page, and for a walk
        forwards.
        """
        if self._stretch.forwards or self._place >= END_OF_TIME:
            return None
        return self._place

    def feed(self, entries: Sequence[Entry], *, more: bool, floor: int = 0) -> None:
        """Take a page, oldest event first.  `more`: the store has further events in the walk's
        direction.  All events after the cursor `floor` are kept.
        """
        low, high, forwards, limit = self._stretch
        self.gap |= forwards and 0 < low < min(floor, high - 1)
        for entry in entries if forwards else reversed(entries):
            if not low < entry.id < high:
                if (entry.id >= high) is forwards:
                    self.done = True
                    break
                continue
            self._place = entry.id
            if len(self._found) >= limit and not same_millisecond(entry.id, self._found[-1].id):
                self.done = True
                break
            if self._wanted(entry):
                self._found.append(entry)
        if not (entries and more):
            self.done = True

    def entries(self) -> list[Entry]:
        """The collected events, oldest first."""
        return self._found if self._stretch.forwards else self._found[::-1]
