"""The push subscriptions of accounts: a fold of the table `pushes`.

1. A subscription belongs to the session of an account that made it, and a session has one at most.
   It ends with the session: by signing out, by another password, with the account.
2. An account has at most `MOST_SUBSCRIPTIONS`; when one more begins, the oldest ends.  The unit of
   each one more expects the account's cell, and writes it anew; so of two that begin at the same
   time one is judged again, by the list with the other.
3. A browser's address at its push service is in one subscription only: when another account signs
   in there, the former account's notifications no longer come to it.
   Of two that were stored at once, the newer one stays.
4. Whether a session is still good is asked of the store before each notification (`living`);
   subscriptions of sessions that are not are removed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.account import (
    Account,
    AccountSession,
    decode_account,
    decode_session,
    is_over,
    is_valid,
)
from ..model.account import encode as encode_account
from ..model.errors import ChatError, TooMany
from ..model.mentions import Mentions
from ..model.push import MOST_SUBSCRIPTIONS, Subscription, decode_subscription, encode
from ..model.units import ACCOUNTS, PUSHES, SESSIONS, USED, Cell, Change, Expect, Unit
from ..store import Store
from .journal import Journal
from .sessions import LastingSession

MOST_IN_ALL = 50_000
"""Subscriptions of all accounts: about 1 kB of memory each."""
FULL_SECONDS = 3600.0
"""Seconds after which a client may try again, if there are so many."""


class Living(NamedTuple):
    """A subscription, and the session that it belongs to, which is good."""

    hash: str
    """The key of its cell."""
    subscription: Subscription
    session: AccountSession


class Subscriptions:
    """All subscriptions of one chat."""

    _log = Logger()

    def __init__(self, store: Store, journal: Journal, micros: Callable[[], int]) -> None:
        """`micros` tells microseconds since the Unix epoch."""
        self._store = store
        self._journal = journal
        self._micros = micros
        self._all: dict[str, Subscription] = {}
        """By the hash of the session's token."""
        self._at: dict[str, str] = {}
        """The hashes by the browsers' addresses."""
        self._of: dict[str, set[str]] = {}
        """The hashes of each account's, by the account's key."""
        self._wanting: dict[str, set[str]] = {}
        """The accounts that want every message of a room, by the room, or did once."""
        self._names = Mentions()

    def __len__(self) -> int:
        return len(self._all)

    def of(self, account: str) -> Collection[str]:
        """The hashes of an account's subscriptions."""
        return self._of.get(account, ())

    def get(self, hash_: str) -> Subscription | None:
        """The subscription of the session whose token has that hash."""
        return self._all.get(hash_)

    def called(self, room: str, text: str) -> set[str]:
        """The accounts that may have to be notified of a message: it mentions them, or they want
        every message of the room.
        """
        found = {name for name in self._names.found(text) if name in self._of}
        return found.union(self._wanting.get(room, ()))

    # -- changing --------------------------------------------------------------------------------

    def put(self, session: LastingSession, made: Subscription) -> Deferred[Any]:
        """Store the subscription of a session, in place of the one it had; fires when it is shown.

        Raises `TooMany`; fails with `BadToken` if the session has ended, and with `Unavailable`.
        """
        credential = session.credential
        assert credential is not None
        hash_ = credential.cell.key
        if len(self._all) >= MOST_IN_ALL and hash_ not in self._all:
            raise TooMany("the server notifies as many browsers as it may", FULL_SECONDS)

        def judged() -> Unit:
            credential.check()
            others = [
                other
                for other, one in self._all.items()
                if other != hash_ and one.endpoint == made.endpoint
            ]
            own = sorted(
                (self._all[other].created, other)
                for other in self.of(made.account)
                if other != hash_ and other not in others
            )
            surplus = own[: max(len(own) - MOST_SUBSCRIPTIONS + 1, 0)]
            ended = [*others, *(other for _, other in surplus)]
            changes = [
                *(Change(PUSHES, other, None) for other in ended),
                Change(PUSHES, hash_, encode(made)),
            ]
            if hash_ not in self._all and (account := credential.record.value) is not None:
                changes.append(Change(ACCOUNTS, credential.record.key, encode_account(account)))
            expects = (credential.record.expect, Expect(SESSIONS, hash_, credential.cell.version))
            return Unit((), changes, expects)

        return self._journal.submit(judged)

    def remove(self, hashes: Iterable[str]) -> Deferred[Any]:
        """Remove subscriptions; fires when that is shown.  Fails with `Unavailable`."""
        meant = tuple(hashes)

        def judged() -> Unit:
            return Unit((), tuple(Change(PUSHES, one, None) for one in meant if one in self._all))

        return self._journal.submit(judged)

    # -- the fold --------------------------------------------------------------------------------

    def restated(self, cells: Mapping[str, Cell]) -> None:
        """Take over the subscriptions that the store has."""
        for hash_ in [*self._all]:
            self._drop(hash_)
        for hash_, cell in cells.items():
            self._set(hash_, cell.value)

    def shown(self, change: Change) -> None:
        """Fold one change of a stored unit."""
        if change.table == PUSHES:
            if change.value is None:
                self._drop(change.key)
            else:
                self._set(change.key, change.value)
        elif change.table == SESSIONS:
            if change.value is None and change.key in self._all:
                self._end([change.key])
        elif change.table == ACCOUNTS and change.key in self._of:
            self.living(change.key).addErrback(self._unchecked)

    def _set(self, hash_: str, value: bytes) -> None:
        try:
            one = decode_subscription(value)
        except msgspec.DecodeError as problem:
            self._log.error("a push subscription cannot be decoded: {problem}", problem=problem)
            return
        self._drop(hash_)
        rival = self._at.get(one.endpoint)
        if rival is not None:
            # Two were stored at once, and neither saw the other.
            if (self._all[rival].created, rival) > (one.created, hash_):
                self._end_twin(hash_)
                return
            self._end_twin(rival)
        self._all[hash_] = one
        self._at[one.endpoint] = hash_
        if one.account not in self._of:
            self._names.add(one.account)
        self._of.setdefault(one.account, set()).add(hash_)
        for place in one.all:
            self._wanting.setdefault(place, set()).add(one.account)

    def _drop(self, hash_: str) -> None:
        one = self._all.pop(hash_, None)
        if one is None:
            return
        del self._at[one.endpoint]
        own = self._of[one.account]
        own.discard(hash_)
        still = {place for other in own for place in self._all[other].all}
        for place in one.all:
            if place not in still:
                self._wanting[place].discard(one.account)
                if not self._wanting[place]:
                    del self._wanting[place]
        if not own:
            del self._of[one.account]
            self._names.discard(one.account)

    # -- whether they are good -------------------------------------------------------------------

    def living(self, account: str) -> Deferred[list[Living]]:
        """The subscriptions of an account whose sessions are good; the others are removed.  Fails
        with `Unavailable`.
        """
        return Deferred.fromCoroutine(self._living(account))

    async def _living(self, account: str) -> list[Living]:
        hashes = [*self.of(account)]
        stored, kept = await self._sessions(account, hashes)
        used: Mapping[str, Cell] = await self._store.get(USED, hashes)
        now = self._micros()
        found = []
        for hash_ in hashes:
            session = decode_session(stored[hash_].value) if hash_ in stored else None
            last = int(used[hash_].value) if hash_ in used else 0
            one = self._all.get(hash_)
            if session is None or not is_valid(session, kept) or is_over(session, last, now):
                self._end([hash_])
            elif one is not None:
                found.append(Living(hash_, one, session))
        return found

    async def _sessions(
        self, account: str, hashes: Collection[str]
    ) -> tuple[Mapping[str, Cell], Account | None]:
        """The cells of sessions, and their account.

        Another password changes the account and the session that stays, together.  If that happens
        between the two reads, the session seems to be over; so it is read again.
        """
        before: Mapping[str, Cell] = await self._store.get(SESSIONS, hashes)
        while True:
            found: Mapping[str, Cell] = await self._store.get(ACCOUNTS, [account])
            kept = _account(found.get(account))
            if all(is_valid(decode_session(cell.value), kept) for cell in before.values()):
                return before, kept
            after: Mapping[str, Cell] = await self._store.get(SESSIONS, hashes)
            if dict(before) == dict(after):
                return after, kept
            before = after

    def check_all(self) -> Deferred[Any]:
        """Remove the subscriptions whose sessions have ended while no node looked."""
        return Deferred.fromCoroutine(self._check_all()).addErrback(self._unchecked)

    async def _check_all(self) -> None:
        for account in [*self._of]:
            await self._living(account)

    def _end(self, hashes: Collection[str]) -> None:
        for hash_ in hashes:
            self._drop(hash_)  # nothing is sent to it from here on
        changes = tuple(Change(PUSHES, hash_, None) for hash_ in hashes)
        ending = self._journal.submit(partial(Unit, (), changes))
        ending.addErrback(self._unchecked)

    def _end_twin(self, hash_: str) -> None:
        """Remove a subscription whose address is in a newer one; not if it was changed since."""
        self._drop(hash_)

        def judged() -> Unit:
            known = hash_ in self._all
            return Unit() if known else Unit((), (Change(PUSHES, hash_, None),))

        self._journal.submit(judged).addErrback(self._unchecked)

    def _unchecked(self, failure: Failure) -> None:
        """Drop the error: the store is away, and each subscription is looked at again before it is
        used.
        """
        failure.trap(ChatError)


def _account(cell: Cell | None) -> Account | None:
    """The account in a cell; None: there is none, or it is damaged."""
    try:
        return decode_account(cell.value) if cell is not None else None
    except msgspec.DecodeError:
        return None
