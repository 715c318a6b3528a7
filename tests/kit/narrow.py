"""A connection whose client does not read by itself."""

from __future__ import annotations

from chatd.testing import FakeConnection


class NarrowConnection(FakeConnection):
    """A connection that is full while more than `room` bytes wait for its client to read them."""

    room: int | None = None
    """Bytes; None: it is never full."""

    def write(self, data: bytes) -> None:
        """The server writes, and is told to pause if that was too much."""
        super().write(data)
        if self.producer and self.room is not None and len(self.value()) > self.room:
            self.fill()

    def read(self) -> bytes:
        """The client reads all that there is."""
        data = self.received()
        if self.producer:
            self.drain()
        return data
