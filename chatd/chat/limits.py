"""How much one participant may do, and token buckets to measure it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

ADDRESS_SHARE = 20
"""Sessions' worth of messages that an address may send, if nothing else is asked for: in an office
behind one address hardly more people type at the same moment."""
BURST = 4
"""Seconds' worth of messages that may come at once: somebody pastes, then reads."""
RENAME_SHARE = 10
"""Messages that a change of name counts as in the long run: it is told in every room."""
RENAMES_AT_ONCE = 10
"""Names that may be taken at once, by whoever tries which are free."""
MOST_MEASURED = 10_000
"""Buckets that one table keeps: more addresses than that do not speak within the same seconds."""
REMEMBERED_SECONDS = 300.0
"""Seconds for which a request that is sent again is known to be one, over a restart too."""
_NEARLY = 1 - 1e-6
"""A token, for whoever has waited for one: seconds are floats, and their sums are not exact."""


@dataclass(frozen=True)
class Limits:
    """What the operator lets people do."""

    message_rate: float = 5.0
    """Messages a second per session; 0: no limit."""
    address_rate: float | None = None
    """Messages a second per address, over all its sessions and visitors; 0: no limit; None: as many
    as `ADDRESS_SHARE` sessions may send."""
    sessions: int = 20_000
    """Sessions that outlive their connections: about 3.5 kB of memory each."""
    sessions_per_address: int = 2000
    """Those of one address: a school behind it fits, and a flood leaves room for others."""
    rooms: int = 10_000
    """Rooms in which something is kept or somebody is: a list of them comes in pages."""
    rooms_per_address: int | None = None
    """Rooms that one address may bring into being; 0: no limit; None: a share of all
    (`chatd.chat.directory`)."""
    rooms_per_session: int = 100
    """Rooms that a session may be in: more than anybody follows."""
    readers_per_session: int = 50
    """Polls, streams and WebSockets that a session may hold: tabs and devices of one person."""

    @property
    def for_an_address(self) -> float:
        """Messages a second per address; 0: no limit."""
        if self.address_rate is None:
            return ADDRESS_SHARE * self.message_rate
        return self.address_rate


DEFAULTS = Limits()
"""What people may do if nothing else is asked for."""


class TokenBucket:
    """`rate` things a second in the long run, and `BURST` seconds' worth at once.

    A rate of 0 is no limit.
    """

    __slots__ = ("_filled", "_most", "_now", "_rate", "_tokens")

    def __init__(self, rate: float, now: Callable[[], float], least: float = 1) -> None:
        """`now` tells seconds that never run backwards; `least` things may always come at once."""
        self._rate = rate
        self._now = now
        self._most = max(least, rate * BURST)
        self._tokens = self._most
        self._filled = now()

    def take(self, *, sparing: bool = False) -> float:
        """Take one token and answer 0; or take none and answer the seconds until there is one.

        Whoever is `sparing` takes none of the last half, and leaves it to others.
        """
        if not self._rate:
            return 0.0
        now = self._now()
        self._tokens = min(self._most, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        tokens = self._tokens - self._most / 2 if sparing else self._tokens
        if tokens >= _NEARLY:
            self._tokens -= 1
            return 0.0
        return (1 - tokens) / self._rate

    def give_back(self) -> None:
        """A token that was taken was not needed after all."""
        self._tokens += 1

    def charge(self) -> None:
        """Take a token even if there is none: the next has to be waited for all the longer."""
        if self.take():
            self._tokens -= 1

    def empty(self) -> None:
        """Take all there is: from here on, no more than `rate`."""
        self._tokens = min(self._tokens, 0.0)

    @property
    def ample(self) -> bool:
        """Whether half of what it can hold was there when the last token was taken."""
        return self._tokens + 1 >= self._most / 2

    @property
    def full(self) -> bool:
        """Whether nothing was taken lately, so that a new bucket would be just like this one."""
        return self._tokens + (self._now() - self._filled) * self._rate >= self._most


class Buckets(Generic[K]):
    """A bucket for each of many, of whom most are silent: what is full again is forgotten.

    There are `MOST_MEASURED` at most; beyond that, whoever was silent longest is forgiven.
    """

    def __init__(self, rate: float, now: Callable[[], float], least: float = 1) -> None:
        """As for `TokenBucket`."""
        self._rate = rate
        self._now = now
        self._least = least
        self._unlimited = TokenBucket(0, now)
        self._buckets: OrderedDict[K, TokenBucket] = OrderedDict()
        """The longest silent first."""

    def __len__(self) -> int:
        return len(self._buckets)

    def bucket(self, key: K) -> TokenBucket:
        """Somebody's bucket."""
        if not self._rate:
            return self._unlimited
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget()
            bucket = self._buckets[key] = TokenBucket(self._rate, self._now, self._least)
        else:
            self._buckets.move_to_end(key)
        return bucket

    def _forget(self) -> None:
        while self._buckets:
            key, bucket = next(iter(self._buckets.items()))
            if not bucket.full and len(self._buckets) < MOST_MEASURED:
                break
            del self._buckets[key]
