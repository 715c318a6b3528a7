"""What a client of any door can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ..server import MemoryServer
from .seen import Seen


class Client(ABC):
    """Somebody at one door, reading and speaking in the lobby.

    What is asked (`enter`, `say`, …) is settled at once and answers what the door refuses it with,
    or None; `ask` and `answer` are the two halves of `say`, for tests that look in between.
    """

    door: ClassVar[str]
    many_lines: ClassVar[bool] = True
    """Whether one text may hold line breaks."""
    pushes: ClassVar[bool] = True
    """Whether events come without being asked for."""
    put_out: str | None = None
    """With which code the server has ended its reading."""

    def __init__(self, server: MemoryServer, *, chop: int = 0) -> None:
        """Come in, without a name; send packets of `chop` bytes (0: as they are)."""
        self.chat = server.chat
        self.server = server
        self.chop = chop
        self.name = ""
        self.come_back()

    def enter(self, name: str) -> str | None:
        """Take a name, or another one."""
        refusal = self._enter(name)
        if refusal is None:
            self.name = name
        return refusal

    def say(self, text: str) -> str | None:
        """Say something."""
        self.ask(text)
        self.chat.settle()
        return self.answer()

    @abstractmethod
    def ask(self, text: str) -> None:
        """Send what is to be said, and wait for nothing."""

    @abstractmethod
    def answered(self) -> bool:
        """Whether what was asked was acknowledged or refused."""

    @abstractmethod
    def answer(self) -> str | None:
        """What was refused since the last call, if anything was."""

    @abstractmethod
    def act(self, text: str) -> str | None:
        """Do something."""

    @abstractmethod
    def set_topic(self, text: str) -> str | None:
        """Set the topic."""

    @abstractmethod
    def read(self) -> list[Seen]:
        """What was seen since the last call."""

    @abstractmethod
    def stall(self) -> None:
        """Stop reading, so that everything on the way fills up."""

    @abstractmethod
    def unstall(self) -> None:
        """Read again."""

    @abstractmethod
    def go_away(self) -> None:
        """Lose the connection."""

    @abstractmethod
    def come_back(self) -> None:
        """Connect (again), under the same name, to go on reading where one stood."""

    @abstractmethod
    def leave(self) -> None:
        """Leave for good."""

    @abstractmethod
    def _enter(self, name: str) -> str | None:
        """See `enter`."""
