"""Starting a server: ports, options, daemons, and startup errors."""

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
def port_in_use() -> Iterator[int]:
    """A port that another socket listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def failed(directory: Path, *arguments: str) -> list[str]:
    """Start twistd with arguments that cannot work; return the lines on its standard error.

    Waits until all its processes have ended, because a daemon logs its last line after it has
    reported the error.
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
    assert all_ended, "a process is still running"
    assert ended.returncode != 0
    assert "Traceback" not in ended.stdout + ended.stderr
    return ended.stderr.splitlines()


@pytest.mark.parametrize(
    ("options", "expected"),
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
def test_an_invalid_option_ends_startup_with_a_one_line_error(
    tmp_path: Path, options: list[str], expected: str
) -> None:
    """Before any port is opened; no file is left behind."""
    doors = ["--http", "unix:door"]
    (line,) = failed(tmp_path, "--nodaemon", "--pidfile=", "chatd", *doors, *options)
    assert line.startswith("chatd: ")
    assert expected in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoil", UNUSABLE, ids=lambda spoil: spoil.__name__)
def test_an_unusable_store_ends_startup_with_a_one_line_error(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """The file is not changed, and no port is opened."""
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


def test_a_second_server_on_the_same_store_does_not_start(tmp_path: Path, start: Start) -> None:
    """The first one continues; when it was killed, another may start."""
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
    "endpoint",
    ["tcp:{port_in_use}:" + HERE, "tcp:99999", "tcp:0:interface=192.0.2.1", "unix:no/door"],
)
def test_a_door_that_cannot_be_opened_ends_startup(
    tmp_path: Path, port_in_use: int, endpoint: str
) -> None:
    """With a one-line error that names it; no other door was open even for a moment."""
    endpoint = endpoint.format(port_in_use=port_in_use)
    doors = ["--http", "unix:door", "--line", endpoint]
    (line,) = failed(tmp_path, "--nodaemon", "--pidfile=", "chatd", *doors)
    assert line.startswith("chatd: ")
    assert endpoint in line
    assert list(tmp_path.iterdir()) == []


def test_a_daemon_reports_a_door_that_cannot_be_opened_to_its_starter(
    tmp_path: Path, port_in_use: int
) -> None:
    """twistd cuts the message short; the whole line is the last one of the log, and no process
    stays in the background.
    """
    doors = ["--http", "unix:door", "--line", f"tcp:{port_in_use}:{HERE}"]
    line, _ = failed(tmp_path, "chatd", *doors)
    assert f"cannot listen on tcp:{port_in_use}" in line
    *_, last = (tmp_path / "twistd.log").read_text().splitlines()
    assert re.search(rf"chatd: cannot listen on tcp:{port_in_use}:{HERE}: .*in use", last)
    assert not (tmp_path / "door").exists()
    assert not (tmp_path / "twistd.pid").exists()


@pytest.mark.parametrize("option", ["pidfile", "logfile"])
@pytest.mark.parametrize("place", ["nowhere/file", "file/file", "/proc/file"])
def test_an_unwritable_pid_or_log_file_ends_startup(
    tmp_path: Path, option: str, place: str
) -> None:
    """Before any port is opened: the directory is missing, is no directory, or is read-only."""
    (tmp_path / "file").touch()
    (line,) = failed(
        tmp_path, "--nodaemon", f"--{option}={place}", "chatd",
        "--http", "unix:door", "--line", "none",
    )  # fmt: skip
    assert place.split("/file")[0] in line
    assert not (tmp_path / "door").exists()


def test_none_closes_a_door(tmp_path: Path, start: Start) -> None:
    """The other door is open."""
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


def test_a_door_may_listen_on_several_endpoints(tmp_path: Path, start: Start) -> None:
    """All lead into the same rooms; one is a UNIX socket."""
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


def test_a_daemon_writes_a_pid_file_and_a_log(tmp_path: Path, start: Start) -> None:
    """SIGTERM ends it and removes the pid file."""
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


def test_leftovers_of_a_killed_server_do_not_prevent_a_start(tmp_path: Path, start: Start) -> None:
    """A pid file, the path of a UNIX socket, and a port that was in use."""
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
