"""The operator's limits on people, and the token buckets that enforce rates."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

ADDRESS_SHARE = 20
"""The default rate limit of an address, as a multiple of a person's: of the people in an office
behind one address, hardly more type at the same moment."""
BURST = 4
"""The burst of a token bucket, in seconds of its rate: a person pastes some lines, then reads."""
RENAME_SHARE = 10
"""The messages that a change of name counts as in the long run: each of the rooms announces it."""
RENAMES_AT_ONCE = 10
"""The burst of changes of name: a person tries which names are free."""
NOTE_RATE = 10.0
"""Notes a second of a person (`Admission.spend_note`), over all sessions of an account: a page that
shows a busy room sends three read markers a second, several pages may be in view, and an IRC
connection may send ten lines a second."""
NOTES_AT_ONCE = 200
"""The burst of notes: a client may mark every room and conversation of a person as read."""
MOST_MEASURED = 10_000
"""The most buckets in one table: so many addresses hardly send within the same seconds."""
REMEMBERED_SECONDS = 300.0
"""Seconds for which a repeated request is recognised, over a restart too."""
_NEARLY = 1 - 1e-6
"""The least fraction that counts as a whole token: sums of floats are not exact, and a client that
has waited for `Retry-After` must get a token."""


@dataclass(frozen=True)
class Limits:
    """The limits that the operator sets for people."""

    message_rate: float = 5.0
    """Messages and changes a second per person (`chatd.chat.admission`); 0: no limit."""
    address_rate: float | None = None
    """Messages and changes a second of all people at an address together, visitors included, and
    sessions over HTTP that begin there in a second; 0: no limit; None: as many as `ADDRESS_SHARE`
    people may send."""
    sessions: int = 20_000
    """Sessions over HTTP: about 3.5 kB of memory each."""
    sessions_per_address: int = 2000
    """Sessions over HTTP of one address: enough for a school, and a flood leaves room for
    others."""
    rooms: int = 10_000
    """Rooms that exist (`chatd.chat.directory`)."""
    rooms_per_address: int | None = None
    """Rooms that one address may create; 0: no limit; None: a share of all
    (`chatd.chat.directory`)."""
    rooms_per_session: int = 100
    """Rooms that a session may be in: more than a person can follow."""
    readers_per_session: int = 50
    """Polls, streams and WebSockets of a session: the tabs and devices of one person."""
    text: int = 4096
    """The longest text, in bytes of UTF-8."""

    @property
    def for_an_address(self) -> float:
        """Messages a second per address; 0: no limit."""
        if self.address_rate is None:
            return ADDRESS_SHARE * self.message_rate
        return self.address_rate

    @property
    def notes_for_an_address(self) -> float:
        """Notes a second per address; 0: no limit.  The rate of messages is a guide to how many
        people share an address, so that an operator need not set another one.
        """
        messages = self.for_an_address
        return messages and max(messages, ADDRESS_SHARE * NOTE_RATE)


DEFAULTS = Limits()
"""The default limits."""


class TokenBucket:
    """A rate limit: `rate` tokens a second in the long run, and `BURST` seconds of them at once.

    A rate of 0 is no limit.
    """

    __slots__ = ("_filled", "_most", "_now", "_rate", "_tokens")

    def __init__(self, rate: float, now: Callable[[], float], least: float = 1) -> None:
        """`now` tells seconds that never run backwards; the burst is at least `least` tokens."""
        self._rate = rate
        self._now = now
        self._most = max(least, rate * BURST)
        self._tokens = self._most
        self._filled = now()

    def take(self, *, reserve: bool = False) -> float:
        """Take one token and return 0; or take none, and return the seconds until there is one.

        With `reserve`, the last half of the bucket is reserved for other clients.
        """
        if not self._rate:
            return 0.0
        now = self._now()
        self._tokens = min(self._most, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        tokens = self._tokens - self._most / 2 if reserve else self._tokens
        if tokens >= _NEARLY:
            self._tokens -= 1
            return 0.0
        return (1 - tokens) / self._rate

    def give_back(self) -> None:
        """Return a token that was taken and not needed."""
        self._tokens += 1

    def charge(self) -> None:
        """Take a token even if there is none; the next one then comes later."""
        if self.take():
            self._tokens -= 1

    def empty(self) -> None:
        """Take all tokens: no burst is left, only the rate."""
        self._tokens = min(self._tokens, 0.0)

    @property
    def ample(self) -> bool:
        """Whether it was at least half full before the last token was taken."""
        return self._tokens + 1 >= self._most / 2

    @property
    def full(self) -> bool:
        """Whether it is full, and so equal to a new bucket."""
        return self._tokens + (self._now() - self._filled) * self._rate >= self._most


class Buckets(Generic[K]):
    """A token bucket for each key; one that is full again is dropped.

    There are at most `MOST_MEASURED`; above that, the least recently used one is dropped, and its
    key starts with a full bucket.
    """

    def __init__(self, rate: float, now: Callable[[], float], least: float = 1) -> None:
        """As for `TokenBucket`."""
        self._rate = rate
        self._now = now
        self._least = least
        self._unlimited = TokenBucket(0, now)
        self._buckets: OrderedDict[K, TokenBucket] = OrderedDict()
        """The least recently used first."""

    def __len__(self) -> int:
        return len(self._buckets)

    def change(self, rate: float) -> None:
        """Use another rate from now on, and refill all buckets."""
        self._rate = rate
        self._buckets.clear()

    def bucket(self, key: K) -> TokenBucket:
        """The bucket of a key."""
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
