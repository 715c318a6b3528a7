"""A client of the line door that tests drive by hand."""

from __future__ import annotations

import re
from datetime import datetime

from chatd.codecs.timed import written
from chatd.testing import START, FakeConnection

from .server import HOST, MemoryServer

TODAY = written(datetime.fromtimestamp(START))
NOW = f"{datetime.fromtimestamp(START):%H:%M}"


def untimed(lines: list[str]) -> list[str]:
    """The lines without the time that each begins with."""
    assert all(re.match(r"\d\d:\d\d ", line) for line in lines)
    return [line[6:] for line in lines]


def greeted(server: MemoryServer, host: str = HOST) -> FakeConnection:
    """A connection to the line door whose greeting has been read."""
    wire = server.line(host)
    server.chat.settle()
    wire.received()
    return wire


class Terminal:
    """A client like telnet or netcat."""

    def __init__(self, server: MemoryServer, *typed: str, host: str = HOST) -> None:
        self.chat = server.chat
        self.wire = server.line(host)
        self.chat.settle()
        self.greeting = self.heard()
        if typed:
            self.type(*typed)

    def type(self, *lines: str) -> list[str]:
        """Send lines; returns the lines that come back."""
        self.wire.send("".join(f"{line}\r\n" for line in lines).encode())
        self.chat.settle()
        return self.heard()

    def heard(self) -> list[str]:
        """The lines that have come since the last call; each ended with CRLF."""
        *lines, rest = self.wire.received().decode().split("\r\n")
        assert rest == ""
        assert not any("\n" in line for line in lines)
        return lines
