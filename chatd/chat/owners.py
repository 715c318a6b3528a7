"""Owners of readers, and the identities under which the policy sees them."""

from __future__ import annotations

from ..model.identity import Identity, Stranger, subject
from .sessions import Session

Owner = Session | Stranger
"""The owner of a reader: a session, or a client without one."""


def subject_of_owner(owner: Owner) -> str:
    """The subject of an owner's roles, bans and mutes: see `chatd.model.identity.subject_of`."""
    return subject(identity_of(owner))


def identity_of(owner: Owner) -> Identity:
    """The owner's identity, for the policy."""
    return owner.person if isinstance(owner, Session) else owner
