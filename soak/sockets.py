"""WebSockets: they read, and they say things whose `ref` makes them safe to say again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)

from .checker import Event, Saying
from .client import Gone, forever, together
from .readers import Reader
from .wire import Wire
from .world import World

TALK_SECONDS = 6.0
"""Seconds between two messages, on average."""


class SocketReader(Reader):
    """A WebSocket on `/events`; a member's outlives its connections, a guest's does not."""

    door = "WebSocket"
    narrow = True

    def __init__(
        self, world: World, name: str, address: str, rooms: Sequence[str], *, member: bool
    ) -> None:
        super().__init__(world, name, address, rooms, member=member)
        self._waiting: dict[str, Saying] = {}
        """What was said and not answered yet, by its `ref`."""
        self._repeated: set[int] = set()
        """The serial numbers of messages that the client has sent more than once."""
        self._visits = 0

    @property
    def settled(self) -> bool:
        """See `Client.settled`."""
        return not self._waiting

    @property
    def done(self) -> bool:
        """See `Client.done`."""
        return super().done and self.settled

    def target(self, **query: object) -> str:
        """See `Reader.target`: browsers can set no header."""
        return super().target(**query | ({"access_token": self.token} if self.token else {}))

    async def visit(self) -> None:
        """Talk and listen."""
        wire = await self.enter()
        self._visits += 1
        self._socket = WSConnection(ConnectionType.CLIENT)
        wire.send(self._socket.send(Request(host="localhost", target=self.target())))
        await together(self._hear(wire), self._talk(wire))

    async def _hear(self, wire: Wire) -> None:
        text = ""
        while data := await wire.reader.read(65536):
            self._socket.receive_data(data)
            for event in self._socket.events():
                if isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        self._take(text.encode())
                        text = ""
                elif isinstance(event, Ping):
                    wire.send(self._socket.send(event.response()))
                elif isinstance(event, RejectConnection):
                    self.token = ""
                    raise Gone
                elif isinstance(event, CloseConnection):
                    raise ConnectionError(f"{event.code}: {event.reason}")
                elif isinstance(event, AcceptConnection):
                    self._again(wire)
            if self.done:
                raise Gone
            await self.live(wire)
        raise ConnectionError("it has ended")

    def _take(self, data: bytes) -> None:
        frame = msgspec.json.decode(data)
        match frame["type"]:
            case "gap":
                self.world.gap(self.trail, self.door)
            case "ack":
                if saying := self._waiting.pop(frame["ref"], None):
                    self.world.stored(saying, frame["id"])
            case "error":
                saying = self._waiting.pop(frame["ref"], None)
                # Had an earlier attempt been stored, only its lost answer would tell.
                if saying and saying.serial not in self._repeated:
                    self.world.refused(saying, frame["code"])
            case "ready":
                self.cursor = frame["next"]
            case "pong":
                pass
            case _:
                self.saw(msgspec.convert(frame, Event))

    def _again(self, wire: Wire) -> None:
        """Say again what was not answered; a guest is another one now, and had better not."""
        if not self._member:
            self._waiting.clear()
        for saying in self._waiting.values():
            self.world.counts["repeats"] += 1
            self._repeated.add(saying.serial)
            saying.overtaken = True
            self._say(wire, saying)

    def _say(self, wire: Wire, saying: Saying) -> None:
        frame = {"type": "say", "room": saying.room, "text": saying.text}
        if saying.to:
            frame = {"type": "private", "to": saying.to, "text": saying.text}
        frame["ref"] = f"{self.name}-{saying.serial}"
        self._send(wire, frame)

    def _send(self, wire: Wire, frame: dict[str, str]) -> None:
        wire.send(self._socket.send(TextMessage(msgspec.json.encode(frame).decode())))

    async def _talk(self, wire: Wire) -> None:
        # What is said on another connection may overtake what was said again on this one.
        voice = f"{self.name}, visit {self._visits}"
        while not self.world.over.is_set():
            await self.world.pause(self.dice.expovariate(1 / TALK_SECONDS))
            if self.world.over.is_set() or self._socket.state.name != "OPEN":
                continue
            chance = self.dice.random()
            if chance < 0.05:
                self._send(wire, {"type": "ping"})
            elif chance < 0.15 and self.world.members:
                to = self.dice.choice(self.world.members)
                self._remember(wire, self.world.saying(self.dice, voice, "", to=to))
            else:
                self._remember(wire, self.world.saying(self.dice, voice, self.room()))
        await forever()

    def _remember(self, wire: Wire, saying: Saying) -> None:
        self._waiting[f"{self.name}-{saying.serial}"] = saying
        self._say(wire, saying)
