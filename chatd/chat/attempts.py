"""Failed attempts to sign in, by account and by address.

1. Each has a bucket: so many failures at once, and one more every few seconds.  While the bucket of
   an account is empty, only addresses that have signed in to it before may try; so guesses from
   other addresses do not lock the owner out.
2. An attempt takes its tokens when it begins, so that many at once are no way around; one that
   succeeds gives them back.
3. A name without an account has a bucket too, so the answers do not reveal which accounts exist.
4. The buckets are noted in the store, and read when it is opened: a restart forgives nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ..model.addresses import Address
from ..model.errors import ChatError, RateLimited
from ..model.units import ATTEMPTS, FAMILIAR, Cell, account_table
from ..store import Store

ACCOUNT_FAILURES = 10
"""Failures that an account may have at once, from addresses that it does not know."""
ACCOUNT_SECONDS = 30.0
"""Seconds after which an account may have one more."""
ADDRESS_FAILURES = 30
"""Failures that an address may have at once: a class behind it mistypes."""
ADDRESS_SECONDS = 10.0
"""Seconds after which an address may have one more."""
TIDY_SECONDS = 60.0
"""Seconds between two looks for buckets that may be forgotten."""


class Kind(NamedTuple):
    """How much the buckets of accounts, or of addresses, hold."""

    prefix: str
    most: int
    seconds: float


ACCOUNT = Kind("a:", ACCOUNT_FAILURES, ACCOUNT_SECONDS)
ADDRESS = Kind("h:", ADDRESS_FAILURES, ADDRESS_SECONDS)


class Level(msgspec.Struct, array_like=True):
    """How many failures a bucket has taken, as of a time."""

    taken: float
    at: float
    """On the wall clock, in seconds since the Unix epoch: it holds over restarts."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Level).decode


class Attempt:
    """One attempt that is under way."""

    def __init__(self, attempts: Attempts, key: str, address: Address, *, familiar: bool) -> None:
        self._attempts = attempts
        self._key = key
        self._address = address
        self._familiar = familiar

    def succeeded(self) -> None:
        """It was the right password: give back what was taken."""
        self._attempts.settle(ADDRESS, self._address, -1)
        if not self._familiar:
            self._attempts.settle(ACCOUNT, self._key, -1)
            self._attempts.remember(self._key, self._address)

    def failed(self) -> None:
        """It was not: what was taken is noted."""
        self._attempts.settle(ADDRESS, self._address)
        if not self._familiar:
            self._attempts.settle(ACCOUNT, self._key)

    def undecided(self) -> None:
        """Whether it was is not known: give back what was taken."""
        self._attempts.settle(ADDRESS, self._address, -1)
        if not self._familiar:
            self._attempts.settle(ACCOUNT, self._key, -1)


class Attempts:
    """The attempts of one chat."""

    def __init__(self, clock: IReactorTime, store: Store, now: Callable[[], float]) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch."""
        self._clock = clock
        self._store = store
        self._now = now
        self._levels: dict[str, Level] = {}
        self._noted: set[str] = set()
        """The buckets that the store has."""
        self._tidying = False

    def opened(self, cells: Mapping[str, Cell]) -> None:
        """The store is open, and has these buckets."""
        for key, cell in cells.items():
            try:
                self._levels[key] = _decode(cell.value)
            except msgspec.DecodeError:
                continue  # of a later version
            self._noted.add(key)
        self._watch()

    def begin(self, key: str, address: Address) -> Deferred[Attempt]:
        """An attempt at the account with that name key is about to be made.

        Raises or fails with `RateLimited`; fails with `Unavailable`.
        """
        self._check(ADDRESS, address)
        known = self._store.get(account_table(FAMILIAR, key), [address])

        def looked_up(cells: Mapping[str, Cell]) -> Attempt:
            familiar = address in cells
            self._check(ADDRESS, address)
            if not familiar:
                self._check(ACCOUNT, key)
                self._take(ACCOUNT, key, 1)
            self._take(ADDRESS, address, 1)
            return Attempt(self, key, address, familiar=familiar)

        return known.addCallback(looked_up)

    def settle(self, kind: Kind, who: str, change: int = 0) -> None:
        """Change a bucket, and note it."""
        self._take(kind, who, change)
        key = kind.prefix + who
        level = self._levels.get(key)
        if level is not None:
            self._noted.add(key)
            self._store.note(ATTEMPTS, key, _encode(level)).addErrback(_ignore)
        else:
            self._forget(key)

    def remember(self, key: str, address: Address) -> None:
        """An account has signed in from there."""
        at = b"%d" % (self._now() * 1_000_000)
        self._store.note(account_table(FAMILIAR, key), address, at).addErrback(_ignore)

    # -- inside ----------------------------------------------------------------------------------

    def _check(self, kind: Kind, who: str) -> None:
        taken = self._taken(kind, who)
        if taken + 1 > kind.most:
            wait = max((taken + 1 - kind.most) * kind.seconds, 1.0)
            raise RateLimited(
                f"too many wrong passwords; try again in {wait:.0f} s, or from where you have "
                "signed in before",
                wait,
            )

    def _taken(self, kind: Kind, who: str) -> float:
        level = self._levels.get(kind.prefix + who)
        if level is None:
            return 0.0
        return max(level.taken - max(self._now() - level.at, 0.0) / kind.seconds, 0.0)

    def _take(self, kind: Kind, who: str, count: int) -> None:
        taken = max(self._taken(kind, who) + count, 0.0)
        if taken:
            self._levels[kind.prefix + who] = Level(taken, self._now())
            self._watch()
        else:
            self._levels.pop(kind.prefix + who, None)

    def _watch(self) -> None:
        if self._levels and not self._tidying:
            self._tidying = True
            self._clock.callLater(TIDY_SECONDS, self._tidy)

    def _tidy(self) -> None:
        """Forget the buckets that have filled again."""
        self._tidying = False
        for key in list(self._levels):
            kind = ACCOUNT if key.startswith(ACCOUNT.prefix) else ADDRESS
            if not self._taken(kind, key.removeprefix(kind.prefix)):
                del self._levels[key]
                self._forget(key)
        self._watch()

    def _forget(self, key: str) -> None:
        if key in self._noted:
            self._noted.discard(key)
            self._store.note(ATTEMPTS, key, None).addErrback(_ignore)


def _ignore(failure: Failure) -> None:
    """What cannot be noted counts in memory all the same."""
    failure.trap(ChatError)
