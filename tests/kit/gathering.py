"""A connection with direct writes that counts them."""

from __future__ import annotations

from chatd.net.tcp import DirectTransport, DirectWriter
from chatd.testing import FakeConnection


class GatheringConnection(FakeConnection, DirectTransport):
    """A connection that counts writes; those that are gathered are one."""

    writes = 0
    _gathered: list[bytes] | None = None

    def enable_direct_writes(self, writer: DirectWriter) -> None:
        """See `DirectTransport.enable_direct_writes`: the writer keeps the function that it has."""

    def gather(self) -> None:
        """See `DirectTransport.gather`."""
        if self._gathered is None:
            self._gathered = []

    def send_gathered(self) -> None:
        """See `DirectTransport.send_gathered`."""
        gathered, self._gathered = self._gathered, None
        if gathered:
            self.write(b"".join(gathered))

    def write(self, data: bytes) -> None:
        """The server writes."""
        if self._gathered is not None:
            self._gathered.append(data)
            return
        self.writes += 1
        super().write(data)
