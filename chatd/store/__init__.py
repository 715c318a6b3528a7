"""What the logs are kept in: one small interface, several engines.

1. The store gives the ids: `max(previous + 1, microseconds now)`, strictly rising over the whole
   server and over restarts.
2. A batch is stored whole or not at all.
3. Everything stored comes back through the one listener, in the order of the ids, and `append`'s
   Deferred fires right behind it, in the same turn: senders know their ids before readers are
   woken.  What the listener never saw was never shown to anyone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ..errors import Malformed
from ..eventlog import Entry
from ..events import Event
from .memory import MemoryStore

Listener = Callable[[Sequence[Entry]], None]


class Store(Protocol):
    """The engine under a `ChatService`."""

    last: int
    """The highest id that was ever given, or the time of the start: nothing older is remembered."""

    def follow(self, listener: Listener) -> None:
        """Call `listener` with every stored entry, in batches, from now on."""

    def append(self, batch: Sequence[Event]) -> Deferred[list[int]]:
        """Store the events together; the Deferred fires with their ids.

        It fails with `chatd.errors.Unavailable` when the engine refused: then nothing of the batch
        was stored.
        """

    def read(self, room: str, before: int | None, limit: int) -> Deferred[list[Entry]]:
        """The last `limit` entries of a room whose ids are below `before` (None: the newest),
        oldest first.
        """

    def close(self) -> Deferred[None]:
        """Finish what was begun, then take no more."""


def open_store(url: str, clock: IReactorTime, now: Callable[[], float], history: int) -> Store:
    """The store that a URL names: `memory:`.

    `clock` runs what is to happen soon, `now` is the wall clock in seconds since the Unix epoch,
    and `history` is how many events of a room are wanted back.  Raises `Malformed`.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "memory" and not rest:
        return MemoryStore(clock, now, history)
    raise Malformed(f"unknown store {url!r}; use memory:")
