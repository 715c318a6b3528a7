"""Notifications to systemd: the server is ready, reloading, stopping, or alive (sd_notify(3)).

1. For a unit with `Type=notify`, the start is complete when all doors listen (`READY=1`).
2. With `WatchdogSec=`, the event loop sends two keep-alives (`WATCHDOG=1`) per period.  If the loop
   is stuck, it sends none, and systemd ends the process.
3. Without systemd nothing is sent.  If a notification cannot be sent, the first failure is logged,
   and the server goes on.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Systemd:
    """The notification socket of systemd, if the environment names one."""

    _log = Logger()

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Removes the variables from the environment, so that no child process sends notifications
        in this one's name.
        """
        address, period, pid = (environment.pop(name, "") for name in VARIABLES)
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        own = address and period.isdecimal() and pid in ("", str(os.getpid()))
        self.watchdog_seconds = int(period) / 1_000_000 if own else 0.0
        """Seconds within which systemd expects a keep-alive; 0 if it expects none."""
        self._failed = False

    def tell(self, *states: str) -> None:
        """Send states, such as `READY=1`, in one notification."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
                wire.setblocking(False)
                wire.sendto("\n".join(states).encode(), self._address)
        except OSError as problem:
            if not self._failed:
                self._failed = True
                self._log.warn(
                    "cannot notify systemd at {address}: {why}", address=self._address, why=problem
                )

    def ready(self, status: str = "") -> None:
        """Report that the server is ready."""
        self.tell("READY=1", *([f"STATUS={status}"] if status else []))

    def reloading(self) -> None:
        """Report that a reload begins; `ready` reports its end."""
        moment = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.tell("RELOADING=1", f"MONOTONIC_USEC={moment}")

    def around(self, reload: Callable[[], None]) -> Callable[[], None]:
        """`reload`, with notifications when it begins and ends."""

        def told() -> None:
            self.reloading()
            try:
                reload()
            finally:
                self.ready()

        return told


class SystemdNotice(Service):
    """Tells systemd when the server is ready, that it is alive, and when it stops."""

    def __init__(self, clock: Any, systemd: Systemd, *, ready: bool = True) -> None:
        """`clock` is the reactor.  With `ready`, this service also reports readiness; it is started
        after the last door.
        """
        self._clock = clock
        self._systemd = systemd
        self._ready = ready
        self._timer: IDelayedCall | None = None

    def startService(self) -> None:
        """Begin to notify as soon as the reactor runs: it handles signals from then on."""
        super().startService()
        self._clock.callWhenRunning(self._begin)

    def _begin(self) -> None:
        if not self.running:
            return
        if self._ready:
            self._systemd.ready()
        if self._systemd.watchdog_seconds:
            self._alive()

    def stopService(self) -> None:
        """Report that the server stops."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._systemd.tell("STOPPING=1")

    def _alive(self) -> None:
        self._systemd.tell("WATCHDOG=1")
        self._timer = self._clock.callLater(self._systemd.watchdog_seconds / 2, self._alive)
