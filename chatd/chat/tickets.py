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

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` tells seconds that never run backwards."""
        self._now = now
        self._tickets: OrderedDict[str, tuple[T, float]] = OrderedDict()
        """The holder of each ticket, and when it expires; the oldest first."""
        self._of: dict[T, OrderedDict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def issue(self, holder: T) -> str:
        """A new ticket for `holder`."""
        self._forget_the_old()
        own = self._of.get(holder, ())
        if len(own) >= MOST_TICKETS:
            self._take(next(iter(own)))
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = holder, self._now() + TICKET_SECONDS
        self._of.setdefault(holder, OrderedDict())[ticket] = None
        return ticket

    def redeem(self, ticket: str) -> T:
        """The holder of a ticket, which is used up.  Raises `BadToken`."""
        self.holder(ticket)
        return self._take(ticket)

    def holder(self, ticket: str) -> T:
        """The holder of a ticket, which stays valid.  Raises `BadToken`."""
        self._forget_the_old()
        if ticket not in self._tickets:
            raise BadToken(
                "that ticket is unknown, was used before, or is older than "
                f"{TICKET_SECONDS:g} seconds; POST /session/ticket for a new one"
            )
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
            self._take(ticket)
