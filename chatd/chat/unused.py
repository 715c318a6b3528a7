"""Sessions that began and were never used.

When there are as many sessions as there may be, the oldest of these is evicted for the next one.
So a client that begins thousands of sessions takes no place from clients that use theirs.
"""

from __future__ import annotations

from ..model.addresses import Address
from .sessions import LastingSession


class Unused:
    """The sessions that were not seen used yet, the oldest first."""

    def __init__(self) -> None:
        self._begun: dict[Address | None, dict[LastingSession, None]] = {None: {}}
        """By the address that began them; under None, all of them.  A session that was used since
        is dropped when it comes first."""

    def add(self, session: LastingSession) -> None:
        """Add a session that has just begun."""
        self._begun[None][session] = None
        self._begun.setdefault(session.address, {})[session] = None

    def discard(self, session: LastingSession) -> None:
        """Remove a session that was used, or is over."""
        self._begun[None].pop(session, None)
        here = self._begun.get(session.address, {})
        here.pop(session, None)
        if not here:
            self._begun.pop(session.address, None)

    def oldest(self, address: Address | None) -> LastingSession | None:
        """The oldest session that may be evicted, of that address (None: of all addresses)."""
        while begun := self._begun.get(address):
            session = next(iter(begun))
            if not session.used:
                return session if session.evictable else None
            self.discard(session)
        return None
