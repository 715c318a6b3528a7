"""The commands of the line door: what one client's lines do, and the lines that answer them.

1. A shell knows no transport: it is given `write`, and it is its subscriber's outlet.
2. A line is carried out at once or raises: a `ChatError` says why it was refused, `WaitForAcks`
   that messages before it are not stored yet, so that answers keep their place behind echoes, or
   that the client has not read what it was sent.
3. `RateLimited` refuses nothing: the connection carries the line out later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatchmethod

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..chat.limits import TokenBucket
from ..chat.room import LOBBY, Room
from ..chat.service import ChatService
from ..codecs.lines import (
    ALIASES,
    COMMANDS,
    CURRENT,
    ELSEWHERE,
    answer,
    command_named,
    parse,
    refusal,
)
from ..codecs.timed import TIMED, Days, moment_of
from ..model.addresses import Address
from ..model.commands import (
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
from ..model.errors import ChatError, NoSuchPerson, NotInRoom, RateLimited, Unavailable
from ..model.events import MESSAGES, SentPrivately, Told
from ..stream.eventlog import Codec, Entry
from ..stream.pages import newest, oldest_first
from ..stream.subscriber import Batch, Gap, Subscriber

COMMAND_RATE = 10
"""Commands a second that are no messages, and mistakes, on one connection: more than anybody types,
and four seconds' worth at once for programs that begin with a few."""
OWN = (
    ShowHistory,
    ShowRooms,
    ShowSince,
    ShowTopic,
    ShowWho,
    SetEcho,
    SetLiteral,
    SetTime,
    ShowHelp,
    Switch,
)
"""Commands that only this connection sees: the service does not measure them."""
SAYINGS = (Say, Act, SetTopic, Tell, Reply)
"""Commands whose echo is their answer: a paste of them need not wait for one another."""
REPLAY = 10
"""Messages that a newcomer to a room is shown."""
MOST_LISTED = 100
"""Names or rooms that one answer lists."""


class WaitForAcks(Exception):
    """A line has to wait: until the messages before it are stored, or until the client reads."""


class Shell:
    """One client's session and reader, and the commands that it may give."""

    def __init__(
        self,
        service: ChatService,
        address: Address,
        write: Callable[[bytes], None],
        settled: Callable[[], None],
        start: Callable[[Subscriber], None],
        put_back: Callable[[bytes], None],
    ) -> None:
        """`write` sends bytes to the client; `settled` is called when the outcome of a command is
        known, and the next line may be carried out; `start` starts a subscriber whose batches may
        be written as they are, without `deliver`; `put_back` has a line carried out again, before
        those that wait.
        """
        self._service = service
        self._write = write
        self._settled = settled
        self._put_back = put_back
        self._start = start
        self._session = service.enter(address=address)
        self._room: Room | None = None
        self._commands = TokenBucket(COMMAND_RATE, service.clock.seconds)
        self._echo = True
        self._literal = False
        self._zone = ""
        self._days = Days()
        self.subscriber = Subscriber(self, (), 0)
        self.unanswered = 0
        """Commands whose outcome is not known yet."""
        self.ended = False
        """Whether the client has quit."""
        self.parting = ""
        """The parting word."""

    def greet(self) -> None:
        """Greet, and begin to read the lobby."""
        self._room = room = self._service.room(LOBBY)
        self._replay(room)
        name = self._session.name
        self._answer(
            f"welcome, {name}: /nick NAME to take a name, /help for more, /quit to leave; "
            "rlwrap nc lets you edit what you type"
        )
        self._tell_where(room)
        self._read_rooms()
        self._start(self.subscriber)

    def close(self) -> None:
        """The connection is over, and so is the session."""
        self.subscriber.stop()
        self._service.end(self._session, self.parting)

    def deliver(self, batch: Batch) -> bool:
        """Write a batch: what is missing, then what is there."""
        if batch.gaps:
            self._write(b"".join(map(self._gap, batch.gaps)))
        self._write(self._days.dated(batch.chunk) if self._zone else batch.chunk)
        return True

    def carry_out(self, line: str) -> bool:
        """Do what a line asks for; answers whether other clients see it.

        Raises `ChatError` and `WaitForAcks`.
        """
        here = self._room.name if self._room else ""
        command = Say(here, line) if self._literal else parse(line, here)
        answered = not isinstance(command, SAYINGS)
        if answered and self.unanswered:
            raise WaitForAcks
        own = isinstance(command, OWN)
        if own and (wait := self._commands.take()):
            raise RateLimited("", wait)
        if answered:
            self.subscriber.wake()
            if self.subscriber.paused:
                raise WaitForAcks  # the client has that to read first
        self._do(command)
        return not own

    def make_mistake(self) -> float:
        """A line was refused; answers the seconds that the next line has to wait."""
        wait = self._commands.take()
        if wait:
            self._commands.charge()
        return wait

    def _answer(self, text: str) -> None:
        self._write(answer(text))

    # -- commands that others see ----------------------------------------------------------------

    @singledispatchmethod
    def _do(self, command: Command) -> None:
        raise TypeError(f"not for the line door: {command!r}")

    def _perform(self, command: Command) -> Deferred[int | None]:
        """Have the service carry it out; the connection lives until the outcome is known."""
        performed = self._service.perform(self._session, command)
        self.unanswered += 1
        return performed.addErrback(self._refused)

    def _performed(self, result: int | None) -> None:
        self.unanswered -= 1
        self._settled()

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
            self.subscriber.hide(id_)
        self._performed(id_)

    @_do.register(SetTopic)
    @_do.register(Tell)
    def _pass_on(self, command: SetTopic | Tell) -> None:
        if isinstance(command, SetTopic):
            self._here()
        self._perform(command).addCallback(self._performed)

    @_do.register
    def _reply(self, command: Reply) -> None:
        letters = self._session.inbox.log.latest(1000, Told)
        for letter in reversed(letters):
            if isinstance(letter.event, Told) and not isinstance(letter.event, SentPrivately):
                self._pass_on(Tell(letter.event.sender, command.text))
                return
        raise NoSuchPerson("nobody has sent you a private message yet; type /msg NAME TEXT")

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
        self.parting = command.text
        self.ended = True

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
        self.unanswered += 1
        page = self._service.page(room, None, command.count)
        listed = page.addCallback(self._list, room, command.count)
        listed.addErrback(self._refused).addCallback(self._performed)

    def _list(self, found: list[Entry], room: Room, count: int) -> None:
        if self.subscriber.paused:
            # Meanwhile the client was sent other things, which it has to read first: ask again.
            self._put_back(b"/history %d" % count)
            return
        if not found:
            self._answer(f"nothing has happened in #{room.name} yet")
            return
        entries, chunk, _ = newest(found, self._dated)
        few = len(entries) < count and self._service.has_older(room, entries)
        most = " (no more fit into one answer)" if few else ""
        self._answer(f"the last {counted(len(entries), 'event')} in #{room.name}{most}:")
        self._write(Days(0).dated(chunk))
        self._answer(f"end of the history; /since {entries[-1].id} shows what comes after it")

    @_do.register
    def _show_since(self, command: ShowSince) -> None:
        room = self._here()
        place = self._service.place([room], command.id)
        entries, complete = room.log.since(place.cursor)
        complete = complete and not place.gaps
        entries, chunk, whole = oldest_first(entries, self._codecs[0])
        first = "" if whole else "the first "
        self._answer(f"{first}{counted(len(entries), 'event')} in #{room.name} since then:")
        if not complete:
            self._write(CURRENT.gap(Gap(room.name, None)))
        self._write(Days(0).dated(chunk) if self._zone else chunk)
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
    def _set_literal(self, command: SetLiteral) -> None:
        self._literal = True
        self._answer("every line is said as it is from here on; disconnect to end that")

    @_do.register
    def _set_time(self, command: SetTime) -> None:
        if self.subscriber.paused:
            raise WaitForAcks  # its place is known when it has caught up
        self._zone = command.zone
        last = self._service.horizon
        utc = command.zone == "utc"
        self._days = Days(moment_of(last, utc=utc).toordinal() if last else None)
        # Lines with times are made in `deliver`, others may be written as they are.
        self.subscriber.stop()
        self.subscriber = Subscriber(self, (), last)
        self._read_rooms()
        if self._zone:
            self.subscriber.start()
        else:
            self._start(self.subscriber)
        shown = {"local": "times are shown, in the server's time zone", "utc": "times are UTC"}
        self._answer(shown.get(command.zone, "times are not shown"))

    @_do.register
    def _show_help(self, command: ShowHelp) -> None:
        if not command.topic:
            self._answer(
                "what you type is said in the current room; // says a line that starts with /"
            )
            for usage in COMMANDS.values():
                self._answer(f"{usage.form:16} {usage.help}")
            short = ", ".join(f"/{alias} for /{name}" for alias, name in ALIASES.items())
            self._answer(f"short: {short}")
        else:
            usage = command_named(command.topic)
            self._answer(f"{usage.form}: {usage.help}")

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
            entries, chunk, _ = newest(entries, self._dated)
            self._answer(f"the last {counted(len(entries), 'message')} in #{room.name}:")
            self._write(Days(0).dated(chunk))
            self._answer("end of the last messages")

    def _read_rooms(self) -> None:
        """Read the joined rooms, the current one without its name before it, and the private
        messages.
        """
        current, elsewhere = self._codecs
        feeds = [
            room.feed(current if room is self._room else elsewhere)
            for room in self._session.rooms.values()
        ]
        self.subscriber.change([*feeds, self._session.inbox.feed(current)], self._service.horizon)

    @property
    def _codecs(self) -> tuple[Codec, Codec]:
        """That of the current room, and that of the others."""
        return TIMED[self._zone] if self._zone else (CURRENT, ELSEWHERE)

    @property
    def _dated(self) -> Codec:
        """That of past events, which have times and days."""
        return TIMED[self._zone or "local"][0]

    def _gap(self, gap: Gap) -> bytes:
        here = not self._room or gap.source in ("", self._room.name)
        return (CURRENT if here else ELSEWHERE).gap(gap)


def counted(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
