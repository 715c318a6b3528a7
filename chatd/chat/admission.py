"""Rate limits on what people send, and limits on sessions over HTTP.

1. What a person sends is limited twice: by person (all sessions of an account share its limit),
   and by address over all its people and visitors.  Every command that makes an event for others
   counts.  So does every change of an IRC client's modes `B` and `i`, and of what the store keeps
   of an account: ignore list, tokens, push subscription, sessions that are ended elsewhere.  The
   last half of an address's bucket is reserved for people who have sent little lately, so one who
   floods leaves room for the neighbours.
2. Notes are what clients store by themselves while their user reads: read markers, views, tickets.
   They have a limit of their own, by person and by address, so that reading does not use up what a
   person may say.
3. A change of name is announced in every room of the person, so it has a slower limit of its own.
4. Leaving is never refused, nor is ending a session or a token, but they count: the next command
   waits longer.  So an owner can end a stolen session although the thief uses up the rate.
5. Sessions over HTTP are counted, in all and by the address that began them, and an address begins
   them no faster than it may send.  If there are too many, one that was never used is evicted
   (`chatd.chat.unused`).  Sessions of connections are bounded by the limits on connections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..model.addresses import Address, is_public
from ..model.errors import NO_ROOM_SECONDS, RateLimited, TooMany, Unavailable
from .limits import (
    ADDRESS_SHARE,
    NOTE_RATE,
    NOTES_AT_ONCE,
    RENAME_SHARE,
    RENAMES_AT_ONCE,
    Buckets,
    Limits,
    TokenBucket,
)
from .person import Person

REGISTRATIONS_AT_ONCE = 50
"""Accounts that one public address may make at once: enough for a school class."""
REGISTRATION_SECONDS = 20.0
"""Seconds after which it may make one more.  Loopback and private addresses may make accounts as
fast as sessions, because a reverse proxy there forwards the requests of many people."""


class Admission:
    """The rate limits of one chat, and its numbers of sessions over HTTP."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        """`now` tells seconds that never run backwards."""
        self.limits = limits
        self._now = now
        # At an address `ADDRESS_SHARE` people may send a message at once, whatever the rate.
        self._addresses: Buckets[Address] = Buckets(limits.for_an_address, now, ADDRESS_SHARE)
        self._visitors: Buckets[Address] = Buckets(limits.message_rate, now)
        self._openings: Buckets[Address] = Buckets(limits.for_an_address, now, ADDRESS_SHARE)
        self._notes: Buckets[Address] = Buckets(limits.notes_for_an_address, now, NOTES_AT_ONCE)
        self._registrations: Buckets[Address] = Buckets(
            1 / REGISTRATION_SECONDS, now, REGISTRATIONS_AT_ONCE
        )
        self._lasting: dict[Address, int] = {}
        self._lasting_in_all = 0

    def replace(self, limits: Limits, people: Iterable[Person]) -> None:
        """Apply other limits from now on, also to these people, who are present.  Sessions, rooms
        and readers above a new limit stay open; no further ones are admitted.
        """
        if limits == self.limits:
            return
        self.limits = limits
        self._addresses.change(limits.for_an_address)
        self._visitors.change(limits.message_rate)
        self._openings.change(limits.for_an_address)
        self._notes.change(limits.notes_for_an_address)
        for person in people:
            person.bucket = person.renames = None

    # -- rates -----------------------------------------------------------------------------------

    def bucket(self) -> TokenBucket:
        """A new bucket for a person."""
        return TokenBucket(self.limits.message_rate, self._now)

    def _bucket_of(self, person: Person) -> TokenBucket:
        """The bucket of a person, made on demand: most persons only read."""
        if person.bucket is None:
            person.bucket = self.bucket()
        return person.bucket

    def visitors(self, address: Address) -> TokenBucket:
        """The bucket that all visitors from an address share: together they may send as much as one
        person.
        """
        return self._visitors.bucket(address)

    def spend(self, person: Person) -> None:
        """Count a command that makes an event for others, or a change (rule 1).  Raises
        `RateLimited`.
        """
        rate = self.limits.message_rate
        bucket = person.bucket or self._bucket_of(person)
        wait = bucket.take()
        if wait:
            raise RateLimited(
                f"too fast: {rate:g} messages and changes a second are taken; "
                f"try again in {seconds(wait)}",
                wait,
            )
        shared = self._addresses.bucket(person.address)
        if shared.take(reserve=person.throttled or not bucket.ample):
            person.throttled = True
            # Many sessions may be waiting for the address: have each retry no faster than its rate.
            wait = max(shared.take(reserve=True), 1 / (rate or 1))
            raise RateLimited(
                f"too fast: {self.limits.for_an_address:g} messages and changes a second are taken "
                f"from all at your address together; try again in {seconds(wait)}",
                wait,
            )
        if person.throttled:
            # Waiting does not restore the person's priority at its address.
            person.throttled = False
            bucket.empty()

    def spend_rename(self, person: Person) -> None:
        """Count a change of name.  Raises `RateLimited`."""
        rate = self.limits.message_rate / RENAME_SHARE
        if person.renames is None:  # made on demand: most persons never rename
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

    def spend_note(self, person: Person) -> None:
        """Count a note (rule 2).  Raises `RateLimited`."""
        if person.notes is None:
            person.notes = TokenBucket(NOTE_RATE, self._now, NOTES_AT_ONCE)
        wait = person.notes.take()
        if wait:
            raise RateLimited(
                f"too fast: {NOTE_RATE:g} of these requests a second are taken; "
                f"try again in {seconds(wait)}",
                wait,
            )
        wait = self._notes.bucket(person.address).take()
        if wait:
            person.notes.give_back()
            raise RateLimited(
                f"too fast: {self.limits.notes_for_an_address:g} of these requests a second are "
                f"taken from all at your address together; try again in {seconds(wait)}",
                wait,
            )

    def charge(self, person: Person) -> None:
        """Count a command that is never refused."""
        self._bucket_of(person).charge()
        self._addresses.bucket(person.address).charge()

    def spend_registration(self, address: Address) -> None:
        """Count a registration from an address.  Raises `RateLimited`."""
        buckets = self._registrations if is_public(address) else self._openings
        wait = buckets.bucket(address).take()
        if wait:
            raise RateLimited(
                f"too many accounts from your address; try again in {seconds(wait)}", wait
            )

    # -- sessions over HTTP ----------------------------------------------------------------------

    @property
    def sessions(self) -> int:
        """The number of sessions over HTTP."""
        return self._lasting_in_all

    @property
    def full(self) -> bool:
        """Whether the server may have no more sessions over HTTP."""
        return self._lasting_in_all >= self.limits.sessions

    def full_for(self, address: Address) -> bool:
        """Whether an address may have no more sessions over HTTP."""
        return self._lasting.get(address, 0) >= self.limits.sessions_per_address

    def check(self, address: Address) -> None:
        """Count the beginning of a session over HTTP against the rate of its address.

        Raises `Unavailable` if the server may have no more, `TooMany` if the address may not,
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
        """A session over HTTP of that address has begun."""
        self._lasting[address] = self._lasting.get(address, 0) + 1
        self._lasting_in_all += 1

    def ended(self, address: Address) -> None:
        """A session over HTTP of that address has ended."""
        self._lasting_in_all -= 1
        self._lasting[address] -= 1
        if not self._lasting[address]:
            del self._lasting[address]


def seconds(wait: float) -> str:
    """A wait for people to read, at least 0.1 s."""
    return f"{max(wait, 0.1):.1f} s"
