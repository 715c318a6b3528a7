"""A real server in a process of its own, which can be killed and started again on its ports."""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 20.0
"""For a server to begin to listen, or to end."""


class Server:
    """`twistd chatd` on ports of its own choice, which it keeps when it is started again."""

    def __init__(self, directory: Path, store: str = "memory:") -> None:
        self._directory = directory
        self._store = store
        self._process: subprocess.Popen[bytes] | None = None
        self.line = self.http = 0

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.http}/"

    def start(self) -> None:
        """Start, and wait until it listens."""
        log = self._directory / "server.log"
        log.unlink(missing_ok=True)
        doors = [f"--line=tcp:{self.line}:interface=127.0.0.1"]
        doors += [f"--http=tcp:{self.http}:interface=127.0.0.1"]
        options = [f"--store={self._store}", "--history=2000", "--message-rate=0"]
        twistd = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
        self._process = subprocess.Popen(
            [*twistd, "--nodaemon", "--pidfile=", f"--logfile={log}", "chatd", *doors, *options],
            cwd=self._directory,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        deadline = time.monotonic() + SECONDS
        ports: dict[str, str] = {}
        while len(ports) < 2:
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.02)
            text = log.read_text() if log.exists() else ""
            ports = dict(re.findall(r"(line|http) door listening on 127\.0\.0\.1:(\d+)", text))
        self.line, self.http = int(ports["line"]), int(ports["http"])

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait(SECONDS)
            self._process = None


class Netcat:
    """Somebody at a plain socket."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._heard = b""

    def say(self, line: str) -> None:
        """Type a line."""
        self._socket.sendall(line.encode() + b"\r\n")

    def hear(self, text: str) -> None:
        """Wait until it was heard."""
        while text.encode() not in self._heard:
            received = self._socket.recv(65536)
            assert received, self._heard.decode()
            self._heard += received

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
