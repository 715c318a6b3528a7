"""The input of a line connection: from bytes to text, which is then cut into lines.

Telnet's options are removed, and other protocols are recognised by their first line.
"""

from __future__ import annotations

from .opening import Opening
from .telnet import ECHO_OFF, OptionFilter


class LineInput(OptionFilter):
    """The input of one line connection."""

    __slots__ = ("_opening", "problem")

    def __init__(self) -> None:
        super().__init__()
        self._opening: Opening | None = Opening()
        self.problem = ""
        """Why the connection has to end: the client speaks another protocol, and nothing that it
        sends is a line.  Empty: there is no problem."""

    def hide(self) -> bytes:
        """The telnet command that turns a client's local echo off; `ECHO_ON` turns it on again."""
        self.offered += 1
        return ECHO_OFF

    def feed(self, data: bytes) -> bytes:
        """The text in these bytes; empty once there is a `problem`."""
        text = super().feed(data)
        if self._opening:
            if problem := self._opening.feed(text):
                self.problem = problem
            if self._opening.done:
                self._opening = None
        return b"" if self.problem else text

    def finish(self) -> None:
        """The input has ended: judge a first line without an end."""
        if self._opening and not self.problem and (problem := self._opening.finish()):
            self.problem = problem
