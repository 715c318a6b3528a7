"""`python -m chatd.client`, as a process, at a server that is a process."""

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

SECONDS = 30
"""Seconds after which a test ends that should have long ended."""


OPTIONS = ("--store=memory:", "--message-rate=0")
"""Of a server that forgets what was said when it is killed."""


def hear(server: Daemon, line: str) -> None:
    """Wait until netcat would show a line, be it among the last messages."""
    with closing(Netcat(server.line)) as netcat:
        netcat.hear(f"{line}\r\n")  # a time may stand before it


def test_missing_libraries_are_reported_in_one_line() -> None:
    """And where to find one that has it."""
    command = [sys.executable, "-S", "-m", "chatd.client", "http://localhost:8080"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "treq" in line
    assert ".venv/bin/python" in line


def client(*arguments: str) -> subprocess.Popen[str]:
    """A client whose input is a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "chatd.client", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip


def run(*arguments: str, stdin: int | IO[str]) -> subprocess.CompletedProcess[str]:
    """A client from beginning to end."""
    command = [sys.executable, "-m", "chatd.client", *arguments]
    return subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=SECONDS)


def type_(process: subprocess.Popen[str], line: str) -> None:
    """A line comes in."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")


def see(process: subprocess.Popen[str], line: str) -> None:
    """Wait until it shows a line."""
    assert process.stdout is not None
    while (shown := process.stdout.readline()) != f"{line}\n":
        assert shown, f"it ended without {line!r}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A server for all."""
    server = Daemon(tmp_path_factory.mktemp("server"), *OPTIONS)
    yield server
    server.kill()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Daemon]:
    """A server for one test, which may kill it."""
    server = Daemon(tmp_path, *OPTIONS)
    yield server
    server.kill()


def test_a_pipe_is_said_and_shown(server: Daemon) -> None:
    """All of it; status 0."""
    process = client(server.url, "--name", "ci")
    shown, complaints = process.communicate("one\n/me waves\nlast", SECONDS)
    assert shown == "<ci> one\n* ci waves\n<ci> last\n"
    assert (complaints, process.returncode) == ("", 0)
    hear(server, "<ci> last")


def test_a_file_is_said_quietly(server: Daemon, tmp_path: Path) -> None:
    """A reactor cannot wait for a file, but it reads it; status 0."""
    file = tmp_path / "file"
    file.write_text("one\ntwo\n")
    with file.open() as lines:
        process = run("--quiet", "--name", "filer", server.url, stdin=lines)
    assert (process.stdout, process.stderr, process.returncode) == ("", "", 0)
    hear(server, "<filer> two")


def test_two_clients_talk(server: Daemon) -> None:
    """One says what the other shows, at once, and back."""
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


def test_a_pipe_survives_a_kill_of_the_server(mortal: Daemon) -> None:
    """What comes in meanwhile is said when it is back; the gap is shown."""
    with client(mortal.url, "--name", "ci") as process:
        type_(process, "one")
        see(process, "<ci> one")
        mortal.kill()
        type_(process, "two")
        mortal.start()
        rest, complaints = process.communicate("three\n", SECONDS)
        assert rest.splitlines()[0].startswith(">> events were missed here")
        assert [line for line in rest.splitlines() if line.startswith("<")] == [
            "<ci> two",
            "<ci> three",
        ]
        assert (complaints, process.returncode) == ("", 0)


def test_an_interrupt_leaves_the_chat(server: Daemon) -> None:
    """Status 130; the name is free at once."""
    for _ in range(2):
        with client(server.url, "--name", "ci") as process:
            type_(process, "here")
            see(process, "<ci> here")
            process.send_signal(signal.SIGINT)
            shown, complaints = process.communicate(timeout=SECONDS)
            assert (shown, complaints, process.returncode) == ("", "", 130)


@pytest.mark.parametrize(("then", "status"), [("await Deferred()", 130), ("return 0", 0)])
def test_interrupts_in_one_moment_are_one(then: str, status: int) -> None:
    """Be it that of the end: nothing complains that it is over already."""
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


def test_a_reader_that_goes_away_ends_it(server: Daemon) -> None:
    """As with any program before `head -1`."""
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
    """Without a traceback, and with a status that tells whose fault it is."""
    process = run(
        *(word.format(port=server.http, line=server.line) for word in arguments),
        stdin=subprocess.DEVNULL,
    )
    assert process.returncode == status
    assert words in process.stderr.splitlines()[-1]
    assert "Traceback" not in process.stderr
    assert process.stdout == ""


def test_an_unreachable_server_is_reported_in_one_line(mortal: Daemon) -> None:
    """After trying for a while."""
    mortal.kill()
    process = run(mortal.url, "--patience", "1", stdin=subprocess.DEVNULL)
    assert process.returncode == 1
    assert re.fullmatch(rf"!! no answer from {mortal.url}: .*refused.*\n", process.stderr)
