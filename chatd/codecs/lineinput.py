"""The input of a line connection: from bytes to text, which is then cut into lines.

Telnet's options are removed, and other protocols are recognised by their first line.
"""

from __future__ import annotations

from .opening import Opening
from .telnet import ECHO_OFF, OptionFilter


class LineInput:
    """The input of one line connection."""

    __slots__ = ("_opening", "_options", "problem")

    def __init__(self) -> None:
        self._options = OptionFilter()
        self._opening: Opening | None = Opening()
        self.problem = ""
        """Why the connection has to end: the client speaks another protocol, and nothing that it
        sends is a line.  Empty: there is no problem."""

    @property
    def telnet(self) -> bool:
        """Whether the client has sent a telnet command, or ended a line as telnet does."""
        return self._options.telnet

    @property
    def columns(self) -> int | None:
        """The width of a telnet client's window; 0: not told; None: the client offers none."""
        return self._options.columns

    def hide(self) -> bytes:
        """The telnet command that turns a client's local echo off; `ECHO_ON` turns it on again."""
        self._options.offered += 1
        return ECHO_OFF

    def feed(self, data: bytes) -> bytes:
        """The text in these bytes; empty once there is a `problem`."""
        text = self._options.feed(data)
        if self._opening:
            if problem := self._opening.feed(text):
                self.problem = problem
            if self._opening.done:
                self._opening = None
        return b"" if self.problem else text

    def answers(self) -> bytes:
        """The answers to the telnet options that have come in since the last call."""
        return self._options.answers()

    def finish(self) -> None:
        """The input has ended: judge a first line without an end."""
        if self._opening and not self.problem and (problem := self._opening.finish()):
            self.problem = problem
