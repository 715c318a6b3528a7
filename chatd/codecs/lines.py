"""The line protocol: events as lines of text, lines as commands.

What a client receives is told apart by its start: `<ada> ` a message, `* ` an action, `-- `
anything else that happened, `== ` an answer, `!! ` an error, `>> ` a gap, `[` a private message;
`#dev ` before any of them: another room.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

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
from ..model.errors import ChatError, Malformed, UnknownCommand
from ..model.events import (
    Acted,
    Event,
    Joined,
    Left,
    Noticed,
    Renamed,
    RoomEvent,
    Said,
    Told,
    TopicSet,
)
from ..model.text import printable, seen
from ..stream.batch import Gap
from ..stream.eventlog import Entry

MAX_HISTORY = 500
"""Events that one `/history` shows."""


@dataclass(frozen=True)
class LinesCodec:
    """Events as lines.

    `elsewhere` puts the room's name before each, as for a room that is not the current one; `end`
    ends each line.
    """

    name: str
    elsewhere: bool = False
    end: str = "\r\n"

    def encode(self, entry: Entry) -> bytes:
        """One event, as one line or several."""
        event = entry.event
        lead = f"#{event.room} " if self.elsewhere and isinstance(event, RoomEvent) else ""
        return "".join(f"{lead}{line}{self.end}" for line in describe(event)).encode()

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """Lines after lines."""
        return b"".join(chunks)

    def gap(self, gap: Gap) -> bytes:
        """The line that tells of a gap."""
        lead = f"#{gap.source} " if self.elsewhere and gap.source else ""
        if gap.missed is None:
            told = "events were missed here; /history shows what is left"
        else:
            most = min(gap.missed, MAX_HISTORY)
            told = f"{gap.missed} events were missed here; /history {most} shows what is left"
        return f"{lead}>> {told}{self.end}".encode()


CURRENT = LinesCodec("lines")
"""The current room, to a line connection."""
ELSEWHERE = LinesCodec("lines-elsewhere", elsewhere=True)
"""Another joined room, to a line connection."""
PLAIN = LinesCodec("plain", end="\n")
"""One room, as text/plain over HTTP."""
PLAIN_ROOMS = LinesCodec("plain-rooms", elsewhere=True, end="\n")
"""Several rooms, as text/plain over HTTP."""


def describe(event: Event) -> Iterator[str]:
    """An event in words: the lines, without their ends."""
    match event:
        case Said(sender=sender, text=text):
            yield from (f"<{sender}> {line}" for line in text.split("\n"))
        case Acted(sender=sender, text=text):
            yield from (f"* {sender} {line}" for line in text.split("\n"))
        case Told(sender=sender, to=to, text=text, sent=sent):
            lead = f"[to {to}]" if sent else f"[{sender}]"
            yield from (f"{lead} {line}" for line in text.split("\n"))
        case Joined(room=room, sender=sender):
            yield f"-- {sender} joined #{room}"
        case Left(room=room, sender=sender, text=text):
            yield f"-- {sender} left #{room}" + (f" ({text})" if text else "")
        case Renamed(sender=sender, to=to):
            yield f"-- {sender} is now {to}"
        case TopicSet(sender=sender, text=text):
            yield f"-- {sender} set the topic: {text}" if text else f"-- {sender} cleared the topic"
        case Noticed(text=text):
            yield f"-- {text}"
        case _:
            raise TypeError(f"an event that lines cannot tell: {event!r}")


def answer(text: str) -> bytes:
    """An answer to a command."""
    return f"== {text}\r\n".encode()


def refusal(error: ChatError) -> bytes:
    """What is wrong, and what to do."""
    return f"!! {error.message}\r\n".encode()


# -- what a client sends -------------------------------------------------------------------------


class LineDecoder:
    """A stream of bytes into lines: the same lines however the bytes are cut.

    A line ends at LF or at CR, so that CRLF, CR NUL and LF all do; the empty lines in between are
    nothing, and so is a NUL at the beginning.  Of a line longer than `limit` bytes nothing is kept;
    it comes out as None.
    """

    __slots__ = ("_limit", "_overlong", "_rest")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._overlong = False

    @property
    def begun(self) -> bool:
        """Whether a line has begun that is not complete."""
        return bool(self._rest) or self._overlong

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that these bytes complete; None stands for one that was too long."""
        *ended, rest = _ENDS.split(data)
        lines: list[bytes | None] = []
        for part in ended:
            self._add(part)
            lines += self.finish()
        self._add(rest)
        return lines

    def finish(self) -> list[bytes | None]:
        """The line that the end of the stream, or of the line, completes: none or one."""
        line: bytes | None = bytes(self._rest)
        if self._overlong:
            line = None
        self._rest.clear()
        self._overlong = False
        return [] if line == b"" else [line]

    def _add(self, part: bytes) -> None:
        if self._overlong:
            return
        # CR NUL ends a line (RFC 854): the NUL is not the next one's.
        self._rest += part if self._rest else part.lstrip(b"\0")
        if len(self._rest) > self._limit:
            self._overlong = True
            self._rest.clear()


_ENDS = re.compile(rb"[\r\n]+")
_SPACE = re.compile(r"\s")
_SEEN = re.compile("[!-~]")
"""Characters of which it is plain that they are seen."""


@dataclass(frozen=True)
class Usage:
    """One command of the line protocol: how it is written, what it does, and how it is read."""

    form: str
    help: str
    read: Callable[[str, str], Command]
    """From the words after the command and the current room; raises `Malformed`."""


def parse(line: str, room: str) -> Command:
    """The command that a line stands for; `room` is the current one.

    A word with a second slash in it, such as a path, is no command: the line is said.  Words are
    separated by blanks of any kind.  A slash behind blanks is refused, and so is one behind
    anything else that is not seen, such as a byte order mark or an arrow key: what was meant as a
    command, perhaps with a password, is not said.  Raises `UnknownCommand` and `Malformed`.
    """
    if not line.startswith("/"):
        if not _SEEN.match(line) and seen(line).startswith("/"):
            raise Malformed(
                "that was not said: a command begins without blanks before it; "
                "/literal on says such lines"
            )
        return Say(room, line)
    if line.startswith("//"):
        return Say(room, line[1:])
    word, rest = _first_word(line[1:])
    if "/" in word:
        return Say(room, line)
    usage = command_named(word)
    try:
        return usage.read(rest, room)
    except Malformed as problem:
        word = usage.form.split()[0]
        raise Malformed(f"{word} {problem.message}; type {usage.form}") from None


def command_named(word: str) -> Usage:
    """The command of that name or short form, without its slash.

    Raises `UnknownCommand`, which names the nearest one.
    """
    name = word[:32].lower()
    usage = COMMANDS.get(ALIASES.get(name, name)) if len(word) <= 32 else None
    if usage is None:
        known = [*COMMANDS, *(alias for alias in ALIASES if len(alias) > 1)]
        near = get_close_matches(name, [word for word in known if len(word) > 1], 1)
        meant = f" (did you mean /{near[0]}?)" if near else ""
        raise UnknownCommand(f"no such command /{printable(word[:32])}{meant}; /help lists them")
    return usage


def _first_word(text: str) -> tuple[str, str]:
    """What stands before the first blank, and what stands behind it, without blanks around it."""
    word, *rest = _SPACE.split(text, 1)
    return word, "".join(rest).strip()


def _one_word(rest: str, what: str) -> str:
    if not rest:
        raise Malformed(f"needs a {what}")
    if _SPACE.search(rest):
        raise Malformed(f"takes one {what}, which has no blanks, and nothing was done")
    return rest


def _no_words(rest: str) -> None:
    if rest:
        raise Malformed("takes nothing behind it")


def _text(rest: str) -> str:
    if not rest:
        raise Malformed("needs a text")
    return rest


def _number(rest: str, what: str) -> int:
    if not (rest.isascii() and rest.isdigit() and len(rest) <= 18):
        raise Malformed(f"takes {what}, a whole number")
    return int(rest)


def _read_tell(rest: str, room: str) -> Command:
    name, text = _first_word(rest)
    if not text:
        raise Malformed("needs a name and a text")
    return Tell(name, text)


def _read_topic(rest: str, room: str) -> Command:
    if not rest:
        return ShowTopic(room)
    return SetTopic(room, "" if rest == "-" else rest)


def _read_leave(rest: str, room: str) -> Command:
    return Leave(_one_word(rest, "room") if rest else room)


def _read_who(rest: str, room: str) -> Command:
    return ShowWho(_one_word(rest, "room") if rest else room)


def _read_rooms(rest: str, room: str) -> Command:
    _no_words(rest)
    return ShowRooms()


def _read_history(rest: str, room: str) -> Command:
    return ShowHistory(
        room, max(1, min(_number(rest, "how many events"), MAX_HISTORY)) if rest else 20
    )


def _read_echo(rest: str, room: str) -> Command:
    if rest not in ("on", "off"):
        raise Malformed("takes on or off")
    return SetEcho(rest == "on")


def _read_time(rest: str, room: str) -> Command:
    if rest not in ("on", "off", "utc"):
        raise Malformed("takes on, off or utc")
    return SetTime({"on": "local", "off": "", "utc": "utc"}[rest])


def _read_literal(rest: str, room: str) -> Command:
    if rest != "on":
        raise Malformed("takes on, and lasts until you disconnect")
    return SetLiteral()


ALIASES = {
    "j": "join",
    "part": "leave",
    "names": "who",
    "w": "who",
    "m": "msg",
    "exit": "quit",
}
"""Short forms and other names of commands."""

COMMANDS: dict[str, Usage] = {
    "nick": Usage(
        "/nick NAME",
        "take a name, or another one",
        lambda rest, room: Rename(_one_word(rest, "name")),
    ),
    "join": Usage(
        "/join ROOM",
        "come into a room and make it the current one",
        lambda rest, room: Join(_one_word(rest, "room")),
    ),
    "leave": Usage("/leave [ROOM]", "leave a room, or the current one", _read_leave),
    "room": Usage(
        "/room ROOM",
        "make a joined room the current one",
        lambda rest, room: Switch(_one_word(rest, "room")),
    ),
    "who": Usage("/who [ROOM]", "who is in a room, or in the current one", _read_who),
    "rooms": Usage("/rooms", "which rooms there are", _read_rooms),
    "me": Usage(
        "/me TEXT", "say what you do: /me waves", lambda rest, room: Act(room, _text(rest))
    ),
    "msg": Usage("/msg NAME TEXT", "say something to one person only", _read_tell),
    "r": Usage(
        "/r TEXT",
        "answer the last private message that you got",
        lambda rest, room: Reply(_text(rest)),
    ),
    "topic": Usage("/topic [TEXT]", "show the topic, or set it; /topic - clears it", _read_topic),
    "history": Usage(
        "/history [N]", f"show the last N events here (20; at most {MAX_HISTORY})", _read_history
    ),
    "since": Usage(
        "/since ID",
        "show what came after the event ID here, as after a reconnect",
        lambda rest, room: ShowSince(room, _number(rest, "an event's id")),
    ),
    "echo": Usage("/echo on|off", "show you your own messages, or not", _read_echo),
    "time": Usage("/time on|off|utc", "show the time before each event, or not", _read_time),
    "literal": Usage("/literal on", "say every line as it is until you disconnect", _read_literal),
    "help": Usage(
        "/help [COMMAND]",
        "list the commands, or explain one",
        lambda rest, room: ShowHelp(rest.removeprefix("/").lower()),
    ),
    "quit": Usage(
        "/quit [TEXT]", "leave; TEXT is your parting word", lambda rest, room: Quit(rest)
    ),
}
"""The commands, in the order in which `/help` lists them."""

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
"""Commands that only this connection sees: nothing in the chat changes."""
SAYINGS = (Say, Act, SetTopic, Tell, Reply)
"""Commands whose echo is their answer: a paste of them need not wait for one another."""


# -- answers -------------------------------------------------------------------------------------


def help_on(topic: str = "") -> Iterator[str]:
    """What `/help` answers: all commands, or one of them.  Raises `UnknownCommand`."""
    if topic:
        usage = command_named(topic)
        yield f"{usage.form}: {usage.help}"
        return
    yield "what you type is said in the current room; // says a line that starts with /"
    for usage in COMMANDS.values():
        yield f"{usage.form:16} {usage.help}"
    yield "short: " + ", ".join(f"/{alias} for /{name}" for alias, name in ALIASES.items())


def listed(names: Sequence[str], where: str, most: int) -> str:
    """Who is `where`: the first `most` of the names, and how many there are."""
    if not names:
        return f"nobody is {where}"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)} {where}: {', '.join(names[:most])}{more}"


def counted(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
