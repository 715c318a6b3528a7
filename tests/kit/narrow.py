"""A connection whose client reads only when a test says so."""

from __future__ import annotations

from chatd.testing import FakeConnection


class NarrowConnection(FakeConnection):
    """A connection that is full while more than `room` bytes wait for its client."""

    room: int | None = None
    """In bytes; None means that it is never full."""

    def write(self, data: bytes) -> None:
        """The server writes; its producer is paused if the connection is full then."""
        super().write(data)
        if self.producer and self.room is not None and len(self.value()) > self.room:
            self.fill()

    def read(self) -> bytes:
        """The client reads all bytes that wait for it."""
        data = self.received()
        if self.producer:
            self.drain()
        return data
