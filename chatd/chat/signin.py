"""Registering, signing in and out: how a client proves that an account is its own.

1. Names and passwords are judged in one order, whatever the door: who may register, how fast, the
   name, the password.
2. A wrong password and an unknown account get the same answer after the same work.  Failures are
   counted (`chatd.chat.attempts`).
3. What a password has proved holds for the account's epoch (`chatd.chat.accounts.Proof`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.python.failure import Failure

from ..model.account import (
    Account,
    encode,
)
from ..model.addresses import Address
from ..model.errors import BadCredentials, BadName, NotAllowed
from ..model.names import clean_name, name_key
from ..model.password import clean_password, opaque
from ..model.units import (
    ACCOUNTS,
    NAMES,
    SESSIONS,
    Change,
    Expect,
    Unit,
)
from . import judge, judge_accounts
from .accounts import WRONG, Accounts, Claim, Proof, Record
from .admission import Admission
from .arrivals import Arrivals
from .attempts import Attempt, Attempts
from .attendance import Attendance
from .claims import Claims
from .given import GivenToGuests
from .invites import Invitation, Invites
from .journal import Journal
from .outside import ask
from .passwords import Passwords
from .people import People
from .person import Person
from .room import LOBBY, Room
from .rooms import Rooms
from .rules import Rules
from .sessions import Session

REGISTER_CLOSED = "accounts are made by the administrators here; ask one of them"
NO_INVITATION = Unit()
"""What registering without an invite adds."""


class SignIn:
    """Carries out what changes accounts and their sessions."""

    def __init__(
        self,
        now: Callable[[], float],
        journal: Journal,
        accounts: Accounts,
        people: People,
        arrivals: Arrivals,
        attendance: Attendance,
        admission: Admission,
        passwords: Passwords,
        attempts: Attempts,
        claims: Claims,
        invites: Invites,
        given: GivenToGuests,
        rooms: Rooms,
        rules: Rules,
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch."""
        self._now = now
        self._journal = journal
        self._accounts = accounts
        self._people = people
        self._arrivals = arrivals
        self._attendance = attendance
        self._admission = admission
        self._passwords = passwords
        self._attempts = attempts
        self._claims = claims
        self._invites = invites
        self._given = given
        self._rooms = rooms
        self.rules = rules

    # -- registering -----------------------------------------------------------------------------

    def register(
        self,
        name: str,
        password: str,
        address: Address,
        own: Person | None = None,
        claim: str | None = None,
        invite: str | None = None,
    ) -> Deferred[Proof]:
        """Make an account.  If the person `own`, a guest, holds the name, that person becomes the
        account's.  With the code of a `claim` it is an administrator's.  Where it takes one to
        register, the code of an `invite` to a room has one use less, and the account is a member.

        Raises or fails with `NotAllowed`, `RateLimited`, `BadName`, `NameInUse`, `NameRegistered`,
        `BadPassword`, `Unavailable`.
        """
        if claim is not None:
            self._claims.check(claim)
        elif self.rules.register == "closed":
            raise NotAllowed(REGISTER_CLOSED)
        elif self.rules.register == "invite":
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
            free: Deferred[Any] = self._arrivals.when_free(claim.record.key)
            hashing = free.addCallback(lambda _: self._passwords.hash(clean))
            hashing.addCallback(self._with_given, own)
            return hashing.addCallback(
                lambda hashed: self._create(claim, hashed, own, invitation=invitation)
            )

        made = claiming.addCallback(claimed)
        return made.addCallback(self._made, address).addCallback(self.claim, code)

    def claim(self, proof: Proof, code: str | None) -> Deferred[Proof]:
        """Make an account an administrator's by the code of a claim, if there is one.

        Fails with `NotAllowed`, `Unavailable`.
        """
        if code is None:
            return succeed(proof)
        return self._claims.take(proof, code).addCallback(lambda _: proof)

    def _with_given(self, hashed: str, own: Person | None) -> str | Deferred[str]:
        """Load the rooms in which a guest was given anything: that becomes the account's."""
        if own is None:
            return hashed
        loading: Deferred[Any] = gatherResults(
            [self._rooms.load(name) for name in self._given.rooms(own.subject)], consumeErrors=True
        )
        return loading.addCallback(lambda rooms: hashed)

    def _create(
        self,
        claim: Claim,
        hashed: str,
        own: Person | None,
        *,
        outside: bool = False,
        invitation: Invitation | None = None,
    ) -> Deferred[Claim]:
        account = Account(claim.name, hashed, created=self._micros)
        key = claim.record.key

        def create() -> Unit:
            if outside and claim.record.version:
                return Unit()  # another session of the same account has come first
            if not outside:
                claim.check()
                self._people.free_name(claim.name, own=own)
            invited = NO_INVITATION
            if invitation is not None:
                invited = invitation.taken(key, claim.name, self._micros)
            changes = [Change(ACCOUNTS, key, encode(account)), *claim.skeletons, *invited.changes]
            expects = (*claim.expects, *invited.expects)
            if own is not None and own.key == key and not own.ended:
                unit = judge_accounts.become(own, changes, expects, self._rooms_of(own))
                return unit._replace(events=(*invited.events, *unit.events))
            changes += judge.joins(key, claim.name, LOBBY)
            return Unit(invited.events, changes, (*expects, Expect(NAMES, key, 0)))

        return self._journal.submit(create).addCallback(lambda _: claim)

    def _rooms_of(self, guest: Person) -> list[Room]:
        """The rooms that a guest is in, and those in which it was given anything."""
        found = dict(guest.rooms)
        for name in self._given.rooms(guest.subject):
            room = self._rooms.live(name)
            if room is not None:
                found[name] = room
        return list(found.values())

    def _made(self, claim: Claim, address: Address) -> Proof:
        self._attempts.remember(claim.record.key, address)
        account = claim.record.value
        return Proof(claim.record, account.epoch if account else 0)

    # -- proving who one is ----------------------------------------------------------------------

    def prove(self, name: str, password: str, address: Address) -> Deferred[Proof]:
        """Compare a password with that of an account.

        Raises or fails with `BadCredentials`, `RateLimited`, `Unavailable`.
        """
        clean = opaque(password)
        try:
            key = name_key(name)
        except BadName:
            key = ""  # there is no such account, and it takes as long to say so

        def looked_up(record: Record, attempt: Attempt) -> Deferred[Proof]:
            account = record.value
            checkers = self.rules.checkers
            if checkers and (account is None or not (account.password or account.deleted)):
                verifying = ask(checkers, name, clean)
            else:
                verifying = self._passwords.verify(clean, account.password if account else "")
            proof = Proof(record, account.epoch if account else 0)
            return verifying.addCallbacks(
                verified, undecided, callbackArgs=(proof, attempt), errbackArgs=(attempt,)
            )

        def verified(right: bool, proof: Proof, attempt: Attempt) -> Proof | Deferred[Proof]:
            if not right:
                attempt.failed()
                raise BadCredentials(WRONG)
            attempt.succeeded()
            return proof if proof.record.version else self._make_outside(name, address)

        def undecided(failure: Failure, attempt: Attempt) -> Failure:
            attempt.undecided()
            return failure

        beginning = self._attempts.begin(key, address)
        return beginning.addCallback(
            lambda attempt: self._accounts.find(key).addCallback(looked_up, attempt)
        )

    def _make_outside(self, name: str, address: Address) -> Deferred[Proof]:
        """A checker knows the password of somebody who has no account here yet.  A guest who holds
        the name gets one from the server.
        """
        shown = clean_name(name)

        def claimed(claim: Claim) -> Deferred[Claim]:
            holder = self._people.own(claim.record.key)
            free: Deferred[Any] = self._arrivals.when_free(claim.record.key)
            if holder is not None and not holder.ended:
                free = self._attendance.displace(holder)
            return free.addCallback(lambda _: self._create(claim, "", None, outside=True))

        return self._accounts.claim(shown).addCallback(claimed).addCallback(self._made, address)

    # -- the account itself ----------------------------------------------------------------------

    def change_password(self, proof: Proof, new: str, keep: Session | None) -> Deferred[Any]:
        """Give an account another password; all its sessions end but `keep`.

        Raises or fails with `BadPassword`, `BadCredentials`, `Unavailable`.
        """
        if not proof.account.password:
            raise NotAllowed("your password is kept outside of this server; change it there")
        clean = clean_password(new, proof.account.name)

        def hashed(password: str) -> Deferred[Any]:
            def change() -> Unit:
                account = proof.account
                changed = replace(account, password=password, epoch=account.epoch + 1)
                changes = [Change(ACCOUNTS, proof.record.key, encode(changed))]
                standing = keep.standing if keep is not None and not keep.over else None
                stored = standing.session if standing is not None else None
                if standing is not None and stored is not None:
                    kept = encode(replace(stored, epoch=changed.epoch))
                    # First, or it would end with the epoch.
                    changes.insert(0, Change(SESSIONS, standing.cell.key, kept))
                return Unit((), changes, (proof.record.expect,))

            return self._journal.submit(change)

        return self._passwords.hash(clean).addCallback(hashed)

    def delete(self, proof: Proof) -> Deferred[Any]:
        """Delete an account: its sessions end, its name stays reserved, its messages stay.

        Fails with `BadCredentials`, `Unavailable`.
        """

        def delete() -> Unit:
            account = proof.account
            gone = Account(
                account.name,
                created=account.created,
                deleted=self._micros,
                epoch=account.epoch + 1,
            )
            return Unit(
                (), (Change(ACCOUNTS, proof.record.key, encode(gone)),), (proof.record.expect,)
            )

        return self._journal.submit(delete)

    @property
    def _micros(self) -> int:
        return int(self._now() * 1_000_000)
