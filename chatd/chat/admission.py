"""Who is let in, and how fast each may go on.

1. What is said is measured twice: by session, and by address over all its sessions and visitors.
   Whatever makes an event for others counts as something said.  Of what an address may say, the
   last half is for sessions that have said little lately: one flood leaves room for its neighbours.
2. A change of name is told in every room, so it is measured once more, and slower.
3. Leaving is never refused, but it counts: the next coming has to wait.
4. Sessions that outlive their connections are counted, in all and by the address that began them,
   and begin no faster than an address may speak.  Where they are too many, one that was never used
   is evicted (`chatd.chat.sessions`).  The others are bounded by their connections.
"""

from __future__ import annotations

from collections.abc import Callable

from ..model.addresses import Address, is_public
from ..model.errors import NO_ROOM_SECONDS, RateLimited, TooMany, Unavailable
from .limits import (
    ADDRESS_SHARE,
    RENAME_SHARE,
    RENAMES_AT_ONCE,
    Buckets,
    Limits,
    TokenBucket,
)
from .person import Person

REGISTRATIONS_AT_ONCE = 50
"""Accounts that may be made at once from one address of the Internet: a class registers at once."""
REGISTRATION_SECONDS = 20.0
"""Seconds after which it may make one more.  An address nearby makes them as fast as sessions:
there may be a reverse proxy that speaks for many."""


class Admission:
    """The measures of one chat, and its lasting sessions by address."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        """`now` tells seconds that never run backwards."""
        self.limits = limits
        self._now = now
        # However slow, each of an address's sessions may say something.
        self._addresses: Buckets[Address] = Buckets(limits.for_an_address, now, ADDRESS_SHARE)
        self._visitors: Buckets[Address] = Buckets(limits.message_rate, now)
        self._openings: Buckets[Address] = Buckets(limits.for_an_address, now, ADDRESS_SHARE)
        self._registrations: Buckets[Address] = Buckets(
            1 / REGISTRATION_SECONDS, now, REGISTRATIONS_AT_ONCE
        )
        self._lasting: dict[Address, int] = {}
        self._lasting_in_all = 0

    # -- saying something ------------------------------------------------------------------------

    def bucket(self) -> TokenBucket:
        """A fresh measure, for a person."""
        return TokenBucket(self.limits.message_rate, self._now)

    def visitors(self, address: Address) -> TokenBucket:
        """What the visitors of an address have in common: they may say as much as one person."""
        return self._visitors.bucket(address)

    def spend(self, person: Person) -> None:
        """Something is about to be said.  Raises `RateLimited`."""
        rate = self.limits.message_rate
        wait = person.bucket.take()
        if wait:
            raise RateLimited(
                f"too fast: {rate:g} messages a second are taken; try again in {seconds(wait)}",
                wait,
            )
        shared = self._addresses.bucket(person.address)
        if shared.take(sparing=person.held_back or not person.bucket.ample):
            person.held_back = True
            # Many may be waiting for this one: none needs to ask more often than it may speak.
            wait = max(shared.take(sparing=True), 1 / (rate or 1))
            raise RateLimited(
                f"too fast: {self.limits.for_an_address:g} messages a second are taken from all "
                f"at your address together; try again in {seconds(wait)}",
                wait,
            )
        if person.held_back:
            # By waiting it has not become one that has said little.
            person.held_back = False
            person.bucket.empty()

    def spend_rename(self, person: Person) -> None:
        """A name is about to be changed.  Raises `RateLimited`."""
        rate = self.limits.message_rate / RENAME_SHARE
        if person.renames is None:  # most never change theirs, or once
            person.renames = TokenBucket(rate, self._now, RENAMES_AT_ONCE)
        wait = person.renames.take()
        if wait:
            raise RateLimited(
                f"too many names: one in {1 / rate:g} s is taken; try again in {seconds(wait)}",
                wait,
            )
        try:
            self.spend(person)
        except RateLimited:
            person.renames.give_back()
            raise

    def charge(self, person: Person) -> None:
        """Something was done that is never refused, but counts."""
        person.bucket.charge()
        self._addresses.bucket(person.address).charge()

    def spend_registration(self, address: Address) -> None:
        """An account is about to be made.  Raises `RateLimited`."""
        buckets = self._registrations if is_public(address) else self._openings
        wait = buckets.bucket(address).take()
        if wait:
            raise RateLimited(
                f"too many accounts from your address; try again in {seconds(wait)}", wait
            )

    # -- lasting sessions ------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether the server has all the lasting sessions that it takes."""
        return self._lasting_in_all >= self.limits.sessions

    def full_for(self, address: Address) -> bool:
        """Whether an address has all that it may have."""
        return self._lasting.get(address, 0) >= self.limits.sessions_per_address

    def check(self, address: Address) -> None:
        """A lasting session is about to begin.

        Raises `Unavailable` if the server has all it takes, `TooMany` if the address has,
        `RateLimited` if it begins them too fast.
        """
        if self.full:
            raise Unavailable(
                "the server has all the sessions that it takes; try again in a moment",
                NO_ROOM_SECONDS,
            )
        if self.full_for(address):
            raise TooMany(
                f"there are {self.limits.sessions_per_address} sessions from your address already; "
                "end one with DELETE /session, or try again when one has expired",
                NO_ROOM_SECONDS,
            )
        wait = self._openings.bucket(address).take()
        if wait:
            raise RateLimited(
                f"too many sessions: {self.limits.for_an_address:g} a second are taken from your "
                f"address; try again in {seconds(wait)}",
                wait,
            )

    def begun(self, address: Address) -> None:
        """A lasting session has begun."""
        self._lasting[address] = self._lasting.get(address, 0) + 1
        self._lasting_in_all += 1

    def ended(self, address: Address) -> None:
        """A lasting session that had begun there is over."""
        self._lasting_in_all -= 1
        self._lasting[address] -= 1
        if not self._lasting[address]:
            del self._lasting[address]


def seconds(wait: float) -> str:
    """A wait as people read it: never none at all."""
    return f"{max(wait, 0.1):.1f} s"
