"""Sessions that outlive their connections: a token, and some grace.

A browser polls, sleeps, reloads, changes networks; its session goes on as long as something holds
it (a parked poll, an open stream, a request), and `GRACE_SECONDS` after that.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall

from .errors import BadToken
from .service import ChatService
from .session import Session

GRACE_SECONDS = 75.0
"""Seconds that a session outlives its last reader or request: hidden tabs are woken once a minute
only."""


class Holder(Protocol):
    """Something that keeps a session alive: a held poll, an open stream."""

    def dismiss(self) -> None:
        """The session is over: end."""


class Lease:
    """One session made over HTTP, and what holds it."""

    def __init__(self, token: str, session: Session, now: Callable[[], float]) -> None:
        self.token = token
        self.session = session
        self._now = now
        self._holders: set[Holder] = set()
        self._seen = now()
        self.timer: IDelayedCall | None = None

    def touch(self) -> None:
        """A request was made."""
        self._seen = self._now()

    def hold(self, holder: Holder) -> None:
        """A reader begins."""
        self._holders.add(holder)

    def release(self, holder: Holder) -> None:
        """It ended."""
        self._holders.discard(holder)
        self._seen = self._now()

    def dismiss(self) -> None:
        """Whatever holds the session is to end."""
        for holder in tuple(self._holders):
            holder.dismiss()

    @property
    def left(self) -> float:
        """Seconds of grace left; all of them while something holds the lease."""
        return GRACE_SECONDS - (0 if self._holders else self._now() - self._seen)


class Leases:
    """The sessions made over HTTP, by token."""

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self._leases: dict[str, Lease] = {}

    def open(self, name: str = "") -> Lease:
        """A new session, in the lobby; a guest's if no name is given.  Raises `BadName`,
        `NameInUse`.
        """
        session = self._service.enter(name)
        lease = Lease(secrets.token_urlsafe(24), session, self._service.clock.seconds)
        self._leases[lease.token] = lease
        self._watch(lease)
        return lease

    def find(self, token: str) -> Lease:
        """The lease that a token stands for.  Raises `BadToken`."""
        try:
            return self._leases[token]
        except KeyError:
            raise BadToken(
                "that token is unknown or its session is over; POST /session for a new one"
            ) from None

    def close(self, lease: Lease) -> None:
        """The session ends at once."""
        if self._leases.pop(lease.token, None):
            if lease.timer and lease.timer.active():
                lease.timer.cancel()
            self._service.end(lease.session)
            lease.dismiss()

    def _watch(self, lease: Lease) -> None:
        """Look again when the grace may be over: one timer a session, untouched by its requests."""
        if lease.left > 0:
            lease.timer = self._service.clock.callLater(lease.left, self._watch, lease)
        else:
            self.close(lease)
