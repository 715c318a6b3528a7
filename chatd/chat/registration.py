"""How accounts are made: by registering, and by the first sign-in through a credentials checker.

1. A registration is judged in one order on every door: whether the client may register, the rate
   limit, the name, the password.
2. A guest who registers its own name becomes the account's person, and keeps its rooms and what it
   was given there (`chatd.chat.judge_guests`).
3. An account that a credentials checker vouches for (`--auth`) has no password here.  A guest who
   holds its name is given another by the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred, gatherResults, succeed

from ..model.account import Account, encode
from ..model.addresses import Address
from ..model.errors import NotAllowed
from ..model.names import clean_name, name_key
from ..model.password import clean_password
from ..model.units import ACCOUNTS, NAMES, Change, Expect, Unit
from . import judge, judge_accounts
from .accounts import Claim, Proof
from .attempts import Attempts
from .attendance import Attendance
from .claims import Claims
from .core import Core
from .departures import Departures
from .guest_grants import GuestGrants
from .invites import Invitation, Invites
from .passwords import Passwords
from .person import Person
from .room import LOBBY, Room
from .rules import Rules

REGISTER_CLOSED = "accounts are made by the administrators here; ask one of them"
NO_INVITATION = Unit()
"""What is added to a registration without an invite."""


class Registration:
    """Makes accounts."""

    def __init__(
        self,
        core: Core,
        now: Callable[[], float],
        departures: Departures,
        attendance: Attendance,
        passwords: Passwords,
        attempts: Attempts,
        claims: Claims,
        invites: Invites,
        grants: GuestGrants,
        rules: Rules,
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch."""
        self._now = now
        self._journal = core.journal
        self._accounts = core.accounts
        self._people = core.people
        self._rooms = core.rooms
        self._admission = core.admission
        self._departures = departures
        self._attendance = attendance
        self._passwords = passwords
        self._attempts = attempts
        self._claims = claims
        self._invites = invites
        self._grants = grants
        self._rules = rules

    def register(
        self,
        name: str,
        password: str,
        address: Address,
        own: Person | None = None,
        claim: str | None = None,
        invite: str | None = None,
    ) -> Deferred[Proof]:
        """Make an account.  If `own`, the guest who asks, holds the name, that guest becomes the
        account's person.  With the code of a `claim` the account is an administrator's.  Where
        registering takes an invite, the code `invite` loses one use, and the account is a member of
        the invite's room.

        Raises or fails with `NotAllowed`, `RateLimited`, `BadName`, `NameInUse`, `NameRegistered`,
        `BadPassword`, `Unavailable`.
        """
        if claim is not None:
            self._claims.check(claim)
        elif self._rules.register == "closed":
            raise NotAllowed(REGISTER_CLOSED)
        elif self._rules.register == "invite":
            inviting = self._invites.to_register(invite)
            return inviting.addCallback(
                lambda invitation: self._register(name, password, address, own, None, invitation)
            )
        return self._register(name, password, address, own, claim, None)

    def _register(
        self,
        name: str,
        password: str,
        address: Address,
        own: Person | None,
        code: str | None,
        invitation: Invitation | None,
    ) -> Deferred[Proof]:
        self._journal.check()
        self._admission.spend_registration(address)
        if own is not None and own.account is not None:
            own = None
        shown = self._people.free_name(name, own=own)
        if own is not None and (own.key != name_key(shown) or own.ended):
            own = None
        claiming = self._accounts.claim(shown)

        def claimed(claim: Claim) -> Deferred[Claim]:
            claim.check()
            clean = clean_password(password, shown)
            free: Deferred[Any] = self._departures.when_free(claim.record.key)
            hashing = free.addCallback(lambda _: self._passwords.hash(clean))
            hashing.addCallback(self._load_grants, own)
            return hashing.addCallback(
                lambda hashed: self._create(claim, hashed, own, invitation=invitation)
            )

        made = claiming.addCallback(claimed)
        return made.addCallback(self._proof, address).addCallback(self.claim, code)

    def claim(self, proof: Proof, code: str | None) -> Deferred[Proof]:
        """Make the account an administrator's if the client has the code of a claim.

        Fails with `NotAllowed`, `Unavailable`.
        """
        if code is None:
            return succeed(proof)
        return self._claims.take(proof, code).addCallback(lambda _: proof)

    def _load_grants(self, hashed: str, own: Person | None) -> str | Deferred[str]:
        """Load the rooms in which the guest was given anything; then answer `hashed`."""
        if own is None:
            return hashed
        loading: Deferred[Any] = gatherResults(
            [self._rooms.load(name) for name in self._granted_in(own)], consumeErrors=True
        )
        return loading.addCallback(lambda rooms: hashed)

    def _create(
        self,
        claim: Claim,
        hashed: str,
        own: Person | None,
        *,
        outside: bool = False,
        lobby: bool = True,
        invitation: Invitation | None = None,
    ) -> Deferred[Claim]:
        account = Account(claim.name, hashed, created=self._micros)
        key = claim.record.key

        def create() -> Unit:
            if outside and claim.record.version:
                return Unit()  # another sign-in has made the account meanwhile
            if not outside:
                claim.check()
                self._people.free_name(claim.name, own=own)
            invited = NO_INVITATION
            if invitation is not None:
                invited = invitation.use(key, claim.name, self._micros)
            changes = [Change(ACCOUNTS, key, encode(account)), *claim.skeletons, *invited.changes]
            expects = (*claim.expects, *invited.expects)
            if own is not None and own.key == key and not own.ended:
                unit = judge_accounts.become(own, changes, expects, self._rooms_of(own))
                return replace(unit, events=(*invited.events, *unit.events))
            if lobby:
                changes += judge.joins(key, claim.name, LOBBY)
            return Unit(invited.events, changes, (*expects, Expect(NAMES, key, 0)))

        return self._journal.submit(create).addCallback(lambda _: claim)

    def _granted_in(self, guest: Person) -> Iterable[str]:
        """The rooms in which a guest may have been given anything.  For a guest who was here before
        this start that is not known: it may be any room in which anybody is banned or muted, or
        that a guest has created.
        """
        known = self._grants.rooms(guest.subject)
        if self._people.is_new(guest):
            return known
        index = self._rooms.index
        states = ((name, index.known(name).state) for name in index)
        return {*known, *(name for name, state in states if state.guarded or state.borrowed)}

    def _rooms_of(self, guest: Person) -> list[Room]:
        """The rooms in memory that a guest is in, or was given anything in."""
        found = dict(guest.rooms)
        for name in self._granted_in(guest):
            room = self._rooms.live(name)
            if room is not None:
                found[name] = room
        return list(found.values())

    def _proof(self, claim: Claim, address: Address) -> Proof:
        self._attempts.remember(claim.record.key, address)
        account = claim.record.value
        return Proof(claim.record, account.epoch if account else 0)

    def make_outside(self, name: str, address: Address, *, lobby: bool = True) -> Deferred[Proof]:
        """Make the account of a name whose password a credentials checker has confirmed; it joins
        the lobby, or without `lobby` no room.

        Raises or fails with `BadName`, `Unavailable`.
        """
        shown = clean_name(name)

        def claimed(claim: Claim) -> Deferred[Claim]:
            holder = self._people.own(claim.record.key)
            free: Deferred[Any] = self._departures.when_free(claim.record.key)
            if holder is not None and not holder.ended:
                free = self._attendance.rename_guest(holder)
            return free.addCallback(
                lambda _: self._create(claim, "", None, outside=True, lobby=lobby)
            )

        return self._accounts.claim(shown).addCallback(claimed).addCallback(self._proof, address)

    @property
    def _micros(self) -> int:
        return int(self._now() * 1_000_000)
