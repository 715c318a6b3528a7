"""Links of the IRC door: lines in at the pace that the limits allow, bytes out, liveness, the end.

1. A connection is one client with one reader.  The client ends when its lines are carried out and
   the connection is lost.
2. Lines are carried out in order.  While the client does not read, or exceeds its rate limit, no
   line is carried out and further input stays in TCP's buffers (`chatd.doors.linequeue`).
3. If the client half-closes, what it said is stored before the connection is closed.  Lines that
   were received are carried out even if the client has disconnected meanwhile, for
   `AFTERWARDS_SECONDS` at most.
4. A client that sends nothing for `PING_SECONDS` gets a PING; after `SILENT_SECONDS` its connection
   ends.  So does that of a client that has not registered by then, whatever it sends.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall

from ...codecs.irc.message import MAX_INPUT
from ...model.addresses import Address
from ...model.errors import ChatError
from ...net.flow import FlowControlled
from ...net.peers import GOING_DOWN
from ...stream.subscriber import Subscriber
from ..linequeue import LineQueue
from .door import IrcDoor
from .shell import IrcShell

PING_SECONDS = 90.0
"""Seconds of silence after which the server sends a client a PING."""
SILENT_SECONDS = 150.0
"""Seconds of silence after which the connection ends."""
AFTERWARDS_SECONDS = 60.0
"""Seconds for which the lines of a closed connection are carried out."""


def refusal(error: ChatError) -> bytes:
    """The line that tells a client that it is slowed down."""
    return f"NOTICE * :{error.message}\r\n".encode()


class IrcLink(FlowControlled):
    """A connection of the IRC door, whatever its transport: lines, pace, liveness."""

    client: IrcShell | None = None
    """None before the connection is established, and after the client has ended."""
    gone = False
    """Whether the connection is lost."""
    finishing = False
    """Whether the server closes the connection."""
    ending = False
    """Whether no more input comes."""
    due: float | None = None
    filed = 0
    _leaving = False
    """Whether the server goes down."""
    _opened = 0.0
    _seen = 0.0
    _asked = False
    _afterwards: IDelayedCall | None = None

    def begin_link(self, door: IrcDoor, address: Address, *, secure: bool) -> None:
        """Part of the constructor.  `secure`: passwords may be sent over the connection."""
        self.door = door
        self.address = address
        self.secure = secure
        self.queue = LineQueue(door.service.clock, MAX_INPUT, refusal)

    # -- for subclasses --------------------------------------------------------------------------

    def transmit(self, data: bytes) -> None:
        """Send lines with their ends."""
        raise NotImplementedError

    @property
    def encrypted(self) -> bool:
        """See `Link.encrypted`."""
        raise NotImplementedError

    def begin_reading(self, subscriber: Subscriber) -> None:
        """Start a subscriber."""
        raise NotImplementedError

    def hold(self) -> None:
        """Take no more input for now."""
        raise NotImplementedError

    def take_more(self) -> None:
        """Take input again."""
        raise NotImplementedError

    def shut(self) -> None:
        """Close, once the client has read what it was sent."""
        raise NotImplementedError

    # -- its life --------------------------------------------------------------------------------

    def opened(self) -> None:
        """The connection is established."""
        self.client = IrcShell(self.door, self)
        self._opened = self._seen = self.door.service.clock.seconds()
        self.door.deadlines.set(self, PING_SECONDS)

    def heard(self) -> None:
        """The client has sent something."""
        self._seen = self.door.service.clock.seconds()
        self._asked = False

    def time_is_up(self) -> None:
        """See `chatd.net.deadlines`: send a PING, or end the connection of a silent client."""
        if self.finishing or self.gone or self.client is None:
            return
        now = self.door.service.clock.seconds()
        unregistered = self.client.applicant is not None
        silent = now - (self._opened if unregistered else self._seen)
        if silent >= SILENT_SECONDS and unregistered:
            self.client.end(f"you have not registered within {SILENT_SECONDS:.0f} seconds")
        elif silent >= SILENT_SECONDS:
            self.client.parting = "no sign of life"
            self.client.end(f"no sign of life for {SILENT_SECONDS:.0f} seconds")
        elif silent >= PING_SECONDS:
            if not self._asked and not self.full:
                self._asked = True
                self.send(f"PING :{self.door.told.name}\r\n".encode())
            self.door.deadlines.set(self, max(SILENT_SECONDS - silent, 1.0))
        else:
            self.door.deadlines.set(self, PING_SECONDS - silent)

    def lost(self) -> None:
        """The connection is lost; its lines are carried out, then its client ends."""
        self.gone = self.ending = True
        self.door.deadlines.forget(self)
        if self.client is not None and self.client.subscriber is not None:
            self.client.subscriber.stop()
        if self.queue.pending and not self.finishing:
            clock = self.door.service.clock
            self._afterwards = clock.callLater(AFTERWARDS_SECONDS, self._finish)
        self.work()

    def _finish(self) -> None:
        if self._afterwards is not None:
            if self._afterwards.active():
                self._afterwards.cancel()
            self._afterwards = None
        self.queue.drop()
        client, self.client = self.client, None
        if client is not None:
            client.closed()
        self.peers.discard(self)

    # -- what the client asks for ----------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """See `Link.send`."""
        if data and not (self.gone or self.finishing):
            self.transmit(data)

    def start(self, subscriber: Subscriber) -> None:
        """See `Link.start`."""
        if self.gone:
            return
        if self.full:
            subscriber.pause()
        self.begin_reading(subscriber)

    def finish(self) -> None:
        """See `Link.finish`."""
        if self.finishing:
            return
        self.finishing = True
        self.queue.drop()
        if self.client is not None and self.client.subscriber is not None:
            self.client.subscriber.stop()
        if not self.gone:
            self.shut()

    # -- lines into commands ---------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if not self._leaving:
            self.queue.lines.feed(data)
            self.work()

    def ended(self) -> None:
        """The client has half-closed: it sends no more, but may still read."""
        self.queue.finish(self, truncated=self.truncated)
        self.ending = True
        self.work()

    def work(self) -> None:
        """See `Link.work`."""
        if self._leaving:
            self.drain()
        else:
            self.queue.work(self)

    @property
    def busy(self) -> bool:
        """See `Carrier.busy`."""
        return self.client is None or self.finishing or (self.full and not self.gone)

    def carry_out(self, line: bytes | None) -> bool:
        """See `Carrier.carry_out`."""
        assert self.client is not None
        return self.client.carry_out(line)

    def take_salvaged(self) -> None:
        """See `Carrier.take_salvaged`: this door salvages nothing."""

    def make_mistake(self) -> float:
        """See `Carrier.make_mistake`."""
        return self.client.make_mistake() if self.client is not None else 0.0

    def worked(self) -> None:
        """See `Carrier.worked`."""
        if self.gone:
            if (self.queue.idle or self.finishing) and not self.owed:
                self._finish()
            return
        if self.queue.lines.ready:
            self.hold()
        elif self.queue.idle and not self.full and not self.ending:
            self.take_more()
        if self.ending and self.queue.idle and not self.owed and self.client is not None:
            self.client.end("goodbye")

    def filled(self) -> None:
        """The client does not read: pause its reader, and let its lines wait."""
        super().filled()
        if self.client is not None and self.client.subscriber is not None:
            self.client.subscriber.pause()
        self.hold()

    def drained(self) -> None:
        """The client has read all that was sent: resume its reader and its lines."""
        super().drained()
        if self.client is not None and self.client.subscriber is not None:
            self.client.subscriber.resume()
        if not self.full:
            self.work()

    # -- disconnection by the server -------------------------------------------------------------

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        client = self.client
        return client is not None and (
            client.unanswered > 0 or bool(client.applicant and client.applicant.entering)
        )

    def drain(self) -> None:
        """See `Connected.drain`: the commands that were accepted are answered first."""
        self._leaving = True
        self.queue.drop()
        if self.owed:
            return
        if self.gone:
            self._finish()
        elif self.client is not None:
            if self.client.subscriber is not None:
                self.client.subscriber.wake()
            self.client.end(GOING_DOWN)

    def disconnect(self) -> None:
        """See `Reader.disconnect`."""
        if self.client is not None:
            self.client.parting = "reads too slowly"
            self.client.end("you read too slowly")
