"""The supervisor of workers."""

from __future__ import annotations

import atexit
import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.python.failure import Failure

from chatd.server.logfile import OUTPUT
from chatd.server.sharing import WORKER, Place
from chatd.server.startup import StartupError
from chatd.server.worker_process import DRAIN, READY, RETIRE, STUCK_SECONDS, Worker
from chatd.server.workers import PAUSE_SECONDS, Supervisor
from chatd.testing.clock import StrictClock

FREE = "tcp:0:interface=127.0.0.1"


class Process:
    """A worker's process."""

    def __init__(self, worker: Worker, arguments: list[str], env: dict[str, str]) -> None:
        self.worker = worker
        self.arguments = arguments
        self.place = Place(*json.loads(env[WORKER]))
        self.signals: list[int] = []
        self.told: list[bytes] = []
        """The lines that were written to the worker's standard input."""
        self.gone = False

    def signalProcess(self, number: int) -> None:  # noqa: N802
        """Note it."""
        if self.gone:
            raise ProcessExitedAlready
        self.signals.append(number)

    def writeToChild(self, descriptor: int, data: bytes) -> None:  # noqa: N802
        """Record the line."""
        assert descriptor == 0
        self.told.append(data)

    def serve(self) -> None:
        """All its doors listen."""
        self.worker.childDataReceived(READY, b"ready\n")

    def end(self, status: int = 0) -> None:
        """It is gone."""
        self.gone = True
        self.worker.processEnded(Failure(ProcessTerminated(status) if status else ProcessDone(0)))


class Processes(StrictClock):
    """A reactor whose processes do what they are told."""

    running = True

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[Process] = []
        self.stopped = False

    def callWhenRunning(self, call: Any) -> None:  # noqa: N802
        """It runs."""
        call()

    def spawnProcess(  # noqa: N802
        self, worker: Worker, executable: str, args: list[str], env: Any, **options: Any
    ) -> None:
        """Start one."""
        process = Process(worker, args, env)
        worker.transport = process  # type: ignore[assignment]
        self.processes.append(process)

    def stop(self) -> None:
        """The supervisor ends."""
        self.stopped = True


@pytest.fixture
def reactor() -> Processes:
    return Processes()


@pytest.fixture
def supervisor(reactor: Processes) -> Iterator[Supervisor]:
    supervisor = Supervisor(reactor, [(FREE, False)], 2, "n", ["-c", "pass"])
    supervisor.privilegedStartService()
    supervisor.startService()
    yield supervisor
    if supervisor.running:
        supervisor.stopService()
    for process in reactor.processes:
        if not process.gone:
            process.end()


@pytest.fixture
def serving(supervisor: Supervisor, reactor: Processes) -> Supervisor:
    """Both workers serve."""
    for process in reactor.processes:
        process.serve()
    return supervisor


def nodes(reactor: Processes) -> list[str]:
    """The names of the nodes that were started, in their order."""
    return [process.place.node for process in reactor.processes]


def test_systemd_hears_when_all_workers_serve(reactor: Processes) -> None:
    """At the start, and when a restart has ended."""
    told: list[int] = []
    supervisor = Supervisor(
        reactor, [(FREE, False)], 2, "n", ["-c", "pass"], serving=lambda: told.append(1)
    )
    supervisor.privilegedStartService()
    supervisor.startService()
    supervisor.restart()  # too early
    reactor.processes[0].serve()
    assert told == []
    reactor.processes[1].serve()
    assert told == [1]
    supervisor.restart()
    for number in (0, 1):
        reactor.processes[-1].serve()
        assert told == [1]
        reactor.processes[number].end()
    assert told == [1, 1]
    supervisor.stopService()
    for process in reactor.processes:
        if not process.gone:
            process.end()


def test_each_worker_is_a_node_behind_the_same_ports(
    serving: Supervisor, reactor: Processes
) -> None:
    """One of them makes the claim code of the start."""
    assert nodes(reactor) == ["n.1a", "n.2a"]
    first, second = (process.place for process in reactor.processes)
    assert first.sockets == second.sockets
    assert [first.number, second.number] == [1, 2]
    assert [first.claims, second.claims] == [True, False]


def test_a_worker_that_dies_is_started_again_after_a_pause(
    serving: Supervisor, reactor: Processes, logged_errors: list[str]
) -> None:
    """Under its name; the pause grows while it fails."""
    reactor.processes[1].end(9)
    assert len(reactor.processes) == 2
    reactor.advance(PAUSE_SECONDS)
    assert nodes(reactor)[2:] == ["n.2a"]
    reactor.processes[2].end(9)
    reactor.advance(PAUSE_SECONDS)
    assert len(reactor.processes) == 3
    reactor.advance(PAUSE_SECONDS)
    assert nodes(reactor)[3:] == ["n.2a"]
    logged_errors.clear()


def test_if_a_worker_ends_before_it_serves_the_supervisor_does_not_start(
    supervisor: Supervisor,
    reactor: Processes,
    logged_errors: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is wrong has been logged by the worker."""
    statuses: list[Any] = []
    monkeypatch.setattr(atexit, "register", lambda call, status: statuses.append(status))
    reactor.processes[0].serve()
    reactor.processes[1].end(1)
    assert reactor.stopped
    assert statuses == [1]
    logged_errors.clear()


def test_workers_are_restarted_one_by_one(serving: Supervisor, reactor: Processes) -> None:
    """Each is stopped when its successor serves; asked again meanwhile, nothing more happens."""
    serving.restart()
    serving.restart()
    one, two, new_one = reactor.processes
    assert nodes(reactor) == ["n.1a", "n.2a", "n.1b"]
    assert one.signals == []
    new_one.serve()
    assert not new_one.place.claims
    assert one.signals == [RETIRE]
    assert len(reactor.processes) == 3
    one.end()
    *_, new_two = reactor.processes
    assert (two.signals, nodes(reactor)[-1]) == ([], "n.2b")
    new_two.serve()
    two.end()
    reactor.advance(60)
    assert len(reactor.processes) == 4


def test_if_a_successor_does_not_serve_the_old_worker_goes_on(
    serving: Supervisor, reactor: Processes, logged_errors: list[str]
) -> None:
    """And the others too."""
    serving.restart()
    reactor.processes[2].end(1)
    reactor.advance(60)
    assert [process.signals for process in reactor.processes] == [[], [], []]
    logged_errors.clear()


def test_all_workers_are_drained_together(serving: Supervisor, reactor: Processes) -> None:
    """The supervisor ends with the last; one that is stuck is killed."""
    stopped: list[object] = []
    serving.stopService().addCallback(stopped.append)
    one, two = reactor.processes
    assert (one.signals, two.signals) == ([DRAIN], [DRAIN])
    one.end()
    reactor.advance(STUCK_SECONDS)
    assert two.signals == [DRAIN, signal.SIGKILL]
    assert not stopped
    two.end(9)
    assert stopped
    assert len(reactor.processes) == 2


def test_a_second_signal_ends_all_workers_at_once(serving: Supervisor, reactor: Processes) -> None:
    """Clients are not waited for any longer."""
    serving.stopService()
    serving.hurry()
    assert [process.signals for process in reactor.processes] == [[DRAIN, RETIRE]] * 2


def test_what_a_worker_logs_is_logged_with_its_number(
    serving: Supervisor, reactor: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line by line, also the last one."""
    lines: list[tuple[int, str]] = []
    monkeypatch.setattr(OUTPUT, "relay", lambda worker, line: lines.append((worker, line)))
    worker = reactor.processes[1].worker
    worker.childDataReceived(1, b"one\ntw")
    worker.childDataReceived(2, b"three")
    worker.childDataReceived(1, b"o\n")
    reactor.processes[1].worker.stopping = True
    reactor.processes[1].end()
    assert lines == [(2, "one"), (2, "two"), (2, "three")]


def test_a_supervisor_that_is_stopped_amid_a_restart_leaves_no_worker(
    serving: Supervisor, reactor: Processes
) -> None:
    """The successor that was just started is drained too."""
    serving.restart()
    stopped: list[object] = []
    serving.stopService().addCallback(stopped.append)
    one, two, new_one = reactor.processes
    for process in (one, two):
        process.end()
    assert new_one.signals == [DRAIN]
    assert not stopped
    new_one.end()
    assert stopped
    assert len(reactor.processes) == 3


def test_a_port_that_is_taken_ends_the_start(reactor: Processes) -> None:
    """Before any worker is started."""
    supervisor = Supervisor(reactor, [("tcp:99999", False)], 2, "n", [])
    with pytest.raises(StartupError):
        supervisor.privilegedStartService()
    assert reactor.processes == []
