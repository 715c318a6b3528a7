"""Outlets: where a reader's bytes go."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ..model.errors import ChatError
from .batch import Batch


class Outlet(Protocol):
    """Sends one reader's bytes to its client: the sending half of a door."""

    def deliver(self, batch: Batch) -> bool:
        """Report the gaps, send the chunk, and return whether the reader goes on.

        An outlet that pushes returns True, one that answers a poll False.  If its transport's
        buffer is full, the outlet calls `Subscriber.pause`, even from within `deliver`, and
        `resume` when the buffer has room again.
        """

    def revoked(self, error: ChatError) -> None:
        """The gate has ended this reader: send the client the reason, in the door's format."""

    def removed(self, room: str, error: ChatError) -> None:
        """The gate has taken `room` from the reader, which goes on with its other rooms: send the
        client the reason.
        """


@runtime_checkable
class TellsMarkers(Protocol):
    """An outlet that also sends read markers: how far the reader's account has read a room, or a
    conversation.
    """

    def marked(self, room: str, marker: int) -> None:
        """The reader's account has read `room` up to the event `marker`, in any of its sessions.
        Of a conversation, `room` is `chatd.model.letters.place_of` the other account's name.
        """


class Nowhere:
    """The outlet of a reader that has stopped."""

    def deliver(self, batch: Batch) -> bool:
        """Never called: a stopped reader reads nothing."""
        return False

    def revoked(self, error: ChatError) -> None:
        """Ignored: the reader has stopped already."""

    def removed(self, room: str, error: ChatError) -> None:
        """Ignored: a stopped reader reads no room."""

    def send(self, data: bytes) -> None:
        """Drop the bytes."""


NOWHERE = Nowhere()
