"""The commands of the line door: what one client's lines do, and the lines that answer them.

1. A shell knows no transport: it is given `write`.
2. A line is carried out at once or raises: a `ChatError` says why it was refused, `WaitForAcks`
   that messages before it are not stored yet, so that answers keep their place behind echoes, or
   that the client has not read what it was sent.
3. `RateLimited` refuses nothing: the connection carries the line out later.
4. A command that changes names or rooms is answered when the change was shown.  Until then no line
   behind it is carried out (`changing`): what it means may depend on the change.  Messages to the
   current room do not wait for one another.
5. What is shown of a room comes from its `LineReader`, or is checked by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...chat.limits import TokenBucket
from ...chat.room import LOBBY, Room
from ...chat.service import ChatService
from ...chat.sessions import Session
from ...codecs.lines import (
    CURRENT,
    OWN,
    SAYINGS,
    answer,
    counted,
    help_on,
    listed,
    parse,
    refusal,
)
from ...codecs.timed import Days
from ...model.commands import (
    Act,
    Command,
    Join,
    Leave,
    Quit,
    Rename,
    Reply,
    Say,
    SetEcho,
    SetLiteral,
    SetTime,
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
from ...model.errors import ChatError, NoSuchPerson, RateLimited, Unavailable
from ...model.events import SentPrivately, Told
from ...model.names import clean_room
from ...model.policy import Action
from ...stream.batch import Gap
from ...stream.eventlog import Page
from ...stream.pages import newest, oldest_first
from ...stream.subscriber import Subscriber
from .. import history
from .reader import LineReader, Wire

COMMAND_RATE = 10
"""Commands a second that are no messages, and mistakes, on one connection: more than anybody types,
and four seconds' worth at once for programs that begin with a few."""
REPLAY = 10
"""Messages that a newcomer to a room is shown."""
MOST_UNANSWERED = 500
"""Messages of one connection that may wait for the store; further lines wait for them."""
MOST_LISTED = 100
"""Names or rooms that one answer lists."""


class WaitForAcks(Exception):
    """A line has to wait: until the messages before it are stored, or until the client reads."""


class Shell:
    """One client's session and reader, and the commands that it may give."""

    _log = Logger()
    __slots__ = (
        "_commands",
        "_echo",
        "_literal",
        "_person",
        "_reader",
        "_service",
        "_session",
        "_wire",
        "_write",
        "changing",
        "ended",
        "parting",
        "unanswered",
    )

    def __init__(self, service: ChatService, session: Session, wire: Wire) -> None:
        """A shell for the session of a person who has just come in."""
        self._service = service
        self._session = session
        self._person = session.person
        self._wire = wire
        self._write = wire.send
        self._commands = TokenBucket(COMMAND_RATE, service.clock.seconds)
        self._echo = True
        self._literal = False
        self._reader = LineReader(service, session, wire)
        self.unanswered = 0
        """Commands whose outcome is not known yet."""
        self.changing = False
        """Whether one of them changes names or rooms, so that no line may be carried out."""
        self.ended = False
        """Whether the client has quit."""
        self.parting = ""
        """The parting word."""

    def greet(self) -> None:
        """Greet, and begin to read the lobby."""
        room = self._person.rooms[LOBBY]
        begin = self._service.horizon
        self._change(history.replay(self._service, room, begin, REPLAY), self._greet, room, begin)

    def _greet(self, replay: history.Replay, room: Room, begin: int) -> None:
        reader = self._reader
        welcome = answer(
            f"welcome, {self._person.name}: /nick NAME to take a name, /help for more, "
            "/quit to leave; rlwrap nc lets you edit what you type"
        )
        try:
            reader.check(room)
        except ChatError as error:
            reader.read(None, begin)
            self._write(refusal(error) + welcome)
        else:
            reader.read(room, begin)
            self._write(reader.replayed(room, replay) + welcome + self._where(room))
        reader.begin()

    @property
    def subscriber(self) -> Subscriber:
        """What reads for the client; another one after `/time`."""
        return self._reader.subscriber

    def close(self) -> None:
        """The connection is over, and so is the session."""
        self._session.over = True
        self.subscriber.stop()
        self._service.end(self._person, self.parting)

    def carry_out(self, line: str) -> bool:
        """Do what a line asks for; answers whether other clients see it.

        Raises `ChatError` and `WaitForAcks`.
        """
        here = self._reader.room.name if self._reader.room else ""
        command = Say(here, line) if self._literal else parse(line, here)
        answered = not isinstance(command, SAYINGS)
        if self.unanswered and (answered or self.unanswered >= MOST_UNANSWERED):
            raise WaitForAcks
        own = isinstance(command, OWN)
        if own and (wait := self._commands.take()):
            raise RateLimited("", wait)
        if answered:
            self.subscriber.wake()
            self._let_catch_up()
        _DO[type(command)](self, command)
        return not own

    def _let_catch_up(self) -> None:
        """Raise `WaitForAcks` if the client has something to read before it is answered."""
        if self.subscriber.behind:
            self.subscriber.when_caught_up(self._wire.work)
            raise WaitForAcks

    def make_mistake(self) -> float:
        """A line was refused; answers the seconds that the next line has to wait."""
        wait = self._commands.take()
        if wait:
            self._commands.charge()
        return wait

    def _answer(self, text: str) -> None:
        self._write(answer(text))

    # -- outcomes --------------------------------------------------------------------------------

    def _await(self, outcome: Deferred[Any], then: Callable[..., object], *args: object) -> None:
        """Call `then` with an outcome and `args`, or tell the refusal; the connection lives until
        then.
        """
        self.unanswered += 1
        outcome.addCallback(then, *args).addErrback(self._refused).addCallback(self._performed)

    def _change(self, outcome: Deferred[Any], then: Callable[..., object], *args: object) -> None:
        """The same, and no line is carried out before."""
        self.changing = True
        self._await(outcome, then, *args)

    def _performed(self, _: object) -> None:
        self.unanswered -= 1
        self.changing = False
        self._wire.work()

    def _refused(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, ChatError):
            self._log.failure("a command failed", failure)
            error = Unavailable("the server made a mistake, and has written it down")
        self._wire.refuse(error)

    def _perform(self, command: Command) -> Deferred[int | None]:
        return self._service.perform(self._person, command)

    # -- commands that others see ----------------------------------------------------------------

    def _speak(self, command: Say | Act) -> None:
        self._reader.here()
        self._say(command, echo=self._echo)

    def _say(self, command: Command, *, echo: bool) -> None:
        performed = self._perform(command)
        self.unanswered += 1
        performed.addCallbacks(self._spoken, self._not_spoken, callbackArgs=(echo,))

    def _spoken(self, id_: int | None, echo: bool) -> None:
        if id_ is not None and not echo:
            self.subscriber.hide(id_)
        self._performed(id_)

    def _not_spoken(self, failure: Failure) -> None:
        self._refused(failure)
        self._performed(None)

    def _pass_on(self, command: SetTopic | Tell) -> None:
        if isinstance(command, SetTopic):
            self._reader.here()
        self._say(command, echo=True)

    def _reply(self, command: Reply) -> None:
        letters = self._person.inbox.log.latest(1000, Told)
        for letter in reversed(letters):
            if isinstance(letter.event, Told) and not isinstance(letter.event, SentPrivately):
                self._pass_on(Tell(letter.event.sender, command.text))
                return
        raise NoSuchPerson("nobody has sent you a private message yet; type /msg NAME TEXT")

    def _rename(self, command: Rename) -> None:
        self._change(self._perform(command), self._renamed)

    def _renamed(self, _: object) -> None:
        self._answer(f"you are now {self._person.name}")

    def _join(self, command: Join) -> None:
        name = clean_room(command.room)
        new = not self._reader.reads(name)
        self._change(self._perform(command), self._joined, name, new)

    def _joined(self, id_: int | None, name: str, new: bool) -> Deferred[None] | None:
        """The person is in the room; it is read from right before the own coming on."""
        reader = self._reader
        reader.give_back(name)
        room = reader.joined(name)
        if not new:
            self._enter(room)
            return None
        begin = self._service.horizon if id_ is None else id_ - 1
        replayed = history.replay(self._service, room, begin, REPLAY)
        return replayed.addCallback(self._begin, name, begin)

    def _begin(self, replay: history.Replay, name: str, begin: int) -> None:
        room = self._reader.joined(name)
        self._reader.read(room, begin)
        self._write(self._reader.replayed(room, replay) + self._where(room))
        self.subscriber.wake()

    def _leave(self, command: Leave) -> None:
        if not command.room:
            self._reader.here()
        self._change(self._perform(command), self._left, clean_room(command.room))

    def _left(self, id_: int | None, name: str) -> None:
        reader = self._reader
        if id_ is not None:
            self.subscriber.hide(id_)  # the answer tells it
        self.subscriber.wake()
        reader.give_back(name)
        self._answer(f"you have left #{name}")
        room = reader.room
        if room and room.name == name:
            others = [*filter(reader.reads, self._person.rooms)]
            room = self._person.rooms[others[0]] if others else None
            if room:
                self._answer(f"you are in #{room.name}")
        reader.read(room)

    def _switch(self, command: Switch) -> None:
        self._enter(self._reader.joined(clean_room(command.room)))

    def _quit(self, command: Quit) -> None:
        self._answer("goodbye")
        self.parting = command.text
        self.ended = True

    # -- questions, answered to this client only -------------------------------------------------

    def _show_who(self, command: ShowWho) -> None:
        if command.room:
            self._await(self._service.rooms.load(command.room), self._tell_who)
        else:
            self._tell_who(self._reader.here())

    def _tell_who(self, room: Room) -> None:
        self._reader.check(room)
        self._write(self._who(room))

    def _who(self, room: Room) -> bytes:
        where = "here" if room is self._reader.room else f"in #{room.name}"
        return answer(listed(room.names, where, MOST_LISTED))

    def _show_rooms(self, command: ShowRooms) -> None:
        self._service.readers.policy.may(self._person, Action.LIST)
        rooms = self._service.rooms.listings(limit=MOST_LISTED + 1)
        for room in rooms[:MOST_LISTED]:
            self._answer(
                f"#{room.name}: {room.people} here" + (f"; {room.topic}" if room.topic else "")
            )
        if len(rooms) > MOST_LISTED:
            self._answer(f"more than {MOST_LISTED} rooms; GET /rooms over HTTP lists the others")
        elif not rooms:
            self._answer("0 rooms")

    def _show_topic(self, command: ShowTopic) -> None:
        room = self._reader.here()
        self._reader.check(room)
        topic = room.state.topic
        self._answer(
            f"the topic of #{room.name}: {topic}" if topic else f"#{room.name} has no topic"
        )

    def _show_history(self, command: ShowHistory) -> None:
        room = self._reader.here()
        self._reader.check(room)
        found = history.newest(self._service, room, command.count)
        self._await(found, self._tell_history, room, command.count)

    def _tell_history(self, page: Page, room: Room, count: int) -> None:
        if self._must_wait(room, b"/history %d" % count):
            return
        if not page.entries:
            self._answer(f"nothing has happened in #{room.name} yet")
            return
        entries, chunk, whole = newest(page.entries, self._reader.dated)
        few = len(entries) < count and (page.more or not whole)
        most = " (no more fit into one answer)" if few else ""
        self._answer(f"the last {counted(len(entries), 'event')} in #{room.name}{most}:")
        self._write(Days(0).dated(chunk))
        self._answer(f"end of the history; /since {entries[-1].id} shows what comes after it")

    def _show_since(self, command: ShowSince) -> None:
        room = self._reader.here()
        self._reader.check(room)
        found = history.since(self._service, room, command.id)
        self._await(found, self._tell_since, room, command.id)

    def _tell_since(self, found: history.Since, room: Room, cursor: int) -> None:
        if self._must_wait(room, b"/since %d" % cursor):
            return
        entries, chunk, whole = oldest_first(found.entries, self._reader.codecs[0])
        whole = whole and not found.more
        first = "" if whole else "the first "
        self._answer(f"{first}{counted(len(entries), 'event')} in #{room.name} since then:")
        if found.gap:
            self._write(CURRENT.gap(Gap(room.name, None)))
        self._write(self._reader.shown(chunk))
        if whole:
            self._answer(f"that is all; /since {found.cursor} shows what comes after it")
        else:
            self._answer(f"there is more; /since {entries[-1].id} goes on from here")

    def _must_wait(self, room: Room, line: bytes) -> bool:
        """Whether a page has to wait for the client, which was sent other things meanwhile that it
        has to read first: then the line that asked for it is carried out again.
        """
        self._reader.check(room)
        if self.subscriber.paused:
            self._wire.put_back(line)
        return self.subscriber.paused

    def _set_echo(self, command: SetEcho) -> None:
        self._echo = command.on
        self._answer(
            "you see your own messages" if command.on else "you no longer see your own messages"
        )

    def _set_literal(self, command: SetLiteral) -> None:
        self._literal = True
        self._answer("every line is said as it is from here on; disconnect to end that")

    def _set_time(self, command: SetTime) -> None:
        self._let_catch_up()  # its place is known then
        self._reader.show_times(command.zone)
        shown = {"local": "times are shown, in the server's time zone", "utc": "times are UTC"}
        self._answer(shown.get(command.zone, "times are not shown"))

    def _show_help(self, command: ShowHelp) -> None:
        for line in help_on(command.topic):
            self._answer(line)

    # -- rooms -----------------------------------------------------------------------------------

    def _enter(self, room: Room) -> None:
        """Make it the current room, which is read already."""
        self._reader.read(room)
        self._write(self._where(room))

    def _where(self, room: Room) -> bytes:
        """Where one is, what it is about, and who else is there: of a room that was checked."""
        topic = room.state.topic
        told = f"you are in #{room.name}" + (f"; topic: {topic}" if topic else "")
        return answer(told) + self._who(room)


_DO: dict[type[Command], Callable[[Shell, Any], None]] = {
    Say: Shell._speak,
    Act: Shell._speak,
    SetTopic: Shell._pass_on,
    Tell: Shell._pass_on,
    Reply: Shell._reply,
    Rename: Shell._rename,
    Join: Shell._join,
    Leave: Shell._leave,
    Switch: Shell._switch,
    Quit: Shell._quit,
    ShowWho: Shell._show_who,
    ShowRooms: Shell._show_rooms,
    ShowTopic: Shell._show_topic,
    ShowHistory: Shell._show_history,
    ShowSince: Shell._show_since,
    SetEcho: Shell._set_echo,
    SetLiteral: Shell._set_literal,
    SetTime: Shell._set_time,
    ShowHelp: Shell._show_help,
}
"""What carries out each command."""
