"""The claim code, by which a server gets its first administrator.

1. While there is no administrator, each start makes a new code of 128 bits and logs it: only the
   operator reads the server's log.
2. The code is valid once, for an hour, and only while there is no administrator.
3. A claim's unit expects that no other claim was stored before it: of two at once, one is refused.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from ..model.account import encode
from ..model.errors import NotAllowed
from ..model.units import ACCOUNTS, ADMINS, Cell, Change, Expect, Unit
from .accounts import Proof
from .journal import Journal

CLAIM_SECONDS = 3600.0
"""Seconds for which the claim code is valid that the server logs when it starts."""
CLAIMED = ""
"""The key of the cell that every claim writes; it is no account's key."""
NO_CLAIM = (
    "that claim is not good: it was used, is older than an hour, or is of an earlier start; a "
    "start without an administrator logs a new one"
)


class Claims:
    """The code of this start, while it is valid."""

    def __init__(self, now: Callable[[], float], journal: Journal) -> None:
        """`now` tells seconds that never run backwards."""
        self._now = now
        self._journal = journal
        self._until = 0.0
        self._version = 0
        self.code = ""
        """The code; empty: none is valid."""

    def opened(self, admins: Mapping[str, Cell]) -> None:
        """Take over the administrators that the store has on opening, and make a code if there is
        none.
        """
        self.restated(admins)
        if not any(key != CLAIMED for key in admins):
            self.code = secrets.token_urlsafe(16)
            self._until = self._now() + CLAIM_SECONDS

    def restated(self, admins: Mapping[str, Cell]) -> None:
        """The store was read anew, and has these administrators."""
        self._version = admins[CLAIMED].version if CLAIMED in admins else 0
        if self._version:
            self.code = ""

    def check(self, code: str) -> None:
        """Raise `NotAllowed` if the code is not valid."""
        known = self.code if self._now() < self._until else ""
        if not known or not hmac.compare_digest(known.encode(), code.encode(errors="replace")):
            raise NotAllowed(NO_CLAIM)

    def take(self, proof: Proof, code: str) -> Deferred[Any]:
        """Make the account an administrator's, and use up the code.

        Raises or fails with `NotAllowed`, `BadCredentials`, `Unavailable`.
        """
        self.check(code)

        def taken() -> Unit:
            self.check(code)
            changed = replace(proof.account, admin=True)
            key = proof.record.key
            changes = (
                Change(ACCOUNTS, key, encode(changed)),
                Change(ADMINS, key, b""),
                Change(ADMINS, CLAIMED, b""),
            )
            unclaimed = Expect(ADMINS, CLAIMED, self._version)
            return Unit((), changes, (proof.record.expect, unclaimed))

        return self._journal.submit(taken)

    def shown(self, change: Change, version: int) -> None:
        """Fold a change of a stored unit."""
        if change.table == ADMINS and change.value is not None:
            self.code = ""  # there is an administrator, made by a claim or on the console
            if change.key == CLAIMED:
                self._version = version
