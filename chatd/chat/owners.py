"""Whom readers belong to, and who that is to the policy."""

from __future__ import annotations

from ..model.identity import Identity, Stranger, subject
from .sessions import Session

Owner = Session | Stranger
"""Whom a reader belongs to."""


def subject_of_owner(owner: Owner) -> str:
    """What that owner is given things as: see `chatd.model.identity.subject_of`."""
    return subject(identity_of(owner))


def identity_of(owner: Owner) -> Identity:
    """Who that is, as the policy sees it."""
    return owner.person if isinstance(owner, Session) else owner
