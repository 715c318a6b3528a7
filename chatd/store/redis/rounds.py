"""Rounds: pairs of connections to Redis under one fencing token, from their opening to their end.

A round begins by examining the server; then the node subscribes, raises its fence (`hello.lua`),
finds its place in the log, and reads to the present.  From then on it is *live*: appends are sent,
and batches are received as they are published.  Any error, including a late answer, ends the round,
and the next one begins: at once, then after pauses of up to a second.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...model.errors import Unavailable
from ..failing import first_error
from . import scripts, wire
from .failures import Lost, Refused
from .following import DAMAGED, Following
from .keys import Keys
from .server import FORMAT, NotNow, Unfit, examine, keeping, unknown
from .times import Times

if TYPE_CHECKING:
    from .link import Link

PATIENCE_SECONDS = 1.25
"""Seconds that a command may go unanswered before the connection counts as dead: a stopped server
does not refuse commands, it hangs."""
PAUSE_SECONDS = 1.0
"""The longest pause between two attempts."""
SLICE = 200
"""Batches read at a time on catching up."""
MOST_FORKS = 100
"""Forks that are remembered: each is a restart of the server, or a failover."""
ENDING = (
    "FENCED",
    "NOSCRIPT",
    "READONLY",
    "LOADING",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "MOVED",
    "NOAUTH",
)
"""Errors that end a round: the server is not ready, is not the master, or refuses the fence or the
script."""

EXPECTED = (Lost, Refused, NotNow, Unfit, Unavailable, OSError, CancelledError, *DAMAGED)
"""Errors with which a round may fail before it is live."""

Dial = Callable[[], "Deferred[Link]"]


class Round:
    """Two connections: one for commands, one for published batches."""

    def __init__(self, lease: str, fence: int, over: Callable[[Round, str], object]) -> None:
        self.lease = lease
        self.fence = fence
        self.commands: Link
        self.feed: Link
        self.links: list[Link] = []
        self.ended = False
        self._over = over

    def end(self, why: str) -> None:
        """Drop both connections."""
        if not self.ended:
            self.ended = True
            for link in self.links:
                link.abandon()
            self._over(self, why)

    def ended_by(self, problem: str) -> bool:
        """End the round if an error of the server is one of `ENDING`; returns whether it was."""
        fatal = any(word in problem for word in ENDING)
        if fatal:
            self.end(problem)
        return fatal

    @property
    def waited(self) -> float:
        """Seconds for which a command has gone unanswered."""
        return max((link.waited for link in self.links), default=0.0)


class Watcher(Protocol):
    """The store, which is notified of events of a round."""

    def live(self, round: Round) -> None:
        """The log is read to the present; the round is live."""

    def missed(self, since: int) -> None:
        """Batches after `since` cannot be read; the state has to be read again."""

    def noted(self, table: str, key: str, value: bytes) -> None:
        """A node has noted a read marker."""

    def unheard(self, since: int) -> None:
        """The node is back: other nodes may have noted markers since that id, unheard here."""

    def over(self) -> None:
        """The lease is lost, and another one begins."""


class Rounds:
    """The rounds of one node, one after another."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        dial: Dial,
        keys: Keys,
        times: Times,
        name: str,
        following: Following,
        watcher: Watcher,
    ) -> None:
        """`name` is the node's name; `dial` opens a connection."""
        self._clock = clock
        self._dial = dial
        self._keys = keys
        self._times = times
        self._name = name
        self._following = following
        self._watcher = watcher
        self.id = ""
        """The history's own id; empty until it is known."""
        self.forks: list[tuple[int, int]] = []
        """Ranges of ids, both ends included, of which the server has lost all that it ever gave.
        Every process of the server, after the first, leaves one: it may have missed what the one
        before acknowledged."""
        self.lease = new_lease()
        self.fence = 0
        self.current: Round | None = None
        """The live round; None if there is none."""
        self.why = "it was not reached yet"
        """The reason for the end of the last round."""
        self.since = clock.seconds()
        """When the last round ended, if none is live."""
        self.heard = 0
        """The id up to which this node had heard what was noted when the last round ended."""
        self._next: Round | None = None
        self._dialling: Deferred[Link] | None = None
        self._tries = 0
        self._timer: IDelayedCall | None = None
        self._closed = False
        self._opened: Deferred[None] | None = None

    def open(self) -> Deferred[None]:
        """Begin; fires when the first round is live.  Fails with `Unavailable`."""
        self._opened = Deferred()
        opened = self._opened
        self._begin()
        return opened

    def close(self) -> None:
        """Begin no more rounds."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
            self._timer = None
        for round in (self.current, self._next):
            if round:
                round.end("it is closed")
        self.current = self._next = None
        if self._dialling:
            self._dialling.cancel()

    def watch(self) -> None:
        """End the round if an answer is late."""
        round = self.current or self._next
        if round and round.waited > PATIENCE_SECONDS:
            round.end(f"no answer for {PATIENCE_SECONDS:g} seconds")

    @property
    def away(self) -> float:
        """Seconds for which there has been no round."""
        return 0.0 if self.current else self._clock.seconds() - self.since

    # -- one round -------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._timer = None
        self.fence += 1
        round = self._next = Round(self.lease, self.fence, self._over)
        begun = Deferred.fromCoroutine(self._go(round))
        begun.addErrback(self._failed, round)

    async def _go(self, round: Round) -> None:
        for _ in range(2):
            self._dialling = self._dial()
            try:
                link = await self._dialling
            finally:
                self._dialling = None
            if round.ended:
                link.abandon()
                return
            round.links.append(link)
            link.lost = round.end
        round.commands, round.feed = round.links
        info = await round.commands.ask("INFO")
        run_id = examine(info)
        if self._opened:
            self._log.info("{words}", words=keeping(info))
        early: list[bytes] = []
        round.feed.pushed = early.append
        round.feed.heard[self._keys.noted.encode()] = lambda told: self._noted(round, told)
        asked: list[Deferred[Any]] = [
            *(round.commands.ask("SCRIPT", "LOAD", script.text) for script in scripts.ALL),
            round.feed.ask("SUBSCRIBE", self._keys.feed),
            round.feed.ask("SUBSCRIBE", self._keys.noted),
        ]
        await gatherResults(asked, consumeErrors=True).addErrback(first_error)
        last, tail = await self._hello(round, run_id)
        given_up = round.fence == 1 and not self._opened
        await self._catch_up(round, last, tail)
        if given_up and not round.ended:
            # Cells of the old lease, and of others, may have been removed without a batch: by a
            # node that found itself alone (`hello.lua`).
            self._watcher.missed(self._following.shown)
        if round.ended:
            return
        self._tries = 0
        self.current, self._next = round, None
        for message in early:
            self._push(round, message)
        round.feed.pushed = lambda message: self._push(round, message)
        if round.ended:
            return
        if self._opened:
            opened, self._opened = self._opened, None
            self._watcher.live(round)
            opened.callback(None)
        else:
            self._log.info(
                "the store is there again, after {away:.1f} seconds",
                away=self._clock.seconds() - self.since,
            )
            self._watcher.live(round)
            self._watcher.unheard(self.heard)

    async def _hello(self, round: Round, run_id: str) -> tuple[int, int]:
        """Raise the fence; answers the highest id given, and the last batch.  Raises `Unfit`."""
        keys, following = self._keys, self._following
        while True:
            reply = await round.commands.run(
                scripts.HELLO,
                [keys.meta, keys.log, keys.nodes, keys.beats, keys.forks],
                keys.prefix,
                round.lease,
                round.fence,
                following.shown,
                run_id,
                secrets.token_hex(5),
                self.id,
                self._name,
                self._times.wall,
                MOST_FORKS,
                1 if self._opened else 0,
                FORMAT,
            )
            if reply[0] == b"ok":
                break
            if reply[0] == b"format":
                raise unknown(reply[1].decode(errors="replace"))
            self._log.warn("this node was given up by the others; its sessions are over")
            if reply[1]:
                self._log.error(
                    "another node has this node's name, {name}; give each a --node of its own",
                    name=self._name,
                )
            round.lease = self.lease = new_lease()
            round.fence = self.fence = 1
            self._watcher.over()
        id_, last, tail = reply[1].decode(), int(reply[2]), int(reply[3])
        self.forks = [(int(first), int(end)) for first, end in map(bytes.split, reply[4])]
        if not self.id:
            self.id = id_
            following.moved(tail, last)
        elif id_ != self.id:
            self.id = id_
            self._log.error("Redis has lost the whole history, and begins a new one")
            following.moved(tail, last)
            self.heard = 0
            self._watcher.missed(0)
        return last, tail

    async def _catch_up(self, round: Round, last: int, tail: int) -> None:
        """Meet everything up to the present."""
        following = self._following
        since = await self._lost(round, tail)
        if since is not None:
            following.moved(tail, last)
            self.heard = min(self.heard, since)
            self._watcher.missed(since)
        while following.cursor < tail:
            found = await round.commands.ask(
                "ZRANGEBYSCORE",
                self._keys.log,
                f"({following.cursor}",
                "+inf",
                "LIMIT",
                0,
                SLICE,
            )
            for message in found:
                following.take(message)
            if not found:
                break

    async def _lost(self, round: Round, tail: int) -> int | None:
        """Look for the node's place in the log.  None: it is there; or the last place before it
        that is.
        """
        following = self._following
        cursor = following.cursor
        if cursor == tail:
            return None
        found = await round.commands.ask("ZRANGE", self._keys.log, 0, 0)
        oldest = wire.read_told(found[0]) if found else None
        if cursor < tail:
            if await self._holds(round, cursor):
                return None
            if oldest and oldest.previous == cursor:
                return None
            if not oldest or oldest.last > cursor:
                self._log.error("this node was behind for too long, and reads everything anew")
                return following.shown
        self._log.error(
            "Redis has lost what it had acknowledged: a replica has taken its place, or an older"
            " copy"
        )
        met = list(following.met)
        # What came before the log is not lost: it was forgotten, as old batches are.
        before = oldest.previous if oldest else tail
        low, high = met.index(before) + 1 if before in met else 0, len(met)
        while low < high:
            middle = (low + high) // 2
            if await self._holds(round, met[middle]):
                low = middle + 1
            else:
                high = middle
        return met[low - 1] if low else 0

    def _holds(self, round: Round, batch: int) -> Awaitable[Any]:
        return round.commands.ask("ZCOUNT", self._keys.log, batch, batch)

    def _push(self, round: Round, message: bytes) -> None:
        if round.ended:
            return
        try:
            self._following.take(message)
        except DAMAGED as problem:
            round.end(str(problem))

    def _noted(self, round: Round, message: bytes) -> None:
        table, key, value = (*message.split(b"\0", 2), b"", b"")[:3]
        if round is self.current and value.isdigit():
            self._watcher.noted(table.decode(), key.decode(), value)

    # -- its end ---------------------------------------------------------------------------------

    def _failed(self, failure: Failure, round: Round) -> None:
        """A round has not become live."""
        problem = failure.value
        if round.ended:
            return  # whatever followed from that
        if not isinstance(problem, EXPECTED):
            self._log.failure("a round has failed", failure)
        why = problem.message if isinstance(problem, Unavailable) else str(problem)
        if self._opened and not isinstance(problem, NotNow):
            self._closed = True
        elif isinstance(problem, Unfit) and why != self.why:
            self._log.error("the store cannot be used: {why}", why=why)
        round.end(why or type(problem).__name__)

    def _over(self, round: Round, why: str) -> None:
        if round is self.current and not self._closed:
            self.since = self._clock.seconds()
            self.heard = self._following.shown
            self._log.warn("the store is away: {why}", why=why)
        self.current = self._next = None
        self.why = why
        if self._closed:
            opened, self._opened = self._opened, None
            if opened:
                opened.errback(Unavailable(why))
            return
        if self._opened:
            self.lease, self.fence = new_lease(), 0  # no lease has begun
            if not self._tries:
                self._log.warn("waiting for the store: {why}", why=why)
        pause = min(0.05 * 2**self._tries, PAUSE_SECONDS) * random.uniform(0.5, 1.0)
        self._timer = self._clock.callLater(pause if self._tries else 0, self._begin)
        self._tries += 1


def new_lease() -> str:
    """The name of a lease, which no other has or had."""
    return secrets.token_hex(4)
