"""What a client of the line door sees: bytes as they are, and more for telnet clients.

1. Lines are wrapped for telnet clients that tell the size of their window, and for no other.
2. Only telnet clients get heartbeats and are asked to hide a password: others would display it.
"""

from __future__ import annotations

from twisted.internet.interfaces import ISSLTransport

from ...codecs.telnet import ECHO_ON, NO_OPERATION
from ...codecs.wrapping import wrapped
from ...model.addresses import Address, is_own_machine
from ...net.flow import TcpConnection
from .door import LineDoor


class TerminalConnection(TcpConnection):
    """The output of one connection of the line door."""

    # Class attributes: a connection that is only read from stores no values of its own.
    beat_part = -1
    """See `chatd.net.heartbeat.Beating`."""
    _gone = False
    """Whether the client has disconnected."""

    def __init__(self, door: LineDoor, address: Address) -> None:
        super().__init__(door.peers)
        self._door = door
        self._address = address
        self._input = door.silent_input

    def send(self, data: bytes) -> None:
        """See `Wire.send`.  Lines are wrapped if a telnet client has told its window's width."""
        columns = self._input.columns
        self._write(wrapped(data, columns) if columns else data)

    def _write(self, data: bytes) -> None:
        """Write bytes as they are: lines that fit, or commands of telnet."""
        if data and not self._gone:
            self.transport.write(data)

    def _negotiate(self) -> bool:
        """Answer a telnet client's options, and send it heartbeats from now on.  Returns whether it
        has just been answered, and its lines are wrapped.
        """
        if self.beat_part < 0:
            self._door.heartbeat.add(self)
        answers = self._input.answers()
        self._write(answers)
        return bool(answers) and self._input.columns is not None

    def beat(self) -> None:
        """Send a heartbeat (telnet's NOP)."""
        if not (self.full or self.is_closing):
            self._write(NO_OPERATION)

    @property
    def private(self) -> bool:
        """See `Wire.private`."""
        return ISSLTransport.providedBy(self.transport) or is_own_machine(self._address)

    def ask(self, prompt: bytes) -> bool:
        """See `Wire.ask`."""
        if self._input.telnet:
            self._write(prompt + self._input.hide())
        return self._input.telnet

    def show(self) -> None:
        """See `Wire.show`.  A line end follows, because the client did not echo the user's."""
        self._write(ECHO_ON + b"\r\n")
