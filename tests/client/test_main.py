"""`python -m chatd.client` as a process, with a server process."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest

from ..kit.processes import Daemon, Netcat

SECONDS = 60
"""Timeout of a process, in seconds."""


OPTIONS = ("--store=memory:", "--message-rate=0")
"""Options of a server that keeps nothing when it is killed."""


def hear(server: Daemon, line: str) -> None:
    """Wait until a netcat client is shown a line, live or replayed."""
    with closing(Netcat(server.line)) as netcat:
        netcat.hear(f"{line}\r\n")  # the time may precede the line


def test_missing_libraries_are_reported_in_one_line() -> None:
    """The line names the Python that has them."""
    command = [sys.executable, "-S", "-m", "chatd.client", "http://localhost:8080"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "treq" in line
    assert ".venv/bin/python" in line


def client(*arguments: str) -> subprocess.Popen[str]:
    """Start a client whose input is a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "chatd.client", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip


def run(*arguments: str, stdin: int | IO[str]) -> subprocess.CompletedProcess[str]:
    """Run a client to its end."""
    command = [sys.executable, "-m", "chatd.client", *arguments]
    return subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=SECONDS)


def type_(process: subprocess.Popen[str], line: str) -> None:
    """Write a line to a client's input."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")


def see(process: subprocess.Popen[str], line: str) -> None:
    """Wait until a client shows a line."""
    assert process.stdout is not None
    while (shown := process.stdout.readline()) != f"{line}\n":
        assert shown, f"it ended without {line!r}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A server shared by the tests of this module."""
    server = Daemon(tmp_path_factory.mktemp("server"), *OPTIONS)
    yield server
    server.kill()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Daemon]:
    """A server for one test, which may kill it."""
    server = Daemon(tmp_path, *OPTIONS)
    yield server
    server.kill()


def test_lines_from_a_pipe_are_sent_and_shown(server: Daemon) -> None:
    """Exit status 0."""
    process = client(server.url, "--name", "ci")
    shown, complaints = process.communicate("one\n/me waves\nlast", SECONDS)
    assert shown == "<ci> one\n* ci waves\n<ci> last\n"
    assert (complaints, process.returncode) == ("", 0)
    hear(server, "<ci> last")


def test_lines_from_a_file_are_sent_and_not_shown_if_quiet(server: Daemon, tmp_path: Path) -> None:
    """Although the reactor cannot poll a file; exit status 0."""
    file = tmp_path / "file"
    file.write_text("one\ntwo\n")
    with file.open() as lines:
        process = run("--quiet", "--name", "filer", server.url, stdin=lines)
    assert (process.stdout, process.stderr, process.returncode) == ("", "", 0)
    hear(server, "<filer> two")


def test_two_clients_talk(server: Daemon) -> None:
    """Each shows the other's messages."""
    with client(server.url, "--name", "ada") as ada, client(server.url, "--name", "bob") as bob:
        type_(ada, "hello?")
        see(ada, "<ada> hello?")
        type_(bob, "hello!")
        for process in (ada, bob):
            see(process, "<bob> hello!")
        type_(ada, "/quit")
        see(bob, "-- ada left #lobby")
        assert ada.wait(SECONDS) == 0
        assert bob.communicate(timeout=SECONDS) == ("", "")
        assert bob.returncode == 0


def test_a_pipe_survives_a_kill_of_the_server(own_server: Daemon) -> None:
    """Lines of the meantime are sent when it is back; the gap is shown."""
    with client(own_server.url, "--name", "ci") as process:
        type_(process, "one")
        see(process, "<ci> one")
        own_server.kill()
        type_(process, "two")
        own_server.start()
        rest, complaints = process.communicate("three\n", SECONDS)
        assert rest.splitlines()[0].startswith(">> events were missed here")
        assert [line for line in rest.splitlines() if line.startswith("<")] == [
            "<ci> two",
            "<ci> three",
        ]
        assert (complaints, process.returncode) == ("", 0)


def test_an_interrupt_leaves_the_chat(server: Daemon) -> None:
    """Exit status 130, and the name is free at once."""
    for _ in range(2):
        with client(server.url, "--name", "ci") as process:
            type_(process, "here")
            see(process, "<ci> here")
            process.send_signal(signal.SIGINT)
            shown, complaints = process.communicate(timeout=SECONDS)
            assert (shown, complaints, process.returncode) == ("", "", 130)


@pytest.mark.parametrize(("then", "status"), [("await Deferred()", 130), ("return 0", 0)])
def test_two_interrupts_at_once_count_as_one(then: str, status: int) -> None:
    """Also at the moment of the exit, without an error message."""
    program = f"""
import os, signal, sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from chatd.client.__main__ import run

async def work():
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
    {then}

sys.exit(run(reactor, work))
"""
    command = [sys.executable, "-c", program]
    process = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert (process.stderr, process.returncode) == ("", status)


def test_a_closed_output_pipe_ends_the_client(server: Daemon) -> None:
    """As in `client | head -1`: exit status 141."""
    with client(server.url, "--name", "ci") as process:
        assert process.stdout is not None
        type_(process, "one")
        see(process, "<ci> one")
        process.stdout.close()
        type_(process, "two")
        assert process.wait(SECONDS) == 141
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "required: URL"),
        (["foo"], 2, "'foo' is no server's URL"),
        (["http://127.0.0.1:{port}", "--patience", "x"], 2, "--patience"),
        (["http://127.0.0.1:{port}", "--name", "a b"], 1, "that is no name"),
        (["http://127.0.0.1:{port}", "--room", "a b"], 1, "that is no room's name"),
        (["http://127.0.0.1:{port}/below"], 1, "there is nothing at this address"),
        (["http://127.0.0.1:{line}", "--patience", "0"], 1, "no answer from"),
        (["http://nowhere.invalid", "--patience", "0"], 1, "no answer from"),
    ],
)
def test_a_wrong_argument_is_reported_in_one_line(
    server: Daemon, arguments: list[str], status: int, words: str
) -> None:
    """Without a traceback; the exit status is 2 for usage errors and 1 for refusals."""
    process = run(
        *(word.format(port=server.http, line=server.line) for word in arguments),
        stdin=subprocess.DEVNULL,
    )
    assert process.returncode == status
    assert words in process.stderr.splitlines()[-1]
    assert "Traceback" not in process.stderr
    assert process.stdout == ""


def test_an_unreachable_server_is_reported_in_one_line(own_server: Daemon) -> None:
    """After the client's patience."""
    own_server.kill()
    process = run(own_server.url, "--patience", "1", stdin=subprocess.DEVNULL)
    assert process.returncode == 1
    assert re.fullmatch(rf"!! no answer from {own_server.url}: .*refused.*\n", process.stderr)
