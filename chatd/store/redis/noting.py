"""Notes: cells that no follower is shown, of which only the last value counts, or the highest one,
where several nodes, or a note that comes late, could make it fall (`never_falls`).

The notes of one turn are stored by one script, and of several notes for one cell only the last is.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ...model.units import never_falls
from . import scripts
from .keys import Keys
from .reading import Readings
from .rounds import Round


class Notes:
    """The notes of this node that are not stored yet."""

    def __init__(self, clock: IReactorTime, keys: Keys, readings: Readings) -> None:
        """`readings` stores the notes, again if a round ends: a note may be stored twice."""
        self._clock = clock
        self._keys = keys
        self._readings = readings
        self._values: dict[tuple[str, str], bytes | None] = {}
        self._stored: list[Deferred[None]] = []

    def add(self, table: str, key: str, value: bytes | None) -> Deferred[None]:
        """Give a cell of a noted table a value, or with None make it absent; fires when that is
        stored.  Fails with `Unavailable`.
        """
        if not self._values:
            self._clock.callLater(0, self.flush)
        self._values[table, key] = value
        stored: Deferred[None] = Deferred()
        self._stored.append(stored)
        return stored

    def flush(self) -> None:
        """Store the waiting notes."""
        values, self._values = self._values, {}
        waiting, self._stored = self._stored, []
        if not values:
            return
        keys = [self._keys.meta, *(self._keys.table(table) for table, _ in values)]
        words: list[str | bytes] = [self._keys.noted, self._keys.cells]
        for (table, key), value in values.items():
            how = "0" if value is None else "2" if never_falls(table) else "1"
            words += [key, how, value or b""]

        async def note(round: Round) -> None:
            await round.commands.run(scripts.NOTE, keys, *words)

        def noted(_: object) -> None:
            for stored in waiting:
                stored.callback(None)

        def failed(failure: Failure) -> None:
            for stored in waiting:
                stored.errback(failure)

        self._readings.ask(note, what="note").addCallbacks(noted, failed)
