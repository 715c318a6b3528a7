"""Tickets: short-lived substitutes for a session's token, for URLs.

A token in a URL would end up in the logs of proxies and in a browser's history.  A ticket does no
harm there: it is valid once, and for `TICKET_SECONDS`.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from ..model.errors import BadToken

TICKET_SECONDS = 30.0
"""Seconds for which a ticket is valid: a client uses it at once, on a new connection."""
MOST_TICKETS = 16
"""Unused tickets of one holder; one more makes the oldest invalid."""

T = TypeVar("T", bound=Hashable)


class Tickets(Generic[T]):
    """The tickets that were issued and not used yet, with their holders."""

    def __init__(
        self, now: Callable[[], float], dropped: Callable[[str], object] = lambda ticket: None
    ) -> None:
        """`now` tells seconds that never run backwards.  `dropped` is called with each ticket that
        expires, or is one too many for its holder.
        """
        self._now = now
        self._dropped = dropped
        self._tickets: OrderedDict[str, tuple[T, float]] = OrderedDict()
        """The holder of each ticket, and when it expires; the oldest first."""
        self._of: dict[T, OrderedDict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def __contains__(self, ticket: str) -> bool:
        """Whether a ticket is valid."""
        self._forget_the_old()
        return ticket in self._tickets

    def issue(self, holder: T) -> str:
        """A new ticket for `holder`."""
        ticket = secrets.token_urlsafe(24)
        self.add(ticket, holder)
        return ticket

    def add(self, ticket: str, holder: T) -> None:
        """Make a ticket valid for `holder`."""
        self._forget_the_old()
        own = self._of.get(holder, ())
        if len(own) >= MOST_TICKETS:
            self._drop(next(iter(own)))
        self._tickets[ticket] = holder, self._now() + TICKET_SECONDS
        self._of.setdefault(holder, OrderedDict())[ticket] = None

    def redeem(self, ticket: str) -> T:
        """The holder of a ticket, which is used up.  Raises `BadToken`."""
        self.holder(ticket)
        return self._take(ticket)

    def holder(self, ticket: str) -> T:
        """The holder of a ticket, which stays valid.  Raises `BadToken`."""
        self._forget_the_old()
        if ticket not in self._tickets:
            raise unknown()
        return self._tickets[ticket][0]

    def _take(self, ticket: str) -> T:
        holder, _ = self._tickets.pop(ticket)
        own = self._of[holder]
        del own[ticket]
        if not own:
            del self._of[holder]
        return holder

    def _forget_the_old(self) -> None:
        now = self._now()
        while self._tickets:
            ticket, (_, until) = next(iter(self._tickets.items()))
            if now < until:
                break
            self._drop(ticket)

    def _drop(self, ticket: str) -> None:
        self._take(ticket)
        self._dropped(ticket)


def unknown() -> BadToken:
    """The refusal of a ticket that is not valid."""
    return BadToken(
        f"that ticket is unknown, was used before, or is older than {TICKET_SECONDS:g} seconds; "
        "POST /session/ticket for a new one"
    )
