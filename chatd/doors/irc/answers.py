"""The answers to the messages of one client, written in the order of the messages.

Several messages of a client may be under way at a time.  Most are answered by their echo, which is
an event.  Some are answered by lines of the server: a refusal, an `ACK`, the away message of the
receiver.

1. Such an answer waits until all earlier messages of the client have been answered, and comes
   behind their echoes.  Until then the client's later lines wait, too.
2. It is written in a later turn of the reactor than the one in which the events are shown.  In that
   turn other messages may not have hidden or labelled their echoes yet, so the reader must not be
   woken.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Message(Protocol):
    """A message that was accepted."""

    @property
    def unwritten(self) -> bool:
        """Whether its answer has lines that have not been written."""

    def write_answer(self) -> None:
        """Write these lines."""


class Sender(Protocol):
    """The client that sends the messages."""

    unanswered: int
    changing: int

    def catch_up_with_events(self) -> None:
        """Write the events that have been shown."""

    def go_on(self) -> None:
        """Carry out the lines that have waited."""


class Answers:
    """The messages of one client that are not answered yet.  Methods get the client as an argument,
    because a reference to it would be a cycle.
    """

    __slots__ = ("_clock", "_due", "_open")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._open: dict[Message, bool] = {}
        """The messages in the order in which they came; True: the outcome is known."""
        self._due: IDelayedCall | None = None

    def begin(self, message: Message) -> None:
        """A message was accepted."""
        self._open.setdefault(message, False)

    def known(self, message: Message, sender: Sender) -> None:
        """The outcome of a message is known."""
        if message.unwritten:
            self._open[message] = True
            sender.unanswered += 1
            sender.changing += 1
        else:
            del self._open[message]
        if self._due is None and self._first() is not None:
            self._due = self._clock.callLater(0, self._write, sender)

    def _first(self) -> Message | None:
        """The oldest message, if its answer may be written."""
        for message, known in self._open.items():
            return message if known else None
        return None

    def _write(self, sender: Sender) -> None:
        self._due = None
        sender.catch_up_with_events()
        while (message := self._first()) is not None:
            del self._open[message]
            message.write_answer()
            sender.unanswered -= 1
            sender.changing -= 1
        sender.go_on()
