"""Deputies: a connection that acts as an administrator's account (IRC's OPER)."""

from __future__ import annotations

from ..model.addresses import Address
from ..model.errors import BadCredentials
from ..model.identity import Scope
from .accounts import Proof
from .limits import TokenBucket
from .person import Person


class Deputy(Person):
    """An administrator's account, as which one connection acts.  It is in no room and not present.

    It has rights only while the proof is good and the account administers the server.  When the
    password is changed, the account deleted, or its rights taken away, the policy refuses whatever
    the deputy asks for, from that moment on.
    """

    __slots__ = ("_proof",)

    def __init__(self, proof: Proof, bucket: TokenBucket, address: Address) -> None:
        """Raises `BadCredentials`."""
        self._proof = proof
        name, key = proof.account.name, proof.record.key
        super().__init__("", name, key, bucket, named=True, visiting=True, address=address)
        self.account, self.record = key, proof.record

    @property
    def admin(self) -> bool:
        """Whether the account administers the server, and the proof is still good."""
        try:
            return self._proof.account.admin
        except BadCredentials:
            return False

    @admin.setter
    def admin(self, value: bool) -> None:
        """Only the account tells."""

    @property
    def scope(self) -> Scope | None:
        """See `Identity.scope`: without an administrator's rights, only reading."""
        return None if self.admin else "read"

    @scope.setter
    def scope(self, value: Scope | None) -> None:
        """Only the account tells."""
