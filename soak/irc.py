"""IRC clients: an echo acknowledges a message, and CHATHISTORY fetches the messages they missed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .checker import SERIAL, Saying, Trail
from .client import Client, Gone, forever, together
from .wire import Wire
from .world import World

TALK_SECONDS = 6.0
"""Seconds between two messages, on average."""
WORDS = 40
"""Words of the longest message: a line of IRC has 512 bytes."""
PAGE = 50
"""Messages in one request for history."""
CAPABILITIES = "message-tags server-time echo-message batch labeled-response draft/chathistory"
DOUBT = "cannot tell"
"""The words of a refusal after which the message may have been stored nevertheless."""
_LINE = re.compile(r"(?:@(\S+) )?(?::(\S+) )?(\S+)(?: (.*))?")
_ACTION = re.compile("\x01ACTION (.*)\x01")


class IrcClient(Client):
    """A connection in some channels.

    The events that a client sees on one connection form one trail; each page of history is another.
    """

    door = "IRC"

    def __init__(self, world: World, name: str, address: str, rooms: Sequence[str]) -> None:
        super().__init__(world, name, address)
        self._rooms = list(rooms)
        self._visits = 0
        self._cursor: int | None = None
        self._unheard: dict[int, Saying] = {}
        self._trail: Trail | None = None
        self._joined: set[str] = set()
        self._page: Trail | None = None
        """The page of history that is being read."""
        self._asked = 0
        self._looked = False
        """Whether the client has requested the last messages of each channel."""
        self._ends: set[str] = set()
        """The channels whose last message the client has seen, live or in history."""
        self._live: set[str] = set()
        """The channels whose last message the client has seen live."""

    @property
    def settled(self) -> bool:
        """See `Client.settled`."""
        return not self._unheard

    @property
    def done(self) -> bool:
        """Whether this connection has seen the last message of each channel."""
        return bool(self.world.ends) and self._ends.issuperset(self._rooms)

    async def visit(self) -> None:
        """Talk and listen."""
        self._visits += 1
        self._unheard.clear()
        self._ends.clear()
        self._live.clear()
        self._joined.clear()
        self._page, self._asked, self._trail, self._looked = None, 0, None, False
        wire = await self.connect("irc", narrow=True)
        wire.send(
            f"CAP REQ :{CAPABILITIES}\r\nNICK {self.name}\r\nUSER soak 0 * :soak\r\n"
            "CAP END\r\n".encode()
        )
        await together(self._hear(wire), self._talk(wire))

    def _leg(self, what: str, rooms: Sequence[str], since: int | None = None) -> Trail:
        return self.world.leg(f"{self.name}, visit {self._visits}{what}", rooms, since)

    # -- receiving -------------------------------------------------------------------------------

    async def _hear(self, wire: Wire) -> None:
        life = self.world.server.life
        while (line := await wire.reader.readline()).endswith(b"\n"):
            self._line(wire, line.decode().rstrip("\r\n"))
            if self._trail and self.world.ends and not self._looked:
                self._looked = True  # the last messages may have been said before it connected
                for room in self._rooms:
                    wire.send(f"CHATHISTORY LATEST #{room} * {PAGE}\r\n".encode())
            if self.done:
                if self._trail and self._live.issuperset(self._rooms):
                    self._trail.until = self.world.end_of(self._trail.rooms)
                raise Gone
            await self.live(wire)
        if self.ending and life == self.world.server.life and self._unheard:
            self.world.findings.append(
                f"{self.name} quit, and {sorted(self._unheard)[:5]} are lost"
            )
        raise ConnectionError("it has ended")

    def _line(self, wire: Wire, line: str) -> None:
        found = _LINE.fullmatch(line)
        assert found, line
        tags = dict(tag.partition("=")[::2] for tag in (found[1] or "").split(";"))
        command, params = found[3], _params(found[4] or "")
        match command:
            case "PRIVMSG":
                self._message(tags, *params)
            case "PING":
                wire.send(f"PONG :{params[-1]}\r\n".encode())
            case "433":
                wire.send(f"NICK {self.name}-{self.dice.randrange(1000)}\r\n".encode())
            case "376" | "422":
                wire.send("".join(f"JOIN #{room}\r\n" for room in self._rooms).encode())
            case "366":
                self._joined.add(params[1].removeprefix("#"))
                if self._joined.issuperset(self._rooms) and self._trail is None:
                    self._trail = self._leg("", self._rooms)  # all channels are read from here on
            case "NOTICE" if self._trail and "missed" in params[-1]:
                self.world.gap(self._trail, self.door)
            case "BATCH" if "chathistory" in params and self._asked:
                self._page = self._leg(f" after {self._asked}", self._rooms[-1:], self._asked)
            case "BATCH" if self._page:
                if self._cursor and self._cursor > self._asked:
                    self._page.until = self._cursor
                self._page, self._asked = None, 0
            case "FAIL" | "400" | "404" | "417" if "label" in tags:
                self._refused(int(tags["label"]), command, params[-1])
            case "FAIL":
                self._page, self._asked = None, 0

    def _message(self, tags: Mapping[str, str], target: str, text: str) -> None:
        action = _ACTION.fullmatch(text)
        spoken = SERIAL.match(action[1] if action else text)
        if spoken is None or "msgid" not in tags:
            return
        serial, id_ = int(spoken[1]), int(tags["msgid"])
        ended = {room for room, last in self.world.ending_serials.items() if last == serial}
        self._ends |= ended
        if "batch" in tags:
            if self._page:
                self.world.read(self._page, serial)
                self._cursor = id_
            return
        self._live |= ended
        if self._trail:
            self.world.read(self._trail, serial)
        if saying := self._unheard.pop(serial, None):
            self.world.stored(saying, id_)

    def _refused(self, serial: int, code: str, why: str) -> None:
        if saying := self._unheard.pop(serial, None):
            self.world.refused(saying, "in-doubt" if DOUBT in why else code)

    # -- sending ---------------------------------------------------------------------------------

    async def _talk(self, wire: Wire) -> None:
        while not self.world.over.is_set():
            await self.world.pause(self.dice.expovariate(1 / TALK_SECONDS))
            if self._trail is None or self.world.over.is_set():
                continue
            what = ("say", "act", "history", "nick", "quit", "reset")
            match self.dice.choices(what, (60, 8, 8, 3, 2, 3))[0]:
                case "say":
                    self._say(wire, "{}")
                case "act":
                    self._say(wire, "\x01ACTION {}\x01")
                case "history" if not self._asked:
                    room = self._rooms[-1]
                    self._asked = self._cursor or self.world.begins[room]
                    asked = f"CHATHISTORY AFTER #{room} msgid={self._asked} {PAGE}\r\n"
                    wire.send(asked.encode())
                case "nick":
                    wire.send(f"NICK {self.name}-{self.dice.randrange(100)}\r\n".encode())
                case "quit":
                    self.ending = True
                    self.world.counts["half-closed"] += 1
                    for _ in range(self.dice.randrange(5)):
                        self._say(wire, "{}")
                    wire.send(b"QUIT :so long\r\n")
                    await forever()
                case "reset":
                    self.ending = True
                    self._unheard.clear()
                    wire.reset()
                    raise Gone
        await forever()

    def _say(self, wire: Wire, form: str) -> None:
        room = self.dice.choice(self._rooms)
        voice = f"{self.name}, visit {self._visits}"
        saying = self.world.saying(self.dice, voice, room, most=WORDS)
        self._unheard[saying.serial] = saying
        text = form.format(saying.text)
        wire.send(f"@label={saying.serial} PRIVMSG #{room} :{text}\r\n".encode())


def _params(words: str) -> list[str]:
    """The parameters of a line."""
    before, colon, last = f" {words}".partition(" :")
    return [*before.split(), last] if colon else before.split()
