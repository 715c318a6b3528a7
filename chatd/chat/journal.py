"""The journal: takes commands from accepted over stored to shown.

An event has three moments:

1. *Accepted*: a command is judged, and its unit joins this turn's batch at once.  So units are
   stored in the order in which they were accepted.
2. *Stored*: the store takes the batch, each unit whole or not at all, and gives the ids.
3. *Shown*: the store's follower (`chatd.chat.fold`) gets what was stored: names, members and
   settings change, events enter their rooms' logs, readers are woken.  Right after that the
   command's Deferred fires.

These rules hold:

4. A unit is shown only after the store has taken it.  If the store refuses a unit, only its sender
   is notified.
5. A stale unit is judged again, by what was shown meanwhile, before any later command is judged.
   It is refused after `TRIES` judgements.
6. A judgement sees what was shown, and nothing that is only accepted.  `chatd.chat.lane` keeps the
   order of one person's commands; between persons the store decides.
7. Presence does not depend on free space: if the store refuses a unit by which a person enters or
   leaves (`Accepted.quiet`), the unit is submitted again without its announcements.  Redis takes
   what such a unit deletes even when it is full; a full disk does not, so if that is refused too,
   the unit is submitted once more with its presence alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby, islice

from msgspec import Struct, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import ChatError, InDoubt, Unavailable, internal_error
from ..model.events import PresenceEvent
from ..model.units import Stale, Unit, is_kept, needs_space
from ..store import Store
from ..stream.turns import at_turn_end
from .journal_metrics import JournalMetrics
from .judge import without_announcements

MOST_UNSTORED = 10_000
"""Accepted units that may wait for a slow or stuck store; above it, commands are refused."""
DOUBT_SECONDS = 60.0
"""Seconds for which the room of a unit in doubt stays in memory: the store may still show the unit,
and a join then needs its room."""
CROWDED = "too many others want the same at once; try again in a moment"
"""The message of `Unavailable` for a command whose judgement was stale too often."""
TRIES = 50
"""Judgements of one command before it is refused, because other units changed its cells first each
time."""

Judge = Callable[[], Unit]
"""Judges a command by what was last shown.  Raises the `ChatError` that refuses it."""

Outcome = Deferred[int | None]
"""The outcome of a command: fires with the id of its first event when that is shown, or with None
if the store neither keeps nor delivers an event of it; fails with the `ChatError` that refused
it."""


class Accepted(Struct, eq=False):
    """A command that was judged, and whose unit waits to be stored."""

    unit: Unit
    judge: Judge
    held: object
    """Its room, which this reference keeps in memory until the unit is shown."""
    quiet: bool
    """Whether to submit the unit again without its announcements if the store refuses it."""
    tries: int = 1
    doubtful: bool = False
    """Whether the store may have taken the unit, although an attempt to store it failed."""
    outcome: Outcome = field(default_factory=Deferred)


class Journal:
    """The accepted commands of this node."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, store: Store, most: int) -> None:
        """`most` is the most units in one append: they are shown before their senders get ids."""
        self._clock = clock
        self._at_turn_end = at_turn_end(clock)
        self._store = store
        self._most = most
        self._batch: list[Accepted] = []
        self._began = 0.0
        """When the first command of this turn's batch was accepted."""
        self.unstored = 0
        """Units that are accepted and not stored."""
        self.metrics = JournalMetrics(clock.seconds)
        self._settled: Deferred[None] | None = None
        self.when_stored: Callable[[Sequence[int | Stale], Sequence[Unit]], object] | None = None
        """Called with the outcomes of a batch and its units; None: there is no such listener."""
        self.paused = False
        """Whether no command is taken for now: the state is being read anew."""

    @property
    def draining(self) -> bool:
        """Whether the server shuts down, and takes no more commands."""
        return self._settled is not None

    def check(self) -> None:
        """Raise `Unavailable` if no commands are taken now."""
        if self._settled:
            raise Unavailable("the server is going down; say it again in a moment")
        if self.paused:
            raise Unavailable("the server is catching up with the others; try again in a moment")
        if self.unstored >= MOST_UNSTORED:
            raise Unavailable("the server is behind with storing; try again in a moment")

    def submit(self, judge: Judge, held: object = None, *, quiet: bool = False) -> Outcome:
        """Judge a command, and put its unit into this turn's batch.  An empty unit is not stored.

        `held` is what the command needs in memory until it is shown; `quiet` is for units by which
        a person comes or goes (rule 7).
        """
        try:
            unit = judge()
        except ChatError:
            return fail()
        if not (unit.events or unit.changes):
            return succeed(None)
        accepted = Accepted(unit, judge, held, quiet)
        self._accept(accepted)
        return accepted.outcome

    def _accept(self, accepted: Accepted) -> None:
        """Put a unit into this turn's batch."""
        if not self._batch:
            self._began = self._clock.seconds()
            self._at_turn_end(self.flush)
        self._batch.append(accepted)
        self.unstored += 1

    def drain(self) -> Deferred[None]:
        """Take no more commands; fires when all that were accepted are shown or refused."""
        settled = self._settled = Deferred()
        self.flush()
        self._settle()
        return settled

    def flush(self) -> None:
        """Hand this turn's batch to the store.

        Units that need no disk and units that do go in separate appends, in order, so that a full
        disk refuses only the latter; and so do those that need no space in Redis.  No append has
        more units than a log holds entries: otherwise readers would have to be woken in the middle
        of it, before the log evicts what they have not read.
        """
        batch, self._batch = self._batch, []
        if len(batch) == 1:  # usual where few people speak
            self._append(batch)
            return
        for _, run in groupby(batch, lambda a: (is_kept(a.unit), needs_space(a.unit))):
            while units := list(islice(run, self._most)):
                self._append(units)

    def _append(self, batch: Sequence[Accepted]) -> None:
        times = self._began, self._clock.seconds()
        self._store.append([accepted.unit for accepted in batch]).addCallbacks(
            self._stored, self._refused, callbackArgs=(batch, *times), errbackArgs=(batch,)
        )

    def _stored(
        self,
        answers: Sequence[int | Stale],
        batch: Sequence[Accepted],
        accepted_at: float,
        appended_at: float,
    ) -> None:
        count = len(batch)
        self.unstored -= count
        self.metrics.batch_stored(count, accepted_at, appended_at)
        # As they were: a stale unit is judged again below, and becomes another.
        units = [accepted.unit for accepted in batch] if self.when_stored is not None else ()
        stored = self.metrics.stored
        for answer, accepted in zip(answers, batch, strict=True):
            if isinstance(answer, Stale):
                self._judge_again(accepted)
                continue
            told = None
            if events := accepted.unit.events:
                first = events[0]
                stored[type(first)] += 1
                if not isinstance(first, PresenceEvent):
                    told = answer
            accepted.outcome.callback(told)
        if self.when_stored is not None:
            try:
                self.when_stored(answers, units)
            except Exception:
                self._log.failure("what was stored could not be watched")
        if self._settled:
            self._settle()

    def _judge_again(self, accepted: Accepted) -> None:
        self.metrics.judged_again += 1
        accepted.tries += 1
        try:
            if accepted.tries > TRIES:
                raise Unavailable(CROWDED)
            unit = accepted.unit = accepted.judge()
        except ChatError:
            accepted.outcome.errback(Failure())
        except Exception:
            error = internal_error(self._log, "a command could not be judged again")
            accepted.outcome.errback(Failure(error))
        else:
            if unit.events or unit.changes:
                self._accept(accepted)
            else:
                accepted.outcome.callback(None)

    def _refused(self, failure: Failure, batch: Sequence[Accepted]) -> None:
        self.unstored -= len(batch)
        self.metrics.failed_appends += 1
        if not failure.check(Unavailable, InDoubt):
            self._log.failure("the store failed", failure)
        if failure.check(InDoubt):
            # The pending call refers to the batch, and so keeps the rooms of its commands alive.
            self._clock.callLater(DOUBT_SECONDS, [*batch].clear)
        for accepted in batch:
            accepted.doubtful = accepted.doubtful or failure.check(InDoubt) is not None
            if accepted.quiet and is_kept(accepted.unit) and not self._settled:
                accepted.judge = partial(
                    _shortened, accepted.judge, deleting=needs_space(accepted.unit)
                )
                self._judge_again(accepted)
            else:
                accepted.outcome.errback(Failure(_refusal(accepted)))
        self._settle()

    def _settle(self) -> None:
        if self._settled and not (self.unstored or self._settled.called):
            self._settled.callback(None)


def _shortened(judge: Judge, *, deleting: bool) -> Unit:
    return without_announcements(judge(), deleting=deleting)


def _refusal(accepted: Accepted) -> ChatError:
    if accepted.doubtful:
        return InDoubt(
            "the server cannot tell whether that was stored; send it again with the same key, or"
            " look before you repeat it"
        )
    return Unavailable("the server could not store that, and nobody saw it; try again in a moment")
