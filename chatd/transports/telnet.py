r"""The line door: telnet, netcat, and whatever else opens a TCP connection and speaks lines.

1. A connection is a session with one reader; when it ends, the session has left.
2. Lines are carried out in order, and the next one is not looked at while the client reads too
   slowly or says too much: TCP holds the rest back, so nothing of a long paste is lost.
3. The end of input is not the end of the conversation: what was said is stored and echoed before
   the connection is closed (`printf 'hello\n' | nc -N host port`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from functools import singledispatchmethod

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from ..addresses import LOCAL, Address, address_of
from ..codecs.lines import COMMANDS, CURRENT, ELSEWHERE, LineDecoder, answer, parse, refusal
from ..codecs.telnet import OptionFilter
from ..commands import (
    Act,
    Command,
    Join,
    Leave,
    Quit,
    Rename,
    Say,
    SetEcho,
    SetTopic,
    ShowHelp,
    ShowHistory,
    ShowRooms,
    ShowSince,
    ShowTopic,
    ShowWho,
    Switch,
    Tell,
)
from ..errors import (
    ChatError,
    Malformed,
    NotInRoom,
    RateLimited,
    TextTooLong,
    TooSlow,
    Unavailable,
    UnknownCommand,
)
from ..eventlog import Entry
from ..events import MESSAGES
from ..limits import TokenBucket
from ..pages import newest, oldest_first
from ..room import LOBBY, Room
from ..service import ChatService
from ..subscriber import Batch, Gap, Subscriber
from .peers import GOING_DOWN, Peers
from .tcp import lend

LINES_A_TURN = 100
"""Lines of one connection that are carried out before others have their turn."""
COMMANDS_A_TURN = 5
"""Those among them that are no messages: listing all rooms or a long history takes longer."""
COMMAND_RATE = 10
"""Commands a second that are no messages, and mistakes, on one connection: more than anybody types,
and four seconds' worth at once for programs that begin with a few."""
OWN = (ShowHistory, ShowRooms, ShowSince, ShowTopic, ShowWho, SetEcho, ShowHelp, Switch)
"""Commands that only this connection sees: the service does not measure them."""
SAYINGS = (Say, Act, SetTopic, Tell)
"""Commands whose echo is their answer: a paste of them need not wait for one another."""
REPLAY = 10
"""Messages that a newcomer to a room is shown."""
COMMAND_BYTES = 256
"""Bytes that a line may be longer than a message, for the command before it."""
MOST_LISTED = 100
"""Names or rooms that one answer lists."""

_HTTP = re.compile(rb"[A-Z]{3,16} \S+ HTTP/\d")


class Patience(Exception):
    """A line has to wait: until what was said before it is stored, or until the client reads."""


@implementer(IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class LineConnection(Protocol):
    """One telnet or netcat user: an outlet for lines, and where their commands come in."""

    transport: Connection

    def __init__(self, service: ChatService, peers: Peers, address: Address = LOCAL) -> None:
        self._service = service
        self._peers = peers
        self._address = address
        self._room: Room | None = None
        self._subscriber = Subscriber(self, (), 0)
        self._commands = TokenBucket(COMMAND_RATE, service.clock.seconds)
        self._options = OptionFilter()
        self._decoder = LineDecoder(service.max_text + COMMAND_BYTES)
        self._lines: deque[bytes | None] = deque()
        self._unanswered = 0
        self._wait: IDelayedCall | None = None
        self._slowed = False
        self._working = False
        self._stopped = False
        self._echo = True
        self._begun = False
        self._ending = False
        self._parting = ""
        self._farewell = b""
        self._greeted = False
        self._closing = False
        self._gone = False

    # -- the transport's side --------------------------------------------------------------------

    def connectionMade(self) -> None:
        """A client is there; over TLS there is nothing to say before its handshake is done.

        What is written earlier makes Twisted pause its producer until it has read on, and this one
        would pause the reading.
        """
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self._peers.add(self)
        if not ISSLTransport.providedBy(self.transport):
            self._greet()

    def handshakeCompleted(self) -> None:  # noqa: N802
        """See `IHandshakeListener.handshakeCompleted`."""
        self._greet()

    def _greet(self) -> None:
        """Greet, and begin to read the lobby."""
        self.transport.registerProducer(self, True)
        self._session = self._service.enter(address=self._address)
        self._greeted = True
        self._room = room = self._service.room(LOBBY)
        self._replay(room)
        name = self._session.name
        self._answer(f"welcome, {name}: /nick NAME to take a name, /help for more")
        self._tell_where(room)
        self._read_rooms()
        self._subscriber.start(self.transport.write)
        lend(self.transport, self._subscriber)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if self._ending:
            return
        text = self._options.feed(data)
        if answers := self._options.answers():
            self._write(answers)
        self._lines.extend(self._decoder.feed(text))
        self._work()

    def readConnectionLost(self) -> None:
        """The client has said all it had to say, but may still be listening."""
        if self._closing:
            self.transport.loseConnection()
            return
        self._lines.extend(self._decoder.finish())
        self._ending = True
        self._work()

    def writeConnectionLost(self) -> None:
        """Never happens: only a client half-closes."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone, and so is its session."""
        self._gone = True
        self._drop_lines()
        self._subscriber.stop()
        if self._greeted:
            self._service.end(self._session, self._parting)
        self._peers.discard(self)

    def pauseProducing(self) -> None:
        """The client reads more slowly than the room talks: its cursor stays, and its commands
        wait.
        """
        self._subscriber.pause()
        self._peers.stalls.full(self)
        self._stopped = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """There is room again."""
        self._peers.stalls.drained(self)
        self._subscriber.resume()
        if not self._subscriber.paused:
            self._work()

    def stopProducing(self) -> None:
        """The transport is about to close; `connectionLost` follows."""

    def deliver(self, batch: Batch) -> bool:
        """Write a batch: what is missing, then what is there."""
        if batch.gaps:
            self.transport.write(b"".join(map(self._gap, batch.gaps)))
        self.transport.write(batch.chunk)
        return True

    def _write(self, data: bytes) -> None:
        if data and not self._gone:
            self.transport.write(data)

    def _answer(self, text: str) -> None:
        self._write(answer(text))

    # -- lines into commands ---------------------------------------------------------------------

    def _work(self) -> None:
        """Carry out the lines that have come in, until something has to be waited for."""
        if self._working:
            return
        self._working = True
        left = LINES_A_TURN
        while self._lines and not (self._wait or self._subscriber.paused or self._gone):
            if left <= 0:
                self._wait = self._service.clock.callLater(0, self._go_on)
                break
            line = self._lines.popleft()
            message = False
            try:
                message = self._carry_out(line)
            except RateLimited as error:
                self._slow_down(line, error)
            except Patience:
                self._lines.appendleft(line)
                break
            except ChatError as error:
                self._write(refusal(error))
                self._make_mistake()
            left -= 1 if message else LINES_A_TURN // COMMANDS_A_TURN
        self._working = False
        if self._lines:
            self._stopped = True
            self.transport.pauseProducing()
        self._read_on()
        self._close_when_done()

    def _carry_out(self, line: bytes | None) -> bool:
        """Do what a line asks for; answers whether it is one that others see."""
        if line is None:
            raise TextTooLong(
                f"that line was too long and is dropped; "
                f"a message has at most {self._service.max_text} bytes"
            )
        if not self._begun:
            self._begun = True
            if _HTTP.match(line):
                self._hang_up()
                raise Malformed(
                    "this is the line door, for telnet and netcat; HTTP has a port of its own"
                )
        command = parse(line.decode(errors="replace"), self._room.name if self._room else "")
        answered = not isinstance(command, SAYINGS)
        if answered and self._unanswered:
            raise Patience  # what was said before it comes before its answer
        own = isinstance(command, OWN)
        if own and (wait := self._commands.take()):
            raise RateLimited("", wait)
        if answered:
            self._subscriber.wake()
            if self._subscriber.paused:
                raise Patience  # the client has that to read first
        self._do(command)
        return not own

    def _slow_down(self, line: bytes | None, error: RateLimited) -> None:
        """Let the client wait instead of refusing: its lines stay where they are, and then in TCP's
        buffers.
        """
        self._lines.appendleft(line)
        self._let_wait(error.retry_after)

    def _make_mistake(self) -> None:
        """A line was refused: whoever goes on so has to wait too."""
        if wait := self._commands.take():
            self._commands.charge()
            self._let_wait(wait)

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
        waiting = self._lines or self._wait or self._subscriber.paused
        if self._stopped and not (waiting or self._ending or self._gone):
            self._stopped = False
            self.transport.resumeProducing()

    def _close_when_done(self) -> None:
        """After the end of input: close as soon as everything said has been stored and shown."""
        if self._closing or self._gone:
            return
        if self._ending and not (self._lines or self._unanswered or self._wait):
            self._subscriber.wake()
            if not self._subscriber.paused:
                self._write(self._farewell)
                self._close()

    def _close(self) -> None:
        """Close, once the client has read what it was sent."""
        if self._closing:
            return
        self._closing = True
        self._peers.stalls.closing(self)
        self._subscriber.stop()
        self.transport.unregisterProducer()
        if self._stopped and self._farewell and not ISSLTransport.providedBy(self.transport):
            # What was not read would make the close a reset, which takes back the farewell.
            self.transport.loseWriteConnection()
            self.transport.resumeProducing()
        else:
            self.transport.loseConnection()

    def _hang_up(self, parting: str = "") -> None:
        self._parting = parting
        self._drop_lines()
        self._ending = True

    def _drop_lines(self) -> None:
        self._lines.clear()
        if self._wait:
            self._wait.cancel()
            self._wait = None

    # -- being sent away -------------------------------------------------------------------------

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return self._unanswered > 0

    def drain(self) -> None:
        """See `Connected.drain`: what was said before is stored and echoed, and what was still to
        wait its turn is told to be lost.
        """
        lost = len(self._lines)
        again = f", and say your last {counted(lost, 'line')} again" if lost else ""
        self._farewell = refusal(Unavailable(f"{GOING_DOWN}{again}"))
        self._hang_up(self._parting)
        self._close_when_done()

    def let_go(self) -> None:
        """See `Reader.let_go`."""
        self._hang_up()
        self._write(refusal(TooSlow("you read too slowly; come back, and /history shows the rest")))
        self._close()

    # -- commands that others see ----------------------------------------------------------------

    @singledispatchmethod
    def _do(self, command: Command) -> None:
        raise TypeError(f"not for the line door: {command!r}")

    def _perform(self, command: Command) -> Deferred[int | None]:
        """Have the service carry it out; the connection lives until the outcome is known."""
        performed = self._service.perform(self._session, command)
        self._unanswered += 1
        return performed.addErrback(self._refused)

    def _performed(self, result: int | None) -> None:
        self._unanswered -= 1
        self._work()

    def _refused(self, failure: Failure) -> None:
        failure.trap(ChatError)
        assert isinstance(failure.value, ChatError)
        self._write(refusal(failure.value))

    @_do.register(Say)
    @_do.register(Act)
    def _speak(self, command: Say | Act) -> None:
        self._here()
        self._perform(command).addCallback(self._spoken, self._echo)

    def _spoken(self, id_: int | None, echo: bool) -> None:
        if id_ is not None and not echo:
            self._subscriber.hide(id_)
        self._performed(id_)

    @_do.register(SetTopic)
    @_do.register(Tell)
    def _pass_on(self, command: SetTopic | Tell) -> None:
        if isinstance(command, SetTopic):
            self._here()
        self._perform(command).addCallback(self._performed)

    @_do.register
    def _rename(self, command: Rename) -> None:
        performed = self._perform(command)
        self._answer(f"you are now {self._session.name}")
        performed.addCallback(self._performed)

    @_do.register
    def _join(self, command: Join) -> None:
        room = self._service.room(command.room)
        new = room.name not in self._session.rooms
        performed = self._perform(command)
        self._enter(room, replay=new)
        performed.addCallback(self._performed)

    @_do.register
    def _leave(self, command: Leave) -> None:
        if not command.room:
            self._here()
        performed = self._perform(command)
        room = self._service.room(command.room)
        self._answer(f"you have left #{room.name}")
        if self._room is room:
            self._room = None
            for other in self._session.rooms.values():
                self._room = other
                self._answer(f"you are in #{other.name}")
                break
        self._read_rooms()
        performed.addCallback(self._performed)

    @_do.register
    def _switch(self, command: Switch) -> None:
        self._enter(self._joined(command.room), replay=False)

    @_do.register
    def _quit(self, command: Quit) -> None:
        self._answer("goodbye")
        self._hang_up(command.text)

    # -- questions, answered to this client only -------------------------------------------------

    @_do.register
    def _show_who(self, command: ShowWho) -> None:
        room = self._service.room(command.room) if command.room else self._here()
        names = room.names
        listed = ", ".join(names[:MOST_LISTED])
        more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
        where = "here" if room is self._room else f"in #{room.name}"
        self._answer(f"{len(names)} {where}: {listed}{more}" if names else f"nobody is {where}")

    @_do.register
    def _show_rooms(self, command: ShowRooms) -> None:
        rooms = self._service.rooms(limit=MOST_LISTED + 1)
        for room in rooms[:MOST_LISTED]:
            self._answer(
                f"#{room.name}: {room.people} here" + (f"; {room.topic}" if room.topic else "")
            )
        if len(rooms) > MOST_LISTED:
            self._answer(f"more than {MOST_LISTED} rooms; GET /rooms over HTTP lists the others")
        elif not rooms:
            self._answer("0 rooms")

    @_do.register
    def _show_topic(self, command: ShowTopic) -> None:
        room = self._here()
        self._answer(
            f"the topic of #{room.name}: {room.topic}"
            if room.topic
            else f"#{room.name} has no topic"
        )

    @_do.register
    def _show_history(self, command: ShowHistory) -> None:
        room = self._here()
        self._unanswered += 1
        page = self._service.page(room, None, command.count)
        listed = page.addCallback(self._list, room, command.count)
        listed.addErrback(self._refused).addCallback(self._performed)

    def _list(self, found: list[Entry], room: Room, count: int) -> None:
        if self._subscriber.paused:
            # Meanwhile the client was sent other things, which it has to read first: ask again.
            self._lines.appendleft(b"/history %d" % count)
            return
        if not found:
            self._answer(f"nothing has happened in #{room.name} yet")
            return
        entries, chunk, _ = newest(found, CURRENT)
        few = len(entries) < count and self._service.has_older(room, entries)
        most = " (no more fit into one answer)" if few else ""
        self._answer(f"the last {counted(len(entries), 'event')} in #{room.name}{most}:")
        self._write(chunk)
        self._answer(f"end of the history; /since {entries[-1].id} shows what comes after it")

    @_do.register
    def _show_since(self, command: ShowSince) -> None:
        room = self._here()
        place = self._service.place([room], command.id)
        entries, complete = room.log.since(place.cursor)
        complete = complete and not place.gaps
        entries, chunk, whole = oldest_first(entries, CURRENT)
        first = "" if whole else "the first "
        self._answer(f"{first}{counted(len(entries), 'event')} in #{room.name} since then:")
        if not complete:
            self._write(CURRENT.gap(Gap(room.name, None)))
        self._write(chunk)
        if whole:
            self._answer(f"that is all; /since {room.log.last} shows what comes after it")
        else:
            self._answer(f"there is more; /since {entries[-1].id} goes on from here")

    @_do.register
    def _set_echo(self, command: SetEcho) -> None:
        self._echo = command.on
        self._answer(
            "you see your own messages" if command.on else "you no longer see your own messages"
        )

    @_do.register
    def _show_help(self, command: ShowHelp) -> None:
        if not command.topic:
            self._answer(
                "what you type is said in the current room; // says a line that starts with /"
            )
            for usage in COMMANDS.values():
                self._answer(f"{usage.form:16} {usage.help}")
        elif usage := COMMANDS.get(command.topic):  # type: ignore[assignment]
            self._answer(f"{usage.form}: {usage.help}")
        else:
            raise UnknownCommand(f"no such command /{command.topic[:32]}; /help lists them")

    # -- rooms -----------------------------------------------------------------------------------

    def _here(self) -> Room:
        if self._room is None:
            raise NotInRoom("you are in no room; /join lobby, or another one")
        return self._room

    def _joined(self, name: str) -> Room:
        room = self._session.rooms.get(self._service.room(name).name)
        if room is None:
            raise NotInRoom(f"you are not in #{name.removeprefix('#')}; /join it first")
        return room

    def _enter(self, room: Room, *, replay: bool) -> None:
        """Make it the current room."""
        self._room = room
        self._read_rooms()
        if replay:
            self._replay(room)
        self._tell_where(room)

    def _tell_where(self, room: Room) -> None:
        """Where one is, what it is about, and who else is there."""
        self._answer(f"you are in #{room.name}" + (f"; topic: {room.topic}" if room.topic else ""))
        self._show_who(ShowWho(room.name))

    def _replay(self, room: Room) -> None:
        """The last messages of a room, between a line that says so and one that ends them."""
        entries: Sequence[Entry] = room.log.latest(REPLAY, MESSAGES)
        if room.log.torn and len(entries) < REPLAY:
            told = f"what was said in #{room.name} cannot be read now; /history tries again"
            self._write(refusal(Unavailable(told)))
        if entries:
            entries, chunk, _ = newest(entries, CURRENT)
            self._answer(f"the last {counted(len(entries), 'message')} in #{room.name}:")
            self._write(chunk)
            self._answer("end of the last messages")

    def _read_rooms(self) -> None:
        """Read the joined rooms, the current one without its name before it, and the private
        messages.
        """
        feeds = [
            room.feed(CURRENT if room is self._room else ELSEWHERE)
            for room in self._session.rooms.values()
        ]
        self._subscriber.change([*feeds, self._session.inbox.feed(CURRENT)], self._service.horizon)

    def _gap(self, gap: Gap) -> bytes:
        here = not self._room or gap.source in ("", self._room.name)
        return (CURRENT if here else ELSEWHERE).gap(gap)


def counted(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class LineFactory(Factory):
    """Line connections into one service."""

    noisy = False

    def __init__(self, service: ChatService, peers: Peers | None = None) -> None:
        self._service = service
        self._peers = Peers(service.clock) if peers is None else peers

    def buildProtocol(self, addr: IAddress | None) -> LineConnection:
        """A connection for a client that has just arrived."""
        address = address_of(getattr(addr, "host", None))
        return LineConnection(self._service, self._peers, address)

    def turn_away(self, error: ChatError) -> bytes:
        """What a client is told that is not let in."""
        return refusal(error)
