"""The loads count what comes, whatever it comes in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.__main__ import compiled
from bench.chatd import Chatd
from bench.load import HERE, IN_PYTHON, LoadFailed, Loads

READERS = 3
SIZE = 64
PROGRAMS = ["Python", *(["C"] if shutil.which("cc") else [])]


@pytest.fixture(params=PROGRAMS)
def loads(request: pytest.FixtureRequest, tmp_path: Path) -> Loads:
    """Each of the two load programs."""
    program = compiled(HERE / "load.c", tmp_path) if request.param == "C" else None
    return Loads((str(program),) if program else IN_PYTHON, SIZE)


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


def test_a_load_counts_accepted_messages(loads: Loads, tmp_path: Path) -> None:
    """Each speaker sends its next message when the last was accepted."""
    chat = Chatd("memory:", SIZE)
    with chat.running(tmp_path) as running:
        sayings = chat.speakers(running)
        for way in ("HTTP", "WebSocket"):
            with loads.speakers(running.pid, sayings[way], READERS) as load:
                measured = load.measure("speak", 0, 0.01)
            assert measured.accepted > 0
            assert measured.errors == 0


def test_a_load_without_a_server_fails_with_the_reason(loads: Loads, tmp_path: Path) -> None:
    """The reason is the program's last line."""
    with Chatd("memory:", SIZE).running(tmp_path) as running:
        pass
    reading, saying = running.readings["line"], running.sayings["line"]
    with pytest.raises(LoadFailed, match=r"refused|No such"):
        loads.readers(running.pid, reading, saying, READERS)
