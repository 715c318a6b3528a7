"""Ordered startup and graceful shutdown.

Startup: the store is opened first, then the doors (`ChatServer.startService`).  Shutdown:

1. The ports are closed, and new requests on open connections are refused.  Lines that have arrived
   by then are read in the next turn, and carried out.
2. Accepted commands are stored and shown to all readers; this step waits at most `SETTLE_SECONDS`.
3. Every connection is drained (`Connected.drain`): it finishes its accepted commands, sends its
   client the reason, and closes.
4. Connections whose clients do not read the goodbye are aborted after `GOODBYE_SECONDS`, and
   connections that still wait for a command's outcome after `ANSWER_SECONDS`.  A command that is
   not stored by then was never acknowledged.
5. The store is closed last.

A server whose place another process has taken on the same sockets retires first: its ports are
closed, and clients that have connected by then send their requests, for at most `RETIRE_SECONDS`.
So no client is refused by a restart of workers (`chatd.server.workers`).

A step ends as soon as its work is done.  All times count from the beginning of the shutdown, which
takes at most `DRAIN_SECONDS`, whatever clients and store do.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..chat.service import ChatService
from ..model.text import plural
from ..net.peers import Peers

SETTLE_SECONDS = 0.5
"""Seconds for the store to store accepted commands before polls and streams end without them."""
GOODBYE_SECONDS = 2.0
"""Seconds for clients to read the goodbye, and to be refused requests sent at the same moment."""
ANSWER_SECONDS = 4.0
"""Seconds for accepted commands to be stored and acknowledged."""
DRAIN_SECONDS = 4.75
"""Seconds for the whole shutdown: below the five after which operators send SIGKILL."""

RETIRE_SECONDS = 2.0
"""Seconds for clients of a server that retires to send the requests that they have begun."""
LOOK_SECONDS = 0.05
"""Seconds between two looks whether they have."""


class ChatServer(MultiService):
    """The chat and its doors, which start and stop in order."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, chat: ChatService, peers: Peers) -> None:
        super().__init__()
        self._clock = clock
        self._chat = chat
        self._peers = peers
        self._began = 0.0
        self._hurried = False
        self._wait: Deferred[None] | None = None
        chat.setServiceParent(self)

    def startService(self) -> None:
        """Open the chat, then its doors: see `start`."""
        self.start().addErrback(lambda failure: self._log.failure("the start failed", failure))

    def start(self) -> Deferred[None]:
        """Open the chat, then all doors; fires when all of them are open.

        Fails with the first error: `Unavailable` if the store cannot be opened.
        """
        self.running = True
        return self._chat.open().addCallback(self._opened)

    def _opened(self, _: object) -> None:
        if self.running:  # a shutdown may have begun meanwhile
            super().startService()

    def stopService(self) -> Deferred[None]:
        """Shut down gracefully; fires when that is done."""
        self.running = False
        self._peers.draining = True
        self._began = self._clock.seconds()
        count = len(self._peers)
        self._log.info(
            f"graceful shutdown: draining {{count}} {plural(count, 'connection')}",
            count=count,
            log_notice=True,
        )
        return Deferred.fromCoroutine(self._go_down())

    def hurry(self) -> None:
        """Shut down at once, without waiting for clients or the store."""
        self._log.info("second signal: shutting down at once, without waiting for clients")
        self._hurried = True
        if self._wait:
            self._wait.callback(None)

    def retire(self) -> Deferred[None]:
        """Accept no more connections, and serve those that there are; fires when the server may be
        stopped.
        """
        self._log.info("retiring: another process has taken the place of this one")
        self._peers.retiring = True
        for door in self._doors:
            _stopped(door)
        retired: Deferred[None] = Deferred()
        self._look(retired, self._clock.seconds() + RETIRE_SECONDS)
        return retired

    def _look(self, retired: Deferred[None], end: float) -> None:
        # Only HTTP connections have this attribute: on other doors the server speaks first.
        awaited = any(getattr(connection, "awaited", False) for connection in self._peers)
        if awaited and self._clock.seconds() < end:
            self._clock.callLater(LOOK_SECONDS, self._look, retired, end)
        else:
            retired.callback(None)

    @property
    def _doors(self) -> list[IService]:
        return [service for service in self if service is not self._chat]

    async def _go_down(self) -> None:
        closed = DeferredList([_stopped(door) for door in self._doors])
        await self._next_turn()
        await self._until(self._chat.drain(), SETTLE_SECONDS)
        for connection in self._peers:
            try:
                connection.drain()
            except Exception:
                self._log.failure("a connection failed to drain; it is aborted")
                connection.transport.abortConnection()
        await self._until(self._peers.emptied(), GOODBYE_SECONDS)
        for connection in self._peers:
            if not connection.owed:
                connection.transport.abortConnection()
        await self._until(self._peers.emptied(), ANSWER_SECONDS)
        for connection in self._peers:
            connection.transport.abortConnection()
        await self._until(closed, DRAIN_SECONDS)
        if not await self._until(_stopped(self._chat), DRAIN_SECONDS):
            self._log.warn("the store was not closed in time")

    def _next_turn(self) -> Deferred[None]:
        """Fires in the next turn of the reactor, which reads what clients have sent by now."""
        turn: Deferred[None] = Deferred()
        self._clock.callLater(0, turn.callback, None)
        return turn

    def _until(self, done: Deferred[Any], seconds: float) -> Deferred[bool]:
        """Fires with whether `done` fired within `seconds` after the shutdown began."""
        outcome: Deferred[bool] = Deferred()
        wait = self._wait = Deferred()

        def end(_: object, in_time: bool) -> None:
            if timer.active():
                timer.cancel()
            if not outcome.called:
                self._wait = None
                outcome.callback(in_time)

        left = 0.0 if self._hurried else self._began + seconds - self._clock.seconds()
        timer = self._clock.callLater(max(0.0, left), end, None, False)
        done.addErrback(lambda failure: self._log.failure("a step of the shutdown failed", failure))
        done.addCallback(end, True)
        wait.addCallback(end, False)
        return outcome


def _stopped(service: IService) -> Deferred[Any]:
    """Stop a service; fires when it has stopped."""
    return maybeDeferred(service.stopService)
