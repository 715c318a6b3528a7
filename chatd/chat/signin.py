"""Signing in, and changing an account: how a client proves that an account is its own.

1. A wrong password and an unknown account get the same answer after the same work.  Failures are
   counted (`chatd.chat.attempts`).
2. What a password has proved holds for the account's epoch (`chatd.chat.accounts.Proof`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..model.account import encode
from ..model.addresses import Address
from ..model.errors import BadCredentials, BadName, NotAllowed
from ..model.names import name_key
from ..model.password import clean_password, opaque
from ..model.units import ACCOUNTS, SESSIONS, Change, Unit
from .account_removal import AccountRemoval
from .accounts import WRONG, Accounts, Proof, Record
from .attempts import Attempt, Attempts
from .journal import Journal
from .outside import ask
from .passwords import Passwords
from .registration import Registration
from .rules import Rules
from .sessions import Session


class SignIn:
    """Compares passwords, and changes or deletes accounts."""

    def __init__(
        self,
        now: Callable[[], float],
        journal: Journal,
        accounts: Accounts,
        passwords: Passwords,
        attempts: Attempts,
        registration: Registration,
        removal: AccountRemoval,
        rules: Rules,
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch."""
        self._now = now
        self._journal = journal
        self._accounts = accounts
        self._passwords = passwords
        self._attempts = attempts
        self._removal = removal
        self._make_outside = registration.make_outside
        self.register = registration.register
        """See `Registration.register`."""
        self.claim = registration.claim
        """See `Registration.claim`."""
        self.rules = rules

    # -- signing in ------------------------------------------------------------------------------

    def prove(
        self, name: str, password: str, address: Address, *, lobby: bool = True
    ) -> Deferred[Proof]:
        """Compare a password with an account's, and count a failure; with a credentials checker
        that confirms it, a missing account is made.  It joins the lobby, or without `lobby` no
        room.

        Raises or fails with `BadCredentials`, `RateLimited`, `Unavailable`.
        """
        clean = opaque(password)
        try:
            key = name_key(name)
        except BadName:
            key = ""  # no account has it: continue, so that the answer takes as long

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
            return proof if proof.record.version else self._make_outside(name, address, lobby=lobby)

        def undecided(failure: Failure, attempt: Attempt) -> Failure:
            attempt.undecided()
            return failure

        beginning = self._attempts.begin(key, address)
        return beginning.addCallback(
            lambda attempt: self._accounts.find(key).addCallback(looked_up, attempt)
        )

    # -- changing an account ----------------------------------------------------------------------

    def change_password(self, proof: Proof, new: str, keep: Session | None) -> Deferred[Any]:
        """Change an account's password; all its sessions end but `keep`.

        Raises or fails with `NotAllowed`, `BadPassword`, `BadCredentials`, `Unavailable`.
        """
        if not proof.account.password:
            raise NotAllowed("your password is kept outside of this server; change it there")
        clean = clean_password(new, proof.account.name)

        def hashed(password: str) -> Deferred[Any]:
            def change() -> Unit:
                account = proof.account
                changed = replace(account, password=password, epoch=account.epoch + 1)
                changes = [Change(ACCOUNTS, proof.record.key, encode(changed))]
                credential = keep.credential if keep is not None and not keep.over else None
                stored = credential.session if credential is not None else None
                if credential is not None and stored is not None:
                    kept = encode(replace(stored, epoch=changed.epoch))
                    # This change comes first, or the session would end with the epoch.
                    changes.insert(0, Change(SESSIONS, credential.cell.key, kept))
                return Unit((), changes, (proof.record.expect,))

            return self._journal.submit(change)

        return self._passwords.hash(clean).addCallback(hashed)

    def delete(self, proof: Proof) -> Deferred[Any]:
        """Delete an account: its sessions end, its name stays reserved, its messages stay; private
        messages as long as the other account is there.

        Fails with `BadCredentials`, `LastAdmin`, `Unavailable`.
        """

        def delete() -> Unit:
            account = proof.account
            return self._removal.deletion(proof.record, account, account.name, self._micros)

        deleting = self._journal.submit(delete)
        return deleting.addCallback(lambda _: self._removal.forget(proof.record.key))

    @property
    def _micros(self) -> int:
        return int(self._now() * 1_000_000)
