"""A client of the line door."""

from __future__ import annotations

import re

from ..packets import packets
from ..server import MemoryServer
from .base import Client
from .seen import Seen, seen_in_lines


class LineClient(Client):
    """A client like telnet or netcat."""

    door = "line"
    many_lines = False
    _place: str | None = None
    _unanswered = 0

    def __init__(self, server: MemoryServer, *, name: str = "", chop: int = 0) -> None:
        self._rest = b""
        self._lines: list[str] = []
        self._refusals: list[str] = []
        super().__init__(server, name=name, chop=chop)

    def reconnect(self) -> None:
        self._wire = self.server.line()
        if self._place is not None:
            self._command(f"/since {self._place}")
            self.chat.settle()
        if self.name:
            self.enter(self.name)

    def disconnect(self) -> None:
        self._receive()
        kept, self._lines = self._lines, []
        self._command("/since 0")
        self.chat.settle()
        self._receive()
        (self._place,) = re.findall(r"^== that is all; /since (\d+) ", "\n".join(self._lines), re.M)
        self._lines = kept
        self._wire.hang_up()

    def leave(self) -> None:
        self._command("/quit")
        assert self._wire.lost
        self.chat.settle()

    def ask(self, text: str) -> None:
        self._unanswered += 1
        self._command(f"/{text}" if text.startswith("/") else text)

    def answered(self) -> bool:
        return self._unanswered == sum(
            line.startswith((f"<{self.name}> ", "!! ")) for line in self._receive()
        )

    def answer(self) -> str | None:
        self._receive()
        self._unanswered = 0
        refusals, self._refusals = self._refusals, []
        return "; ".join(refusals) or None

    def act(self, text: str) -> str | None:
        return self._settled(f"/me {text}")

    def set_topic(self, text: str) -> str | None:
        return self._settled(f"/topic {text or '-'}")

    def read(self) -> list[Seen]:
        lines, self._lines = self._receive(), []
        return list(seen_in_lines(lines))

    def stall(self) -> None:
        self._wire.fill()

    def resume(self) -> None:
        if not self._wire.lost:
            self._wire.drain()
        self.chat.settle()

    def _enter(self, name: str) -> str | None:
        return self._settled(f"/nick {name}")

    def _settled(self, line: str) -> str | None:
        self._command(line)
        self.chat.settle()
        return self.answer()

    def _command(self, line: str) -> None:
        self._wire.send(*packets(f"{line}\r\n".encode(), self.chop))

    def _receive(self) -> list[str]:
        """All lines that have come and are not read yet."""
        *lines, self._rest = (self._rest + self._wire.received()).split(b"\r\n")
        fresh = [line.decode() for line in lines]
        self._lines += fresh
        self._refusals += [line[3:] for line in fresh if line.startswith("!! ")]
        return self._lines
