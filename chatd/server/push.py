"""Sends push notifications, if the operator has given a contact for push services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..chat.service import ChatService
from ..model.errors import ChatError

AGAIN_SECONDS = 10.0
"""Seconds until the next attempt, if the store could not be read at the start."""


class PushService(Service):
    """Begins to send when the store is open, and stops with the server."""

    _log = Logger()

    def __init__(
        self, reactor: Any, now: Callable[[], float], chat: ChatService, contact: str
    ) -> None:
        """`now` is the wall clock in seconds since the Unix epoch, and `contact` the operator's
        address.  The libraries of the extra `push` are installed.
        """
        from ..push.delivery import Delivery  # it needs the extra `push`
        from ..push.posting import AgentPost

        self._reactor = reactor
        self._again: IDelayedCall | None = None
        """The next attempt to begin."""
        self._chat = chat
        self._delivery = Delivery(reactor, now, contact, AgentPost(reactor), chat.push.counts)

    def startService(self) -> None:
        """Read the key and the subscriptions."""
        super().startService()
        self._begin()

    def stopService(self) -> Deferred[None] | None:
        """Drop what was not sent."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._chat.push.stop()
        self._delivery.stop()
        super().stopService()
        return None

    def _begin(self) -> None:
        self._again = None
        self._chat.push.begin(self._delivery).addCallbacks(self._begun, self._unread)

    def _begun(self, _: object) -> None:
        self._log.info(
            "people can be notified while the page is closed; browsers that are notified: {count}",
            count=len(self._chat.push.subscriptions),
        )

    def _unread(self, failure: Failure) -> None:
        failure.trap(ChatError)
        self._log.warn("push begins later: {problem}", problem=failure.value)
        if self.running:
            self._again = self._reactor.callLater(AGAIN_SECONDS, self._begin)
