"""Sessions: a signed-in client of a person, and those over HTTP that outlive their connections.

A browser polls, sleeps, reloads, changes networks.  Its session goes on while a reader holds it (a
held poll, an open stream, a request), and `GRACE_SECONDS` after that.

Where there are as many sessions as there may be, the oldest that was begun and never used is
evicted for the next one: a client that begins sessions by the thousand takes no place from others.
"""

from __future__ import annotations

import secrets
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from ..model.addresses import LOCAL, Address
from ..model.errors import NO_ROOM_SECONDS, BadToken, ChatError, TooMany
from .admission import Admission
from .person import Person

GRACE_SECONDS = 75.0
"""Seconds that a session outlives its last reader or request: hidden tabs are woken once a minute
only."""
UNUSED_SECONDS = 10.0
"""Seconds after which a session that was not used may be evicted: a page uses its own at once, and
a person who types has some time."""


class Holder(Protocol):
    """What keeps a session alive: a held poll, an open stream."""

    @property
    def brief(self) -> bool:
        """Whether it may be dismissed to make room for another: a poll will be asked again."""

    def dismiss(self) -> None:
        """The session is over: end."""


class Session:
    """One signed-in client of a person: a token, a line connection, a WebSocket."""

    __slots__ = ("__weakref__", "address", "over", "person", "token")

    def __init__(self, person: Person, address: Address = LOCAL, token: str = "") -> None:
        self.person = person
        self.address = address
        """Where it was begun."""
        self.token = token
        """Its secret; empty for the session of a connection."""
        self.over = False


class LastingSession(Session):
    """A session over HTTP: it is held by readers and requests, and has some grace."""

    __slots__ = ("_clock", "_holders", "_most", "_seen", "owner", "timer", "used")

    def __init__(
        self, person: Person, address: Address, token: str, clock: IReactorTime, most_holders: int
    ) -> None:
        super().__init__(person, address, token)
        self.owner = ""
        """Whose its request keys are, once there are any."""
        self._clock = clock
        self._most = most_holders
        self._holders: dict[Holder, None] = {}
        """The oldest first."""
        self._seen = clock.seconds()
        self.used = False
        """Whether there was a request or a reader in it, beside the one that began it."""
        self.timer: IDelayedCall | None = None

    def touch(self, address: Address) -> None:
        """A request was made, from that address."""
        self.used = True
        self.person.address = address
        self._seen = self._clock.seconds()

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
        """A reader ended; the last sign of life of its client was `silent` seconds ago."""
        self._holders.pop(holder, None)
        self._seen = max(self._seen, self._clock.seconds() - silent)
        left = self.left
        if silent and self.timer and self.timer.active():
            self.timer.reset(max(left, 0.0))

    def dismiss(self) -> None:
        """End all readers."""
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
        """Seconds of grace left; all of them while something holds the session."""
        return GRACE_SECONDS - (0 if self._holders else self._clock.seconds() - self._seen)

    @property
    def forsaken(self) -> bool:
        """Whether it was begun some time ago and never used."""
        return not self.used and self._clock.seconds() - self._seen >= UNUSED_SECONDS


class Unused:
    """The sessions that were begun and never used, as far as is known: the oldest first."""

    def __init__(self) -> None:
        self._begun: dict[Address | None, dict[LastingSession, None]] = {None: {}}
        """By the address that began them; None: all of them.  Those that were used since are found
        out when it is their turn."""

    def add(self, session: LastingSession) -> None:
        """It has begun."""
        self._begun[None][session] = None
        self._begun.setdefault(session.address, {})[session] = None

    def discard(self, session: LastingSession) -> None:
        """It was used, or is over."""
        self._begun[None].pop(session, None)
        here = self._begun.get(session.address, {})
        here.pop(session, None)
        if not here:
            self._begun.pop(session.address, None)

    def oldest(self, address: Address | None) -> LastingSession | None:
        """The one that may be evicted, if any of that address (None: of all) may."""
        while begun := self._begun.get(address):
            session = next(iter(begun))
            if not session.used:
                return session if session.forsaken else None
            self.discard(session)
        return None


class Entering(Protocol):
    """What begins and ends persons: the service."""

    clock: IReactorTime
    admission: Admission

    def enter(self, name: str = "", address: Address = LOCAL) -> Deferred[Person]:
        """A new person in the lobby."""

    def end(self, person: Person, text: str = "") -> Deferred[int | None]:
        """The person leaves."""


class Sessions:
    """The sessions over HTTP, by token."""

    def __init__(self, service: Entering) -> None:
        self._service = service
        self._admission = service.admission
        self._sessions: dict[str, LastingSession] = {}
        self._unused = Unused()

    def open(self, name: str = "", address: Address = LOCAL) -> Deferred[LastingSession]:
        """A new session of a new person, in the lobby; a guest's if no name is given.

        Raises or fails with `BadName`, `NameInUse`, and `Unavailable`, `TooMany`, `RateLimited`
        when there are enough.
        """
        self._make_room(address)
        self._admission.check(address)
        self._admission.begun(address)
        try:
            entering = self._service.enter(name, address)
        except ChatError:
            self._admission.ended(address)
            raise
        return entering.addCallbacks(
            self._opened, self._refused, callbackArgs=(address,), errbackArgs=(address,)
        )

    def _opened(self, person: Person, address: Address) -> LastingSession:
        most = self._admission.limits.readers_per_session
        token = secrets.token_urlsafe(24)
        session = LastingSession(person, address, token, self._service.clock, most)
        self._sessions[token] = session
        self._unused.add(session)
        self._watch(session)
        return session

    def _refused(self, failure: Failure, address: Address) -> Failure:
        self._admission.ended(address)
        return failure

    def _make_room(self, address: Address) -> None:
        """Where no more may begin, the oldest that was never used ends."""
        session = None
        if self._admission.full_for(address):
            session = self._unused.oldest(address)
        elif self._admission.full:
            session = self._unused.oldest(None)
        if session:
            self.close(session)

    def find(self, token: str) -> LastingSession:
        """The session that a token stands for.  Raises `BadToken`."""
        session = self._sessions.get(token)
        if session is not None and session.person.ended:
            self.close(session)  # the person has left on another way
            session = None
        if session is None:
            raise BadToken(
                "that token is unknown or its session is over; POST /session for a new one"
            )
        return session

    def close(self, session: LastingSession) -> Deferred[int | None]:
        """The session ends at once; fires when its person has left."""
        if not self._sessions.pop(session.token, None):
            return succeed(None)
        session.over = True
        if session.timer and session.timer.active():
            session.timer.cancel()
        self._unused.discard(session)
        self._admission.ended(session.address)
        left = self._service.end(session.person)
        session.dismiss()
        return left

    def _watch(self, session: LastingSession) -> None:
        """Look again when the grace may be over: one timer a session, untouched by its requests."""
        left = session.left  # read once: at another moment it might be over
        if left > 0:
            session.timer = self._service.clock.callLater(left, self._watch, session)
        else:
            self.close(session)
