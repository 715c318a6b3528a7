"""Appending: the appends of this node, until their outcomes are known.

1. Appends are sent in their order, each once in a round.  `Following` answers an append when it
   receives its batch; if the script itself answers, nothing was stored.
2. An append that is not in the log when the next round has read the log was not stored, and cannot
   be stored any more, because the fence has risen; it is sent again.
3. After `TELL_SECONDS` an append fails with `Unavailable` if it was never sent, else `InDoubt`.
4. If Redis is full (`maxmemory`), it takes only units that need no space (`needs_space`): people
   still come and go, and cells are deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...model.errors import InDoubt, Unavailable
from ...model.units import REMEMBERED_SECONDS, Stale, Unit, needs_space
from .. import requests
from . import scripts, wire
from .failures import Lost, Refused
from .following import Following
from .keys import Keys
from .rounds import Round
from .times import Times

TELL_SECONDS = 1.75
"""Seconds after which an unanswered append fails."""
MOST_BATCHES = 20_000
"""Batches kept in the log for nodes that catch up, about."""
REFUSED = "the server cannot store anything now; try again in a moment"
DOUBTED = "the database did not answer in time"


class Append:
    """One append under way."""

    __slots__ = (
        "born",
        "data",
        "erased",
        "lease",
        "names",
        "script",
        "sent",
        "sequence",
        "stored",
        "units",
    )

    def __init__(
        self, units: Sequence[Unit], erased: Sequence[str], sequence: int, born: float
    ) -> None:
        self.units = units
        self.erased = erased
        """Rooms of which all events are deleted."""
        self.names, self.data = wire.pack(units, erased)
        needy = any(map(needs_space, units))
        self.script = scripts.APPEND if needy else scripts.APPEND_WHEN_FULL
        self.sequence = sequence
        self.born = born
        self.lease = ""
        self.sent: Round | None = None
        """The round in which it was sent last."""
        self.stored: Deferred[list[int | Stale]] = Deferred()


class Appending:
    """The appends of this node."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, keys: Keys, times: Times, following: Following) -> None:
        self._clock = clock
        self._keys = keys
        self._times = times
        self._following = following
        self._pending: dict[int, Append] = {}
        """The pending appends by sequence number, in order."""
        self._sequence = 0
        self._failing = ""
        self.idle: Callable[[], object] | None = None
        """Called when nothing is pending."""

    def __len__(self) -> int:
        return len(self._pending)

    def add(
        self, units: Sequence[Unit], round: Round | None, erased: Sequence[str] = ()
    ) -> Deferred[list[int | Stale]]:
        """Queue an append, and send it if there is a round."""
        self._sequence += 1
        try:
            append = Append(units, erased, self._sequence, self._clock.seconds())
        except UnicodeEncodeError:
            return fail(Unavailable("that holds something that is no text, and cannot be stored"))
        self._pending[append.sequence] = append
        if round:
            self._send(append, round)
        return append.stored

    def taken(self, lease: str, sequence: int) -> Append | None:
        """The append whose batch has been received, which is no longer pending; None if it is not
        this node's.
        """
        append = self._pending.get(sequence)
        if append is None or append.lease != lease:
            return None
        self._done(append)
        return append

    def resume(self, round: Round) -> None:
        """Send again all appends that were not found in the log, which is read to the present."""
        for append in list(self._pending.values()):
            self._send(append, round)

    def tell(self, *, all: bool = False) -> None:
        """Fail the appends that have waited too long, or with `all` every append."""
        due = self._clock.seconds() - TELL_SECONDS
        for append in list(self._pending.values()):
            if all or append.born <= due:
                self._done(append)
                append.stored.errback(InDoubt(DOUBTED) if append.sent else Unavailable(REFUSED))

    def _send(self, append: Append, round: Round) -> None:
        keys = self._keys
        append.sent, append.lease = round, round.lease
        sent = round.commands.run(
            append.script,
            [
                keys.meta,
                keys.log,
                keys.nodes,
                keys.request_keys,
                keys.marks,
                keys.firsts,
                keys.own(round.lease),
                *map(keys.named, append.names),
            ],
            round.lease,
            round.fence,
            append.sequence,
            *self._times.both(),
            keys.feed,
            MOST_BATCHES,
            requests.MOST_KEYS,
            int(REMEMBERED_SECONDS * 1_000_000),
            append.data,
        )
        sent.addCallbacks(
            self._answered, self._refused, callbackArgs=(append,), errbackArgs=(append, round)
        )

    def _answered(self, reply: Any, append: Append) -> None:
        if self._failing and append.script is scripts.APPEND:
            self._failing = ""
            self._log.warn("the store can store again")
        if reply == 1:
            return  # it is answered when its batch is met
        tail, verdicts = reply
        answers = wire.answers(append.units, verdicts)

        def answer(_: None) -> None:
            if self.taken(append.lease, append.sequence):
                append.stored.callback(answers)

        self._following.until(int(tail)).addCallback(answer)

    def _refused(self, failure: Failure, append: Append, round: Round) -> None:
        if failure.check(Lost):
            return  # the next round finds out
        problem = str(failure.trap(Refused) and failure.value)
        if round.ended_by(problem):
            return
        if problem[:40] != self._failing:
            self._failing = problem[:40]
            self._log.error("the store cannot store: {problem}", problem=problem)
        if self.taken(append.lease, append.sequence):
            append.stored.errback(Unavailable(REFUSED))

    def _done(self, append: Append) -> None:
        del self._pending[append.sequence]
        if not self._pending and self.idle:
            idle, self.idle = self.idle, None
            # Its own answer comes first.
            append.stored.addBoth(_then, idle)


def _then(result: Any, call: Callable[[], object]) -> Any:
    call()
    return result
