"""Leases: which nodes are alive, judged by heartbeat counters, not by clocks.

1. In each heartbeat a node raises its own counter and reads all others.  It gives up a node whose
   counter has not moved during `MOST_BEATS` of its own successful heartbeats.  So no node is given
   up because of an outage of Redis, or a pause of the observing node.
2. A node that shuts down gracefully reports that, and is given up at once.
3. The first node that claims a lost node (`claim.lua`) cleans up: its chat releases the persons of
   the lost node (`Follower.gone`); it takes over the cells that stay, and releases the others.  If
   it dies meanwhile, another node continues.
4. A node that was given up finds its entry changed, so its fencing token is invalid: it can store
   nothing.
5. While Redis refuses all writes (it has no disk, or too few replicas), no heartbeat succeeds.  The
   round goes on, because Redis still answers reads; it ends when sentinels name another server,
   because this one is then a master that was cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...model.errors import ChatError, Unavailable
from ...model.units import Change, Expect, Stale, Unit
from . import scripts, wire
from .failures import Lost, Refused
from .following import Following
from .keys import Keys
from .rounds import PATIENCE_SECONDS, Round
from .skew import Skew

BEAT_SECONDS = 2.0
"""Seconds between two heartbeats."""
MOST_BEATS = 8
"""Own heartbeats without a heartbeat of another node after which that node is given up."""
SLICE = 200
"""Cells read, taken over or released at a time."""


class Storing(Protocol):
    """The part of the store that a lease needs."""

    def append(self, units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        """See `chatd.store.Store.append`."""


class Lease:
    """Sends this node's heartbeats, and watches those of the other nodes."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        keys: Keys,
        following: Following,
        store: Storing,
        gone: Callable[[Collection[tuple[str, str]], bool], Deferred[Collection[tuple[str, str]]]],
        moved: Callable[[], Deferred[bool]],
        skew: Skew,
        seconds: float = BEAT_SECONDS,
    ) -> None:
        """`gone` makes the chat release the persons of a node (`chatd.store.Follower.gone`);
        `moved` tells whether another server is the master now (`Dialler.moved`); `seconds` is the
        time between two heartbeats, each of which tells `skew` Redis's clock.
        """
        self._clock = clock
        self._keys = keys
        self._following = following
        self._store = store
        self._gone = gone
        self._moved = moved
        self._skew = skew
        self._seconds = seconds
        self._still: dict[str, tuple[bytes, int]] = {}
        """The counter of each other node, and for how many beats it has not moved."""
        self._clearing: set[str] = set()
        self._timer: IDelayedCall | None = None
        self._round: Round | None = None
        self._expected: tuple[int, float] | None = None
        """A batch that has to come by the subscription, and since when."""
        self.others = 0
        """Other nodes, at the last look."""
        self._refused = False
        """Whether Redis has refused the last heartbeat."""
        self._asking: Deferred[Any] | None = None
        """The question whether another server is the master now."""

    def begin(self, round: Round) -> None:
        """Start the heartbeats, because a round is live."""
        self.stop()
        self._round = round
        self._beat(round)

    def stop(self) -> None:
        """Stop the heartbeats."""
        self._round = self._expected = None
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._asking:
            asking, self._asking = self._asking, None
            asking.cancel()

    def _beat(self, round: Round) -> None:
        self._timer = None
        keys = self._keys
        beat = round.commands.run(
            scripts.BEAT, [keys.meta, keys.nodes, keys.beats], round.lease, round.fence
        )
        beat.addCallback(self._beaten, round, self._skew.now()).addErrback(self._failed, round)

    def _failed(self, failure: Failure, round: Round) -> None:
        if not failure.check(Lost, Refused):
            self._log.failure("watching the other nodes has failed", failure)
        if round is not self._round:
            return
        problem = failure.getErrorMessage()
        if not failure.check(Refused):
            round.end(problem)
        elif not round.ended_by(problem):
            if not self._refused:
                self._log.warn("Redis takes no writes: {problem}", problem=problem)
            self._refused = True
            self._asking = self._moved()
            self._asking.addCallbacks(self._asked, self._unknown, callbackArgs=(round,))
            self._asking.addBoth(self._beat_again, round)

    def _asked(self, moved: bool, round: Round) -> None:
        if moved and round is self._round:
            round.end("the sentinels name another server")

    def _unknown(self, failure: Failure) -> None:
        """No sentinel has answered; the next refused heartbeat asks again."""
        if not failure.check(Unavailable, CancelledError):
            self._log.failure("asking the sentinels has failed", failure)

    def _beat_again(self, _: None, round: Round) -> None:
        if round is not self._round:
            return
        self._asking = None
        if not round.ended:
            self._timer = self._clock.callLater(self._seconds, self._beat, round)

    def _beaten(self, reply: Any, round: Round, asked: float) -> None:
        if round is not self._round:
            return
        self._refused = False
        tail, nodes, beats, time = reply
        self._skew.told(asked, int(time[0]) + int(time[1]) / 1_000_000)
        self._timer = self._clock.callLater(self._seconds, self._beat, round)
        self._expect(int(tail))
        self._look(_pairs(nodes), _pairs(beats), round)

    def _expect(self, tail: int) -> None:
        """Expect the batch `tail` soon: a dead subscription would look healthy otherwise."""
        if tail > self._following.cursor and not self._expected:
            self._expected = tail, self._clock.seconds()

    def watch(self) -> None:
        """End the round if an expected batch has not arrived in time."""
        if self._expected:
            tail, since = self._expected
            if tail <= self._following.cursor:
                self._expected = None
            elif self._round and self._clock.seconds() - since > PATIENCE_SECONDS:
                self._round.end("published batches do not arrive")

    def _look(self, nodes: dict[str, bytes], beats: dict[str, bytes], round: Round) -> None:
        still: dict[str, tuple[bytes, int]] = {}
        alive = {lease for lease, entry in nodes.items() if _word(entry).isdigit()}
        self.others = len(alive - {round.lease})
        for lease, entry in nodes.items():
            if lease == round.lease:
                continue
            if lease in alive:
                count = beats.get(lease, b"")
                before = self._still.get(lease)
                beaten = before[1] + 1 if before and before[0] == count else 0
                still[lease] = count, beaten
                over = beaten >= MOST_BEATS
            else:
                word, _, rest = entry.decode(errors="replace").partition(" ")
                over = word == "left" or rest == round.lease or rest not in alive
            if over and lease not in self._clearing:
                self._claim(lease, entry, round)
        self._still = still

    # -- clearing up -----------------------------------------------------------------------------

    def _claim(self, lease: str, entry: bytes, round: Round) -> None:
        self._clearing.add(lease)
        clearing: Deferred[None] = Deferred.fromCoroutine(self._clear_up(lease, entry, round))

        def failed(failure: Failure) -> None:
            if not failure.check(Lost, Refused, ChatError):
                self._log.failure("cleaning up after a lost node has failed", failure)

        def done(_: object) -> None:
            self._clearing.discard(lease)  # the next heartbeat sees cells that are left

        clearing.addErrback(failed).addCallback(done)

    async def _clear_up(self, lease: str, entry: bytes, round: Round) -> None:
        keys = self._keys
        elected = await round.commands.run(
            scripts.CLAIM, [keys.nodes], round.lease, round.fence, lease, entry
        )
        if not elected:
            return
        announced = _word(entry).isdigit() or _word(entry) == "dead"
        self._log.warn(
            "a node {how}; releasing the persons that it held",
            how="gives no sign of life" if announced else "has left",
        )
        held = await self._held(lease, round)
        if held:
            staying = await self._gone([cell for cell, _ in held], announced)
            await self._take_over(lease, list(staying), round)
        units = [
            Unit(changes=[Change(table, key, None)], expects=[Expect(table, key, version)])
            for (table, key), version in await self._held(lease, round)
        ]
        for at in range(0, len(units), SLICE):
            await self._store.append(units[at : at + SLICE])
        await round.commands.run(scripts.CLEARED, [keys.nodes, keys.beats, keys.own(lease)], lease)

    async def _take_over(self, lease: str, cells: Sequence[tuple[str, str]], round: Round) -> None:
        """Make cells of a lost node this node's own."""
        keys = self._keys
        for at in range(0, len(cells), SLICE):
            some = [word for cell in cells[at : at + SLICE] for word in cell]
            await round.commands.run(
                scripts.TAKE_OVER,
                [keys.nodes, keys.own(round.lease)],
                round.lease,
                round.fence,
                lease,
                keys.cells,
                *some,
            )

    async def _held(self, lease: str, round: Round) -> list[tuple[tuple[str, str], int]]:
        """The cells of a node that still exist, with their versions, the oldest first."""
        made: dict[str, list[str]] = {}
        for name in await round.commands.ask("SMEMBERS", self._keys.own(lease)):
            table, _, key = name.decode().partition("\0")
            made.setdefault(table, []).append(key)
        held = []
        for table, keys in made.items():
            for at in range(0, len(keys), SLICE):
                some = keys[at : at + SLICE]
                cells = await round.commands.ask("HMGET", self._keys.table(table), *some)
                for key, cell in zip(some, cells, strict=True):
                    if cell and wire.owner_of(cell) == lease:
                        held.append(((table, key), wire.read_cell(cell).version))
        return sorted(held, key=lambda cell: cell[1])


def _word(entry: bytes) -> str:
    return entry.partition(b" ")[0].decode(errors="replace")


def _pairs(flat: Sequence[bytes]) -> dict[str, bytes]:
    return {
        name.decode(errors="replace"): value
        for name, value in zip(flat[::2], flat[1::2], strict=True)
    }
