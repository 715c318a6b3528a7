"""`chatd join` on a real terminal of 80 columns and 24 lines."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from select import select
from time import monotonic

import pytest

from ..kit.processes import PATIENCE, Daemon, Netcat


class PseudoTerminal:
    """A program on a terminal of its own."""

    def __init__(self, *command: str, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", **environment},
        )
        os.close(theirs)
        self.output = ""
        self._read = 0

    def expect(self, text: str) -> None:
        """Wait until this text appears after the text of the last call."""
        deadline = monotonic() + PATIENCE
        while (at := self.output.find(text, self._read)) < 0:
            ready, _, _ = select([self._ours], [], [], max(deadline - monotonic(), 0))
            assert ready, f"no {text!r}, only:\n{self.output}"
            chunk = os.read(self._ours, 65536)
            if b"\x1b[6n" in chunk:  # where is the cursor?
                self.type("\x1b[1;1R")
            self.output += chunk.decode(errors="replace")
        self._read = at + len(text)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def wait(self) -> int:
        """Wait for the end of the program, and return its exit status."""
        try:
            while os.read(self._ours, 65536):
                pass
        except OSError:
            pass  # its end of the terminal is closed
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture(params=[(), ("--plain",)], ids=["screen", "plain"])
def terminal(daemon: Daemon, request: pytest.FixtureRequest) -> Iterator[PseudoTerminal]:
    command = (sys.executable, "-m", "chatd", "join", daemon.url, "--name", "ada", *request.param)
    terminal = PseudoTerminal(*command, NO_COLOR="1")
    yield terminal
    terminal.close()


def test_people_talk_over_a_terminal(daemon: Daemon, terminal: PseudoTerminal) -> None:
    """A paste of several lines is one message; Ctrl+D leaves."""
    terminal.expect("ada>")
    bob = Netcat(daemon.line)
    bob.say("/nick bob", "zqxjk ada")
    terminal.expect("zqxjk")  # only what changes is drawn: words may be parted
    terminal.type("\x1b[200~one\ntwo\x1b[201~\r")
    bob.hear("<ada> one\r\n<ada> two\r\n")
    terminal.type("/me waves\r")
    bob.hear("* ada waves")
    terminal.type("\x04")
    assert terminal.wait() == 0
    bob.hear("-- ada left #lobby")
    bob.close()


def test_closed_terminal_ends_the_session(daemon: Daemon, terminal: PseudoTerminal) -> None:
    """The guest leaves at once, instead of after its grace."""
    terminal.expect("ada>")
    bob = Netcat(daemon.line)
    bob.say("/nick bob", "zqxjk ada")
    terminal.expect("zqxjk")  # only what changes is drawn: words may be parted
    terminal.process.send_signal(signal.SIGHUP)
    bob.hear("-- ada left #lobby")
    bob.close()
