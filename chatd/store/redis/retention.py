"""Retention: the oldest events are forgotten, a little at a time, by whichever node comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...model.errors import Unavailable
from .. import Follower, RoomSummary
from ..failing import Failing
from ..retained import DAY, FOR_EVER, TIDY_SECONDS, Retention
from . import scripts
from .failures import Lost, Refused
from .keys import Keys
from .reading import Readings
from .rounds import Round
from .server import look

LOG_SECONDS = 900
"""Seconds for which batches are kept in the log at most, for nodes that catch up.  Private messages
are among them."""
REWRITE_SECONDS = 600
"""Seconds, at least, between two times that Redis is asked to rewrite its log of writes: that takes
memory, and for a large history some time."""
SLICE = 500
"""Events forgotten at a time: an append waits for one slice at most."""


class Tidying:
    """Forgets, now and then, and tells of what was forgotten."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        keys: Keys,
        retention: Retention,
        readings: Readings,
        current: Callable[[], Round | None],
    ) -> None:
        self._keys = keys
        self.retention = retention
        self._readings = readings
        self._current = current
        self._firsts: dict[str, int] = {}
        """The oldest event of each room, as the follower knows it."""
        self._beginning = False
        """Whether nothing has been forgotten so far, so that rooms may be missing in `_firsts`."""
        self._follower: Follower | None = None
        self._failing = Failing()
        self._unwritten = ""
        """Why Redis did not rewrite its log of writes the last time it was asked to."""
        self._loop = LoopingCall(self._tidy)
        self._loop.clock = clock

    def begin(self, follower: Follower, rooms: Mapping[str, RoomSummary]) -> None:
        """The store is open."""
        self._follower = follower
        self._firsts = {name: ends.first for name, ends in rooms.items()}
        self._loop.start(TIDY_SECONDS)

    def retain(self, retention: Retention) -> None:
        """Keep so much from now on."""
        self._beginning |= self.retention == FOR_EVER
        self.retention = retention

    def stop(self) -> None:
        """Forget no more."""
        if self._loop.running:
            self._loop.stop()

    def _tidy(self) -> Deferred[None] | None:
        round = self._current()
        if round is None:
            return None
        done: Deferred[None] = Deferred.fromCoroutine(self._forget(round))
        return done.addCallbacks(partial(self._failing.worked, "forget"), self._failed)

    def _failed(self, failure: Failure) -> None:
        if not failure.check(Lost, Unavailable):
            self._failing.has_failed("forget", failure.getErrorMessage())
            failure.trap(Refused)

    async def _purge(self, round: Round, now: int) -> None:
        """If anything was redacted or erased, have Redis rewrite its log of writes, where the text
        still stands; at most once in `REWRITE_SECONDS`.
        """
        meta, between = self._keys.meta, REWRITE_SECONDS * 1_000_000
        if not await round.commands.run(scripts.PURGE, [meta], now, between):
            return
        ask = round.commands.ask
        if look(await ask("INFO", "persistence")).get("aof_enabled") != "1":
            return
        try:
            await ask("BGREWRITEAOF")
        except Refused as problem:
            await ask("HSET", meta, "purged", 1)
            if str(problem) != self._unwritten:
                self._log.error(
                    "Redis does not rewrite its log of writes, in which redacted texts still"
                    " stand: {problem}",
                    problem=problem,
                )
            self._unwritten = str(problem)
        else:
            self._unwritten = ""

    async def _forget(self, round: Round) -> None:
        keys = self._keys
        now = await self._readings.time()
        log = now - LOG_SECONDS * 1_000_000
        await round.commands.ask("ZREMRANGEBYSCORE", keys.log, "-inf", f"({log}")
        await self._purge(round, now)
        if self.retention == FOR_EVER:
            return
        if self._beginning:
            there = await self._readings.rooms()
            self._firsts = {name: ends.first for name, ends in there.items()} | self._firsts
            self._beginning = False
        days, most = self.retention.days, self.retention.events
        before = 0 if days is None else int(now - days * DAY)
        more = 1
        while more and not round.ended:
            more = await round.commands.run(
                scripts.TRIM,
                [keys.meta, keys.firsts, keys.floors],
                keys.events,
                before,
                "" if most is None else most,
                SLICE,
            )
        rooms = await self._readings.rooms()
        firsts: dict[str, int | None] = {
            name: rooms[name].first if name in rooms else None
            for name, first in self._firsts.items()
            if name not in rooms or rooms[name].first != first
        }
        self._firsts = {name: ends.first for name, ends in rooms.items()}
        if firsts and self._follower:
            self._follower.forgotten(firsts)
