"""Backlogs of closed connections: lines that the server had received are still carried out.

`seq 60 > /dev/tcp/HOST/PORT` disconnects before its first line is read, and the rate limit lets the
lines through one by one.  Meanwhile the session stays.  There are limits for the bytes and the time
of each closed connection, and for such connections per address and in all.  The bytes are kept raw,
and are parsed one slice at a time, so that closed connections do not delay other clients.  Lines
beyond the limits, and lines that still wait when the server goes down, are dropped, and their
number is logged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ...model.addresses import Address
from ...model.text import counted, plural
from ...net.connections import LogThrottle

BACKLOG_BYTES = 64 * 1024
"""Bytes that are read from the kernel's receive buffer of a closed connection."""
BACKLOG_SECONDS = 300.0
"""Seconds during which the lines of a closed connection are carried out: 1,500 lines at the default
rate.  Remaining lines are dropped."""
MOST_BACKLOGS = 200
"""Closed connections whose lines wait.  Each takes 250 kB at most, with its session, so all take
50 MB."""
MOST_OF_ADDRESS = 20
"""Closed connections of one address whose lines wait."""
MOST_EXPECTED = 2000
"""Closed connections with lines whose person has not entered yet.  Scripts that open a connection
for each line do so in bursts, and the store takes some milliseconds to let a person enter."""


class Backlogs:
    """Counts the closed connections of a door whose lines wait, and enforces their limits."""

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._open: Counter[Address] = Counter()
        self._expected = 0
        self._dropped = LogThrottle(clock, self._tell)

    def expect(self) -> bool:
        """A connection with lines was closed before its person has entered; returns whether the
        lines may wait for the person.
        """
        if self._expected >= MOST_EXPECTED:
            return False
        self._expected += 1
        return True

    def arrived(self) -> None:
        """A person counted by `expect` has entered, or was refused."""
        self._expected -= 1

    def admit(self, address: Address) -> bool:
        """A connection with lines was closed; returns whether the lines may wait."""
        if self._open.total() >= MOST_BACKLOGS or self._open[address] >= MOST_OF_ADDRESS:
            return False
        self._open[address] += 1
        return True

    def leave(self, address: Address) -> None:
        """The lines of a connection counted by `admit` are carried out, or dropped."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]

    def dropped(self, lines: int, why: str) -> None:
        """Log that lines of one connection are dropped, and the reason."""
        self._dropped.happened(f"{counted(lines, 'line')}: {why}")

    def _tell(self, times: int, last: str) -> None:
        self._log.warn(
            f"dropped the waiting lines of {{times}} closed {plural(times, 'connection')}; "
            "the last: {last}",
            times=times,
            last=last,
        )


def received(receive: Callable[[int], bytes], most: int = BACKLOG_BYTES) -> tuple[bytes, bool]:
    """Up to `most` bytes from the receive buffer of a closed socket, and whether the client closed
    the connection after them.
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
