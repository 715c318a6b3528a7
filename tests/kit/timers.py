"""The timers of a clock."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from chatd.net.timeouts import Timeouts


def timers(clock: Clock) -> list[IDelayedCall]:
    """The timers that are left, without those that all connections of a server share
    (`Timeouts`), which stay until they come.
    """
    return [call for call in clock.getDelayedCalls() if not isinstance(_owner(call), Timeouts)]


def _owner(call: Any) -> object:
    return getattr(call.func, "__self__", None)
