"""Readers over HTTP: long-polls, polls for text, and server-sent events, with or without a session.

Each has one cursor, which it comes back with, whatever happened to its connections.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec

from .checker import Event, Trail
from .client import Client, Gone, Refused
from .wire import Answer, Wire
from .world import World

POLL_SECONDS = 10
"""Seconds that a poll may be held."""
SPOKEN = re.compile(r"(?:#\S+ )?(?:\d\d:\d\d )?(?:#\S+ )?(?:<\S+>|\* \S+) m(\d+)\b")
"""A line that tells what somebody said."""
GAP_LINE = re.compile(r"(?:#\S+ )?>> ")
"""A line that tells of a gap."""
_NEXT = re.compile(r"since=(\d+)>")


class _Poll(msgspec.Struct):
    events: list[Event]
    next: int
    gap: bool


_decode_poll = msgspec.json.Decoder(_Poll).decode
decode_event = msgspec.json.Decoder(Event).decode
"""An event's JSON."""


class Reader(Client):
    """Somebody who reads some rooms over HTTP; a member has a session and gets private messages."""

    narrow = False

    def __init__(
        self, world: World, name: str, address: str, rooms: Sequence[str], *, member: bool
    ) -> None:
        super().__init__(world, name, address)
        self.rooms = list(rooms)
        self.cursor: int | None = None
        self._member = member
        self.trail = self.begin()

    def begin(self) -> Trail:
        """The trail, which is one from the first event to the last."""
        return self.world.trail(self.name, self.rooms, self.name if self._member else "")

    @property
    def done(self) -> bool:
        """Whether the last message of each room is behind it."""
        end = self.world.end_of(self.trail.rooms)
        if end is None or self.cursor is None or self.cursor < end:
            return False
        self.trail.until = end
        return True

    async def enter(self) -> Wire:
        """A connection, and a session for a member."""
        wire = await self.connect("http", narrow=self.narrow)
        if self._member and not self.token:
            await self.log_in(wire)
            self.world.session_began(self.trail)
        return wire

    def target(self, **query: object) -> str:
        """The address of the events behind the cursor."""
        if self.cursor is not None:
            query["since"] = self.cursor
        if len(self.rooms) == 1 and not self._member:
            return f"/rooms/{self.rooms[0]}/events?{urlencode(query)}"
        return f"/events?{urlencode({'rooms': ','.join(self.rooms)} | query)}"

    def reject(self, answer: Answer) -> None:
        """Raise `Refused`; a session that is over is begun anew."""
        if answer.status == 401:
            self.token = ""
        raise Refused(answer)

    def saw(self, event: Event) -> None:
        """An event came."""
        self.world.saw(self.trail, event)
        self.cursor = event.id


class PollReader(Reader):
    """Long-polls for JSON."""

    door = "long-poll"
    accept = "application/json"

    async def visit(self) -> None:
        """Poll, and poll again."""
        wire = await self.enter()
        query = {"wait": POLL_SECONDS, "limit": self.dice.choice((7, 50, 500))}
        headers = {"Accept": self.accept} | self.authorization
        while not self.done:
            wire.request("GET", self.target(**query), headers=headers)
            # Half-closed while it is held, it may still be answered for a moment.
            self.ending = self.dice.random() < 0.01
            if self.ending:
                self.world.counts["half-closed"] += 1
                wire.end_input()
            answer = await wire.answer()
            if answer.status != 200:
                self.reject(answer)
            self.take(answer)
            if self.ending:
                raise Gone
            await self.live(wire)

    def take(self, answer: Answer) -> None:
        """Read an answer."""
        poll = _decode_poll(answer.body)
        if poll.gap:
            self.world.gap(self.trail, self.door)
        for event in poll.events:
            self.saw(event)
        self.cursor = poll.next


class TextReader(PollReader):
    """Long-polls for text: `curl -H 'Accept: text/plain'`."""

    door = "text poll"
    accept = "text/plain"

    def begin(self) -> Trail:
        """See `Reader.begin`."""
        return self.world.leg(self.name, self.rooms)

    def take(self, answer: Answer) -> None:
        """See `PollReader.take`."""
        for line in answer.body.decode().splitlines():
            if GAP_LINE.match(line):
                self.world.gap(self.trail, self.door)
            elif spoken := SPOKEN.match(line):
                self.world.read(self.trail, int(spoken[1]))
        if following := _NEXT.search(answer.headers.get("link", "")):
            self.cursor = int(following[1])


class StreamReader(Reader):
    """An `EventSource`."""

    door = "SSE"
    narrow = True

    async def visit(self) -> None:
        """Read the stream."""
        wire = await self.enter()
        headers = {"Accept": "text/event-stream"} | self.authorization
        if self.cursor is not None:
            headers["Last-Event-ID"] = str(self.cursor)
        wire.request("GET", self.target(), headers=headers)
        status, fields = await wire.head()
        if status != 200:
            length = int(fields["content-length"])
            self.reject(Answer(status, fields, await wire.reader.readexactly(length)))
        if "content-length" in fields:
            raise ConnectionError("the stream was refused, and has ended")
        text = b""
        async for chunk in wire.chunks():
            *blocks, text = (text + chunk).split(b"\n\n")
            for block in blocks:
                self._block(block)
            if self.done:
                raise Gone
            await self.live(wire)
        raise ConnectionError("the stream has ended")

    def _block(self, block: bytes) -> None:
        fields = dict(
            line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":")
        )
        if fields.get("event") == "gap":
            self.world.gap(self.trail, self.door)
        elif fields.get("event") == "end":
            self.token = ""
            raise ConnectionError(fields["data"])
        elif fields.get("event") == "ready":
            self.cursor = int(fields["id"])
        else:
            self.saw(decode_event(fields["data"]))
