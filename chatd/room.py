"""A room: its log, its topic, who is in it, and how their coming and going is told."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import NamedTuple
from weakref import finalize

from .addresses import Address
from .eventlog import Entry, EventLog
from .events import TopicSet
from .subscriber import Notifier, Source

LOBBY = "lobby"
"""Where everyone starts."""
CROWD = 100
"""People present above which joins and leaves are summed up: nobody reads two hundred of them."""
SUMMARY_SECONDS = 10.0
"""The shortest time between two summaries."""


class Listing(NamedTuple):
    """A room as it stands in a list of rooms."""

    name: str
    topic: str
    people: int
    first: int | None
    """The id of the oldest event kept; None: there is none."""
    last: int | None
    """The id of the newest."""


class Room(Source):
    """One room.  It changes only by what the store has taken (`show`) and by who is a member."""

    def __init__(self, name: str, log: EventLog, topic: str = "") -> None:
        super().__init__(name, log)
        self.topic = topic
        self.names: list[str] = []
        """Who is here, guests too, in alphabetical order."""
        self.unstored = 0
        """Commands that were accepted for it and are not stored yet."""
        self.counted: finalize[[Address], Room] | None = None
        """Uncounts it when it goes, if it was counted as one that is only read."""
        self.tally = Tally()
        self.recalled = 0.0
        """When the store was last asked for what was said before."""

    @property
    def crowded(self) -> bool:
        """Whether joins and leaves are to be summed up."""
        return len(self.names) > CROWD

    def come(self, name: str) -> None:
        """Somebody comes in.  Put in order now: of ten thousand, each asks who is here."""
        insort(self.names, name, key=str.casefold)

    def go(self, name: str) -> None:
        """Somebody goes."""
        at = bisect_left(self.names, name.casefold(), key=str.casefold)
        del self.names[self.names.index(name, at)]

    def show(self, entry: Entry, notifier: Notifier) -> None:
        """Take in what the store has stored."""
        if isinstance(entry.event, TopicSet):
            self.topic = entry.event.text
        self.append(entry, notifier)

    def mend(self, entries: Sequence[Entry], floor: int) -> None:
        """Take in what was said before, which could not be read at first."""
        self.log.mend(entries, floor)
        for feed in self.feeds():
            feed.limit = 0  # what was made of the torn log is not to be shared any more


class Tally:
    """Joins and leaves in a crowded room since the last summary."""

    __slots__ = ("joined", "left")

    def __init__(self) -> None:
        self.joined = 0
        self.left = 0

    def __bool__(self) -> bool:
        return bool(self.joined or self.left)

    def clear(self) -> str:
        """The summary; afterwards there is nothing to sum up."""
        parts = [f"{self.joined} joined"] * bool(self.joined) + [f"{self.left} left"] * bool(
            self.left
        )
        self.joined = self.left = 0
        return ", ".join(parts)
