"""The claim code, by which a server gets its first administrator.

1. While there is no administrator, each start makes a new code of 128 bits and logs it: only the
   operator reads the server's log.
2. The code is valid once, for an hour, and only while there is no administrator.
3. A claim's unit expects that no other claim was stored before it: of two at once, one is refused.
4. Nodes that share a store accept each other's codes.  Each node stores the hash of its own code,
   under its name, so the code of an earlier start of that node is not valid any more.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from ..model.account import encode, hash_of
from ..model.errors import ChatError, NotAllowed
from ..model.units import ACCOUNTS, ADMINS, CLAIMS, Cell, Change, Expect, Unit
from .accounts import Proof
from .journal import Journal

CLAIM_SECONDS = 3600.0
"""The server logs a claim code when it starts; the code is valid for this many seconds."""
CLAIMED = ""
"""The key of the cell that every claim writes; it is no account's key."""
NO_CLAIM = (
    "that claim is not good: it was used, is older than an hour, or is of an earlier start; a "
    "start without an administrator logs a new one"
)


class Issued(msgspec.Struct, frozen=True):
    """The code of one node, as the other nodes know it."""

    hash: str
    """See `chatd.model.account.hash_of`."""
    until: int
    """The end of its validity, in microseconds since the Unix epoch."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Issued).decode


class Claims:
    """The codes that are valid: that of this start, and those of other nodes."""

    def __init__(
        self,
        now: Callable[[], float],
        journal: Journal,
        node: str = "",
        micros: Callable[[], int] = lambda: 0,
    ) -> None:
        """`now` tells seconds that never run backwards, and `micros` the wall clock in microseconds
        since the Unix epoch.  `node` is this node's name; it is empty if there are no other nodes.
        """
        self._now = now
        self._micros = micros
        self._journal = journal
        self._node = node
        self._until = 0.0
        self._version = 0
        self._vacant = False
        """Whether there is no administrator, as far as this node knows."""
        self._issued: dict[str, Issued] = {}
        """The codes that are stored, by node."""
        self.issues = True
        """Whether this process makes a code on opening, if there is no administrator."""
        self.code = ""
        """The code of this start; empty: none is valid."""

    def opened(self, admins: Mapping[str, Cell], issued: Mapping[str, Cell]) -> None:
        """Take over the administrators that the store has on opening, and make a code if there is
        none.
        """
        if self.issues and not _administrators(admins):
            self.code = secrets.token_urlsafe(16)
            self._until = self._now() + CLAIM_SECONDS
        self.restated(admins, issued)

    def restated(self, admins: Mapping[str, Cell], issued: Mapping[str, Cell]) -> None:
        """The store was read anew, and has these administrators and codes."""
        self._version = admins[CLAIMED].version if CLAIMED in admins else 0
        self._vacant = not _administrators(admins)
        if self._version or not self._vacant:
            self._over()
        self._issued = {node: _decode(cell.value) for node, cell in issued.items()}
        if self._node and self.code:
            self._journal.submit(self._issue).addErrback(lambda failure: failure.trap(ChatError))

    def _issue(self) -> Unit:
        """Store the hash of this start's code, and forget codes that have expired."""
        if not self.code:
            return Unit()
        until = self._micros() + int((self._until - self._now()) * 1_000_000)
        changes = [
            Change(CLAIMS, node, None)
            for node, issued in self._issued.items()
            if issued.until <= self._micros()
        ]
        own = Change(CLAIMS, self._node, _encode(Issued(hash_of(self.code), until)))
        return Unit((), (*changes, own))

    def check(self, code: str) -> None:
        """Raise `NotAllowed` if the code is not valid."""
        own = self.code if self._now() < self._until else ""
        if own and hmac.compare_digest(own.encode(), code.encode(errors="replace")):
            return
        if self._vacant and code:
            hash_, now = hash_of(code), self._micros()
            others = (issued for node, issued in self._issued.items() if node != self._node)
            if any(issued.hash == hash_ and now < issued.until for issued in others):
                return
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
                *(Change(CLAIMS, node, None) for node in self._issued),
            )
            unclaimed = Expect(ADMINS, CLAIMED, self._version)
            return Unit((), changes, (proof.record.expect, unclaimed))

        return self._journal.submit(taken)

    def shown(self, change: Change, version: int) -> None:
        """Fold a change of a stored unit."""
        if change.table == CLAIMS:
            if change.value is None:
                self._issued.pop(change.key, None)
            else:
                self._issued[change.key] = _decode(change.value)
        elif change.table == ADMINS and change.value is not None:
            self._over()  # there is an administrator, made by a claim or on the console
            if change.key == CLAIMED:
                self._version = version

    def _over(self) -> None:
        self.code = ""
        self._vacant = False


def _administrators(admins: Mapping[str, Cell]) -> bool:
    """Whether the table `ADMINS` names any account."""
    return any(key != CLAIMED for key in admins)
