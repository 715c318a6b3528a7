"""Identities: what the policy and the store know of the person who reads or gives a command."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

import msgspec

from .addresses import LOCAL, Address, address_of

Scope = Literal["read", "write", "all"]
"""What a personal token allows.  `read`: to read rooms, but no private messages; `write`: also to
say, join, and read and write privately; `all`: everything but passwords, tokens, sessions and the
deletion of the account."""


class Identity(Protocol):
    """A person or a stranger, as the policy sees them."""

    @property
    def name(self) -> str:
        """The name as it is shown; empty for a reader without a session."""

    @property
    def named(self) -> bool:
        """Whether the person chose the name; the server gives guests theirs."""

    @property
    def address(self) -> Address:
        """The address of the connection, or of the last request."""

    @property
    def id(self) -> str:
        """Identifies the person, over restarts too; empty for a stranger and a visitor."""

    @property
    def key(self) -> str:
        """The key of the name (`chatd.model.names.name_key`); empty without a name."""

    @property
    def account(self) -> str | None:
        """The key of the account that is signed in; None: a guest, a visitor or a stranger."""

    @property
    def admin(self) -> bool:
        """Whether the account administers the server."""

    @property
    def scope(self) -> Scope | None:
        """The scope of the personal token in use; None: no personal token is in use."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A reader without a session."""

    address: Address = LOCAL
    name: str = ""
    named: bool = False
    id: str = ""
    key: str = ""
    account: str | None = None
    admin: bool = False
    scope: Scope | None = None


@lru_cache(maxsize=10_000)
def stranger_at(host: str | None) -> Stranger:
    """The reader without a session from a host: one object for all of them.

    Raises as `address_of` does.
    """
    return Stranger(address_of(host))


def subject_of(id: str, account: str | None) -> str:
    """The subject of roles, bans, mutes and memberships: an account, or a guest for as long as the
    person exists.  Empty for a stranger or a visitor.

    No name contains `~`, so an account's subject never equals a guest's.
    """
    if account is not None:
        return account
    return f"~{id}" if id else ""


def subject(identity: Identity) -> str:
    """The subject of an identity: see `subject_of`."""
    return subject_of(identity.id, identity.account)


class Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """The person who holds a name: the value of the cell `names/KEY`."""

    id: str
    """The person's id, by which each node knows its own persons."""
    name: str
    """The name as it is shown."""
    named: bool = False
    account: bool = False
    """Whether the name is that of an account that is signed in."""
    admin: bool = False
    """Whether the account administers the server."""
    address: str = ""
    """The address of a guest; empty for an account."""
    kept: str = ""
    """The hash of the token of a guest's session over HTTP, if it has one."""
    # What the person's client says of it (`chatd.chat.card.Card`), where that is no default:
    user: str = ""
    realname: str = ""
    bot: bool = False
    away: str = ""
    visible: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Holder).decode


def encode_holder(holder: Holder) -> bytes:
    """The cell's value."""
    return _encode(holder)


def decode_holder(value: bytes) -> Holder:
    """The holder that a cell's value names.  Raises `msgspec.DecodeError`."""
    return _decode(value)
