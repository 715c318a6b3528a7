"""Whether the machine's clock is kept right, as the kernel knows from NTP or PTP: adjtimex(2)."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

NOT_KEPT = 5
"""The answer `TIME_ERROR`: nothing has set the clock for some time."""


class _Timex(ctypes.Structure):
    """`struct timex`; its first field, 0, asks without changing anything."""

    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_char * 508))


@cache
def _libc() -> Any:
    """The C library of this process, opened once.  Raises `OSError`, `TypeError`: it has none."""
    return ctypes.CDLL(None)


def is_kept(libc: Any = None) -> bool | None:
    """Whether something keeps the clock right; None: the kernel does not say so, or is not asked.

    `libc` is the C library; None: that of this process.
    """
    try:
        answer: int = (libc or _libc()).adjtimex(ctypes.byref(_Timex()))
    except (AttributeError, OSError, TypeError):
        return None  # macOS has no such call
    return None if answer < 0 else answer != NOT_KEPT
