"""Telnet and netcat users: their echo is their acknowledgement, and `/since` their cursor."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .checker import Saying, Trail
from .client import Client, Gone, forever, together
from .readers import GAP_LINE, SPOKEN
from .wire import Wire
from .world import World

TALK_SECONDS = 6.0
"""Seconds between two messages, on average."""
STORM = 30
"""Lines that are pasted at once: more than may be said at once, so that they are slowed down."""
OVERLONG = 6000
"""Bytes, more than a line may have."""
_CURSOR = re.compile(r"== (?:that is all|there is more); /since (\d+) ")


class LineClient(Client):
    """A line connection in the lobby, or in the lobby and one more room.

    What it sees on one connection is one trail; what `/since` answers is another.
    """

    door = "line"

    def __init__(self, world: World, name: str, address: str, rooms: Sequence[str]) -> None:
        super().__init__(world, name, address)
        self._rooms = list(rooms)
        self._visits = 0
        self._cursor: int | None = None
        self._unheard: dict[int, Saying] = {}
        self._trail: Trail | None = None
        self._answer: Trail | None = None
        """The answer to `/since` that is being read."""
        self._asked = 0
        self._ends: set[str] = set()

    @property
    def settled(self) -> bool:
        """See `Client.settled`."""
        return not self._unheard

    @property
    def done(self) -> bool:
        """Whether this connection has seen the last message of each room."""
        return bool(self.world.ends) and self._ends.issuperset(self._rooms)

    async def visit(self) -> None:
        """Talk and listen."""
        self._visits += 1
        self._unheard.clear()
        self._ends.clear()
        self._answer, self._asked, self._trail = None, 0, None
        if len(self._rooms) == 1:
            # The last messages that a newcomer is shown, and all that follows without a seam.
            self._trail = self._leg()
        wire = await self.connect("line", narrow=True)
        wire.send(f"/nick {self.name}\r\n".encode())
        for room in self._rooms[1:]:
            wire.send(f"/join {room}\n".encode())
        await together(self._hear(wire), self._talk(wire))

    def _leg(self, since: int | None = None) -> Trail:
        rooms = self._rooms if since is None else self._rooms[-1:]
        what = "" if since is None else f" /since {since}"
        return self.world.leg(f"{self.name}, visit {self._visits}{what}", rooms, since)

    # -- what it hears ---------------------------------------------------------------------------

    async def _hear(self, wire: Wire) -> None:
        life = self.world.server.life
        # A line without its end is one that the end of the connection has cut.
        while (line := await wire.reader.readline()).endswith(b"\n"):
            self._line(line.decode().rstrip("\r\n"))
            if self.done:
                if self._trail:
                    self._trail.until = self.world.end_of(self._trail.rooms)
                raise Gone
            await self.live(wire)
        if self.ending and life == self.world.server.life and self._unheard:
            self.world.findings.append(
                f"{self.name} ended its input, and was not echoed {sorted(self._unheard)[:5]}"
            )
        raise ConnectionError("it has ended")

    def _line(self, line: str) -> None:
        trail = self._answer or self._trail
        if spoken := SPOKEN.match(line):
            serial = int(spoken[1])
            if trail:
                self.world.read(trail, serial)
            if saying := self._unheard.pop(serial, None):
                self.world.stored(saying)
            for room, last in self.world.ending_serials.items():
                if last == serial:
                    self._ends.add(room)
        elif GAP_LINE.match(line):
            if trail:
                self.world.gap(trail, self.door)
        elif line.startswith("!!"):
            self.world.refusals[f"!! {' '.join(line.split()[1:3])} …"] += 1
            if line.startswith("!! the server "):
                self._unheard.clear()  # it does not say which of them it could not store
        elif self._asked and line.startswith("== ") and line.endswith(" since then:"):
            self._answer = self._leg(self._asked)
        elif self._answer and (all_ := _CURSOR.match(line)):
            self._cursor = self._answer.until = int(all_[1])
            self._answer, self._asked = None, 0
        elif line.startswith(f"== you are in #{self._rooms[-1]}") and not self._trail:
            # From here on both rooms are read.
            self._trail = self._leg()

    # -- what it says ----------------------------------------------------------------------------

    async def _talk(self, wire: Wire) -> None:
        while not self.world.over.is_set():
            await self.world.pause(self.dice.expovariate(1 / TALK_SECONDS))
            if self._trail is None or self.world.over.is_set():
                continue
            what = ("say", "act", "since", "nick", "storm", "overlong", "quit", "end", "reset")
            match self.dice.choices(what, (60, 8, 8, 3, 2, 2, 1, 3, 3))[0]:
                case "say":
                    self._say(wire, "")
                case "act":
                    self._say(wire, "/me ")
                case "since" if not self._asked:
                    self._asked = self._cursor or self.world.begins[self._rooms[-1]]
                    wire.send(f"/since {self._asked}\n".encode())
                case "nick":
                    wire.send(f"/nick {self.name}-{self.dice.randrange(100)}\n".encode())
                case "storm":
                    for _ in range(STORM):
                        self._say(wire, "")
                case "overlong":
                    saying = self._new()
                    self.world.refused(saying, "text-too-long")
                    wire.send(f"{saying.text} {'x' * OVERLONG}\n".encode())
                case "quit":
                    self.ending = True
                    self._unheard.clear()
                    wire.send(b"/quit so long\n")
                    await forever()
                case "end":
                    # nc -N: all of it is stored and echoed before the connection closes.
                    self.ending = True
                    self.world.counts["half-closed"] += 1
                    for _ in range(self.dice.randrange(5)):
                        self._say(wire, "")
                    wire.end_input()
                    await forever()
                case "reset":
                    self.ending = True
                    self._unheard.clear()
                    wire.reset()
                    raise Gone
        await forever()

    def _new(self) -> Saying:
        voice = f"{self.name}, visit {self._visits}"
        return self.world.saying(self.dice, voice, self._rooms[-1])

    def _say(self, wire: Wire, before: str) -> None:
        saying = self._new()
        self._unheard[saying.serial] = saying
        wire.send(f"{before}{saying.text}\n".encode())
