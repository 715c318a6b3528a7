"""How long a session over HTTP stays in memory, and what ends it.

1. A session ends `GRACE_SECONDS` after its last reader or request, when its credential is revoked
   or expires, or when it is closed.  Each session has one timer, which its requests do not reset.
2. If no more sessions may begin, the oldest one that was never used is evicted.
3. A session counts against the limits of its address from `admit` to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ..model.addresses import Address
from ..model.errors import NO_ROOM_SECONDS, BadToken, ChatError, Unavailable
from ..model.units import USED
from .core import Core
from .credentials import Credential, Credentials
from .departures import Departures
from .limits import TokenBucket
from .person import Person
from .session_registry import SessionRegistry
from .session_revocation import SessionRevocation
from .sessions import LastingSession
from .unused import Unused


class SessionLifetimes:
    """Begins and ends sessions over HTTP in this node's memory."""

    def __init__(
        self,
        core: Core,
        now: Callable[[], float],
        registry: SessionRegistry,
        credentials: Credentials,
        departures: Departures,
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch."""
        self._clock = core.clock
        self._now = now
        self._store = core.store
        self._admission = core.admission
        self._registry = registry
        self._departures = departures
        self._unused = Unused()
        self.revocation = SessionRevocation(registry, credentials, core.readers, self.end)

    # -- admission -------------------------------------------------------------------------------

    def make_room(self, address: Address) -> None:
        """If no more sessions may begin, evict the oldest one that was never used."""
        session = None
        if self._admission.full_for(address):
            session = self._unused.oldest(address)
        elif self._admission.full:
            session = self._unused.oldest(None)
        if session:
            self.end(session)

    def check(self, address: Address) -> None:
        """Make sure that a session may begin at that address.  Raises as `Admission.check` does."""
        self.make_room(address)
        self._admission.check(address)

    def check_server(self, address: Address) -> None:
        """Make sure that the server may load one more session.  Raises `Unavailable`."""
        self.make_room(address)
        if self._admission.full:
            raise Unavailable(
                "the server has all the sessions that it takes; try again in a moment",
                NO_ROOM_SECONDS,
            )

    def admit(self, address: Address, come: Callable[[], Deferred[Person]]) -> Deferred[Person]:
        """Count a session at an address while `come` brings its person; uncount it on failure."""

        def refused(failure: Failure) -> Failure:
            self._admission.ended(address)
            return failure

        self._admission.begun(address)
        try:
            coming = come()
        except ChatError:
            self._admission.ended(address)
            raise
        return coming.addErrback(refused)

    def bucket(self) -> TokenBucket:
        """A new rate limit."""
        return self._admission.bucket()

    # -- from the beginning to the end -----------------------------------------------------------

    def begin(
        self,
        person: Person,
        address: Address,
        hash_: str,
        token: str,
        credential: Credential | None = None,
    ) -> LastingSession:
        """The session of a person who has arrived, after `admit`.  Raises `BadToken` if the
        credential was revoked meanwhile.
        """
        most = self._admission.limits.readers_per_session
        session = LastingSession(person, address, token, self._clock, most)
        session.hash = hash_
        self._registry.add(session)
        self._unused.add(session)
        if credential is not None:
            try:
                credential.check()
            except BadToken:
                self.end(session)
                raise
            self.sign_in(session, credential)
        self._watch(session)
        return session

    def sign_in(self, session: LastingSession, credential: Credential) -> None:
        """Let a session rest on an account's credential."""
        self._registry.sign_in(session, credential)
        session.note_use = partial(self.note_use, session)

    def note_use(self, session: LastingSession) -> None:
        """Store the time at which an account's session was last used."""
        at = b"%d" % (self._now() * 1_000_000)
        self._store.note(USED, session.hash, at).addErrback(_ignore)

    def end(self, session: LastingSession, *, everywhere: bool = False) -> Deferred[int | None]:
        """End a session in this node's memory; fires when its person has left, if this was the
        person's last session.  `everywhere`: the person has no session on another node either.
        """
        session.over = True
        session.note_use = None
        self._registry.discard(session)
        if session.timer and session.timer.active():
            session.timer.cancel()
        self._unused.discard(session)
        self._admission.ended(session.address)
        ended, session.ended = session.ended, None
        if ended is not None:
            ended()
        left: Deferred[int | None] = succeed(None)
        if not session.person.visiting:
            left = self._departures.end(session.person, "", everywhere=everywhere)
        session.dismiss()
        return left

    def _watch(self, session: LastingSession) -> None:
        """End the session if its grace is over, or set its timer to the end of the grace."""
        left = session.grace_left  # read once, because time passes between two readings
        if left > 0:
            session.note()
            token = session.credential.token if session.credential is not None else None
            if token is not None and token.expires:
                self.revocation.check(session)
                if session.over:
                    return
                left = min(left, token.expires / 1_000_000 - self._now())
            session.timer = self._clock.callLater(left, self._watch, session)
        else:
            self.end(session)


def _ignore(failure: Failure) -> None:
    """Drop the error of a note of use that was not stored."""
    failure.trap(ChatError)
