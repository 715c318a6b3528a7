"""The Redis store, which connects its parts with each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...model.errors import InDoubt, NoSearch, Unavailable
from ...model.search import Query
from ...model.units import REMEMBERED_SECONDS, Cell, Stale, Unit
from ...stream.eventlog import Page
from ...stream.pages import MOST_BYTES
from .. import CLOSING, Follower, Found, Loaded, Opened
from ..retained import FOR_EVER, Retention
from . import scripts
from .appending import REFUSED, TELL_SECONDS, Appending
from .failures import Lost, Refused
from .following import Following
from .keys import Keys
from .lease import BEAT_SECONDS, Lease
from .noting import Notes
from .reading import Readings
from .retention import Tidying
from .rounds import Round, Rounds
from .skew import Skew
from .times import Times

if TYPE_CHECKING:
    from .link import Link

AHEAD_SECONDS = 1.0
"""Seconds by which the clock of Redis may be ahead of this node's, as far as that is known."""
WATCH_SECONDS = 0.2
"""Seconds between two looks for what is late."""


class Dialling(Protocol):
    """The part of `dialling.Dialler` that a store needs."""

    def __call__(self) -> Deferred[Link]:
        """See `Dialler.__call__`."""

    def moved(self) -> Deferred[bool]:
        """See `Dialler.moved`."""


class RedisStore:
    """One node's store in Redis."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        dial: Dialling,
        history: int,
        *,
        node: str,
        prefix: str = "chatd",
        database: int = 0,
        retention: Retention = FOR_EVER,
        times: Times | None = None,
        beat: float = BEAT_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`dial` makes a connection, `history` is how many events of a room are loaded, and `node`
        is the name of this node: of two with one name the second takes the place of the first.
        `now` is the wall clock, in seconds since the Unix epoch.
        """
        self._clock = clock
        self._now = now
        self._skew = Skew(now)
        self._history = history
        self._times = times or Times()
        self._keys = keys = Keys(prefix, database)
        self._follower: Follower | None = None
        self._following = following = Following(self._taken)
        self._appending = Appending(clock, keys, self._times, following)
        self._rounds = Rounds(clock, dial, keys, self._times, node, following, self)
        self._readings = Readings(clock, keys, following, self._current)
        self._notes = Notes(clock, keys, self._readings)
        self._tidying = Tidying(clock, keys, retention, self._readings, self._current)
        self._lease = Lease(clock, keys, following, self, self._gone, dial.moved, self._skew, beat)
        self._watching = LoopingCall(self._watch)
        self._watching.clock = clock
        self._closed: Deferred[None] | None = None

    @property
    def id(self) -> str:
        """See `chatd.store.Store.id`."""
        return self._rounds.id

    @property
    def ahead(self) -> float:
        """See `chatd.store.Store`."""
        return self._skew.ahead

    @property
    def retention(self) -> Retention:
        """See `chatd.store.Store`."""
        return self._tidying.retention

    @retention.setter
    def retention(self, retention: Retention) -> None:
        self._tidying.retain(retention)

    def check(self) -> None:
        """See `chatd.store.Store.check`; whether the server is there is seen on opening."""

    def open(self, follower: Follower) -> Deferred[Opened]:
        """See `chatd.store.Store.open`."""
        self._follower = self._following.follower = follower
        self._watching.start(WATCH_SECONDS, now=False)

        def failed(failure: Failure) -> Failure:
            self._stop()
            if failure.check(Unavailable):
                reason = failure.getErrorMessage()
                return Failure(Unavailable(f"the store cannot be used: {reason}"))
            return failure

        opening: Deferred[Opened] = Deferred.fromCoroutine(self._open())
        return opening.addErrback(failed)

    async def _open(self) -> Opened:
        await self._rounds.open()
        opened = await self._survey()
        if self._follower and not self._closed:
            self._tidying.begin(self._follower, opened.rooms)
        return opened

    async def _survey(self) -> Opened:
        """What there is now.  Raises `Unavailable`."""
        last, oldest = self._following.shown, await self._oldest()
        rooms = await self._readings.rooms()
        request_keys = await self._readings.request_keys(oldest)
        return Opened(last, rooms, request_keys)

    async def _oldest(self) -> int:
        """The time (µs) of the oldest request key that still counts.  Raises `Unavailable`."""
        steady = self._times.steady
        if isinstance(steady, str):
            steady = await self._readings.time()
        return steady - int(REMEMBERED_SECONDS * 1_000_000)

    # -- what the chat asks ----------------------------------------------------------------------

    def append(self, units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        """See `chatd.store.Store.append`."""
        return self._add(units)

    def erase(self, room: str) -> Deferred[None]:
        """See `chatd.store.Store.erase`."""

        def doubted(failure: Failure) -> None:
            failure.trap(InDoubt)
            raise Unavailable(REFUSED)

        return self._add((), [room]).addCallbacks(lambda _: None, doubted)

    def _add(
        self, units: Sequence[Unit], erased: Sequence[str] = ()
    ) -> Deferred[list[int | Stale]]:
        if self._unopened:
            return fail(Unavailable(CLOSING))
        if self._rounds.away > TELL_SECONDS:
            return fail(Unavailable(REFUSED))
        return self._appending.add(units, self._current(), erased)

    def given(self, cursor: int) -> bool:
        """See `chatd.store.Store.given`: one from the future was not."""
        return cursor <= int((self._now() + self.ahead + AHEAD_SECONDS) * 1_000_000)

    def kept(self, cursor: int) -> int:
        """See `chatd.store.Store.kept`."""
        for first, last in reversed(self._rounds.forks):
            if first <= cursor <= last:
                cursor = first - 1
            elif cursor > last:
                break
        return cursor

    def probe(self) -> Deferred[None]:
        """See `chatd.store.Store.probe`."""
        if self._unopened:
            return fail(Unavailable(CLOSING))
        round = self._current()
        if round is None:
            away = f"{self._rounds.away:.0f} seconds"
            return fail(Unavailable(f"Redis has been away for {away}: {self._rounds.why}"))
        keys = self._keys
        probed = round.commands.run(
            scripts.PROBE, [keys.meta, keys.nodes], round.lease, round.fence
        )

        def unfit(failure: Failure) -> None:
            failure.trap(Lost, Refused)
            if failure.check(Refused):
                round.ended_by(str(failure.value))
            raise Unavailable(f"the store takes no events: {failure.getErrorMessage()}")

        return probed.addCallbacks(lambda _: None, unfit)

    def load(self, room: str, until: int) -> Deferred[Loaded]:
        """See `chatd.store.Store.load`."""
        return self._read(lambda: self._readings.load(room, until, self._history))

    def read(
        self,
        room: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
        size: int = MOST_BYTES,
    ) -> Deferred[Page]:
        """See `chatd.store.Store.read`."""
        return self._read(lambda: self._readings.page(room, after, before, limit, size))

    def table(self, name: str) -> Deferred[Mapping[str, Cell]]:
        """See `chatd.store.Store.table`."""
        return self._read(lambda: self._readings.table(name))

    def get(self, table: str, keys: Collection[str]) -> Deferred[Mapping[str, Cell]]:
        """See `chatd.store.Store.get`."""
        return self._read(lambda: self._readings.get(table, keys))

    def having(self, tables: Collection[str], key: str) -> Deferred[Collection[str]]:
        """See `chatd.store.Store.having`."""
        return self._read(lambda: self._readings.having(tables, key))

    def cells(
        self, table: str, place: str | None, limit: int, *, down: bool = False
    ) -> Deferred[Sequence[tuple[str, Cell]]]:
        """See `Store.cells`: a hash has no order, so it is read in slices, of which the first cells
        are kept.
        """
        return self._read(lambda: self._readings.cells(table, place, limit, down=down))

    def size(self, table: str) -> Deferred[int]:
        """See `Store.size`."""
        return self._read(lambda: self._readings.table_size(table))

    def note(self, table: str, key: str, value: bytes | None) -> Deferred[None]:
        """Give a cell of a noted table a value, or with None make it absent; fires when that is
        stored.  Fails with `Unavailable`.
        """
        return self._read(lambda: self._notes.add(table, key, value))

    def count(self, room: str, after: int, most: int) -> Deferred[int]:
        """How many messages a room has above the id `after`, `most` at most.  Fails with
        `Unavailable`.
        """
        return self._read(lambda: self._readings.count(room, after, most))

    def search(
        self,
        room: str,
        query: Query,
        *,
        before: int | None = None,
        limit: int,
        size: int = MOST_BYTES,
    ) -> Deferred[Found]:
        """See `chatd.store.Store.search`: Redis has no index of words."""
        return fail(NoSearch("this server cannot search: its history is in Redis"))

    def close(self) -> Deferred[None]:
        """See `chatd.store.Store.close`."""
        if self._closed is None:
            self._closed = Deferred()
            self._notes.flush()
            if self._follower and len(self._appending):
                self._appending.idle = self._leave
            else:
                self._leave()
        closing: Deferred[None] = Deferred()
        self._closed.addCallback(closing.callback)
        return closing

    def _read(self, ask: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        if self._unopened:
            return fail(Unavailable(CLOSING))
        return ask()

    @property
    def _unopened(self) -> bool:
        return self._closed is not None or self._follower is None

    def _current(self) -> Round | None:
        return self._rounds.current

    # -- what the parts tell ---------------------------------------------------------------------

    def live(self, round: Round) -> None:
        """See `chatd.store.redis.rounds.Watcher`."""
        self._appending.resume(round)
        self._readings.resume(round)
        if not round.ended:
            self._lease.begin(round)

    def missed(self, since: int) -> None:
        """See `chatd.store.redis.rounds.Watcher`."""
        self._appending.tell(all=True)
        self._readings.tell(all=True)
        if self._follower:
            self._follower.missed(since, lambda: Deferred.fromCoroutine(self._survey()))

    def noted(self, table: str, key: str, value: bytes) -> None:
        """See `chatd.store.redis.rounds.Watcher`."""
        if self._follower:
            self._follower.noted(table, key, value)

    def unheard(self, since: int) -> None:
        """See `chatd.store.redis.rounds.Watcher`."""
        if self._follower and not self._closed:
            self._follower.unheard(since)

    def over(self) -> None:
        """See `chatd.store.redis.rounds.Watcher`."""
        self._appending.tell(all=True)
        if self._follower:
            self._follower.over()

    def _taken(self, lease: str, sequence: int) -> Any:
        return self._appending.taken(lease, sequence)

    def _gone(
        self, held: Collection[tuple[str, str]], announced: bool
    ) -> Deferred[Collection[tuple[str, str]]]:
        return self._follower.gone(held, announced) if self._follower else succeed(())

    def _watch(self) -> None:
        self._rounds.watch()
        self._lease.watch()
        self._appending.tell()
        self._readings.tell()

    # -- the end ---------------------------------------------------------------------------------

    def _leave(self) -> None:
        """Nothing is under way any more: say so to the other nodes, and go."""
        round = self._current()
        if round is None:
            self._stop()
            return
        self._lease.stop()
        keys = self._keys
        left = round.commands.run(scripts.LEAVE, [keys.nodes], round.lease, round.fence)
        left.addErrback(lambda failure: failure.trap(Lost, Refused))
        left.addCallback(lambda _: self._stop())

    def _stop(self) -> None:
        self._tidying.stop()
        self._lease.stop()
        if self._watching.running:
            self._watching.stop()
        self._rounds.close()
        self._readings.tell(all=True)
        if self._closed and not self._closed.called:
            self._closed.callback(None)
