r"""The line door: telnet, netcat, and every other client that sends lines over TCP or TLS.

1. A connection is a session with one reader; when it ends, the session has left.
2. Lines are carried out in order, and the next one is not looked at while the client reads too
   slowly or says too much: TCP holds the rest back, so nothing of a long paste is lost.
3. The end of input is not the end of the conversation: what was said is stored and echoed before
   the connection is closed (`printf 'hello\n' | nc -N host port`).
4. Lines that were received are carried out, also if their sender has closed meanwhile: the session
   ends behind the last of them (`chatd.transports.backlog`).
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from ..addresses import LOCAL, Address, address_of
from ..codecs.editing import edited
from ..codecs.lines import refusal
from ..codecs.opening import Opening
from ..codecs.pending import PendingLines
from ..codecs.telnet import NO_OPERATION, OptionFilter
from ..errors import ChatError, Malformed, RateLimited, TextTooLong, TooSlow, Unavailable
from ..service import ChatService
from ..subscriber import Subscriber
from .backlog import BACKLOG_SECONDS, Backlogs, Salvage, received
from .handshakes import TimedHandshake
from .heartbeat import Heartbeat
from .peers import GOING_DOWN, Peers
from .shell import Shell, WaitForAcks, counted
from .tcp import lend

LINES_A_TURN = 100
"""Lines of one connection that are carried out before others have their turn."""
COMMANDS_A_TURN = 5
"""Those among them that are no messages: listing all rooms or a long history takes longer."""
SLICES_A_TURN = 5
"""Slices that are read of what a closed connection had sent, where they hold no line."""
NOP_SECONDS = 30
"""Seconds between two signs of life to a telnet client: HAProxy's examples cut connections that are
idle for 50 seconds, other proxies after 60."""
COMMAND_BYTES = 256
"""Bytes that a line may be longer than a message, for the command before it."""


@implementer(IHalfCloseableProtocol, IPushProducer)
class LineConnection(TimedHandshake, Protocol):
    """One client's bytes: lines in, at the pace that the limits allow, and backpressure."""

    transport: Connection

    def __init__(
        self,
        service: ChatService,
        peers: Peers,
        heartbeat: Heartbeat,
        backlogs: Backlogs,
        address: Address = LOCAL,
    ) -> None:
        self._service = service
        self._peers = peers
        self._heartbeat = heartbeat
        self._backlogs = backlogs
        self._backlog: IDelayedCall | None = None
        self._beating = False
        self._address = address
        self._shell: Shell | None = None
        self._options = OptionFilter()
        self._lines = PendingLines(service.max_text + COMMAND_BYTES)
        self._salvage = Salvage()
        self._opening: Opening | None = Opening()
        self._farewell = b""
        self._working = False
        """Whether `_work` runs, which does not call itself."""
        self._wait: IDelayedCall | None = None
        """When lines that wait are carried out, unless the client's reading decides that."""
        self._slowed = False
        """Whether the client was told that it is too fast, and lines have waited ever since."""
        self._stopped = False
        """Whether the transport reads nothing: lines wait, or the client reads too slowly."""
        # How far the end has come; what came before stays true, but a connection may be lost
        # before it was closed.
        self._ending = False
        """Whether input has ended, or is taken no more; lines may still be carried out."""
        self._closing = False
        """Whether all lines are, and the transport was told to close."""
        self._gone = False
        """Whether the transport is lost; lines that were received may still be carried out."""

    # -- the transport's side --------------------------------------------------------------------

    def connectionMade(self) -> None:
        """A client is there; over TLS there is nothing to say before its handshake is done.

        What is written earlier makes Twisted pause its producer until it has read on, and this one
        would pause the reading.
        """
        self.transport.setTcpNoDelay(True)
        self._peers.add(self)
        if not self.begin_handshake(self.transport, self._service.clock):
            self._greet()

    def handshakeCompleted(self) -> None:  # noqa: N802
        """See `IHandshakeListener.handshakeCompleted`."""
        super().handshakeCompleted()
        if not self._ending:
            self._greet()

    def _greet(self) -> None:
        """Begin a session, greet, and begin to read the lobby."""
        self.transport.registerProducer(self, True)
        self._shell = shell = Shell(
            self._service,
            self._address,
            self._write,
            self._work,
            self._start,
            self._lines.put_back,
        )
        shell.greet()

    def _start(self, subscriber: Subscriber) -> None:
        """Let it write past this connection, and past its transport if there is a way."""
        if self._gone:
            return
        subscriber.start(self.transport.write)
        lend(self.transport, subscriber)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if self._ending:
            return
        text = self._options.feed(data)
        if answers := self._options.answers():
            self._write(answers)
        if self._take(text):
            self._work()

    def _take(self, text: bytes) -> bool:
        """Take in text; answers whether it is lines, and not another protocol."""
        if self._options.telnet and not self._beating:
            self._beating = True
            self._heartbeat.add(self)
        if self._opening:
            if problem := self._opening.feed(text):
                self._turn_out(problem)
                return False
            if self._opening.done:
                self._opening = None
        self._lines.feed(text)
        return True

    def _turn_out(self, problem: str) -> None:
        """The client speaks another protocol: say so, and close; nothing that it sent is said."""
        self._write(refusal(Malformed(problem)))
        self._hang_up()
        self._close_when_done()

    def readConnectionLost(self) -> None:
        """The client has said all it had to say, but may still be listening."""
        if self._closing:
            self.transport.loseConnection()
            return
        self._end_input()
        self._work()

    def _end_input(self) -> None:
        """The last line needs no end."""
        if self._opening and (problem := self._opening.finish()):
            self._turn_out(problem)
            return
        self._lines.finish()
        self._ending = True

    def salvage(self, receive: Callable[[int], bytes]) -> None:
        """The connection is about to be lost: keep what was received and not read yet."""
        if self._ending or not self._shell:
            return
        self._gone = True
        data, closed = received(receive)
        self._salvage = Salvage(data, closed=closed)
        if not data:
            self._take_salvaged()

    def _take_salvaged(self) -> None:
        """Take in a slice of what was received before the connection was lost."""
        whole = self._take(self._options.feed(self._salvage.take()))
        if whole and self._salvage.closed and not self._salvage:
            self._end_input()

    def writeConnectionLost(self) -> None:
        """Never happens: only a client half-closes."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone; its session is over when its lines are carried out."""
        self._gone = self._ending = True
        self.end_handshake()
        if self._beating:
            self._heartbeat.discard(self)
        self._peers.stalls.forget(self)
        if self._shell:
            self._shell.subscriber.stop()
        if self._lines or self._salvage:
            if self._backlogs.admit(self._address):
                clock = self._service.clock
                self._backlog = clock.callLater(BACKLOG_SECONDS, self._give_up, "out of time")
            else:
                self._give_up("too many wait already")
        self._work()

    def _give_up(self, why: str) -> None:
        """Carry out no more lines of a client that is gone."""
        self._backlogs.dropped(len(self._lines) + self._salvage.lines(), why)
        self._drop_lines()
        self._finish()

    def _finish(self) -> None:
        """The connection is gone and its lines are carried out: the session has left."""
        if self._backlog:
            self._backlogs.leave(self._address)
            if self._backlog.active():
                self._backlog.cancel()
            self._backlog = None
        if self._shell:
            self._shell.close()
            self._shell = None  # it holds this connection
        self._peers.discard(self)

    def pauseProducing(self) -> None:
        """The client reads more slowly than the room talks: its cursor stays, and its commands
        wait.
        """
        if self._shell:
            self._shell.subscriber.pause()
        self._peers.stalls.full(self)
        self._stopped = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """There is room again."""
        self._peers.stalls.drained(self)
        if self._shell:
            self._shell.subscriber.resume()
        if not self._full:
            self._work()

    def stopProducing(self) -> None:
        """The transport is about to close; `connectionLost` follows."""

    @property
    def _full(self) -> bool:
        """Whether the client reads too slowly to be answered."""
        return not self._gone and self._shell is not None and self._shell.subscriber.paused

    def beat(self) -> None:
        """Give a sign of life that a telnet client does not show; another client gets none, for it
        would show the bytes.
        """
        if not (self._full or self._closing):
            self._write(NO_OPERATION)

    def _write(self, data: bytes) -> None:
        if data and not self._gone:
            self.transport.write(data)

    # -- lines into commands ---------------------------------------------------------------------

    def _work(self) -> None:
        """Carry out the lines that have come in, until something has to be waited for."""
        if self._working:
            return
        self._working = True
        left = LINES_A_TURN
        while (self._lines or self._salvage) and not (self._wait or self._full):
            if left <= 0:
                self._wait = self._service.clock.callLater(0, self._go_on)
                break
            if not self._lines:
                self._take_salvaged()
                left -= LINES_A_TURN // SLICES_A_TURN
                continue
            line = self._lines.pop()
            message = False
            try:
                message = self._carry_out(line)
            except RateLimited as error:
                # The line stays where it is, and those behind it in TCP's buffers.
                self._lines.put_back(line)
                self._let_wait(error.retry_after)
            except WaitForAcks:
                self._lines.put_back(line)
                break
            except ChatError as error:
                self._write(refusal(error))
                if self._shell and (wait := self._shell.make_mistake()):
                    self._let_wait(wait)
            left -= 1 if message else LINES_A_TURN // COMMANDS_A_TURN
        self._working = False
        if self._lines and not self._gone:
            self._stopped = True
            self.transport.pauseProducing()
        self._read_on()
        self._close_when_done()

    def _carry_out(self, line: bytes | None) -> bool:
        """Do what a line asks for; answers whether it is one that others see."""
        assert self._shell is not None
        if line is None:
            raise TextTooLong(
                f"that line was too long and is dropped; "
                f"a message has at most {self._service.max_text} bytes"
            )
        seen = self._shell.carry_out(edited(line.decode(errors="replace")))
        if self._shell.ended:
            self._hang_up()
        return seen

    def _let_wait(self, seconds: float) -> None:
        if not self._slowed:
            self._slowed = True
            self._write(
                refusal(RateLimited("too fast; the rest of your lines will follow one by one", 0))
            )
        self._wait = self._service.clock.callLater(seconds, self._go_on)

    def _go_on(self) -> None:
        self._wait = None
        self._work()
        if not self._wait:
            self._slowed = False

    def _read_on(self) -> None:
        """Take more input, unless something still has to be waited for."""
        waiting = self._lines or self._wait or self._full
        if self._stopped and not (waiting or self._ending or self._gone):
            self._stopped = False
            self.transport.resumeProducing()

    def _close_when_done(self) -> None:
        """After the end of input: close as soon as everything said has been stored and shown."""
        if self._gone:
            if not (self._lines or self._salvage or self._wait):
                self._finish()
        elif self._ending and not (self._lines or self.owed or self._wait or self._closing):
            if self._shell:
                self._shell.subscriber.wake()
            if not self._full:
                self._write(self._farewell)
                self._close()

    def _close(self) -> None:
        """Close, once the client has read what it was sent."""
        if self._closing:
            return
        self._closing = True
        self._peers.stalls.closing(self)
        if self._shell:
            self._shell.subscriber.stop()
            self.transport.unregisterProducer()
        if self._stopped and self._farewell and not ISSLTransport.providedBy(self.transport):
            # What was not read would make the close a reset, which takes back the farewell.
            self.transport.loseWriteConnection()
            self.transport.resumeProducing()
        else:
            self.transport.loseConnection()

    def _hang_up(self) -> None:
        self._drop_lines()
        self._ending = True

    def _drop_lines(self) -> None:
        self._lines.clear()
        self._salvage = Salvage()
        if self._wait:
            self._wait.cancel()
            self._wait = None

    # -- being sent away -------------------------------------------------------------------------

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return self._shell is not None and self._shell.unanswered > 0

    def drain(self) -> None:
        """See `Connected.drain`: what was said before is stored and echoed, and what was still to
        wait its turn is told to be lost.
        """
        if self._gone:
            self._give_up("the server is going down")
            return
        if not self._shell:  # the handshake of TLS is not done
            self.transport.abortConnection()
            return
        lost = len(self._lines)
        again = f", and say your last {counted(lost, 'line')} again" if lost else ""
        self._farewell = refusal(Unavailable(f"{GOING_DOWN}{again}"))
        self._hang_up()
        self._close_when_done()

    def let_go(self) -> None:
        """See `Reader.let_go`."""
        self._ending = True
        self._write(refusal(TooSlow("you read too slowly; come back, and /history shows the rest")))
        self._close()


class LineFactory(Factory):
    """Line connections into one service."""

    noisy = False

    def __init__(self, service: ChatService, peers: Peers | None = None) -> None:
        self._service = service
        self._peers = Peers(service.clock) if peers is None else peers
        self._heartbeat = Heartbeat(service.clock, NOP_SECONDS)
        self._backlogs = Backlogs(service.clock)

    def buildProtocol(self, addr: IAddress | None) -> LineConnection:
        """A connection for a client that has just arrived."""
        address = address_of(getattr(addr, "host", None))
        return LineConnection(self._service, self._peers, self._heartbeat, self._backlogs, address)

    def turn_away(self, error: ChatError) -> bytes:
        """What a client is told that is not let in."""
        return refusal(error)
