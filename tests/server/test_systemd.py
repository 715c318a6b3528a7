"""Notifications to systemd: the server is ready, alive, reloading, or stopping."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.logger import capturedLogs

from chatd.server.systemd import Systemd, SystemdNotice
from chatd.testing.clock import StrictClock


class Reactor(StrictClock):
    """A reactor that runs."""

    def callWhenRunning(self, call: Callable[[], None]) -> None:  # noqa: N802
        """Call it now."""
        call()


class Manager:
    """A datagram socket like systemd's."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """The notifications since the last call."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A manager at `tmp_path/notify`."""
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.close()


def told(tmp_path: Path, **more: str) -> dict[str, str]:
    """The variables that systemd sets."""
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), **more}


def test_start_keep_alives_and_stop_are_sent(tmp_path: Path, manager: Manager) -> None:
    """Two keep-alives in each period of the watchdog."""
    clock = Reactor()
    environment = told(tmp_path, WATCHDOG_USEC="10000000", WATCHDOG_PID=str(os.getpid()))
    notice = SystemdNotice(clock, Systemd(environment))
    assert environment == {}
    assert manager.heard() == []
    notice.startService()
    assert manager.heard() == ["READY=1", "WATCHDOG=1"]
    for _ in range(3):
        clock.advance(5)
        assert manager.heard() == ["WATCHDOG=1"]
    notice.stopService()
    assert manager.heard() == ["STOPPING=1"]
    assert not clock.getDelayedCalls()


def test_without_a_watchdog_there_is_no_timer(tmp_path: Path, manager: Manager) -> None:
    """Nor with a watchdog for another process."""
    for environment in (told(tmp_path), told(tmp_path, WATCHDOG_USEC="1", WATCHDOG_PID="1")):
        clock = Reactor()
        SystemdNotice(clock, Systemd(environment)).startService()
        assert not clock.getDelayedCalls()


def test_a_supervisor_reports_readiness_itself(tmp_path: Path, manager: Manager) -> None:
    """When all workers serve; the service does not report it at the start."""
    systemd = Systemd(told(tmp_path))
    notice = SystemdNotice(Reactor(), systemd, ready=False)
    notice.startService()
    assert manager.heard() == []
    systemd.ready("4 workers serve")
    assert manager.heard() == ["READY=1\nSTATUS=4 workers serve"]


def test_a_reload_is_reported_with_its_time(tmp_path: Path, manager: Manager) -> None:
    """`Type=notify-reload` compares it with the time of its signal; READY ends the reload."""
    before = time.monotonic_ns() // 1000
    heard: list[str] = []
    Systemd(told(tmp_path)).around(lambda: heard.extend(manager.heard()))()
    (begun,) = heard
    states = dict(line.split("=") for line in begun.splitlines())
    assert states.keys() == {"RELOADING", "MONOTONIC_USEC"}
    assert before <= int(states["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert manager.heard() == ["READY=1"]


def test_a_reload_that_fails_is_over_too(tmp_path: Path, manager: Manager) -> None:
    """Otherwise systemd would wait for the end of the reload."""

    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Systemd(told(tmp_path)).around(fails)()
    assert manager.heard()[-1] == "READY=1"


def test_an_abstract_socket_is_reached() -> None:
    """Its address begins with `@`."""
    name = f"chatd-test-{os.getpid()}-{time.monotonic_ns()}"
    manager = Manager(f"\0{name}")
    Systemd({"NOTIFY_SOCKET": f"@{name}"}).ready()
    assert manager.heard() == ["READY=1"]
    manager.close()


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    """If the socket is gone, one warning is logged."""
    Systemd({}).ready()
    systemd = Systemd(told(tmp_path))
    with capturedLogs() as logs:
        systemd.ready()
        systemd.ready()
    assert len(logs) == 1
