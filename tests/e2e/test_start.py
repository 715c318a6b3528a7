"""Starting and ending: ports, options, and what is wrong with them."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..kit.file_faults import UNUSABLE, contents
from ..kit.processes import HERE, PATIENCE, TWISTD
from .conftest import Start


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def failed(directory: Path, *arguments: str) -> list[str]:
    """Start with arguments that cannot work; answers what that says to whoever started it.

    By then it has ended, and so has what it may have left in the background, which logs its last
    words after it has told them.
    """
    alive, held = os.pipe()
    ended = subprocess.run(
        [TWISTD, *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
        pass_fds=[held],
    )
    os.close(held)
    all_ended, _, _ = select.select([alive], [], [], PATIENCE)
    os.close(alive)
    assert all_ended, "something runs on"
    assert ended.returncode != 0
    assert "Traceback" not in ended.stdout + ended.stderr
    return ended.stderr.splitlines()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--line", "tcp:80x"], "tcp:80x"),
        (["--line", "nonsense:1"], "nonsense:1"),
        (["--bogus"], "bogus"),
        (["extra"], "argument"),
        (["--history", "many"], "--history"),
        (["--store", "nowhere:"], "nowhere:"),
    ],
    ids=["port", "scheme", "option", "argument", "number", "store"],
)
def test_a_start_that_cannot_work_says_why_in_one_line(
    tmp_path: Path, options: list[str], told: str
) -> None:
    """Before anything listens; nothing is left in its directory."""
    doors = ["--http", "unix:door"]
    (line,) = failed(tmp_path, "--nodaemon", "--pidfile=", "chatd", *doors, *options)
    assert line.startswith("chatd: ")
    assert told in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoil", UNUSABLE, ids=lambda spoil: spoil.__name__)
def test_a_store_that_cannot_be_used_ends_the_start(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """With one line that names it; it is left as it was, and nothing listens."""
    store = tmp_path / "chat.db"
    spoil(store)
    before = contents(store)
    (line,) = failed(
        tmp_path, "--nodaemon", "--pidfile=", "chatd",
        "--http", "unix:door", "--line", "none", "--store", "sqlite:chat.db",
    )  # fmt: skip
    assert line.startswith(f"chatd: cannot use {store}: ")
    assert contents(store) == before
    assert not (tmp_path / "door").exists()


def test_two_servers_do_not_share_a_store(tmp_path: Path, start: Start) -> None:
    """The second does not start; the first goes on, and when it was killed another may begin."""
    first = start(TWISTD, "--nodaemon", "--pidfile=", "chatd", "--http=unix:one", "--line=none")
    first.expect("http door listening")
    doors = ["--http", "unix:two", "--line", "none"]
    (line,) = failed(tmp_path, "--nodaemon", "--pidfile=", "chatd", *doors)
    assert line == f"chatd: cannot use {tmp_path / 'chatd.sqlite'}: another server has it"
    assert not (tmp_path / "two").exists()
    health = start("curl", "-sS", "--unix-socket", "one", "http://localhost/healthz")
    assert health.wait() == 0
    first.kill()
    second = start(TWISTD, "--nodaemon", "--pidfile=", "chatd", "--http=unix:two", "--line=none")
    second.expect("http door listening")


@pytest.mark.parametrize(
    "endpoint", ["tcp:{taken}:" + HERE, "tcp:99999", "tcp:0:interface=192.0.2.1", "unix:no/door"]
)
def test_a_door_that_cannot_be_opened_ends_the_start(
    tmp_path: Path, taken: int, endpoint: str
) -> None:
    """With one line that names it, and no other door was open for a moment."""
    endpoint = endpoint.format(taken=taken)
    doors = ["--http", "unix:door", "--line", endpoint]
    (line,) = failed(tmp_path, "--nodaemon", "--pidfile=", "chatd", *doors)
    assert line.startswith("chatd: ")
    assert endpoint in line
    assert list(tmp_path.iterdir()) == []


def test_a_daemon_that_cannot_open_a_door_tells_who_started_it(tmp_path: Path, taken: int) -> None:
    """As far as twistd lets it, which cuts messages short; the whole line is the log's last, and
    nothing runs on in the background.
    """
    doors = ["--http", "unix:door", "--line", f"tcp:{taken}:{HERE}"]
    line, _ = failed(tmp_path, "chatd", *doors)
    assert f"cannot listen on tcp:{taken}" in line
    *_, last = (tmp_path / "twistd.log").read_text().splitlines()
    assert re.search(rf"chatd: cannot listen on tcp:{taken}:{HERE}: .*in use", last)
    assert not (tmp_path / "door").exists()
    assert not (tmp_path / "twistd.pid").exists()


@pytest.mark.parametrize("option", ["pidfile", "logfile"])
@pytest.mark.parametrize("place", ["nowhere/file", "file/file", "/proc/file"])
def test_a_directory_that_cannot_be_written_to_ends_the_start(
    tmp_path: Path, option: str, place: str
) -> None:
    """Before anything listens: it is not there, is no directory, or takes nothing."""
    (tmp_path / "file").touch()
    (line,) = failed(
        tmp_path, "--nodaemon", f"--{option}={place}", "chatd",
        "--http", "unix:door", "--line", "none",
    )  # fmt: skip
    assert place.split("/file")[0] in line
    assert not (tmp_path / "door").exists()


def test_none_closes_a_door(tmp_path: Path, start: Start) -> None:
    """The other one is open."""
    server = start(
        TWISTD, "--nodaemon", "--pidfile=", "chatd", "--line", "none", "--http", f"tcp:0:{HERE}"
    )
    port = int(server.expect(r"http door listening on 127\.0\.0\.1:(\d+)")[1])
    health = start("curl", "-sS", f"http://127.0.0.1:{port}/healthz")
    assert health.wait() == 0
    assert health.output == '{"status":"ok"}'
    server.signal(signal.SIGINT)
    assert server.wait() == -signal.SIGINT
    assert "line door" not in server.output


def test_a_door_may_be_opened_in_several_places(tmp_path: Path, start: Start) -> None:
    """All of them lead into one room; a Unix socket will do."""
    server = start(
        TWISTD, "--nodaemon", "--pidfile=", "chatd", "--http", "none",
        "--line", f"tcp:0:{HERE}", "--line", "unix:door",
    )  # fmt: skip
    port = server.expect(r"line door listening on 127\.0\.0\.1:(\d+)")[1]
    server.expect(r"line door listening on \S*door")
    ada = start("nc", "127.0.0.1", port)
    ada.expect("== welcome")
    bob = start("nc", "-N", "-U", "door")
    bob.type("hello\n")
    bob.end_input()
    assert bob.wait() == 0
    ada.expect(r"^<guest-0002> hello")


def test_a_daemon_writes_its_id_and_its_log(tmp_path: Path, start: Start) -> None:
    """And ends when it is told to, leaving no id behind."""
    starter = start(TWISTD, "chatd", "--http", "none", "--line", f"tcp:0:{HERE}")
    assert starter.wait() == 0
    pid = int((tmp_path / "twistd.pid").read_text())
    watched = os.pidfd_open(pid)
    try:
        log = (tmp_path / "twistd.log").read_text()
        found = re.search(r"line door listening on 127\.0\.0\.1:(\d+)", log)
        assert found
        netcat = start("nc", "127.0.0.1", found[1])
        netcat.expect("== welcome")
    finally:
        os.kill(pid, signal.SIGTERM)
        ended, _, _ = select.select([watched], [], [], PATIENCE)
        os.close(watched)
    assert ended
    netcat.end_input()
    assert netcat.wait() == 0
    assert not (tmp_path / "twistd.pid").exists()


def test_a_crash_hinders_no_start(tmp_path: Path, start: Start) -> None:
    """Killed, a server leaves its id, the path of a socket, and a port that was in use: none of
    them is in the way of the next one.
    """
    command = (TWISTD, "--nodaemon", "chatd", "--http", "unix:door", "--line")
    server = start(*command, f"tcp:0:{HERE}")
    port = server.expect(r"line door listening on 127\.0\.0\.1:(\d+)")[1]
    server.expect("http door listening on")
    start("nc", "127.0.0.1", port).expect("== welcome")
    server.kill()
    left = {path.name for path in tmp_path.iterdir()}
    assert left > {"twistd.pid", "door", "door.lock", "chatd.sqlite", "chatd.sqlite-wal"}
    server = start(*command, f"tcp:{port}:{HERE}")
    server.expect("line door listening on")
    server.expect("http door listening on")
    start("nc", "127.0.0.1", port).expect("== welcome")
    start("nc", "-U", "door").type("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert {path.name for path in tmp_path.iterdir()} == {"chatd.sqlite", "chatd.sqlite-lock"}
