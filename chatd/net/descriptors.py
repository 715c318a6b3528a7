"""File descriptors: how many there may be, and how many of them are for connections."""

from __future__ import annotations

import resource
import sys

RESERVE = 64
"""Descriptors that are not for connections: the log, the store's files, what listens, the
reactor's own (about twenty), and those of clients that are being turned away."""


def raise_limit() -> int:
    """Let this process open as many files as it may, and answer how many those are.

    See getrlimit(2): the soft limit is a default of the system's, often 1,024, and only the hard
    one is meant for us.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (ValueError, OSError):
            """Not everywhere may it be what the hard limit says."""
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def for_connections(limit: int) -> int:
    """How many of `limit` descriptors may be connections: all but the reserve."""
    return max(1, limit - min(RESERVE, limit // 2))
