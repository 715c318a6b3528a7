"""What a client of any door can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ..server import MemoryServer
from .seen import EVERYTHING, Seen


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
    tells: ClassVar[frozenset[str]] = EVERYTHING
    """The kinds of events that its protocol has a form for."""
    commands: ClassVar[bool] = True
    """Whether its protocol has commands beside `say`: actions, topics, other names, goodbyes."""
    confirms: ClassVar[bool] = True
    """Whether the client says what it has received, so that events lost on the way come again."""
    owns_name: ClassVar[bool] = True
    """Whether a name belongs to one client; else a client that uses the same name shares it."""
    announces: ClassVar[int] = 0
    """1 if its going and its coming back are an event in the room each, else 0."""
    put_out: str | None = None
    """With which code the server has ended its reading."""

    def __init__(self, server: MemoryServer, *, name: str = "", chop: int = 0) -> None:
        """Come in, under a name if there is one; send packets of `chop` bytes (0: as they are)."""
        self.chat = server.chat
        self.server = server
        self.chop = chop
        self.name = ""
        self.come_back()
        if name:
            assert self.enter(name) is None

    @classmethod
    def told(cls, *events: Seen) -> list[Seen]:
        """Those of the events that this door tells."""
        return [event for event in events if event[0] in cls.tells]

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
