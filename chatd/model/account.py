"""Values of cells: accounts, sessions, guests, personal tokens.

1. Secrets are stored as hashes only: passwords with Argon2id, tokens with SHA-256.  A token has 192
   random bits, so a fast hash of it cannot be reversed.
2. A session is valid in one `epoch` of its account.  A new password begins another epoch, which
   ends all sessions but the one that changed it.
3. The cell of an account is never removed: the name of a deleted account stays reserved.
4. A sign-in writes the account's cell anew, with the fields that this version knows.  So a version
   that adds a field raises the version of the stored data, and earlier versions refuse that data.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec

from .identity import Scope

T = TypeVar("T")

SESSION_DAYS = 30
"""Days after its last use, when an account's session ends."""
MICROS_A_DAY = 86_400_000_000
MOST_SESSIONS = 100
"""Sessions of one account; when one more begins, the oldest ends."""
MOST_TOKENS = 100
"""Personal tokens of one account."""
MOST_IGNORED = 1000
"""Names that one account may ignore."""


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """A registered name."""

    name: str
    """The name as it is shown."""
    password: str = ""
    """Argon2id's hash in the PHC string format; empty if an outside checker knows the password, or
    the account is deleted."""
    admin: bool = False
    created: int = 0
    """Microseconds since the Unix epoch."""
    deleted: int = 0
    """When the account was deleted: microseconds since the Unix epoch; 0: it is not deleted."""
    epoch: int = 0
    """How often all sessions were ended at once."""


class AccountSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """One signed-in client of an account."""

    account: str
    """The account's key."""
    id: str
    """Identifies the session in lists; no secret."""
    created: int
    """Microseconds since the Unix epoch."""
    epoch: int = 0
    label: str = ""
    """What the client calls itself."""
    address: str = ""
    """The address from which the session was begun."""
    brief: bool = False
    """Whether the session ends with its connection, as on the line door."""
    start: str = ""
    """Of a brief session: the start of the node that has the connection (`People.start`)."""


class GuestSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """A guest's session over HTTP, and the guest."""

    id: str
    """The person's id."""
    name: str
    named: bool = False
    rooms: tuple[str, ...] = ()
    address: str = ""
    """The address from which the session was begun."""
    owner: str = ""
    """See `chatd.chat.person.Person.owner`; empty: the name, if it is a chosen one."""


class PersonalToken(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token with which a program acts as an account."""

    account: str
    id: str
    created: int
    label: str = ""
    scope: Scope = "write"
    expires: int = 0
    """When it ends, in microseconds since the Unix epoch; 0: never."""


encode = msgspec.json.Encoder().encode
"""The value of the cell of one of these structs."""
decode_account = msgspec.json.Decoder(Account).decode
decode_session = msgspec.json.Decoder(AccountSession).decode
decode_guest = msgspec.json.Decoder(GuestSession).decode
decode_token = msgspec.json.Decoder(PersonalToken).decode


def hash_of(token: str) -> str:
    """The hash under which a token is stored: SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def is_valid(session: AccountSession | None, account: Account | None) -> bool:
    """Whether a session exists (None: signed out), and belongs to its account's present epoch."""
    return session is not None and account is not None and session.epoch == account.epoch


def is_over(session: AccountSession, used: int, now: int) -> bool:
    """Whether a session has not been used for `SESSION_DAYS`; `used` and `now` are in microseconds
    since the Unix epoch.
    """
    return now - max(session.created, used) >= SESSION_DAYS * MICROS_A_DAY
