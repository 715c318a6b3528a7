"""Lines of clients that have closed: they were received, so they are carried out.

`seq 60 > /dev/tcp/HOST/PORT` is gone before its first line is read, and the rate limits let the
rest follow one by one.  Meanwhile the session stays.  What this may cost is bounded: bytes of each
connection, seconds of each, connections of an address and in all.  The bytes are kept as they were
received and are read a slice at a time, so that such connections do not delay other clients.  Lines
beyond that, and those that still wait when the server goes down, are dropped, and the log tells how
many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ...model.addresses import Address
from ...net.connections import LogThrottle

BACKLOG_BYTES = 64 * 1024
"""Bytes that are read of a connection that is gone, as far as the kernel has received them."""
BACKLOG_SECONDS = 300.0
"""Seconds for which the lines of a closed connection are carried out: 1,500 at the usual rate."""
MOST_BACKLOGS = 200
"""Closed connections whose lines wait: 50 MB at most, a quarter of a megabyte each with its
session."""
MOST_OF_ADDRESS = 20
"""Those of one address."""
MOST_EXPECTED = 2000
"""Closed connections with lines whose persons have not come in yet: scripts that open a connection
for each line come in bursts, and a store takes some milliseconds."""


class Backlogs:
    """The closed connections of a door whose lines are still carried out."""

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._open: Counter[Address] = Counter()
        self._expected = 0
        self._dropped = LogThrottle(clock, self._tell)

    def expect(self) -> bool:
        """A connection with lines is closed before its person has come in; answers whether they may
        wait for that.
        """
        if self._expected >= MOST_EXPECTED:
            return False
        self._expected += 1
        return True

    def arrived(self) -> None:
        """That person has come in, or could not."""
        self._expected -= 1

    def admit(self, address: Address) -> bool:
        """A connection with lines is closed; answers whether they may wait."""
        if self._open.total() >= MOST_BACKLOGS or self._open[address] >= MOST_OF_ADDRESS:
            return False
        self._open[address] += 1
        return True

    def leave(self, address: Address) -> None:
        """Its lines are carried out, or dropped."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]

    def dropped(self, lines: int, why: str) -> None:
        """Lines of one connection are not carried out."""
        self._dropped.happened(f"{lines} lines: {why}")

    def _tell(self, times: int, last: str) -> None:
        self._log.warn(
            "lines of {times} closed connections were dropped; the last were {last}",
            times=times,
            last=last,
        )


def received(receive: Callable[[int], bytes], most: int = BACKLOG_BYTES) -> tuple[bytes, bool]:
    """What a socket that is gone has still received, up to `most` bytes, and whether the client had
    closed it behind that.
    """
    data = bytearray()
    while len(data) < most:
        try:
            part = receive(most - len(data))
        except OSError:
            return bytes(data), False
        if not part:
            return bytes(data), True
        data += part
    return bytes(data), False
