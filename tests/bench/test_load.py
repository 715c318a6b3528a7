"""The loads count what comes, whatever it comes in."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import compiled
from bench.chatd import Chatd, secured
from bench.figures import Measured
from bench.load import HERE, IN_PYTHON, Load, LoadFailed, Loads, storm
from bench.servers import DOORS

READERS = 3
SIZE = 64
PROGRAMS = ["Python", *(["C"] if shutil.which("cc") else [])]


@pytest.fixture(params=PROGRAMS)
def loads(request: pytest.FixtureRequest, tmp_path: Path) -> Loads:
    """Each of the two load programs."""
    program = compiled(HERE / "load.c", tmp_path) if request.param == "C" else None
    return Loads((str(program),) if program else IN_PYTHON, SIZE)


@pytest.fixture
def over_tls(request: pytest.FixtureRequest, loads: Loads, tmp_path: Path) -> Loads:
    """The same over TLS."""
    if loads.program == IN_PYTHON:
        return loads
    program = compiled(HERE / "load.c", tmp_path, tls=True)
    if program is None:
        pytest.skip("no headers of OpenSSL")
    return replace(loads, secure=(str(program),))


def until_accepted(load: Load) -> Measured:
    """The first measurement in which a message was accepted: a busy machine may run the server
    later than a short measurement ends."""
    seconds = 0.05
    while not (measured := load.measure("speak", 0, seconds)).accepted:
        seconds *= 2  # The load's own patience ends this.
    return measured


def test_a_load_counts_every_delivery(loads: Loads, tmp_path: Path) -> None:
    """No delivery is lost between frames or packets, and none counted twice."""
    with Chatd("memory:", SIZE).running(tmp_path) as running:
        for door in ("line", "poll"):
            reading, saying = running.readings[door], running.sayings[door]
            with loads.readers(running.pid, reading, saying, READERS) as load:
                measured = load.measure("window", 4, 0.2)
            assert (measured.lost, measured.errors, load.connected.errors) == (0, 0, 0)
            assert measured.said > 0
            assert sum(count for _, count in measured.latencies) == measured.said * READERS
            assert measured.cpu > 0


def test_a_load_over_tls_resumes_sessions_and_loses_nothing(
    over_tls: Loads, tmp_path: Path
) -> None:
    """With `resume` every reader resumes, and without it none does."""
    with Chatd("memory:", SIZE).running_tls(tmp_path) as (plain, secure):
        for door, resume in (("sse", True), ("poll", False)):
            reading, saying = secure.readings[door], secure.sayings[door]
            assert reading.port != plain.readings[door].port
            with over_tls.readers(secure.pid, reading, saying, READERS, resume) as load:
                measured = load.measure("window", 1, 0.1)
            assert (measured.lost, measured.errors) == (0, 0)
            assert measured.said > 0
            assert load.connected.resumed == (READERS if resume else 0)


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_a_storm_ends_when_all_are_caught_up(tmp_path: Path) -> None:
    """At every door, with the messages that were missed before the restart."""
    program = compiled(HERE / "storm.c", tmp_path, tls=True) or compiled(HERE / "storm.c", tmp_path)
    assert program is not None
    doors = [*DOORS]
    if program.name.endswith("tls"):
        doors += [secured("sse"), secured("poll")]
    with Chatd("sqlite:storm.sqlite", SIZE).restarted(tmp_path, 2) as (pid, returning):
        for door in doors:
            resume = door == secured("sse")
            found = storm((str(program),), pid, returning[door], READERS, resume)
            assert found.caught_up == READERS
            assert found.resumed == (READERS if resume else 0)
            assert found.seconds > 0


def test_a_load_counts_accepted_messages(loads: Loads, tmp_path: Path) -> None:
    """Each speaker sends its next message when the last was accepted."""
    chat = Chatd("memory:", SIZE)
    with chat.running(tmp_path) as running:
        sayings = chat.speakers(running)
        for way in ("HTTP", "WebSocket"):
            with loads.speakers(running.pid, sayings[way], READERS) as load:
                measured = until_accepted(load)
            assert measured.errors == 0


def test_a_load_without_a_server_fails_with_the_reason(loads: Loads, tmp_path: Path) -> None:
    """The reason is the program's last line."""
    with Chatd("memory:", SIZE).running(tmp_path) as running:
        pass
    reading, saying = running.readings["line"], running.sayings["line"]
    with pytest.raises(LoadFailed, match=r"refused|No such"):
        loads.readers(running.pid, reading, saying, READERS)
