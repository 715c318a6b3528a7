"""One client of the line door, as its commands see it: session, reader and answers.

1. A client writes to a `Wire`, not to the transport.
2. A command that changes names or rooms is answered when the change has been shown.  Until then no
   further line is carried out (`changing`), because its meaning may depend on the change.  Messages
   to the current room do not wait for one another.
3. Everything that the client is shown of a room comes from its `LineReader`, or is checked there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ...chat.room import LOBBY, Room
from ...chat.service import ChatService
from ...chat.sessions import Session
from ...codecs.commandlines import CommandTable, Usage
from ...codecs.lines import answer, refusal
from ...model.commands import Command
from ...model.errors import ChatError, NotInRoom
from ...stream.subscriber import Subscriber
from ..history import Replay
from ..linequeue import WaitForAcks
from ..push_door import refusal_of
from .greetings import WELCOME, Greetings, members, place, welcome
from .onlooker import is_onlooker, sign_in_first
from .reader import LineReader, Wire


class LineClient:
    """The session, the reader and the settings of one line connection."""

    commands: ClassVar[CommandTable[Usage]]
    """The commands of the door: see `Shell`."""
    __slots__ = (
        "changing",
        "correspondent",
        "echo",
        "ended",
        "literal",
        "parting",
        "person",
        "prompted",
        "reader",
        "service",
        "session",
        "unanswered",
        "wire",
    )

    def __init__(
        self, service: ChatService, session: Session, wire: Wire, room: Room | None, begin: int
    ) -> None:
        """A client whose person has just come into `room`, and reads it from the cursor `begin`
        on.  It has to be greeted in the same turn.
        """
        self.service = service
        self.session = session
        self.person = session.person
        self.wire = wire
        self.reader = LineReader(service, session, wire, room, begin)
        self.echo = True
        """Whether the client sees its own messages."""
        self.literal = False
        """Whether every line is said, even one that looks like a command."""
        self.unanswered = 0
        """Commands without an outcome yet."""
        self.changing = False
        """Whether a command without an outcome changes names or rooms: no line is carried out."""
        self.prompted: Callable[[str], None] | None = None
        """Called with the next line, which is a password; None: the next line is ordinary."""
        self.correspondent = ""
        """The sender of the last private message that came while the person was away; or empty."""
        self.ended = False
        """Whether the client has quit."""
        self.parting = ""
        """The text of `/quit`, which the other people in the rooms see."""

    @property
    def subscriber(self) -> Subscriber:
        """The client's present subscriber; `/time` replaces it."""
        return self.reader.subscriber

    def close(self) -> None:
        """The connection is closed: stop the reader, and end the session."""
        self.subscriber.stop()
        self._part(self.session, self.parting)

    def become(self, session: Session) -> Deferred[Any]:
        """Switch to another session and its person; fires when the former person has left."""
        if self.session.over:  # the connection was lost meanwhile
            return self._part(session)
        old, self.session, self.person = self.session, session, session.person
        self.correspondent = ""
        self.reader.belong(session)
        self.reader.read(
            self.person.rooms.get(LOBBY) or next(iter(self.person.rooms.values()), None)
        )
        self.follow()
        return self._part(old)

    def follow(self) -> None:
        """From now on, read also the rooms that other sessions of the account join."""
        listeners = self.person.listeners
        if listeners is None:
            listeners = self.person.listeners = set()
        listeners.add(self._rooms_changed)

    def _part(self, session: Session, text: str = "") -> Deferred[Any]:
        if is_onlooker(session.person):
            session.over = True
            return succeed(None)
        if session.person.listeners is not None:
            session.person.listeners.discard(self._rooms_changed)
        return self.service.signed_in.disconnect(session, text)

    def _rooms_changed(self) -> None:
        """A session of the same person has joined a room, or left one."""
        self.reader.forget_left()
        if not self.changing:  # this client's own command changes the reader itself
            self.service.clock.callLater(0, self._read_rooms, self.session, self.service.horizon)

    def _read_rooms(self, session: Session, begin: int) -> None:
        if session.over or self.changing or session is not self.session:
            return
        room = self.reader.room
        if room is not None and room.name not in self.person.rooms:
            room = next(iter(self.person.rooms.values()), None)
            self.answer(f"you are in #{room.name}" if room else "you are in no room now")
        self.reader.read(room, begin)
        self.subscriber.wake()

    def prompt(self, text: str, then: Callable[[str], None]) -> bool:
        """Ask for a password with the echo off, and call `then` with the next line.

        Returns False, and asks nothing, if the client is no telnet client: its echo cannot be
        turned off.
        """
        if not self.wire.ask(text.encode()):
            return False
        self.prompted = then
        return True

    # -- entering --------------------------------------------------------------------------------

    def greet(self, room: Room | None, replay: Replay, greetings: Greetings) -> None:
        """Greet a client that has come into `room`, or into none, and start its reader there;
        `replay` has the room's last messages.
        """
        reader, name = self.reader, self.person.name
        if reader.room is not None and not is_onlooker(self.person):
            shared = greetings.of(reader.room, replay)
            self.wire.send(b"%b%b%b" % (shared.before, name.encode(), shared.after))
        else:
            onlooker = is_onlooker(self.person)
            told = welcome(self.service) if onlooker else answer(WELCOME.format(name))
            if reader.room is not None:
                before, after = reader.replayed(reader.room, replay), self.where(reader.room)
            else:
                before, after = self._refusal_of(room) if room else b"", b""
            self.write(before + told + after)
        reader.begin()

    def _refusal_of(self, room: Room) -> bytes:
        """Why a client that has come in is not in the room."""
        try:
            self.reader.check(room)
        except ChatError as error:
            return refusal(error)
        return refusal(NotInRoom(f"you are not in #{room.name} any more; /join {room.name}"))

    # -- answers ---------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""
        self.wire.send(data)

    def answer(self, *texts: str) -> None:
        """Write the lines that answer a command."""
        self.write(b"".join(map(answer, texts)))

    def where(self, room: Room) -> bytes:
        """The lines with the name, the topic and the members of the current room.

        The caller has checked that the client may read the room.
        """
        return place(room) + self.members(room)

    def members(self, room: Room) -> bytes:
        """The line with the members of a room.

        The caller has checked that the client may read the room.
        """
        where = "here" if room is self.reader.room else f"in #{room.name}"
        return members(room, where)

    def let_catch_up(self) -> None:
        """Raise `WaitForAcks` if events wait to be sent to the client, which precede an answer."""
        if self.subscriber.behind:
            self.subscriber.when_caught_up(self.wire.work)
            raise WaitForAcks

    # -- outcomes --------------------------------------------------------------------------------

    def perform(self, command: Command) -> Deferred[int | None]:
        """Have the service carry out a command of the client's person.

        Raises as `need_person` and `ChatService.perform` do.
        """
        self.need_person()
        return self.service.perform(self.person, command)

    def need_person(self) -> None:
        """Raise `NoSession` if the client is an onlooker: it has no name, and does nothing that
        others see, even if guests may come in by now.
        """
        if is_onlooker(self.person):
            raise sign_in_first(self.service.sign_in.rules)

    def wait_for(self, outcome: Deferred[Any], then: Callable[..., object], *args: object) -> None:
        """Call `then` with an outcome and `args`, or write the refusal if the outcome is a failure.

        The connection is not closed before the outcome.
        """
        self.unanswered += 1
        outcome.addCallback(then, *args).addErrback(self._refused).addCallback(self._performed)

    def change(self, outcome: Deferred[Any], then: Callable[..., object], *args: object) -> None:
        """Like `wait_for`, but no further line is carried out before the outcome."""
        self.changing = True
        self.wait_for(outcome, then, *args)

    def say(self, command: Command, *, echo: bool = True) -> None:
        """Perform a command without an answer of its own: the client sees the command's event, or
        with `echo` False nothing.
        """
        performed = self.perform(command)
        self.unanswered += 1
        performed.addCallbacks(self._said, self._not_said, callbackArgs=(echo,))

    def _said(self, id_: int | None, echo: bool) -> None:
        if id_ is not None and not echo:
            self.subscriber.hide(id_)
        self._performed(id_)

    def _not_said(self, failure: Failure) -> None:
        self._refused(failure)
        self._performed(None)

    def _performed(self, _: object) -> None:
        self.unanswered -= 1
        self.changing = False
        self.wire.work()

    def _refused(self, failure: Failure) -> None:
        self.wire.refuse(refusal_of(failure, "a command failed"))
