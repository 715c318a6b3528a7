"""Sessions that were begun and never used.

Where there are as many sessions as there may be, the oldest of them is evicted for the next one: a
client that begins sessions by the thousand takes no place from others.
"""

from __future__ import annotations

from ..model.addresses import Address
from .sessions import LastingSession


class Unused:
    """The sessions that were begun and never used, as far as is known: the oldest first."""

    def __init__(self) -> None:
        self._begun: dict[Address | None, dict[LastingSession, None]] = {None: {}}
        """By the address that began them; None: all of them.  Those that were used since are found
        out when it is their turn."""

    def add(self, session: LastingSession) -> None:
        """It has begun."""
        self._begun[None][session] = None
        self._begun.setdefault(session.address, {})[session] = None

    def discard(self, session: LastingSession) -> None:
        """It was used, or is over."""
        self._begun[None].pop(session, None)
        here = self._begun.get(session.address, {})
        here.pop(session, None)
        if not here:
            self._begun.pop(session.address, None)

    def oldest(self, address: Address | None) -> LastingSession | None:
        """The one that may be evicted, if any of that address (None: of all) may."""
        while begun := self._begun.get(address):
            session = next(iter(begun))
            if not session.used:
                return session if session.forsaken else None
            self.discard(session)
        return None
