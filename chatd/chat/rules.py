"""The operator's rules for guests and registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Guests = Literal["full", "read", "none"]
Registering = Literal["open", "invite", "closed"]


@dataclass
class Rules:
    """What guests may do, and who may register.

    A reload changes them while the server runs; `guests` together with the policy
    (`chatd.server.live`).
    """

    guests: Guests = "full"
    """What clients may do that are not signed in: everything; read open rooms; nothing."""
    register: Registering = "open"
    """Who may make an account: every client; clients with an invite; administrators only."""
    checkers: tuple[Any, ...] = ()
    """Twisted credentials checkers (`ICredentialsChecker`); accounts are made for names that they
    accept."""
    plain_passwords: bool = False
    """Whether passwords are taken over connections that are neither TLS nor loopback."""


OPEN_TO_ALL = Rules()
"""The default rules."""
