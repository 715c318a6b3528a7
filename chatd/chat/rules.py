"""Who may come in: what the operator has decided about guests and accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Guests = Literal["full", "read", "none"]
Registering = Literal["open", "invite", "closed"]


@dataclass(frozen=True)
class Rules:
    """What the operator allows."""

    guests: Guests = "full"
    """What those may do who are not signed in: everything; read open rooms; nothing."""
    register: Registering = "open"
    """Who may make an account: everybody; with an invite; nobody."""
    checkers: tuple[Any, ...] = ()
    """Twisted credentials checkers (`ICredentialsChecker`) whose people have accounts here."""
    plain_passwords: bool = False
    """Whether passwords are taken over connections that others may read."""


OPEN_TO_ALL = Rules()
"""What holds if the operator decides nothing."""
