"""File descriptors: their limit, and how many of them connections may use."""

from __future__ import annotations

import resource
import sys

RESERVE = 64
"""Descriptors that connections may not use: those of the log, the store, the ports and the reactor
(about twenty), and those of connections that are being refused."""


def raise_limit() -> int:
    """Raise the limit of open files to the hard limit, and return it.

    See getrlimit(2): the soft limit is a default, often 1,024; the hard limit is what the operator
    has set.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (ValueError, OSError):
            pass  # some systems do not accept the hard limit as the soft one
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def for_connections(limit: int) -> int:
    """How many of `limit` descriptors connections may use: all but the reserve."""
    return max(1, limit - min(RESERVE, limit // 2))
