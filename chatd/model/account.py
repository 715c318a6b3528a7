"""Accounts, and what is kept of their sessions and tokens: the values of cells.

1. A secret is kept as a hash only: a password as Argon2id's, a token as SHA-256's.  A token has 192
   random bits, so that a fast hash of it gives nothing away.
2. Every session has the account's `epoch`.  A new password begins another epoch, and with it end
   all sessions but the one that asked.
3. The cell of an account is never removed: the name of a deleted one stays reserved.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec

from .identity import Scope

T = TypeVar("T")

SESSION_DAYS = 30
"""Days after its last use on which an account's session ends."""
MICROS_A_DAY = 86_400_000_000
MOST_SESSIONS = 100
"""Sessions of one account; one more, and that which was begun first ends."""
MOST_TOKENS = 100
"""Personal tokens of one account."""
MOST_IGNORED = 1000
"""Names that one account may ignore."""


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """A registered name.  A later version may add fields."""

    name: str
    """As it is shown."""
    password: str = ""
    """Argon2id's hash in the PHC string format; empty if an outside checker knows the password, or
    the account is deleted."""
    admin: bool = False
    created: int = 0
    """Microseconds since the Unix epoch."""
    deleted: int = 0
    """When it was deleted, in the same; 0: it is there."""
    epoch: int = 0
    """How often all sessions were ended at once."""


class AccountSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """One signed-in client of an account."""

    account: str
    """The account's key."""
    id: str
    """What the session is called by in lists; no secret."""
    created: int
    """Microseconds since the Unix epoch."""
    epoch: int = 0
    label: str = ""
    """What the client calls itself."""
    address: str = ""
    """Where it was begun."""
    brief: bool = False
    """Whether it lasts as long as its connection, as one of the line door does."""


class GuestSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """A guest's session over HTTP, and the guest."""

    id: str
    """The person's id."""
    name: str
    named: bool = False
    rooms: tuple[str, ...] = ()
    address: str = ""
    """Where it was begun."""


class PersonalToken(msgspec.Struct, frozen=True, omit_defaults=True):
    """What lets a program act as an account."""

    account: str
    id: str
    created: int
    label: str = ""
    scope: Scope = "write"
    expires: int = 0
    """When it ends, in microseconds since the Unix epoch; 0: never."""


encode = msgspec.json.Encoder().encode
"""The value of a cell that holds one of these."""
decode_account = msgspec.json.Decoder(Account).decode
decode_session = msgspec.json.Decoder(AccountSession).decode
decode_guest = msgspec.json.Decoder(GuestSession).decode
decode_token = msgspec.json.Decoder(PersonalToken).decode


def hash_of(token: str) -> str:
    """What is kept of a token: the SHA-256 of it, in hexadecimal."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def is_valid(session: AccountSession | None, account: Account | None) -> bool:
    """Whether a session is one of its account's: neither signed out, nor of an earlier epoch."""
    return session is not None and account is not None and session.epoch == account.epoch


def is_over(session: AccountSession, used: int, now: int) -> bool:
    """Whether a session has not been used for `SESSION_DAYS`; `used` and `now` are in microseconds
    since the Unix epoch.
    """
    return now - max(session.created, used) >= SESSION_DAYS * MICROS_A_DAY
