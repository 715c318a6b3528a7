"""Compare-and-append: units are judged in order and given ids, and their changes are staged.

1. A unit is judged against everything before it, units of the same group included.
2. Nothing takes effect here.  An engine applies the staged `changes` and `request_keys` when the
   group is stored, or drops them with the `Judging` when that fails.
3. A unit with a known request key is not judged, because its first request may have moved the
   versions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from ..model.units import Expect, Stale, Unit
from ..stream.eventlog import Entry
from . import Shown


class Judged(Struct, frozen=True):
    """The outcome of the units of one `append`."""

    answers: list[int | Stale]
    """One for each unit."""
    batch: list[Shown]
    """The units that are to be stored."""


class Judging:
    """One group of units, judged against what is stored."""

    def __init__(
        self,
        last: int,
        version: Callable[[str, str], int],
        known: Callable[[bytes], int | None],
    ) -> None:
        """Ids begin after `last`.  `version` returns the version of a stored cell, 0 if it is
        absent; `known` returns the id that a request key answers.
        """
        self.first = last + 1
        """The lowest id that is given."""
        self.last = last
        """The highest id given."""
        self.changes: dict[tuple[str, str], tuple[int, bytes | None]] = {}
        """The cells that changed, their versions and values; None: absent."""
        self.request_keys: dict[bytes, int] = {}
        """The request keys that were not known before, and the ids that they answer."""
        self._version = version
        self._versions: dict[tuple[str, str], int] = {}
        """The versions of the cells that units expected or changed."""
        self._known = known

    def judge(self, units: Sequence[Unit]) -> Judged:
        """Judge the units of one `append`."""
        answers: list[int | Stale] = []
        batch: list[Shown] = []
        for unit in units:
            events, key = unit.events, unit.request_key
            if key is not None:
                known = self.request_keys.get(key) or self._known(key)
                if known is not None:
                    answers.append(known)
                    continue
            if unit.expects:
                stale = self._stale(unit.expects)
                if stale is not None:
                    answers.append(stale)
                    continue
            answer = self.last + 1
            if len(events) == 1:
                self.last = answer
                entries = [Entry(answer, events[0])]
            else:
                self.last += len(events) or 1
                entries = [Entry(id_, event) for id_, event in enumerate(events, answer)]
            for table, name, value in unit.changes:
                self.changes[table, name] = self.last, value
                self._versions[table, name] = 0 if value is None else self.last
            if key is not None:
                self.request_keys[key] = answer
            batch.append(Shown(self.last, entries, unit.changes, key, unit.redacts))
            answers.append(answer)
        return Judged(answers, batch)

    def _stale(self, expects: Sequence[Expect]) -> Stale | None:
        versions = self._versions
        for expect in expects:
            cell = expect.table, expect.key
            version = versions.get(cell)
            if version is None:
                version = versions[cell] = self._version(*cell)
            if version != expect.version:
                return Stale(expect)
        return None
