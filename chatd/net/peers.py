"""Who is connected, over every door of a house: whom to send away when the server goes down, and
whom to let go when they do not read.

How many may come in is `Connections`' business; here stands only who has to be told.

A door brings a connection's three manners (`Connected`), adds it here when it is made, and discards
it when it is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from ..model.errors import Unavailable
from .stalls import STALL_SECONDS, Reader, Stalls

GOING_DOWN = "the server is going down; come back in a moment"
"""What everybody is told."""
RETRY_SECONDS = 2.0
"""Seconds after which to come back: a start takes about one."""


class Connected(Reader, Protocol):
    """A connection, as going down sees it."""

    @property
    def owed(self) -> bool:
        """Whether something that it asked is still being carried out."""

    def drain(self) -> None:
        """Take nothing more, finish what was begun, say goodbye, and close."""


class Peers:
    """All that are there now."""

    def __init__(self, clock: IReactorTime, stall: float = STALL_SECONDS) -> None:
        """`stall` is how many seconds a reader may take nothing; 0: for ever."""
        self.stalls = Stalls(clock, stall)
        self.draining = False
        """Whether the server is going down, so that nothing more is begun."""
        self._here: set[Connected] = set()
        self._emptied: list[Deferred[None]] = []

    def add(self, connection: Connected) -> None:
        """Somebody has come."""
        self._here.add(connection)

    def discard(self, connection: Connected) -> None:
        """They are gone."""
        self._here.discard(connection)
        self.stalls.forget(connection)
        if not self._here:
            emptied, self._emptied = self._emptied, []
            for waiting in emptied:
                waiting.callback(None)

    def __len__(self) -> int:
        return len(self._here)

    def __iter__(self) -> Iterator[Connected]:
        return iter(tuple(self._here))

    def emptied(self) -> Deferred[None]:
        """Fires when nobody is there any more."""
        if not self._here:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._emptied.append(waiting)
        return waiting


def going_down() -> Unavailable:
    """The refusal of whatever comes too late."""
    return Unavailable(GOING_DOWN, RETRY_SECONDS)
