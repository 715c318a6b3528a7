"""The sessions over HTTP, by token.

1. A guest's session and its guest are one: both end `GRACE_SECONDS` after the last reader or
   request.  The guest is kept with a hash of the token, and comes back after a restart; the grace
   is counted anew then.
2. An account's session is kept for `SESSION_DAYS` after its last use.  It is in memory, and its
   person present, as long as a guest's would last; its next request *adopts* it again.
3. A personal token is treated like a session of its account, whose person is not present.
4. A session is over when its cell goes, or its account begins another epoch: what signs it out is a
   unit, and the fold (`shown`) ends it here, with its readers.  So it does not matter which request
   or node has done that.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.account import GuestSession, PersonalToken, decode_guest, hash_of
from ..model.addresses import LOCAL, Address
from ..model.errors import NO_ROOM_SECONDS, BadToken, ChatError, NameInUse, Unavailable
from ..model.units import ACCOUNTS, GUESTS, USED, Cell, Change
from ..store import Store
from .accounts import Accounts, Record
from .admission import Admission
from .arrivals import Arrivals
from .livecells import together
from .person import Person
from .readers import Readers
from .sessions import LastingSession, Session
from .standing import UNKNOWN_TOKEN, Standing, Standings
from .tokens import PREFIX
from .unused import Unused


class Sessions:
    """All sessions over HTTP that are in memory, and those that can come back."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float],
        store: Store,
        accounts: Accounts,
        arrivals: Arrivals,
        readers: Readers,
        admission: Admission,
        *,
        shared: bool = False,
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch; `shared` is whether other nodes
        may have begun sessions.
        """
        self._shared = shared
        self._clock = clock
        self._now = now
        self._store = store
        self._arrivals = arrivals
        self._readers = readers
        self._admission = admission
        self._standings = Standings(now, store, accounts)
        self._by_token: dict[str, LastingSession] = {}
        self._by_hash: dict[str, LastingSession] = {}
        self._connected: dict[str, Session] = {}
        """The sessions of connections that are signed in, by the hashes of their tokens, which
        nobody knows."""
        self._of: dict[str, set[Session]] = {}
        """Those of each account, by its key."""
        self._adopting: dict[str, list[Deferred[LastingSession]]] = {}
        self._unused = Unused()

    def opened(self, guests: Mapping[str, Cell]) -> Deferred[Any]:
        """The store is open, and has these guests; fires when they are here again."""
        return DeferredList([self._come_back(hash_, cell) for hash_, cell in guests.items()])

    def anew(self) -> Deferred[Callable[[], object]]:
        """Read what the sessions stand for anew; fires with what folds it, and ends those that are
        good no more.  Fails with `Unavailable`.
        """

        def check() -> None:
            for sessions in list(self._of.values()):
                for session in list(sessions):
                    self._check(session)

        return together([self._standings.anew(), succeed(check)])

    # -- beginning -------------------------------------------------------------------------------

    def open(
        self, name: str = "", address: Address = LOCAL, *, kept: bool = True
    ) -> Deferred[LastingSession]:
        """A new session of a new guest, in the lobby; without a chosen name if none is given.  It
        outlives a restart if it is `kept`.

        Raises or fails with `BadName`, `NameInUse`, `NameRegistered`, and `Unavailable`, `TooMany`,
        `RateLimited` when there are enough.
        """
        self.check(address)
        token = secrets.token_urlsafe(24)
        keeping = hash_of(token) if kept else ""
        entering = self._admit(address, lambda: self._arrivals.enter(name, address, keeping))
        return entering.addCallback(self._opened, address, hash_of(token), token)

    def become(self, session: LastingSession, token: str) -> Deferred[LastingSession]:
        """The guest of a session has become an account's person, and has another token, which has
        been stored.
        """
        self._by_token.pop(session.token, None)
        self._by_hash.pop(session.hash, None)
        session.person.kept = ""
        session.token, session.hash = token, hash_of(token)
        self._add(session)

        def found(standing: Standing) -> LastingSession:
            self._signed_in(session, standing)
            return session

        return self._standings.find(token).addCallback(found)

    def check(self, address: Address) -> None:
        """A session is about to begin at an address.  Raises as `Admission.check` does."""
        self._make_room(address)
        self._admission.check(address)

    def _admit(self, address: Address, come: Callable[[], Deferred[Person]]) -> Deferred[Person]:
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
        standing: Standing | None = None,
    ) -> LastingSession:
        """A person has come for a session.  Raises `BadToken` if it was ended meanwhile."""
        most = self._admission.limits.readers_per_session
        session = LastingSession(person, address, token, self._clock, most)
        session.hash = hash_
        self._add(session)
        self._unused.add(session)
        if standing is not None:
            try:
                standing.check()
            except BadToken:
                self._end(session)
                raise
            self._signed_in(session, standing)
        self._watch(session)
        return session

    def _signed_in(self, session: Session, standing: Standing) -> None:
        session.record, session.standing = standing.record, standing
        stored = standing.session or standing.token
        assert stored is not None
        session.id, session.label = stored.id, stored.label
        if isinstance(session, LastingSession):
            session.keep = partial(self._note, session)
        else:
            self._connected[standing.cell.key] = session
        self._of.setdefault(standing.record.key, set()).add(session)

    def _add(self, session: LastingSession) -> None:
        if session.token:
            self._by_token[session.token] = session
        self._by_hash[session.hash] = session

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
            self._end(session)

    # -- coming back -----------------------------------------------------------------------------

    def _come_back(self, hash_: str, cell: Cell) -> Deferred[Any]:
        try:
            guest: GuestSession = decode_guest(cell.value)
        except msgspec.DecodeError as problem:
            self._log.error("a guest is not understood: {problem}", problem=problem)
            return succeed(None)
        if not self._arrivals.began_here(guest):
            return succeed(None)  # it comes back to its own node
        address = Address(guest.address or LOCAL)
        self._admission.begun(address)
        coming = self._arrivals.come_back(guest, hash_, address)
        coming.addErrback(self._refused, address)
        return coming.addCallback(self._opened, address, hash_, "").addErrback(_ignore)

    def adopt(self, token: str, address: Address) -> Deferred[LastingSession]:
        """The session that a token stands for, which comes into memory if it is not there.

        Fails with `BadToken`, and as `Arrivals.arrive` does.
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

        def known(standing: Standing) -> Any:
            return self._adopt(standing, token, address)

        def unknown(failure: Failure) -> Any:
            return self._adopt_guest(failure, token, address)

        self._standings.find(token).addCallbacks(known, unknown).addBoth(self._adopted, hash_)
        return adopted

    def _adopt_guest(
        self, failure: Failure, token: str, address: Address
    ) -> Deferred[LastingSession]:
        """The session of a guest that was begun at another node."""
        failure.trap(BadToken)
        hash_ = hash_of(token)

        def found(cells: Mapping[str, Cell]) -> Deferred[LastingSession]:
            if hash_ not in cells:
                failure.raiseException()
            guest = decode_guest(cells[hash_].value)
            self._make_room(address)
            coming = self._admit(address, lambda: self._arrivals.come_back(guest, hash_, address))
            coming.addErrback(taken)
            return coming.addCallback(self._opened, address, hash_, token)

        def taken(refused: Failure) -> None:
            refused.trap(NameInUse)
            failure.raiseException()

        if not self._shared or token.startswith(PREFIX):
            failure.raiseException()
        kept: Deferred[Any] = self._store.get(GUESTS, [hash_])
        return kept.addCallback(found)

    def _adopt(self, standing: Standing, token: str, address: Address) -> Deferred[LastingSession]:
        def arrived(person: Person) -> LastingSession:
            session = self._opened(person, address, standing.cell.key, token, standing)
            self._note(session)
            return session

        self._make_room(address)
        if self._admission.full:
            raise Unavailable(
                "the server has all the sessions that it takes; try again in a moment",
                NO_ROOM_SECONDS,
            )
        record = standing.record
        arriving = self._admit(
            address,
            lambda: (
                self._arrivals.arrive(record, address)
                if standing.token is None
                else succeed(self._bearer(record, standing.token, address))
            ),
        )
        return arriving.addCallback(arrived)

    def _bearer(self, record: Record, token: PersonalToken, address: Address) -> Person:
        """Who acts by a personal token: the account, without being present."""
        account = record.value
        assert account is not None
        bucket = self._admission.bucket()
        person = Person(
            "", account.name, record.key, bucket, named=True, visiting=True, address=address
        )
        person.account, person.admin = record.key, account.admin
        person.scope, person.record = token.scope, record
        return person

    def _adopted(self, result: LastingSession | Failure, hash_: str) -> None:
        for adopted in self._adopting.pop(hash_):
            if isinstance(result, Failure):
                adopted.errback(result)
            else:
                adopted.callback(result)

    def _note(self, session: LastingSession) -> None:
        at = b"%d" % (self._now() * 1_000_000)
        self._store.note(USED, session.hash, at).addErrback(_ignore)

    # -- of connections --------------------------------------------------------------------------

    def connect(self, token: str, address: Address) -> Deferred[Session]:
        """The session of a connection that has signed in to an account; it was stored with a token
        that nobody is told.  Fails as `adopt` does.
        """

        def found(standing: Standing) -> Deferred[Session]:
            arriving = self._arrivals.arrive(standing.record, address)
            return arriving.addCallback(arrived, standing)

        def arrived(person: Person, standing: Standing) -> Session:
            session = Session(person, address)
            try:
                standing.check()
            except BadToken:
                self.disconnect(session)
                raise
            self._signed_in(session, standing)
            return session

        return self._standings.find(token).addCallback(found)

    def attach(self, session: Session, token: str) -> Deferred[Session]:
        """The guest of a connection has become an account's person."""

        def found(standing: Standing) -> Session:
            standing.check()
            self._signed_in(session, standing)
            return session

        return self._standings.find(token).addCallback(found)

    def disconnect(self, session: Session, text: str = "") -> Deferred[int | None]:
        """The connection of a session is over, or signs out; `text` is the parting word."""
        session.over = True
        self._forget(session)
        return self._arrivals.end(session.person, text)

    def _forget(self, session: Session) -> None:
        if session.record is None:
            return
        if session.standing is not None:
            self._connected.pop(session.standing.cell.key, None)
        own = self._of.get(session.record.key, set())
        own.discard(session)
        if not own:
            self._of.pop(session.record.key, None)

    # -- by token --------------------------------------------------------------------------------

    def find(self, token: str) -> LastingSession:
        """The session in memory that a token stands for.  Raises `BadToken`."""
        session = self._by_token.get(token)
        if session is None:
            session = self._by_hash.get(hash_of(token))
            if session is None:
                raise BadToken(UNKNOWN_TOKEN)
            session.token = token  # it has outlived a restart
            self._by_token[token] = session
        if session.person.ended:
            self._end(session)  # the person has left on another way
            raise BadToken(UNKNOWN_TOKEN)
        return session

    def knows(self, token: str) -> bool:
        """Whether that token's session is in memory."""
        return token in self._by_token

    def of(self, account: str) -> set[Session]:
        """The sessions of an account that are in memory."""
        return self._of.get(account, set())

    # -- ending ----------------------------------------------------------------------------------

    def close(self, session: LastingSession) -> Deferred[int | None]:
        """A guest's session ends at once; fires when its person has left.  That of an account is
        signed out by `Accounts`; this takes it out of memory.
        """
        if session.over:
            return succeed(None)
        return self._end(session, everywhere=session.record is None)

    def _end(self, session: LastingSession, *, everywhere: bool = False) -> Deferred[int | None]:
        self._by_token.pop(session.token, None)
        self._by_hash.pop(session.hash, None)
        session.over = True
        session.keep = None
        self._forget(session)
        if session.timer and session.timer.active():
            session.timer.cancel()
        self._unused.discard(session)
        self._admission.ended(session.address)
        ended, session.ended = session.ended, None
        if ended is not None:
            ended()
        left: Deferred[int | None] = succeed(None)
        if not session.person.visiting:
            left = self._arrivals.end(session.person, "", everywhere=everywhere)
        session.dismiss()
        return left

    def _watch(self, session: LastingSession) -> None:
        """Look again when the grace may be over: one timer a session, untouched by its requests."""
        left = session.left  # read once: at another moment it might be over
        if left > 0:
            session.note()
            token = session.standing.token if session.standing is not None else None
            if token is not None and token.expires:
                self._check(session)
                if session.over:
                    return
                left = min(left, token.expires / 1_000_000 - self._now())
            session.timer = self._clock.callLater(left, self._watch, session)
        else:
            self._end(session)

    # -- the fold --------------------------------------------------------------------------------

    def shown(self, change: Change, version: int) -> None:
        """Fold one change of a stored unit."""
        self._standings.shown(change, version)
        if change.table == ACCOUNTS:
            for session in list(self._of.get(change.key, ())):
                self._check(session)
        elif change.value is None:
            changed = self._by_hash.get(change.key) or self._connected.get(change.key)
            if changed is not None:
                self._check(changed)

    def _check(self, session: Session) -> None:
        """End a session whose token is not good any more, and tell its readers."""
        if session.standing is None:
            return
        try:
            session.standing.check()
        except BadToken as error:
            self._readers.revoke(error, session=session)
            if isinstance(session, LastingSession):
                self._end(session)
        else:
            account = session.standing.record.value
            if session.person.visiting and account is not None:
                session.person.admin = account.admin


def _ignore(failure: Failure) -> None:
    """A guest that cannot come back is gone; what cannot be noted is not."""
    failure.trap(ChatError)
