"""`--workers N`: several processes behind the same ports, and the supervisor that runs them.

1. The supervisor binds the ports, and serves no client itself.  Each worker is a node of the chat
   (`chatd.chat.nodes`), with connections of its own.
2. A worker that ends by itself is started again, after a pause that doubles while it fails at once.
   If a worker ends before the first start is complete, the supervisor ends too, with status 1.
3. SIGTERM and SIGINT drain all workers at once; the supervisor ends with the last one.
4. SIGHUP restarts the workers one by one.  A worker retires (`ChatServer.retire`) when its
   successor serves, and the next worker is restarted when the one before is gone.  A worker that
   does not start ends the restart: the others, and the one that it was to replace, go on.
5. A worker whose supervisor is gone shuts down, because its standard input ends
   (`chatd.server.supervised`).
6. The supervisor also binds the console's socket, from which all workers accept, and adds up their
   metrics, so that any worker can answer for all (`chatd.server.worker_metrics`).
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..net.unixsockets import bind_unix
from ..store.private import MODE
from .ports import CannotOpen
from .sharing import WORKER, Bound, Place, bind
from .startup import no_start
from .worker_metrics import Collection
from .worker_process import READY, RETIRE, Worker

FIRST_SOCKET = 4
PAUSE_SECONDS = 0.5
"""Seconds before a worker that has ended is started again; doubled each time it fails at once."""
LONGEST_PAUSE = 30.0
STABLE_SECONDS = 60.0
"""Seconds after which a worker that ends counts as one that had started well."""


class Supervisor(Service):
    """Runs the workers."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        endpoints: Iterable[tuple[str, bool]],
        count: int,
        node: str,
        command: Sequence[str],
        directory: str | None = None,
        serving: Callable[[], None] = lambda: None,
        console: Path | None = None,
    ) -> None:
        """`endpoints` are those of all doors, as for `bind`.  `node` begins the names of the
        workers' nodes, and `command` are the arguments of Python in a worker, which starts in
        `directory`.  `serving` is called when all workers serve, and when a restart has ended.
        `console` is the path of the console's socket.
        """
        self._serving = serving
        self._reactor = reactor
        self._endpoints = endpoints
        self._count = count
        self._node = node
        self._arguments = command
        self._directory = directory
        self._bound = Bound([], [], [])
        # A daemon changes its working directory.
        self._console_path = console.absolute() if console else None
        self._console = Bound([None], [], [])
        self._metrics = Collection(reactor, lambda: self._processes)
        self._workers: dict[int, Worker] = {}
        """The workers that serve, or begin to, by number."""
        self._processes: set[Worker] = set()
        """All workers that have not ended: also those that are being replaced."""
        self._turns: dict[int, int] = {}
        """How often each worker was replaced while it ran."""
        self._pauses: dict[int, float] = {}
        self._started = False
        self._restarting = False

    def privilegedStartService(self) -> None:
        """Bind the ports.  Raises `StartupError`."""
        super().privilegedStartService()
        try:
            self._bound = bind(self._reactor, self._endpoints)
        except CannotOpen as problem:
            raise no_start(str(problem)) from None
        for why in self._bound.closed:
            self._log.warn("a door stays closed: {why}", why=why)

    def startService(self) -> None:
        """Start the workers as soon as the reactor runs."""
        super().startService()
        if self._console_path:
            self._open_console(self._console_path)
        self._reactor.callWhenRunning(self._begin)

    def _open_console(self, path: Path) -> None:
        """Bind the console's socket, as the user who runs the workers."""
        try:
            self._console.sockets[:] = [bind_unix(path, MODE)]
        except OSError as problem:
            self._log.warn(
                "there is no console: its socket {path} cannot be opened: {why}",
                path=path,
                why=problem,
            )
        else:
            self._console.files.append(path)
            self._log.info("console listening on {path}", path=path)

    def stopService(self) -> Deferred[Any]:
        """Drain all workers; fires when they are gone."""
        super().stopService()
        self._bound.close()
        self._console.close()
        self._metrics.stop()
        return DeferredList([worker.stop(self._reactor) for worker in self._processes])

    def hurry(self) -> None:
        """Have all workers shut down at once, without waiting for clients."""
        for worker in self._processes:
            worker.signal(RETIRE)

    def restart(self) -> None:
        """Restart the workers one by one."""
        if self._restarting or not (self._started and self.running):
            return
        self._restarting = True
        restarting: Deferred[Any] = Deferred.fromCoroutine(self._restart())

        def done(result: object) -> None:
            self._restarting = False
            self._serving()
            if isinstance(result, Failure):
                self._log.failure("the workers could not be restarted", result)

        restarting.addBoth(done)

    # -- the workers -----------------------------------------------------------------------------

    def _begin(self) -> None:
        starting = [self._start(number) for number in range(1, self._count + 1)]
        serving = [worker.ready for worker in starting]

        def begun(outcomes: list[tuple[bool, bool]]) -> None:
            self._started = all(serves for _, serves in outcomes)
            if self._started:
                self._log.info("{count} workers serve", count=self._count)
                self._serving()
            elif self.running:
                self._log.critical("the start failed: a worker ended before it served")
                atexit.register(os._exit, 1)  # `reactor.stop` takes no exit status
                self._reactor.stop()

        if self.running:
            DeferredList(serving).addCallback(begun)

    def _start(self, number: int) -> Worker:
        worker = self._workers[number] = self._spawn(number)
        return worker

    def _spawn(self, number: int) -> Worker:
        turn = "ab"[self._turns.get(number, 0) % 2]
        node = f"{self._node}.{number}{turn}"
        worker = Worker(number, node, self._reactor.seconds(), self._metrics.heard)
        sockets, inherited = self._bound.inherited(FIRST_SOCKET)
        (console,), passed = self._console.inherited(FIRST_SOCKET + len(inherited))
        claims = number == 1 and not self._started
        place = Place(number, node, sockets, console, READY, claims)
        self._reactor.spawnProcess(
            worker,
            sys.executable,
            [sys.executable, *self._arguments],
            env={**os.environ, WORKER: place.written()},
            path=self._directory,
            childFDs={0: "w", 1: "r", 2: "r", READY: "r", **inherited, **passed},
        )
        self._processes.add(worker)
        worker.ended.addCallback(lambda why: self._ended(worker, why))
        return worker

    def _ended(self, worker: Worker, why: str) -> str:
        self._processes.discard(worker)
        self._metrics.ended(worker)
        number = worker.number
        if self._workers.get(number) is not worker or worker.stopping or not self.running:
            return why
        if not self._started:
            return why  # `_begin` ends the supervisor
        pause = self._pauses.get(number, PAUSE_SECONDS)
        if self._reactor.seconds() - worker.began >= STABLE_SECONDS:
            pause = PAUSE_SECONDS
        self._pauses[number] = min(2 * pause, LONGEST_PAUSE)
        self._log.error(
            "worker {number} has ended ({why}); it is started again in {pause:g} seconds",
            number=number,
            why=why or "without an error",
            pause=pause,
        )
        self._reactor.callLater(pause, self._again, worker)
        return why

    def _again(self, worker: Worker) -> None:
        if self.running and self._workers.get(worker.number) is worker:
            self._start(worker.number)

    async def _restart(self) -> None:
        for number in range(1, self._count + 1):
            old = self._workers[number]
            self._turns[number] = self._turns.get(number, 0) + 1
            new = self._spawn(number)
            serves = await _told(new.ready)
            if not self.running:
                return
            if not serves:
                self._turns[number] -= 1
                self._log.error(
                    "worker {number} did not start; the others go on as they are", number=number
                )
                return
            self._workers[number] = new
            await old.stop(self._reactor, RETIRE)
            if not self.running:
                return
        self._log.info("all workers are restarted")


def _told(ready: Deferred[bool]) -> Deferred[bool]:
    """Fires with what `ready` fires with, and leaves it as it is."""
    told: Deferred[bool] = Deferred()

    def tell(serves: bool) -> bool:
        told.callback(serves)
        return serves

    ready.addCallback(tell)
    return told
