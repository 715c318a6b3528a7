"""Persons of other nodes, as far as this node knows them."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import UNSET

from ..model.addresses import LOCAL, Address
from ..model.events import SignedIn
from ..model.identity import subject_of
from ..model.units import NAMES, Expect
from .card import PLAIN, Card
from .person import Person


class Elsewhere(NamedTuple):
    """A person whose sessions are on another node."""

    id: str
    name: str
    key: str
    """The name's key (`chatd.model.names.name_key`)."""
    version: int
    """The version of the cell `names/KEY`."""
    named: bool = False
    """Whether the name is a chosen one."""
    account: str | None = None
    admin: bool = False
    address: Address = LOCAL
    since: int = 0
    """The version by which the person took the name, as far as it is known."""
    card: Card = PLAIN
    kept: str = ""
    """See `Person.kept`."""

    @property
    def subject(self) -> str:
        """See `chatd.model.identity.subject_of`."""
        return subject_of(self.id, self.account)

    @property
    def signed(self) -> SignedIn:
        """The field of events that tells whether their sender is signed in to an account."""
        return UNSET if self.account is None else True

    @property
    def expect(self) -> Expect:
        """The expectation that this person still holds the name."""
        return Expect(NAMES, self.key, self.version)


def elsewhere(person: Person) -> Elsewhere:
    """A person of this node as one of another node, where its sessions go on."""
    return Elsewhere(
        person.id,
        person.name,
        person.key,
        person.version,
        person.named,
        person.account,
        person.admin,
        person.address,
        person.since,
        person.card,
        person.kept,
    )
