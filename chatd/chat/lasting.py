"""The sessions over HTTP, by token.

1. A guest's session and its guest are one: both end `GRACE_SECONDS` after the last reader or
   request.  The guest is stored with a hash of the token, and restored after a restart; its grace
   begins anew then.
2. An account's session is stored for `SESSION_DAYS` after its last use.  It stays in memory, and
   its person present, as long as a guest's would; the next request *adopts* it again.
3. A personal token is treated like a session of its account, but its person is not present.
4. A session that is signed out is ended by `chatd.chat.session_revocation`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.account import GuestSession, decode_guest, hash_of
from ..model.addresses import LOCAL, Address
from ..model.errors import NO_ROOM_SECONDS, BadToken, ChatError, NameInUse, Unavailable
from ..model.units import GUESTS, USED, Cell
from .arrivals import Arrivals
from .core import Core
from .credentials import UNKNOWN_TOKEN, Credential, Credentials
from .departures import Departures
from .limits import TokenBucket
from .person import Person
from .session_registry import SessionRegistry
from .session_revocation import SessionRevocation
from .sessions import LastingSession
from .tokens import PREFIX
from .unused import Unused


class Sessions:
    """Begins, restores and ends the sessions over HTTP."""

    _log = Logger()

    def __init__(
        self,
        core: Core,
        now: Callable[[], float],
        registry: SessionRegistry,
        credentials: Credentials,
        arrivals: Arrivals,
        departures: Departures,
        *,
        shared: bool = False,
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch; with `shared` other nodes may
        have begun sessions of guests.
        """
        self._shared = shared
        self._clock = core.clock
        self._now = now
        self._store = core.store
        self._admission = core.admission
        self._registry = registry
        self._credentials = credentials
        self._arrivals = arrivals
        self._departures = departures
        self._adopting: dict[str, list[Deferred[LastingSession]]] = {}
        """Requests that wait for one session to be adopted, by the hash of its token."""
        self._unused = Unused()
        self._revocation = SessionRevocation(registry, credentials, core.readers, self._end)
        self.shown = self._revocation.shown
        """See `SessionRevocation.shown`."""
        self.anew = self._revocation.anew
        """See `SessionRevocation.anew`."""
        self.knows = registry.knows
        """See `SessionRegistry.knows`."""
        self.of = registry.of
        """See `SessionRegistry.of`."""

    def opened(self, guests: Mapping[str, Cell]) -> Deferred[Any]:
        """Restore the guests that the store has, by the hashes of their tokens; fires when that is
        done.
        """
        return DeferredList([self._restore(hash_, cell) for hash_, cell in guests.items()])

    def find(self, token: str) -> LastingSession:
        """See `SessionRegistry.find`; ends the session if its person has left by another node."""
        session = self._registry.find(token)
        if session.person.ended:
            self._end(session)
            raise BadToken(UNKNOWN_TOKEN)
        return session

    # -- beginning -------------------------------------------------------------------------------

    def open(
        self, name: str = "", address: Address = LOCAL, *, kept: bool = True
    ) -> Deferred[LastingSession]:
        """Begin a session of a new guest in the lobby; without `name` the server gives one.  With
        `kept` it outlives a restart.

        Raises or fails as `Arrivals.enter` does, and with `Unavailable`, `TooMany`, `RateLimited`
        if no more sessions may begin.
        """
        self.check(address)
        token = secrets.token_urlsafe(24)
        keeping = hash_of(token) if kept else ""
        entering = self._admit(address, lambda: self._arrivals.enter(name, address, keeping))
        return entering.addCallback(self._opened, address, hash_of(token), token)

    def become(self, session: LastingSession, token: str) -> Deferred[LastingSession]:
        """Go on with a guest's session as one of the account that the guest has become; the session
        was stored with `token`, which is the new one.

        Fails with `BadToken`, `Unavailable`.
        """
        session.person.kept = ""
        self._registry.change_token(session, token)

        def found(credential: Credential) -> LastingSession:
            self._signed_in(session, credential)
            return session

        return self._credentials.find(token).addCallback(found)

    def check(self, address: Address) -> None:
        """Make sure that a session may begin at that address.  Raises as `Admission.check` does."""
        self._make_room(address)
        self._admission.check(address)

    def _admit(self, address: Address, come: Callable[[], Deferred[Person]]) -> Deferred[Person]:
        """Count a session at an address while `come` brings its person; uncount it on failure."""
        self._admission.begun(address)
        try:
            coming = come()
        except ChatError:
            self._admission.ended(address)
            raise
        return coming.addErrback(self._refused, address)

    def _opened(
        self,
        person: Person,
        address: Address,
        hash_: str,
        token: str,
        credential: Credential | None = None,
    ) -> LastingSession:
        """The session of a person who has arrived.  Raises `BadToken` if the credential was revoked
        meanwhile.
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
                self._end(session)
                raise
            self._signed_in(session, credential)
        self._watch(session)
        return session

    def _signed_in(self, session: LastingSession, credential: Credential) -> None:
        self._registry.sign_in(session, credential)
        session.note_use = partial(self._note_use, session)

    def _refused(self, failure: Failure, address: Address) -> Failure:
        self._admission.ended(address)
        return failure

    def _make_room(self, address: Address) -> None:
        """If no more sessions may begin, evict the oldest one that was never used."""
        session = None
        if self._admission.full_for(address):
            session = self._unused.oldest(address)
        elif self._admission.full:
            session = self._unused.oldest(None)
        if session:
            self._end(session)

    # -- restoring and adopting ------------------------------------------------------------------

    def _restore(self, hash_: str, cell: Cell) -> Deferred[Any]:
        try:
            guest: GuestSession = decode_guest(cell.value)
        except msgspec.DecodeError as problem:
            self._log.error("a stored guest cannot be decoded: {problem}", problem=problem)
            return succeed(None)
        if not self._arrivals.began_here(guest):
            return succeed(None)  # its own node restores it
        address = Address(guest.address or LOCAL)
        self._admission.begun(address)
        coming = self._arrivals.restore(guest, hash_, address)
        coming.addErrback(self._refused, address)
        return coming.addCallback(self._opened, address, hash_, "").addErrback(_ignore)

    def adopt(self, token: str, address: Address) -> Deferred[LastingSession]:
        """The session with that token, which is loaded from the store if it is not in memory.

        Fails with `BadToken`, `Unavailable`, and as `Arrivals.arrive` does.
        """
        try:
            return succeed(self.find(token))
        except BadToken:
            pass
        hash_ = hash_of(token)
        adopted: Deferred[LastingSession] = Deferred()
        waiting = self._adopting.get(hash_)
        if waiting is not None:
            waiting.append(adopted)
            return adopted
        self._adopting[hash_] = [adopted]

        def known(credential: Credential) -> Any:
            return self._adopt(credential, token, address)

        def unknown(failure: Failure) -> Any:
            return self._adopt_guest(failure, token, address)

        found: Deferred[Any] = self._credentials.find(token)
        found.addCallbacks(known, unknown)
        found.addBoth(self._adopted, hash_)
        return adopted

    def _adopt_guest(
        self, failure: Failure, token: str, address: Address
    ) -> Deferred[LastingSession]:
        """The session of a guest that was begun on another node; fails with `failure`, which told
        that the token is not one of an account, if there is no such session.
        """
        failure.trap(BadToken)
        hash_ = hash_of(token)

        def found(cells: Mapping[str, Cell]) -> Deferred[LastingSession]:
            if hash_ not in cells:
                failure.raiseException()
            guest = decode_guest(cells[hash_].value)
            self._make_room(address)
            coming = self._admit(address, lambda: self._arrivals.restore(guest, hash_, address))
            coming.addErrback(taken)
            return coming.addCallback(self._opened, address, hash_, token)

        def taken(refused: Failure) -> None:
            refused.trap(NameInUse)
            failure.raiseException()

        if not self._shared or token.startswith(PREFIX):
            failure.raiseException()
        kept: Deferred[Any] = self._store.get(GUESTS, [hash_])
        return kept.addCallback(found)

    def _adopt(
        self, credential: Credential, token: str, address: Address
    ) -> Deferred[LastingSession]:
        def arrived(person: Person) -> LastingSession:
            session = self._opened(person, address, credential.cell.key, token, credential)
            self._note_use(session)
            return session

        self._make_room(address)
        if self._admission.full:
            raise Unavailable(
                "the server has all the sessions that it takes; try again in a moment",
                NO_ROOM_SECONDS,
            )
        record = credential.record
        arriving = self._admit(
            address,
            lambda: (
                self._arrivals.arrive(record, address)
                if credential.token is None
                else succeed(self._arrivals.bearer(record, credential.token.scope, address))
            ),
        )
        return arriving.addCallback(arrived)

    def _adopted(self, result: LastingSession | Failure, hash_: str) -> None:
        for adopted in self._adopting.pop(hash_):
            if isinstance(result, Failure):
                adopted.errback(result)
            else:
                adopted.callback(result)

    def _note_use(self, session: LastingSession) -> None:
        """Store the time at which an account's session was last used."""
        at = b"%d" % (self._now() * 1_000_000)
        self._store.note(USED, session.hash, at).addErrback(_ignore)

    def bucket(self) -> TokenBucket:
        """A fresh rate limit."""
        return self._admission.bucket()

    # -- ending ----------------------------------------------------------------------------------

    def close(self, session: LastingSession) -> Deferred[int | None]:
        """End a guest's session, or unload an account's (`AccountSessions` signs those out); fires
        when the person has left, if this was its last session.
        """
        if session.over:
            return succeed(None)
        return self._end(session, everywhere=session.record is None)

    def end_guest(self, person: Person) -> Deferred[int | None]:
        """End the session over HTTP of a guest, if it has one."""
        session = self._registry.of_guest(person)
        return succeed(None) if session is None else self._end(session, everywhere=True)

    def _end(self, session: LastingSession, *, everywhere: bool = False) -> Deferred[int | None]:
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
        """End the session if its grace is over, or look again then: there is one timer a session,
        which its requests do not reset.
        """
        left = session.grace_left  # read once, because time passes between two readings
        if left > 0:
            session.note()
            token = session.credential.token if session.credential is not None else None
            if token is not None and token.expires:
                self._revocation.check(session)
                if session.over:
                    return
                left = min(left, token.expires / 1_000_000 - self._now())
            session.timer = self._clock.callLater(left, self._watch, session)
        else:
            self._end(session)


def _ignore(failure: Failure) -> None:
    """Drop the error: a guest that cannot be restored is gone, and a note of use is lost."""
    failure.trap(ChatError)
