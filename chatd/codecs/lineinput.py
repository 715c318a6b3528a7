"""What a line client sends, from bytes to lines.

Telnet's options are taken out, and another protocol is recognised by its first line.
"""

from __future__ import annotations

from .lines import LineDecoder
from .opening import Opening
from .telnet import OptionFilter


class LineInput:
    """The input of one line connection."""

    __slots__ = ("_decoder", "_opening", "_options", "problem")

    def __init__(self, limit: int) -> None:
        """`limit` is how many bytes a line may have."""
        self._options = OptionFilter()
        self._opening: Opening | None = Opening()
        self._decoder = LineDecoder(limit)
        self.problem = ""
        """Why the connection has to end: the client speaks another protocol.  Then nothing of what
        it sends is a line."""

    @property
    def telnet(self) -> bool:
        """Whether the client has sent a telnet command, or ended a line as telnet does."""
        return self._options.telnet

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that these bytes complete; None stands for one that was too long."""
        text = self._options.feed(data)
        if self._opening:
            if problem := self._opening.feed(text):
                self.problem = problem
            if self._opening.done:
                self._opening = None
        return [] if self.problem else self._decoder.feed(text)

    def answers(self) -> bytes:
        """What the telnet options that came are answered with."""
        return self._options.answers()

    def finish(self) -> list[bytes | None]:
        """The line that the end of the input completes, if there is one."""
        if self._opening and not self.problem and (problem := self._opening.finish()):
            self.problem = problem
        return [] if self.problem else self._decoder.finish()
