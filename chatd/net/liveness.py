"""Liveness: detects clients whose network died without closing the connection.

A client whose battery, cable or tunnel is gone sends nothing more, and its connection would stay
open for ever.  On every door a connection counts as dead after `LIVENESS_SECONDS` without a sign of
life:

1. TCP keep-alive probes an idle connection, and `TCP_USER_TIMEOUT` (tcp(7)) ends one whose data is
   not acknowledged.  Both are set on the listening socket, from which Linux copies them to each
   connection, so accepting costs nothing more.
2. A WebSocket also has to answer pings, because behind a proxy TCP only detects a dead proxy.
3. Event streams get a heartbeat, and telnet clients a `NOP`, so that there is data to acknowledge
   and proxies see traffic (`chatd.net.heartbeat`).

A client that is alive and does not read is the business of `chatd.net.stalls`.  TCP cannot tell the
two apart, so `TCP_USER_TIMEOUT` is longer than the stall timeout.
"""

from __future__ import annotations

import socket
from socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET

LIVENESS_SECONDS = 75.0
"""Seconds without a sign of life after which a connection is dead: longer than most tunnels take,
and short enough for a user to wait until the dead connection's name is free."""
PROBE_AFTER = 40
"""Seconds of silence before TCP's first probe."""
PROBE_EVERY = 10
"""Seconds between two probes."""
PROBES = 4
"""Probes without an answer that end a connection where `TCP_USER_TIMEOUT` is not set."""
GOODBYE_MARGIN = 15.0
"""Seconds by which TCP's timeout exceeds the stall timeout, so that a stalled client can still be
sent the reason."""
SILENT_BEATS = 6
"""Pings without any answer that end a WebSocket."""


def user_timeout(stall: float) -> float:
    """Seconds for which TCP waits for data to be acknowledged; 0: the system's default.

    `stall` is the stall timeout in seconds; 0: none.
    """
    return max(LIVENESS_SECONDS, stall + GOODBYE_MARGIN) if stall else 0.0


def watch_for_death(listening: socket.socket, stall: float) -> None:
    """Let TCP detect dead peers on every connection that this socket accepts."""
    listening.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", PROBE_AFTER),
        ("TCP_KEEPINTVL", PROBE_EVERY),
        ("TCP_KEEPCNT", PROBES),
        ("TCP_USER_TIMEOUT", int(user_timeout(stall) * 1000)),
    ):
        if hasattr(socket, name):  # not every system has all of them
            listening.setsockopt(IPPROTO_TCP, getattr(socket, name), value)
