"""Group commit: appends that come in while a group is committed form the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..model.errors import Unavailable
from ..model.units import Stale, Unit, is_kept
from . import Shown
from .failing import Failing
from .writer import Stored

MOST_AT_ONCE = 5000
"""Events in one commit: at most 0.1 s of work."""

Appended = tuple[Sequence[Unit], Deferred[list[int | Stale]]]
"""The units of one append, and the Deferred of its answers."""


class Commits:
    """The appends that wait for a commit, and the group that is being committed."""

    def __init__(
        self,
        commit: Callable[[list[Sequence[Unit]], bool], Deferred[Stored]],
        show: Callable[[Sequence[Shown]], object],
        failing: Failing,
        refused: str,
        done: Callable[[], object],
    ) -> None:
        """`commit` stores a group, something or nothing of which is to be kept; `show` shows its
        batches to the follower; `refused` is the message of `Unavailable` for a group that was not
        stored, and `done` is called after each.
        """
        self._commit = commit
        self._show = show
        self._failing = failing
        self._refusal = refused
        self._done = done
        self._waiting: list[Appended] = []
        self.under_way = False
        """Whether a group is being committed."""

    @property
    def busy(self) -> bool:
        """Whether appends wait, or are being committed."""
        return self.under_way or bool(self._waiting)

    def add(self, units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        """See `chatd.store.Store.append`."""
        stored: Deferred[list[int | Stale]] = Deferred()
        self._waiting.append((units, stored))
        self._begin()
        return stored

    def _begin(self) -> None:
        """Commit the waiting appends; those that come in meanwhile wait for the next commit."""
        if self.under_way or not self._waiting:
            return
        self.under_way = True
        count = size = 0
        kept = _kept(self._waiting[0])
        for appended in self._waiting:
            events = sum(len(unit.events) or 1 for unit in appended[0])
            if count and (size + events > MOST_AT_ONCE or _kept(appended) != kept):
                break  # if the disk fails, appends that do not need it go on
            count += 1
            size += events
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        committed: Deferred[Any] = self._commit([units for units, _ in group], kept)
        committed.addCallbacks(
            self._committed, self._refused, callbackArgs=(group, kept), errbackArgs=(group,)
        )

    def _committed(self, result: Stored, group: Sequence[Appended], kept: bool) -> None:
        if kept:
            self._failing.worked("store", result)
        self.under_way = False
        self._begin()
        self._show(result.restated)
        for (_, stored), judged in zip(group, result.appends, strict=True):
            self._show(judged.batch)
            stored.callback(judged.answers)
        self._done()

    def _refused(self, failure: Failure, group: Sequence[Appended]) -> None:
        self._failing.has_failed("store", failure.value)
        self.under_way = False
        for _, stored in group:
            stored.errback(Unavailable(self._refusal))
        self._begin()
        self._done()


def _kept(appended: Appended) -> bool:
    """Whether any part of an append is written to the file."""
    return any(map(is_kept, appended[0]))
