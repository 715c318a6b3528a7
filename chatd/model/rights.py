"""Rights: who may what in a room, as its cells say.

1. They are a fold of the tables in `chatd.model.units.RIGHTS`; they change when a stored unit
   is shown, and only then.
2. Subjects are accounts and guests (`chatd.model.identity.subject_of`).  What a guest was given
   hits nobody any more when the guest's person is gone.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from .restrictions import Restrictions, decode_restriction
from .units import ADMITTED, BANS, INVITES, MUTES, ROLES, SPOKEN


class Role(IntEnum):
    """What somebody is in a room; each may do what the ones below may."""

    NONE = 0
    VOICE = 1
    OP = 2
    OWNER = 3

    @property
    def word(self) -> str:
        """The role as it is written; `none` for none."""
        return self.name.lower()


ROLE_NAMES = {role.word: role for role in Role if role}
"""The roles that can be given, by the words that people use."""


class Grant(msgspec.Struct, frozen=True, omit_defaults=True):
    """A role that somebody has: what a cell of `roles:ROOM` says."""

    name: str
    """The name, as it was shown when the role was given."""
    role: Role
    founder: bool = False
    """Whether this is the guest who brought the room into being: an op with an owner's powers."""

    @property
    def power(self) -> Role:
        """Up to which role this one acts."""
        return Role.OWNER if self.founder else self.role


class Invite(msgspec.Struct, frozen=True, omit_defaults=True):
    """An invite by link: what a cell of `invites:ROOM` says."""

    hash: str
    """The hash of its code."""
    until: int
    """When it runs out: microseconds since the Unix epoch."""
    uses: int
    """How often it can still be used."""
    by: str = ""
    """The name of who made it."""


class Invited(msgspec.Struct, frozen=True):
    """Where an invite's code leads: what a cell of the table `invites` says."""

    room: str
    id: str


class Rights:
    """The roles, bans, mutes, members and invites of one room."""

    __slots__ = ("admitted", "bans", "invites", "mutes", "roles", "spoken", "versions")

    def __init__(self) -> None:
        self.roles: dict[str, Grant] = {}
        """By subject."""
        self.admitted: dict[str, str] = {}
        """Who may be here if the room has `access: members`: names by subject."""
        self.bans = Restrictions()
        self.mutes = Restrictions()
        self.invites: dict[str, Invite] = {}
        """By id."""
        self.spoken: dict[str, int] = {}
        """When each subject last spoke while the room was slowed down: the id of the message."""
        self.versions: dict[str, int] = {}
        """The versions of the invites' cells."""

    def set(self, table: str, key: str, value: bytes | None, version: int) -> None:
        """Fold a change of one of the tables, given without the room's name.

        Raises `msgspec.DecodeError`.
        """
        if table == SPOKEN:
            self.spoken.pop(key, None)  # so that those who spoke last stand last
            if value is not None:
                self.spoken[key] = version
        elif table == BANS:
            self.bans.set(key, None if value is None else decode_restriction(value))
        elif table == MUTES:
            self.mutes.set(key, None if value is None else decode_restriction(value))
        elif table == ADMITTED:
            if value is None:
                self.admitted.pop(key, None)
            else:
                self.admitted[key] = value.decode()
        elif table == ROLES:
            if value is None:
                self.roles.pop(key, None)
            else:
                self.roles[key] = decode_grant(value)
        elif table == INVITES:
            if value is None:
                self.invites.pop(key, None)
                self.versions.pop(key, None)
            else:
                self.invites[key] = decode_invite(value)
                self.versions[key] = version

    def role(self, subject: str) -> Role:
        """The role that a subject has."""
        grant = self.roles.get(subject)
        return grant.role if grant else Role.NONE

    def power(self, subject: str) -> Role:
        """Up to which role a subject acts."""
        grant = self.roles.get(subject)
        return grant.power if grant else Role.NONE


EMPTY = Rights()
"""Of a room in which nobody was given anything; not to be changed."""

_encode = msgspec.json.Encoder().encode
decode_grant = msgspec.json.Decoder(Grant).decode
"""The role that a cell's value holds.  Raises `msgspec.DecodeError`."""
decode_invite = msgspec.json.Decoder(Invite).decode
"""The invite that a cell's value holds.  Raises `msgspec.DecodeError`."""
decode_invited = msgspec.json.Decoder(Invited).decode
"""Where an invite leads.  Raises `msgspec.DecodeError`."""


def encode_rights(value: Grant | Invite | Invited) -> bytes:
    """A cell's value."""
    return _encode(value)
