"""Failed attempts to sign in, by account and by address.

1. Each account and each address has a bucket of failures: a burst, and one more every few seconds.
   While an account's bucket is used up, only *familiar* addresses, which have signed in to it
   before, may try; so guesses from other addresses do not lock its owner out.
2. An attempt takes its tokens when it begins, so that parallel attempts do not get around the
   limit; one that succeeds returns them.
3. A name without an account has a bucket too, so that answers do not reveal which accounts exist.
4. The buckets are stored, and read at the start: a restart does not reset them.
5. If several nodes share the store, an attempt first reads the stored buckets, and takes over those
   that count more failures.  So failures at one node count at the others, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
"""The burst of failures at an account, from addresses that are not familiar."""
ACCOUNT_SECONDS = 30.0
"""Seconds after which an account may have one more."""
ADDRESS_FAILURES = 30
"""The burst of failures from an address: a whole school class may mistype."""
ADDRESS_SECONDS = 10.0
"""Seconds after which an address may have one more."""
TIDY_SECONDS = 60.0
"""Seconds between two clean-ups of buckets that are full again."""


class Kind(NamedTuple):
    """The size of a kind of buckets: those of accounts, or those of addresses."""

    prefix: str
    most: int
    seconds: float


ACCOUNT = Kind("a:", ACCOUNT_FAILURES, ACCOUNT_SECONDS)
ADDRESS = Kind("h:", ADDRESS_FAILURES, ADDRESS_SECONDS)


class Level(msgspec.Struct, array_like=True):
    """The failures counted in a bucket, as of a time."""

    taken: float
    at: float
    """In seconds since the Unix epoch, because it is stored."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Level).decode


def kind_of(key: str) -> Kind:
    """The kind of a bucket, by its key in the store."""
    return ACCOUNT if key.startswith(ACCOUNT.prefix) else ADDRESS


class Attempt:
    """One attempt under way.  Exactly one of its methods is to be called."""

    def __init__(self, attempts: Attempts, key: str, address: Address, *, familiar: bool) -> None:
        self._attempts = attempts
        self._key = key
        self._address = address
        self._familiar = familiar

    def succeeded(self) -> None:
        """The password was right: return the tokens, and note the address as familiar."""
        self._attempts.settle(ADDRESS, self._address, -1)
        if not self._familiar:
            self._attempts.settle(ACCOUNT, self._key, -1)
            self._attempts.remember(self._key, self._address)

    def failed(self) -> None:
        """The password was wrong: store the buckets."""
        self._attempts.settle(ADDRESS, self._address)
        if not self._familiar:
            self._attempts.settle(ACCOUNT, self._key)

    def undecided(self) -> None:
        """The password could not be checked: return the tokens."""
        self._attempts.settle(ADDRESS, self._address, -1)
        if not self._familiar:
            self._attempts.settle(ACCOUNT, self._key, -1)


class Attempts:
    """Counts the failed attempts of one chat."""

    def __init__(
        self, clock: IReactorTime, store: Store, now: Callable[[], float], *, shared: bool = False
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch.  `shared`: there may be other
        nodes.
        """
        self._shared = shared
        self._clock = clock
        self._store = store
        self._now = now
        self._levels: dict[str, Level] = {}
        self._noted: set[str] = set()
        """The keys of the stored buckets."""
        self._tidying = False

    def take_over(self, cells: Mapping[str, Cell]) -> None:
        """Take over stored buckets: those that count more failures than here."""
        for key, cell in cells.items():
            try:
                level = _decode(cell.value)
            except msgspec.DecodeError:
                continue  # written by a later version
            kind = kind_of(key)
            if self._left(level, kind) >= self._taken(kind, key.removeprefix(kind.prefix)):
                self._levels[key] = level
            self._noted.add(key)
        self._watch()

    def begin(self, key: str, address: Address) -> Deferred[Attempt]:
        """Begin an attempt to sign in to the account with that key.

        Raises or fails with `RateLimited`; fails with `Unavailable`.
        """
        self._check(ADDRESS, address)
        known = self._store.get(account_table(FAMILIAR, key), [address])
        if self._shared:
            known.addCallback(self._catch_up, key, address)

        def looked_up(cells: Mapping[str, Cell]) -> Attempt:
            familiar = address in cells
            self._check(ADDRESS, address)
            if not familiar:
                self._check(ACCOUNT, key)
                self._take(ACCOUNT, key, 1)
            self._take(ADDRESS, address, 1)
            return Attempt(self, key, address, familiar=familiar)

        return known.addCallback(looked_up)

    def _catch_up(
        self, cells: Mapping[str, Cell], key: str, address: Address
    ) -> Deferred[Mapping[str, Cell]]:
        """Take over what other nodes have counted; passes `cells` on."""

        def stored(levels: Mapping[str, Cell]) -> Mapping[str, Cell]:
            self.take_over(levels)
            return cells

        keys = [ACCOUNT.prefix + key, ADDRESS.prefix + address]
        return self._store.get(ATTEMPTS, keys).addCallback(stored)

    def settle(self, kind: Kind, who: str, change: int = 0) -> None:
        """Add `change` failures to a bucket, and store it."""
        self._take(kind, who, change)
        key = kind.prefix + who
        level = self._levels.get(key)
        if level is not None:
            self._noted.add(key)
            self._store.note(ATTEMPTS, key, _encode(level)).addErrback(_ignore)
        else:
            self._forget(key)

    def remember(self, key: str, address: Address) -> None:
        """Note an address as familiar to an account."""
        at = b"%d" % (self._now() * 1_000_000)
        self._store.note(account_table(FAMILIAR, key), address, at).addErrback(_ignore)

    # -- buckets ---------------------------------------------------------------------------------

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
        return 0.0 if level is None else self._left(level, kind)

    def _left(self, level: Level, kind: Kind) -> float:
        """The failures that a bucket counts now."""
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
        """Drop the buckets that are full again, unless other nodes have counted more."""
        self._tidying = False
        full = [key for key in self._levels if self._is_full(key)]
        if full and self._shared:
            stored = self._store.get(ATTEMPTS, full).addCallback(self.take_over)
            stored.addErrback(_ignore).addCallback(lambda _: self._drop(full))
        else:
            self._drop(full)
        self._watch()

    def _drop(self, keys: Sequence[str]) -> None:
        for key in keys:
            if key in self._levels and self._is_full(key):
                del self._levels[key]
                self._forget(key)

    def _is_full(self, key: str) -> bool:
        """Whether a bucket counts no failure any more."""
        kind = kind_of(key)
        return not self._taken(kind, key.removeprefix(kind.prefix))

    def _forget(self, key: str) -> None:
        if key in self._noted:
            self._noted.discard(key)
            self._store.note(ATTEMPTS, key, None).addErrback(_ignore)


def _ignore(failure: Failure) -> None:
    """Drop the error: a bucket that cannot be stored still counts in memory."""
    failure.trap(ChatError)
