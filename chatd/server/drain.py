"""Coming up and going down, in order.

Coming up: the store is opened, and then the doors are (`ChatServer.startService`).  Going down:

1. Nothing listens any more; what comes on connections that are open is refused.
2. What was accepted is stored and shown to everybody, if that takes no longer than
   `SETTLE_SECONDS`.
3. Every connection is told (`Connected.drain`): it finishes what it began, says goodbye, and
   closes.
4. Whoever does not read that is cut off after `GOODBYE_SECONDS`, and whoever is still owed an
   answer after `ANSWER_SECONDS`: what is not stored by then was never acknowledged.
5. The store is closed last.

Each step ends when it is done, and all of them within `DRAIN_SECONDS`, whatever clients and store
do.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..chat.service import ChatService
from ..net.peers import Peers

SETTLE_SECONDS = 0.5
"""Seconds for the store to take what was accepted, before polls and streams end without it."""
GOODBYE_SECONDS = 2.0
"""Seconds for a goodbye to be read, and for requests that cross it to be refused."""
ANSWER_SECONDS = 4.0
"""Seconds for a command to be stored and acknowledged."""
DRAIN_SECONDS = 4.75
"""Seconds for everything: below the five after which people lose patience and kill."""


class ChatServer(MultiService):
    """A chat and its doors, which go down in order."""

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
        """Open the chat, and then its doors: see `start`."""
        self.start().addErrback(lambda failure: self._log.failure("the start failed", failure))

    def start(self) -> Deferred[None]:
        """Open the chat, and then everything else; fires when that is done.

        Fails with what hinders it: `Unavailable` if it is the store.
        """
        self.running = True
        return self._chat.open().addCallback(self._opened)

    def _opened(self, _: object) -> None:
        if self.running:  # it may have begun to go down meanwhile
            super().startService()

    def stopService(self) -> Deferred[None]:
        """Go down; fires when that is done."""
        self.running = False
        self._peers.draining = True
        self._began = self._clock.seconds()
        self._log.info("going down; {count} are connected", count=len(self._peers))
        return Deferred.fromCoroutine(self._go_down())

    def hurry(self) -> None:
        """Go down without waiting for anybody."""
        self._hurried = True
        if self._wait:
            self._wait.callback(None)

    async def _go_down(self) -> None:
        doors: list[IService] = [service for service in self if service is not self._chat]
        closed = DeferredList([_stopped(door) for door in doors])
        await self._until(self._chat.drain(), SETTLE_SECONDS)
        for connection in self._peers:
            try:
                connection.drain()
            except Exception:
                self._log.failure("a connection could not be ended, and is cut off")
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

    def _until(self, done: Deferred[Any], seconds: float) -> Deferred[bool]:
        """Fires with whether it was done, so many seconds after going down began at the latest."""
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
        done.addErrback(lambda failure: self._log.failure("while going down", failure))
        done.addCallback(end, True)
        wait.addCallback(end, False)
        return outcome


def _stopped(service: IService) -> Deferred[Any]:
    """Stop a service; fires when that is done."""
    return maybeDeferred(service.stopService)
