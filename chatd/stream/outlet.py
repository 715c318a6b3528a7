"""Outlets: where a reader's bytes go."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ..model.errors import ChatError
from .batch import Batch


class Outlet(Protocol):
    """Where one reader's bytes go: the transport's half of a door."""

    def deliver(self, batch: Batch) -> bool:
        """Tell the gaps, send the chunk, and return whether the reader goes on.

        An outlet that pushes returns True, one that answers a poll False.  If its transport is
        full, it calls `Subscriber.pause` (from within, if need be) and later `resume`.
        """

    def revoked(self, error: ChatError) -> None:
        """The gate has ended this reader: tell the client why, in the door's way."""

    def removed(self, room: str, error: ChatError) -> None:
        """The gate has taken this room from the reader, which goes on with others: tell why."""


@runtime_checkable
class TellsMarkers(Protocol):
    """An outlet that can tell how far its account has read a room."""

    def marked(self, room: str, marker: int) -> None:
        """The reader's account has read a room up to the event `marker`, in whichever session."""


class Nowhere:
    """The outlet of a reader that has stopped."""

    def deliver(self, batch: Batch) -> bool:
        """Never called: a stopped reader reads nothing."""
        return False

    def revoked(self, error: ChatError) -> None:
        """Nothing is left to end."""

    def removed(self, room: str, error: ChatError) -> None:
        """Nothing is left to read."""

    def send(self, data: bytes) -> None:
        """Drop the bytes."""


NOWHERE = Nowhere()
