"""Sessions that outlive their connections: a token, and some grace.

A browser polls, sleeps, reloads, changes networks; its session goes on as long as something holds
it (a parked poll, an open stream, a request), and `GRACE_SECONDS` after that.

Where there are as many as there may be, the oldest that was begun and never used gives way to the
next one: whoever begins sessions by the thousand fills no place with them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall

from .addresses import LOCAL, Address
from .errors import BadToken, TooMany
from .limits import NO_ROOM_SECONDS
from .service import ChatService
from .session import Session

GRACE_SECONDS = 75.0
"""Seconds that a session outlives its last reader or request: hidden tabs are woken once a minute
only."""
UNUSED_SECONDS = 10.0
"""Seconds after which a session that was not used for anything may give way: a page uses its own at
once, and whoever types has some time."""


class Holder(Protocol):
    """Something that keeps a session alive: a held poll, an open stream."""

    @property
    def brief(self) -> bool:
        """Whether it may be dismissed to make room for another: a poll will be asked again."""

    def dismiss(self) -> None:
        """The session is over: end."""


class Lease:
    """One session made over HTTP, and what holds it."""

    def __init__(
        self, token: str, session: Session, now: Callable[[], float], most_holders: int
    ) -> None:
        self.token = token
        self.session = session
        self.owner = ""
        """Whose its idempotency keys are, once there are any."""
        self.address = session.address
        """Where it was begun."""
        self._now = now
        self._most = most_holders
        self._holders: dict[Holder, None] = {}
        """The oldest first."""
        self._seen = now()
        self.used = False
        """Whether there was a request or a reader in it, beside the one that began it."""
        self.timer: IDelayedCall | None = None

    def touch(self, address: Address) -> None:
        """A request was made, from that address."""
        self.used = True
        self.session.address = address
        self._seen = self._now()

    def check(self) -> None:
        """A reader that goes on for long is about to begin.  Raises `TooMany`."""
        if len(self._holders) >= self._most:
            raise TooMany(
                f"the session has {self._most} readers, the most there may be; close one first",
                NO_ROOM_SECONDS,
            )

    def hold(self, holder: Holder) -> None:
        """A reader begins.  If that makes too many, the oldest poll is dismissed; there is always
        room for one.
        """
        self.used = True
        self._holders[holder] = None
        if len(self._holders) > self._most:
            self._dismiss_oldest()

    def release(self, holder: Holder, silent: float = 0.0) -> None:
        """It ended, and its client was last heard of `silent` seconds ago."""
        self._holders.pop(holder, None)
        self._seen = max(self._seen, self._now() - silent)
        left = self.left
        if silent and self.timer and self.timer.active():
            self.timer.reset(max(left, 0.0))

    def dismiss(self) -> None:
        """Whatever holds the session is to end."""
        for holder in tuple(self._holders):
            holder.dismiss()

    def _dismiss_oldest(self) -> None:
        *others, _ = self._holders
        for holder in others:
            if holder.brief:
                holder.dismiss()
                break

    @property
    def left(self) -> float:
        """Seconds of grace left; all of them while something holds the lease."""
        return GRACE_SECONDS - (0 if self._holders else self._now() - self._seen)

    @property
    def forsaken(self) -> bool:
        """Whether it has long been there, and was never used."""
        return not self.used and self._now() - self._seen >= UNUSED_SECONDS


class Unused:
    """The sessions that were begun and never used, as far as is known: the oldest first."""

    def __init__(self) -> None:
        self._begun: dict[Address | None, dict[Lease, None]] = {None: {}}
        """By where they were begun; None: all of them.  Those that were used since are found out
        when it is their turn."""

    def add(self, lease: Lease) -> None:
        """It has begun."""
        self._begun[None][lease] = None
        self._begun.setdefault(lease.address, {})[lease] = None

    def discard(self, lease: Lease) -> None:
        """It was used, or is over."""
        self._begun[None].pop(lease, None)
        here = self._begun.get(lease.address, {})
        here.pop(lease, None)
        if not here:
            self._begun.pop(lease.address, None)

    def oldest(self, address: Address | None) -> Lease | None:
        """The one that may give way, if any of that address, or of all, may."""
        while begun := self._begun.get(address):
            lease = next(iter(begun))
            if not lease.used:
                return lease if lease.forsaken else None
            self.discard(lease)
        return None


class Leases:
    """The sessions made over HTTP, by token."""

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self._admission = service.admission
        self._leases: dict[str, Lease] = {}
        self._unused = Unused()

    def open(self, name: str = "", address: Address = LOCAL) -> Lease:
        """A new session, in the lobby; a guest's if no name is given.

        Raises `BadName`, `NameInUse`, and `Unavailable`, `TooMany`, `RateLimited` when there are
        enough.
        """
        self._make_room(address)
        self._admission.check(address)
        session = self._service.enter(name, address)
        self._admission.begun(address)
        now, most = self._service.clock.seconds, self._admission.limits.readers_per_session
        lease = Lease(secrets.token_urlsafe(24), session, now, most)
        self._leases[lease.token] = lease
        self._unused.add(lease)
        self._watch(lease)
        return lease

    def _make_room(self, address: Address) -> None:
        """Where no more may begin, the oldest that was never used ends."""
        lease = None
        if self._admission.full_for(address):
            lease = self._unused.oldest(address)
        elif self._admission.full:
            lease = self._unused.oldest(None)
        if lease:
            self.close(lease)

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
            self._unused.discard(lease)
            self._admission.ended(lease.address)
            self._service.end(lease.session)
            lease.dismiss()

    def _watch(self, lease: Lease) -> None:
        """Look again when the grace may be over: one timer a session, untouched by its requests."""
        left = lease.left  # read once: a moment later it may be negative
        if left > 0:
            lease.timer = self._service.clock.callLater(left, self._watch, lease)
        else:
            self.close(lease)
