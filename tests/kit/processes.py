"""Real processes, whose output tests wait for, and which are always ended."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic

TWISTD = str(Path(sys.executable).with_name("twistd"))
PATIENCE = 60.0
"""Seconds after which a test stops waiting."""
HERE = "interface=127.0.0.1"


class Program:
    """A process whose output is read as it comes."""

    def __init__(self, *command: str, cwd: Path | None = None, files: Sequence[int] = ()) -> None:
        """`files` are further descriptors that it inherits."""
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            pass_fds=files,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        self.pid = self._process.pid
        self.output = ""
        """The output so far, as far as tests have waited for it."""
        self._read = 0
        self._chunks: Queue[bytes] = Queue()
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait for output that matches the pattern, after the last match."""
        deadline = monotonic() + PATIENCE
        while not (found := re.compile(pattern, re.M).search(self.output, self._read)):
            self._take(deadline, f"{pattern!r}")
        self._read = found.end()
        return found

    def type(self, text: str) -> None:
        """Write to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())

    def end_input(self) -> None:
        """Close its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit status; afterwards `output` is complete."""
        status = self._process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        while not self._chunks.empty():
            self.output += self._chunks.get().decode()
        return status

    def kill(self) -> None:
        """Kill the process, and release everything of it."""
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        while chunk := self._process.stdout.read(65536):
            self._chunks.put(chunk)
        self._chunks.put(b"")

    def _take(self, deadline: float, wanted: str) -> None:
        try:
            chunk = self._chunks.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            raise AssertionError(f"no {wanted} in time, only:\n{self.output}") from None
        if not chunk:
            self._chunks.put(b"")
            raise AssertionError(f"it ended without {wanted}:\n{self.output}")
        self.output += chunk.decode()


class Daemon(Program):
    """`twistd chatd` in the foreground, on ports that the system chooses, and that it keeps when it
    is started again.
    """

    def __init__(self, directory: Path, *options: str, prefix: tuple[str, ...] = ()) -> None:
        """`prefix` stands before its command, such as a program that runs it."""
        self._directory = directory
        self._options = options
        self._prefix = prefix
        self.line = self.http = self.irc = 0
        self.start()

    @property
    def url(self) -> str:
        """The URL of its HTTP door."""
        return f"http://127.0.0.1:{self.http}"

    def start(self) -> None:
        """Start, and wait until the doors listen."""
        ports = {"line": self.line, "http": self.http, "irc": self.irc}
        doors = [
            word for door, port in ports.items() for word in (f"--{door}", f"tcp:{port}:{HERE}")
        ]
        twistd = (*self._prefix, TWISTD, "--nodaemon", "--pidfile=")
        super().__init__(*twistd, "chatd", *doors, *self._options, cwd=self._directory)
        self.line = int(self.expect(r"line door listening on 127\.0\.0\.1:(\d+)")[1])
        self.http = int(self.expect(r"http door listening on 127\.0\.0\.1:(\d+)")[1])
        self.irc = int(self.expect(r"irc door listening on 127\.0\.0\.1:(\d+)")[1])

    def files(self) -> int:
        """How many files it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


class Netcat:
    """A client with a plain socket."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._heard = b""

    def say(self, *lines: str) -> None:
        """Send lines."""
        self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hear(self, text: str) -> None:
        """Wait for this text, after the one of the last call."""
        wanted = text.encode()
        while wanted not in self._heard:
            received = self._socket.recv(65536)
            assert received, self._heard.decode()
            self._heard += received
        self._heard = self._heard.split(wanted, 1)[1]

    def hears(self, text: str, seconds: float) -> bool:
        """Whether this text arrives within so many seconds; see `hear`."""
        self._socket.settimeout(seconds)
        try:
            self.hear(text)
        except TimeoutError:
            return False
        finally:
            self._socket.settimeout(PATIENCE)
        return True

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
