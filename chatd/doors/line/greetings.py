"""The greeting of the line door: what a client is sent when it comes in.

1. Everything in it but the client's own name is the same for all clients that come in while the
   room's messages, topic and members do not change.  So it is made once for all clients that come
   in together, as all do after a restart.
2. `Greetings` compares all that the last greeting was made of, so a greeting cannot be out of date.
   `Room.roster` stands for the names of the members, and `EventLog.last` and `rewrites` for the
   messages: what changes these has to change those.  Whether the store has older messages is looked
   up with the messages; a greeting that could do without the store may wait for it, no more.
3. The caller has checked that the client may read the room.
"""

from __future__ import annotations

from typing import NamedTuple

from ...chat.room import Room
from ...chat.service import ChatService
from ...codecs.lines import answer, listed, refusal
from ...codecs.timed import TIMED, Days
from ...model.errors import Unavailable
from ...model.text import counted
from ...stream.eventlog import Codec
from ...stream.pages import newest
from .. import history
from ..history import Replay
from .onlooker import LOGIN, REGISTER

REPLAY = 10
"""Messages that a client gets when it joins a room."""
MOST_LISTED = 100
"""Names or rooms that one answer lists."""
WELCOME = "welcome, {}: /nick NAME, /help, /quit; rlwrap nc lets you edit lines"
"""The greeting of a person of that name: a line that fits a terminal, because telnet clients tell
their width only later."""


class Greeting(NamedTuple):
    """The greeting of a person who comes into a room."""

    before: bytes
    """The room's last messages, and the greeting up to the name."""
    after: bytes
    """What follows the name, and where the person is."""


class Greetings:
    """The greetings of one line door."""

    def __init__(self) -> None:
        self._replay_of: tuple[object, ...] = ()
        self._replay: Replay | None = None
        self._made_of: tuple[object, ...] = ()
        self._last = Greeting(b"", b"")

    def replay(self, service: ChatService, room: Room, cursor: int) -> Replay | None:
        """The last messages of a room up to `cursor`, looked up once while they stay the same;
        None: not all of them are in memory.
        """
        log = room.log
        if cursor < log.last:
            return history.remembered(service, room, cursor, REPLAY)
        replay_of = log, log.last, log.rewrites
        if replay_of != self._replay_of:
            self._replay_of = replay_of
            self._replay = history.remembered(service, room, cursor, REPLAY)
        return self._replay

    def of(self, room: Room, replay: Replay) -> Greeting:
        """The greeting in a room, of which `replay` has the last messages."""
        made_of = (room, room.roster, room.state.topic, *replay)
        if made_of != self._made_of:
            self._made_of, self._last = made_of, _made(room, replay)
        return self._last


def _made(room: Room, replay: Replay) -> Greeting:
    begin, end = answer(WELCOME).split(b"{}")
    messages = replayed(room, replay, TIMED["local"][0])
    return Greeting(messages + begin, end + place(room) + members(room, "here"))


def welcome(service: ChatService) -> bytes:
    """The greeting of an onlooker, which says how to sign in, in lines that fit a terminal."""
    rules = service.sign_in.rules
    first = "this server is for people with an account"
    if rules.guests == "read":
        first = "you may read here, and speak with an account"
    ways = [f"{LOGIN} to sign in"]
    if rules.register == "open":
        ways.append(f"{REGISTER['open']} to make one")
    elif rules.register == "invite":
        ways.append(f"{REGISTER['invite']} to make one by an invite")
    return b"".join(map(answer, [f"{first}; /quit to leave", *ways]))


def place(room: Room) -> bytes:
    """The line with the name and the topic of the current room."""
    topic = room.state.topic
    return answer(f"you are in #{room.name}" + (f"; topic: {topic}" if topic else ""))


def members(room: Room, where: str) -> bytes:
    """The line with the members of a room, which are `where`."""
    return answer(listed(room.names, where, MOST_LISTED))


def replayed(room: Room, replay: Replay, codec: Codec) -> bytes:
    """The last messages of a room, between a heading and an end line; `codec` shows times."""
    told = b""
    if replay.unread:
        unread = f"what was said in #{room.name} cannot be read now; /history tries again"
        told = refusal(Unavailable(unread))
    if not replay.entries:
        return told
    entries, chunk, _ = newest(replay.entries, codec)
    begin = answer(f"the last {counted(len(entries), 'message')} in #{room.name}:")
    return told + begin + Days(0).dated(chunk) + answer("end of the last messages")
