"""The methods of a client of any door."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ..server import MemoryServer
from .seen import EVERYTHING, Seen


class Client(ABC):
    """A client of one door that reads and speaks in the lobby.

    Its commands (`enter`, `say`, …) wait for the answer, and return the door's error, or None if
    the door accepted them; `ask` and `answer` are the two halves of `say`, for tests that check
    what happens in between.
    """

    door: ClassVar[str]
    many_lines: ClassVar[bool] = True
    """Whether one text may hold line breaks."""
    pushes: ClassVar[bool] = True
    """Whether the door sends events without further requests."""
    kinds: ClassVar[frozenset[str]] = EVERYTHING
    """The kinds of events that its protocol has a form for."""
    commands: ClassVar[bool] = True
    """Whether its protocol has more commands than `say`: actions, topics, renames, leaves."""
    confirms: ClassVar[bool] = True
    """Whether the client says which events it has received, so that lost ones are sent again."""
    owns_name: ClassVar[bool] = True
    """Whether a name belongs to one client; otherwise clients with the same name share it."""
    announces: ClassVar[int] = 0
    """1 if its leaving and its coming back are an event in the room each, else 0."""
    end_code: str | None = None
    """The error code with which the server has ended its reading."""

    def __init__(self, server: MemoryServer, *, name: str = "", chop: int = 0) -> None:
        """Connect, and take a name if one is given; send packets of `chop` bytes (0: uncut)."""
        self.chat = server.chat
        self.server = server
        self.chop = chop
        self.name = ""
        self.reconnect()
        if name:
            assert self.enter(name) is None

    @classmethod
    def visible(cls, *events: Seen) -> list[Seen]:
        """Those of the events that this door shows."""
        return [event for event in events if event[0] in cls.kinds]

    def enter(self, name: str) -> str | None:
        """Take a name, the first or another one."""
        refusal = self._enter(name)
        if refusal is None:
            self.name = name
        return refusal

    def say(self, text: str) -> str | None:
        """Send a message."""
        self.ask(text)
        self.chat.settle()
        return self.answer()

    @abstractmethod
    def ask(self, text: str) -> None:
        """Send a message without waiting for the answer."""

    @abstractmethod
    def answered(self) -> bool:
        """Whether the message was acknowledged or refused."""

    @abstractmethod
    def answer(self) -> str | None:
        """The errors since the last call, or None."""

    @abstractmethod
    def act(self, text: str) -> str | None:
        """Send an action."""

    @abstractmethod
    def set_topic(self, text: str) -> str | None:
        """Set the topic."""

    @abstractmethod
    def read(self) -> list[Seen]:
        """The events since the last call."""

    @abstractmethod
    def stall(self) -> None:
        """Stop reading, so that all buffers fill up."""

    @abstractmethod
    def resume(self) -> None:
        """Read again."""

    @abstractmethod
    def disconnect(self) -> None:
        """Lose the connection."""

    @abstractmethod
    def reconnect(self) -> None:
        """Connect (again) under the same name, and resume at the cursor."""

    @abstractmethod
    def leave(self) -> None:
        """End the session."""

    @abstractmethod
    def _enter(self, name: str) -> str | None:
        """See `enter`."""
