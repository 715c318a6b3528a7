r"""The line door: telnet, netcat, and every other client that sends lines over TCP or TLS.

1. A connection is a session with one reader, and the session ends with the connection.  A client is
   greeted when its person has entered; lines that arrive before wait.
2. Lines are carried out in order.  While the client does not read, or exceeds its rate limit, no
   line is carried out and further input stays in TCP's buffers, so no line of a long paste is lost.
   Before the person has entered, reading is paused only if input waits to be cut into lines:
   pausing and resuming takes two system calls.
3. If the client half-closes, its messages are stored and echoed before the connection is closed
   (`printf 'hello\n' | nc -N host port`).
4. Batches of telnet clients whose lines are wrapped pass `send` (`chatd.doors.line.terminal`), and
   the shared bytes of other readers stay as they are.
5. Lines that were received are carried out even if the client has disconnected meanwhile; the
   session ends after the last line (`chatd.doors.line.backlog`).

It is not built on `chatd.doors.push_door`: `/login` and `/time` replace the reader, bytes depend on
the current room, and the session and the entry in `Peers` outlive the connection if lines wait.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ...chat.room import LOBBY, Room
from ...chat.sessions import Session
from ...codecs.editing import edited
from ...codecs.lineinput import LineInput
from ...codecs.lines import refusal
from ...model.addresses import LOCAL, Address
from ...model.errors import ChatError, Malformed, TextTooLong, TooSlow, Unavailable
from ...model.metrics import RARE
from ...model.text import counted
from ...net.peers import GOING_DOWN
from ...net.tcp import APART, enable_direct_writes, one_write
from ...stream.subscriber import Subscriber
from .. import history
from ..history import Replay
from ..linequeue import Salvage
from ..push_door import refusal_of
from .backlog import BACKLOG_SECONDS, received
from .door import LineDoor
from .greetings import REPLAY
from .onlooker import come_in, is_onlooker
from .shell import Shell
from .terminal import TerminalConnection

NO_REPLAY = Replay(())
"""The last messages where there is no room."""


@implementer(IHalfCloseableProtocol)
class LineConnection(TerminalConnection):
    """One connection of the line door: input to lines, output with backpressure, and its end."""

    # Class attributes: a connection that is only read from stores no values of its own.
    _backlog: IDelayedCall | None = None
    _expected = False
    _shell: Shell | None = None
    _entering = False
    _stopped = False
    _ending = False
    _farewell = b""
    _over = False

    def __init__(self, door: LineDoor, address: Address = LOCAL) -> None:
        super().__init__(door, address)
        self._queue = door.silent_queue

    # -- the transport's side --------------------------------------------------------------------

    def established(self) -> None:
        """Have the client come in, unless the server is closing the connection."""
        if self._ending:
            return
        self._entering = True
        try:
            entering = come_in(self._door.service, self._address)
        except Exception:  # `_could_not_enter` tells the client, and disconnects it
            entering = fail()
        entering.addCallbacks(self._entered, self._could_not_enter)

    def _entered(self, session: Session) -> Deferred[None] | None:
        """The client has come in: greet it with the last messages, which may have to be read."""
        service = self._door.service
        room, begin = session.person.rooms.get(LOBBY), service.horizon
        replay = self._door.greetings.replay(service, room, begin) if room else NO_REPLAY
        if room is None or replay is not None:
            self._greet(replay or NO_REPLAY, session, room, begin)
            return None
        reading = history.replay(service, room, begin, REPLAY)
        return reading.addCallback(self._greet, session, room, begin)

    def _greet(self, replay: Replay, session: Session, room: Room | None, begin: int) -> None:
        """Greet the client and start its reader.  If it has disconnected meanwhile, carry out its
        lines, or let the guest leave.
        """
        self._has_arrived()
        service = self._door.service
        if self._over or self.is_closing:
            if not is_onlooker(session.person):
                service.end(session.person)
            return
        self._shell = Shell(service, session, self, room, begin)
        with one_write(self.transport) if self._queue.lines.ready else APART:
            self._shell.greet(room, replay, self._door.greetings)
            self.work()
        if self._gone and not self._over:
            self._outlive()

    def _could_not_enter(self, failure: Failure) -> None:
        """Send the reason, and close the connection."""
        self._has_arrived()
        error = refusal_of(failure, "a client could not enter")
        if self._gone:
            if not self._over:
                self._give_up("the guest could not enter")
        else:
            self.turn_out(error)

    def start(self, subscriber: Subscriber) -> None:
        """See `Wire.start`.  The subscriber writes to the transport, or directly to the socket if
        the transport supports that; unless lines are wrapped for the client's window.
        """
        if self._gone:
            return
        if self.full:
            subscriber.pause()
        if self._input.columns is not None:
            subscriber.start()
            return
        subscriber.start(self.transport.write)
        enable_direct_writes(self.transport, subscriber)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if self._ending:
            return
        if self._take(data):
            if self._input.telnet and self._negotiate() and self._shell:
                self._shell.subscriber.deliver_all()
            self._queue.work(self)

    def _listen(self) -> None:
        """Make what input needs, now that there is some: most clients only read."""
        if self._input is self._door.silent_input:
            self._input, self._queue = LineInput(), self._door.queue()

    def _take(self, data: bytes) -> bool:
        """Parse input; returns False if it belongs to another protocol, such as HTTP or TLS."""
        if self._input is self._door.silent_input:
            self._listen()
        self._queue.lines.feed(self._input.feed(data))
        return not self._input.problem or self._refuse_protocol()

    def _refuse_protocol(self) -> bool:
        """The client speaks another protocol."""
        self.turn_out(Malformed(self._input.problem))
        return False

    def turn_out(self, error: ChatError) -> None:
        """See `Wire.turn_out`.  Lines that wait are dropped."""
        if self.is_closing:
            return
        self._hang_up()
        RARE.refused(error)
        self.send(refusal(error))
        if self._gone:
            self._finish()
        else:
            self._close()

    def readConnectionLost(self) -> None:
        """The client has half-closed: it sends no more, but may still read."""
        if self.is_closing:
            self.transport.loseConnection()
            return
        self._end_input()
        self.work()

    def _end_input(self) -> None:
        """Finish the input, whose last line may lack a line end."""
        if self._input is self._door.silent_input:
            self._ending = True  # nothing has come, so there is no last line
            return
        self._input.finish()
        if not self._input.problem or self._refuse_protocol():
            self._queue.finish(self, truncated=self.truncated)
            self._ending = True

    def salvage(self, receive: Callable[[int], bytes]) -> None:
        """The connection is about to be lost: keep the bytes in its receive buffer."""
        if self._ending or not (self._shell or self._entering):
            return
        self._gone = True
        data, closed = received(receive)
        if not data and self._input is self._door.silent_input:
            return  # it has never sent anything
        self._listen()
        self._queue.salvage = Salvage(data, closed=closed)
        if not data:
            self.take_salvaged()

    def take_salvaged(self) -> None:
        """See `Carrier.take_salvaged`."""
        salvage = self._queue.salvage
        assert salvage is not None
        if self._take(salvage.take()) and salvage.closed and not salvage:
            self._end_input()

    def writeConnectionLost(self) -> None:
        """Never happens: only a client half-closes."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is closed; its session ends when its lines have been carried out."""
        self._gone = self._ending = True
        self.end_handshake()
        if self.beat_part >= 0:
            self._door.heartbeat.discard(self)
        self.peers.stalls.forget(self)
        if self._shell:
            self._shell.subscriber.stop()
        if self._queue.pending and not self._over:
            self._outlive()
        self.work()

    def _outlive(self) -> None:
        """The client has disconnected, and lines wait: keep carrying them out within the limits of
        `Backlogs`, or drop them.
        """
        if self._entering:
            waits = self._expected = self._door.backlogs.expect()
        elif waits := self._door.backlogs.admit(self._address):
            clock = self._door.service.clock
            self._backlog = clock.callLater(BACKLOG_SECONDS, self._give_up, "their time is over")
        if not waits:
            self._give_up("too many closed connections have lines that wait")

    def _has_arrived(self) -> None:
        """The guest has entered, or was refused."""
        self._entering = False
        if self._expected:
            self._expected = False
            self._door.backlogs.arrived()

    def _give_up(self, why: str) -> None:
        """Drop the remaining lines of a client that has disconnected."""
        self._door.backlogs.dropped(self._queue.count(), why)
        self._queue.drop()
        self._finish()

    def _finish(self) -> None:
        """The connection is closed and no line waits: end the session."""
        self._over = True
        if self._backlog:
            self._door.backlogs.leave(self._address)
            if self._backlog.active():
                self._backlog.cancel()
            self._backlog = None
        if self._shell:
            self._shell.close()
            self._shell = None  # breaks a reference cycle
        self.peers.discard(self)

    def filled(self) -> None:
        """The client does not read fast enough: pause its reader, and let its lines wait."""
        if self._shell:
            self._shell.subscriber.pause()
        self._stopped = True
        self.transport.pauseProducing()

    def drained(self) -> None:
        """The client has read all that was sent: resume its reader and its lines."""
        if self._shell:
            self._shell.subscriber.resume()
        if not self.full:
            self.work()

    # -- lines into commands ---------------------------------------------------------------------

    def work(self) -> None:
        """See `Wire.work`."""
        if self._queue.lines.ready or self._ending or self._stopped:
            self._queue.work(self)

    def put_back(self, line: bytes) -> None:
        """See `Wire.put_back`."""
        self._queue.lines.put_back(line)

    def refuse(self, error: ChatError) -> None:
        """See `Wire.refuse`."""
        self._listen()
        self._queue.refuse(self, error)

    def make_mistake(self) -> float:
        """See `Carrier.make_mistake`."""
        return 0.0 if self.is_closing or self._shell is None else self._shell.make_mistake()

    @property
    def busy(self) -> bool:
        """See `Carrier.busy`."""
        shell = self._shell
        return shell is None or shell.changing or (self.full and not self._gone)

    def carry_out(self, line: bytes | None) -> bool:
        """See `Carrier.carry_out`."""
        assert self._shell is not None
        if line is None:
            raise TextTooLong(
                f"that line was too long and is dropped; "
                f"a message has at most {self._door.service.max_text} bytes"
            )
        seen = self._shell.carry_out(edited(line.decode(errors="replace")))
        if self._shell.ended:
            self._hang_up()
        return seen

    def worked(self) -> None:
        """See `Carrier.worked`: pause or resume reading, or close the connection."""
        if self._queue.lines.ready and not (
            self._gone or (self._entering and self._queue.lines.all_cut)
        ):
            self._stopped = True
            self.transport.pauseProducing()
        if self._gone or self._ending:
            self._close_when_done()
        elif self._stopped and self._queue.idle and not self.full:
            self._stopped = False
            self.transport.resumeProducing()

    def _close_when_done(self) -> None:
        """After the end of input: close once all messages have been stored and echoed."""
        if self._gone:
            if self._queue.idle and not self._over:
                self._finish()
        elif (
            self._ending
            and self._queue.idle
            and not (self.owed or self.is_closing or self._entering)
        ):
            subscriber = self._shell.subscriber if self._shell else None
            if subscriber:
                subscriber.wake()
                if subscriber.waiting:
                    subscriber.when_caught_up(self._close_when_done)
                    return
            if not self.full:
                self.send(self._farewell)
                self._close()

    def _close(self) -> None:
        """Close the connection once the client has read what was sent."""
        if self.is_closing:
            return
        if self._shell:
            self._shell.subscriber.stop()
        self.end_flow()
        if self._stopped and self._farewell:
            # With unread input the close would be a TCP reset, which could destroy the farewell.
            self.transport.loseWriteConnection()
            self.transport.resumeProducing()
        else:
            self.transport.loseConnection()

    def _hang_up(self) -> None:
        self._queue.drop()
        self._ending = True

    # -- disconnection by the server -------------------------------------------------------------

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return self._shell is not None and self._shell.unanswered > 0

    def drain(self) -> None:
        """See `Connected.drain`.  Accepted messages are stored and echoed; lines that wait are
        dropped, and the farewell has their number.
        """
        if self._gone:
            self._give_up("the server is going down")
            return
        if self.cut_handshake():
            return
        lost = len(self._queue.lines)
        again = f", and say your last {counted(lost, 'line')} again" if lost else ""
        self._farewell = refusal(Unavailable(f"{GOING_DOWN}{again}"))
        self._hang_up()
        if self._entering:
            self.send(self._farewell)
            self._close()
        else:
            self._close_when_done()

    def disconnect(self) -> None:
        """See `Reader.disconnect`."""
        self._ending = True
        self.send(refusal(TooSlow("you read too slowly; come back, and /history shows the rest")))
        self._close()
