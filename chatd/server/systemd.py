"""What systemd is told of the server: it is ready, reloads, stops, and is alive (sd_notify(3)).

1. A unit with `Type=notify` counts as started when all doors listen (`READY=1`).
2. With `WatchdogSec=` the event loop says twice in that time that it runs (`WATCHDOG=1`).  If the
   loop is stuck, nothing is said, and systemd ends the process.
3. Without systemd nothing is sent.  What cannot be sent is logged once, and does no harm.
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
    """The socket of the process that started this one, if it listens for such messages."""

    _log = Logger()

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """The variables are removed, so that no other process speaks for this one."""
        address, period, pid = (environment.pop(name, "") for name in VARIABLES)
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        own = address and period.isdecimal() and pid in ("", str(os.getpid()))
        self.watchdog_seconds = int(period) / 1_000_000 if own else 0.0
        """Seconds within which it wants to hear that the process is alive; 0: it does not."""
        self._failed = False

    def tell(self, *states: str) -> None:
        """Send states, such as `READY=1`."""
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
        """The server serves."""
        self.tell("READY=1", *([f"STATUS={status}"] if status else []))

    def reloading(self) -> None:
        """The server begins to reload; `ready` ends that."""
        moment = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.tell("RELOADING=1", f"MONOTONIC_USEC={moment}")

    def around(self, reload: Callable[[], None]) -> Callable[[], None]:
        """A reload that tells systemd when it begins and ends."""

        def told() -> None:
            self.reloading()
            try:
                reload()
            finally:
                self.ready()

        return told


class SystemdNotice(Service):
    """Tells systemd that the server is alive and, when it stops, that it does."""

    def __init__(self, clock: Any, systemd: Systemd, *, ready: bool = True) -> None:
        """`clock` is the reactor.  `ready`: the server is ready when this service is started, which
        comes after the last door.
        """
        self._clock = clock
        self._systemd = systemd
        self._ready = ready
        self._timer: IDelayedCall | None = None

    def startService(self) -> None:
        """Begin to show signs of life when the reactor runs: signals are handled from then on."""
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
        """The server stops."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._systemd.tell("STOPPING=1")

    def _alive(self) -> None:
        self._systemd.tell("WATCHDOG=1")
        self._timer = self._clock.callLater(self._systemd.watchdog_seconds / 2, self._alive)
