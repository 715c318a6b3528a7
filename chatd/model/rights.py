"""Rights: the roles, bans, mutes, members and invites of a room, as the policy uses them.

1. Rights are a fold of the tables in `chatd.model.units.RIGHTS`; they change only when a stored
   unit is shown.
2. Subjects are accounts and guests (`chatd.model.identity.subject_of`).  What a guest was given
   has no effect after the guest's person has left.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from .restrictions import Restrictions, decode_restriction
from .units import ADMITTED, BANS, INVITES, MUTES, ROLES, SPOKEN

MOST_INVITES = 200
"""Invites that a room may have at a time; those that have run out do not count."""

ONCE = b" once"
"""What follows the name in the cell of a guest who was let in once; no name holds a blank."""


class Role(IntEnum):
    """A role in a room; each may do what the lower ones may."""

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
    """A role that was given: the value of a cell of `roles:ROOM`."""

    name: str
    """The name, as it was shown when the role was given."""
    role: Role
    founder: bool = False
    """Whether this is the guest who brought the room into being: an op with an owner's powers."""

    @property
    def power(self) -> Role:
        """The role whose powers the subject has."""
        return Role.OWNER if self.founder else self.role


class Invite(msgspec.Struct, frozen=True, omit_defaults=True):
    """An invite by link: the value of a cell of `invites:ROOM`."""

    hash: str
    """The hash of its code."""
    until: int
    """When it runs out: microseconds since the Unix epoch."""
    uses: int
    """How many times it can still be used."""
    by: str = ""
    """The name of the person who made it."""


class Invited(msgspec.Struct, frozen=True):
    """The room and the id of an invite's code: the value of a cell of the table `invites`."""

    room: str
    id: str


class Rights:
    """The roles, bans, mutes, members and invites of one room."""

    __slots__ = ("admitted", "bans", "invites", "mutes", "once", "roles", "spoken", "versions")

    def __init__(self) -> None:
        self.roles: dict[str, Grant] = {}
        """By subject."""
        self.admitted: dict[str, str] = {}
        """The members, who may be here if the room has `access: members`: names by subject."""
        self.once: set[str] = set()
        """The guests among them who were let in once: members until they leave the room."""
        self.bans = Restrictions()
        self.mutes = Restrictions()
        self.invites: dict[str, Invite] = {}
        """By id."""
        self.spoken: dict[str, int] = {}
        """The id of each subject's last message in slow mode."""
        self.versions: dict[str, int] = {}
        """The versions of the invites' cells."""

    def set(self, table: str, key: str, value: bytes | None, version: int) -> None:
        """Fold a change of one of the tables, given without the room's name.

        Raises `msgspec.DecodeError`.
        """
        if table == SPOKEN:
            self.spoken.pop(key, None)  # so that the latest speaker is the last key
            if value is not None:
                self.spoken[key] = version
        elif table == BANS:
            self.bans.set(key, None if value is None else decode_restriction(value))
        elif table == MUTES:
            self.mutes.set(key, None if value is None else decode_restriction(value))
        elif table == ADMITTED:
            self.once.discard(key)
            if value is None:
                self.admitted.pop(key, None)
            else:
                if value.endswith(ONCE):
                    self.once.add(key)
                self.admitted[key] = value.removesuffix(ONCE).decode()
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
        """The role whose powers a subject has: see `Grant.power`."""
        grant = self.roles.get(subject)
        return grant.power if grant else Role.NONE


EMPTY = Rights()
"""The rights of a room without any; must not be changed."""

_encode = msgspec.json.Encoder().encode
decode_grant = msgspec.json.Decoder(Grant).decode
"""The role that a cell's value holds.  Raises `msgspec.DecodeError`."""
decode_invite = msgspec.json.Decoder(Invite).decode
"""The invite that a cell's value holds.  Raises `msgspec.DecodeError`."""
decode_invited = msgspec.json.Decoder(Invited).decode
"""The room and the id of an invite's code.  Raises `msgspec.DecodeError`."""


def encode_member(name: str, *, once: bool = False) -> bytes:
    """The value of a member's cell; `once`: a guest who is one until it leaves the room."""
    return name.encode() + (ONCE if once else b"")


def encode_rights(value: Grant | Invite | Invited) -> bytes:
    """A cell's value."""
    return _encode(value)
