"""Servers as the benchmark uses them: start, ports, requests, stop."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from .load import Reading, Saying

PATIENCE = 20.0
"""Seconds in which a server has to listen, and seconds in which it has to end."""
DOORS = ("line", "poll", "sse", "websocket")
PORT = r"port (\d+)$"
"""The line in which the servers in `peers/` print their port."""


class LeftOut(Exception):
    """A server cannot be measured on this machine; the message says why."""


@dataclass(frozen=True)
class Running:
    """A running server, and how to use its doors."""

    pid: int
    """The process whose CPU time and memory count."""
    readings: Mapping[str, Reading]
    """By door."""
    sayings: Mapping[str, Saying]
    """By door: how messages are sent while that door is measured."""


class Server(Protocol):
    """A server that can be measured."""

    @property
    def name(self) -> str:
        """Its name in the tables."""

    @property
    def doors(self) -> Sequence[str]:
        """The doors that it has, of `DOORS`."""

    def version(self) -> str:
        """The exact software and version.  Raises `LeftOut` if it is not installed."""

    def running(self, home: Path) -> AbstractContextManager[Running]:
        """A context in which the server runs, in an empty directory.  Raises `LeftOut`."""


class SecureServer(Server, Protocol):
    """A server that can also be measured over TLS."""

    def running_tls(self, home: Path) -> AbstractContextManager[tuple[Running, Running]]:
        """One server, given twice: with its plain doors, and with its doors over TLS 1.3.

        Messages are sent over the plain door in both cases: only reading is compared.  Raises
        `LeftOut`.
        """


def over_tls(plain: Running, secure: Running) -> Running:
    """A server's doors over TLS, at the ports of `secure`."""
    readings = {door: replace(one, tls=True) for door, one in secure.readings.items()}
    return Running(plain.pid, readings, plain.sayings)


@contextmanager
def process(
    command: Sequence[object], home: Path, listening: str = "", ports: int = 0
) -> Iterator[tuple[int, list[int]]]:
    """A process and the ports that it has printed.  Raises `LeftOut` if the process ends before."""
    output = home / "output"
    with output.open("wb") as file:
        running = subprocess.Popen(
            [str(word) for word in command],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while len(told := told_ports(output.read_text(), listening)) < ports:
            if running.poll() is not None or time.monotonic() > deadline:
                raise LeftOut(last_word(output.read_text()) or "it did not start")
            time.sleep(0.02)
        yield running.pid, told
    finally:
        running.terminate()
        try:
            running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def told_ports(output: str, listening: str) -> list[int]:
    """The ports in a server's output, in their order; `listening` is a pattern with one group."""
    return [int(port) for port in re.findall(listening, output, re.MULTILINE)] if listening else []


def last_word(output: str) -> str:
    """The last line of an output that is not blank."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def told(*command: str) -> str:
    """The last line of the output of a command that prints a version.  Raises `LeftOut`."""
    with contextlib.suppress(OSError):
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return last_word(done.stdout) or last_word(done.stderr)
    raise LeftOut(f"no {command[0]}")


def request(target: str, *headers: str, after_cursor: bool = False) -> tuple[bytes, bytes]:
    """A GET request; with `after_cursor`, in two parts, between which the cursor goes."""
    end = "".join(f"{line}\r\n" for line in ("Host: localhost", *headers)) + "\r\n"
    first, second = f"GET {target}", f" HTTP/1.1\r\n{end}"
    return (first.encode(), second.encode()) if after_cursor else ((first + second).encode(), b"")


def poll(port: int, target: str, mark: str, cursor: str) -> Reading:
    """A long-poll whose target ends with the cursor."""
    return Reading(port, *request(target, after_cursor=True), mark.encode(), cursor.encode())


def stream(port: int, target: str) -> Reading:
    """Server-sent events."""
    return Reading(port, *request(target, "Accept: text/event-stream"))


def websocket(port: int, target: str) -> Reading:
    """A WebSocket; deliveries are counted in its bytes, however they are framed."""
    return Reading(port, upgrade(target))


def upgrade(target: str) -> bytes:
    """The opening handshake (RFC 6455, section 4.1) with the nonce of its section 1.3."""
    return request(
        target,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )[0]


def websocket_saying(port: int, target: str, size: int, before: str, after: str) -> Saying:
    """Messages in text frames, masked with zeros (RFC 6455, section 5.2)."""
    length = len(before) + size + len(after)
    if length > 0xFFFF:
        raise LeftOut("messages that long are not said in WebSocket frames here")
    head = bytes([0x81, 0x80 | length]) if length < 126 else b"\x81\xfe%b" % length.to_bytes(2)
    return Saying(port, head + bytes(4) + before.encode(), after.encode(), upgrade(target))


def post(port: int, target: str, size: int) -> Saying:
    """Messages as POST requests with a plain body, on one connection."""
    head = (
        f"POST {target} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
    )
    return Saying(port, head.encode(), b"", posts=True)
