"""The sessions over HTTP, by token.

1. A guest's session and its guest are one: both end `GRACE_SECONDS` after the last reader or
   request.  The guest is stored with a hash of the token, and restored after a restart; its grace
   then begins again.
2. An account's session is stored for `SESSION_DAYS` after its last use.  It stays in memory, and
   its person present, as long as a guest's would; the next request *adopts* it again.
3. A personal token is treated like a session of its account, but its person is not present.
4. `chatd.chat.session_lifetimes` ends sessions; `chatd.chat.session_revocation` ends those that are
   signed out.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, DeferredList, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.account import GuestSession, decode_guest, hash_of
from ..model.addresses import LOCAL, Address
from ..model.errors import BadToken, ChatError, NameInUse
from ..model.units import GUESTS, TOLD, Cell
from .arrivals import Arrivals
from .coalescing import Coalesced
from .core import Core
from .credentials import UNKNOWN_TOKEN, Credential, Credentials
from .departures import Departures
from .livecells import first_error
from .person import Person
from .session_lifetimes import SessionLifetimes
from .session_registry import SessionRegistry
from .sessions import LastingSession
from .tokens import PREFIX


class Sessions:
    """Finds, begins, restores and closes the sessions over HTTP."""

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
        """`now` is the wall clock, in seconds since the Unix epoch; with `shared`, other nodes may
        have begun sessions of guests.
        """
        self._shared = shared
        self._store = core.store
        self._registry = registry
        self._credentials = credentials
        self._arrivals = arrivals
        self._adopting: Coalesced[str, LastingSession] = Coalesced()
        """The sessions that are being adopted, by the hashes of their tokens."""
        self._lifetimes = SessionLifetimes(core, now, registry, credentials, departures)
        revocation = self._lifetimes.revocation
        self.check = self._lifetimes.check
        """See `SessionLifetimes.check`."""
        self.bucket = self._lifetimes.bucket
        """See `SessionLifetimes.bucket`."""
        self.shown = revocation.shown
        """See `SessionRevocation.shown`."""
        self.anew = revocation.anew
        """See `SessionRevocation.anew`."""
        self.knows = registry.knows
        """See `SessionRegistry.knows`."""
        self.of = registry.of
        """See `SessionRegistry.of`."""

    def opened(self, guests: Mapping[str, Cell], told: Mapping[str, Cell]) -> Deferred[Any]:
        """Restore the guests that the store has, by the hashes of their tokens; fires when all are
        restored.  `told` is the table `TOLD`.
        """
        return DeferredList(
            [
                self._restore(hash_, cell, told[hash_].version if hash_ in told else 0)
                for hash_, cell in guests.items()
            ]
        )

    def find(self, token: str) -> LastingSession:
        """See `SessionRegistry.find`; ends the session if its person has left by another node."""
        session = self._registry.find(token)
        if session.person.ended:
            self._lifetimes.end(session)
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
        hash_ = hash_of(token)
        entering = self._lifetimes.admit(
            address, lambda: self._arrivals.enter(name, address, hash_ if kept else "")
        )
        return entering.addCallback(self._lifetimes.begin, address, hash_, token)

    def become(self, session: LastingSession, token: str) -> Deferred[LastingSession]:
        """Go on with a guest's session as one of the account that the guest has become; the session
        was stored with `token`, which is the new one.

        Fails with `BadToken`, `Unavailable`.
        """
        session.person.kept = ""
        self._registry.change_token(session, token)

        def found(credential: Credential) -> LastingSession:
            self._lifetimes.sign_in(session, credential)
            return session

        return self._credentials.find(token).addCallback(found)

    # -- restoring and adopting ------------------------------------------------------------------

    def _restore(self, hash_: str, cell: Cell, told: int) -> Deferred[Any]:
        try:
            guest: GuestSession = decode_guest(cell.value)
        except msgspec.DecodeError as problem:
            self._log.error("a stored guest cannot be decoded: {problem}", problem=problem)
            return succeed(None)
        if not self._arrivals.began_here(guest):
            return succeed(None)  # its own node restores it
        address = Address(guest.address or LOCAL)
        coming = self._lifetimes.admit(
            address, lambda: self._arrivals.restore(guest, hash_, address, told)
        )
        begun = coming.addCallback(self._lifetimes.begin, address, hash_, "")
        return begun.addErrback(_not_restored)

    def adopt(self, token: str, address: Address) -> Deferred[LastingSession]:
        """The session with that token, which is loaded from the store if it is not in memory.

        Fails with `BadToken`, `Unavailable`, and as `Arrivals.arrive` does.
        """
        try:
            return succeed(self.find(token))
        except BadToken:
            pass
        return self._adopting.run(hash_of(token), lambda: self._load(token, address))

    def _load(self, token: str, address: Address) -> Deferred[LastingSession]:
        def known(credential: Credential) -> Any:
            return self._adopt(credential, token, address)

        def unknown(failure: Failure) -> Any:
            return self._adopt_guest(failure, token, address)

        found: Deferred[Any] = self._credentials.find(token)
        return found.addCallbacks(known, unknown)

    def _adopt_guest(
        self, failure: Failure, token: str, address: Address
    ) -> Deferred[LastingSession]:
        """The session of a guest that was begun on another node.  `failure` says that the token is
        not an account's; this fails with it if there is no such guest.
        """
        failure.trap(BadToken)
        hash_ = hash_of(token)

        def found(cells: list[Mapping[str, Cell]]) -> Deferred[LastingSession]:
            guests, told = cells
            if hash_ not in guests:
                failure.raiseException()
            guest = decode_guest(guests[hash_].value)
            last = told[hash_].version if hash_ in told else 0
            self._lifetimes.make_room(address)
            coming = self._lifetimes.admit(
                address, lambda: self._arrivals.restore(guest, hash_, address, last)
            )
            coming.addErrback(taken)
            return coming.addCallback(self._lifetimes.begin, address, hash_, token)

        def taken(refused: Failure) -> None:
            refused.trap(NameInUse)
            failure.raiseException()

        if not self._shared or token.startswith(PREFIX):
            failure.raiseException()
        kept: Deferred[Any] = gatherResults(
            [self._store.get(GUESTS, [hash_]), self._store.get(TOLD, [hash_])], consumeErrors=True
        )
        return kept.addErrback(first_error).addCallback(found)

    def _adopt(
        self, credential: Credential, token: str, address: Address
    ) -> Deferred[LastingSession]:
        def arrived(person: Person) -> LastingSession:
            key = credential.cell.key
            session = self._lifetimes.begin(person, address, key, token, credential)
            self._lifetimes.note_use(session)
            return session

        self._lifetimes.check_server(address)
        record = credential.record
        arriving = self._lifetimes.admit(
            address,
            lambda: (
                self._arrivals.arrive(record, address)
                if credential.token is None
                else succeed(self._arrivals.bearer(record, credential.token.scope, address))
            ),
        )
        return arriving.addCallback(arrived)

    # -- closing ---------------------------------------------------------------------------------

    def close(self, session: LastingSession) -> Deferred[int | None]:
        """End a guest's session, or unload an account's (`AccountSessions` signs those out); fires
        when the person has left, if this was its last session.
        """
        if session.over:
            return succeed(None)
        return self._lifetimes.end(session, everywhere=session.record is None)

    def end_guest(self, person: Person) -> Deferred[int | None]:
        """End the session over HTTP of a guest, if it has one."""
        session = self._registry.of_guest(person)
        return succeed(None) if session is None else self._lifetimes.end(session, everywhere=True)


def _not_restored(failure: Failure) -> None:
    """Drop the error: a guest that cannot be restored has left."""
    failure.trap(ChatError)
