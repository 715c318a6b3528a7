"""The reader of one line connection: its rooms, their history, and its private messages.

1. A `LineReader` is the outlet of its subscriber.  It does not use the transport, but a `Wire`.
2. The gate (`chatd.chat.readers`) is asked about everything that is shown of a room.  The gate may
   take a room from the reader, or end the reader, at any time.
3. Lines of rooms other than the current one begin with the room's name.
"""

from __future__ import annotations

from typing import Protocol

from ...chat.readers import View
from ...chat.room import Room
from ...chat.service import ChatService
from ...chat.sessions import Session
from ...codecs.lines import CURRENT, ELSEWHERE, refusal
from ...codecs.timed import TIMED, Days, moment_of
from ...codecs.without import Without
from ...model.errors import ChatError, NotInRoom
from ...model.metrics import RARE
from ...stream.batch import Batch, Gap
from ...stream.eventlog import Codec
from ...stream.feed import Source
from ...stream.subscriber import Subscriber
from ..history import Replay
from .greetings import replayed
from .onlooker import is_onlooker, sign_in_first

NONE: frozenset[str] = frozenset()
"""No rooms."""
TIMELESS = Days()
"""The days of readers that are shown no times: they are never asked for."""


class Wire(Protocol):
    """The connection, as a shell and its reader use it."""

    def send(self, data: bytes) -> None:
        """Send bytes to the client."""

    def start(self, subscriber: Subscriber) -> None:
        """Start a subscriber whose batches may be written unchanged, without `deliver`."""

    def work(self) -> None:
        """The outcome of a command is known: carry out the lines that have waited for it."""

    def put_back(self, line: bytes) -> None:
        """Put a line in front of the lines that wait, to be carried out again."""

    def refuse(self, error: ChatError) -> None:
        """Send the reason why a line was refused; after too many refusals further lines wait."""

    def turn_out(self, error: ChatError) -> None:
        """Send the reason why the connection ends, and close it."""

    @property
    def private(self) -> bool:
        """Whether the client's input is safe from eavesdroppers: over TLS, or on this machine."""

    def ask(self, prompt: bytes) -> bool:
        """Send a prompt and turn the client's echo off; returns False if it is no telnet client."""

    def show(self) -> None:
        """Turn the client's echo on again."""


class LineReader:
    """The reader of one line connection."""

    __slots__ = (
        "_days",
        "_readers",
        "_removed",
        "_service",
        "_session",
        "_wire",
        "_zone",
        "room",
        "subscriber",
    )

    def __init__(
        self, service: ChatService, session: Session, wire: Wire, room: Room | None, begin: int
    ) -> None:
        """A reader of the joined rooms, of which `room` is the current one, and of the private
        messages, from the cursor `begin` on.  There is no current room if the person is not in it
        any more, or may not read it.  The reader has to be started (`begin`) in the same turn.
        """
        self._readers = service.readers
        self._service = service
        self._session = session
        self._wire = wire
        self._removed = NONE
        """Names of joined rooms that the gate has taken from the reader."""
        self._zone = ""
        """The time zone of the times before lines, `utc` or `local`; empty: no times are shown."""
        self._days = TIMELESS
        if room is not None and session.person.rooms.get(room.name) is not room:
            room = None
        self.room = room
        """The current room."""
        try:
            self.subscriber = self._readers.open(session, self._views(), self, begin)
        except ChatError:
            self.room = room if room is not None and self._may_read(room) else None
            self.subscriber = self._readers.open(session, self._allowed(), self, begin)

    def here(self) -> Room:
        """The current room.  Raises `NotInRoom`, or `NoSession` if the client could come into no
        room before it signs in.
        """
        if self.room is None:
            rules = self._service.sign_in.rules
            if rules.guests == "none" and is_onlooker(self._session.person):
                raise sign_in_first(rules)
            raise NotInRoom(self._where_to_go())
        return self.room

    def _where_to_go(self) -> str:
        """What a client without a current room can do: go on in a room that it has joined, if
        there is one.
        """
        others = filter(self.reads, self._session.person.rooms)
        if (other := next(others, None)) is None:
            return "you are in no room; /join lobby, or another one"
        return f"you are in no room now; /room {other} goes on there, /join comes into another one"

    def check(self, source: Source) -> None:
        """Raises `NotAllowed` if the session may not read the source."""
        self._readers.check_reading(self._session, source)

    # -- the outlet ------------------------------------------------------------------------------

    def deliver(self, batch: Batch) -> bool:
        """Write a batch: first its gaps, then its lines."""
        if batch.gaps:
            RARE.gaps += len(batch.gaps)
            self._wire.send(b"".join(map(self._gap, batch.gaps)))
        self._wire.send(self._days.dated(batch.chunk) if self._zone else batch.chunk)
        return True

    def revoked(self, error: ChatError) -> None:
        """See `Outlet.revoked`: the connection ends."""
        self._wire.turn_out(error)

    def removed(self, room: str, error: ChatError) -> None:
        """See `Outlet.removed`.  If the room is the current one, there is no current room then."""
        if room in self._session.person.rooms:
            self._removed |= {room}
        if self.room and self.room.name == room:
            self.room = None
        self._wire.send(refusal(error))

    # -- the rooms -------------------------------------------------------------------------------

    def reads(self, name: str) -> bool:
        """Whether the reader reads the room with this clean name: it is joined, and the gate has
        not taken it away.
        """
        return name in self._session.person.rooms and name not in self._removed

    def joined(self, name: str) -> Room:
        """The joined room with this clean name.  Raises `NotInRoom`, `NotAllowed`."""
        if not self.reads(name):
            raise NotInRoom(f"you are not in #{name}; /join it first")
        room = self._session.person.rooms[name]
        self.check(room)
        return room

    def give_back(self, name: str) -> None:
        """A room that the gate had taken away was joined again, or left."""
        self._removed -= {name}

    def forget_left(self) -> None:
        """Forget the removed rooms that the person is not in any more.  If another session of the
        person joins one again, this client reads it again.
        """
        if self._removed:
            self._removed &= self._session.person.rooms.keys()

    def read(self, room: Room | None, begin: int | None = None) -> None:
        """Read the joined rooms, of which `room` is the current one, and the private messages.

        Sources that were not read before are read from the cursor `begin` on; None: from the newest
        event on.
        """
        self.room = room
        begin = self._service.horizon if begin is None else begin
        try:
            self._readers.change(self.subscriber, self._session, self._views(), begin)
        except ChatError:
            self._readers.change(self.subscriber, self._session, self._allowed(), begin)

    def begin(self) -> None:
        """Start the subscriber."""
        self._wire.start(self.subscriber)

    def belong(self, session: Session) -> None:
        """Switch to another person's session, with a new subscriber for that person's rooms."""
        self._session, self._removed, self.room = session, NONE, None
        self.subscriber.stop()
        self.subscriber = self._readers.open(session, self._allowed(), self, self._service.horizon)
        if self._zone:
            self.subscriber.start()
        else:
            self.begin()

    def show_times(self, zone: str) -> None:
        """From now on, show times before lines in a zone, `utc` or `local`; empty: show none."""
        self._zone = zone
        last = self._service.horizon
        utc = zone == "utc"
        self._days = Days(moment_of(last, utc=utc).toordinal() if last else None)
        # `deliver` adds lines with days to batches with times; others may be written unchanged.
        self.subscriber.stop()
        self.subscriber = self._readers.open(self._session, self._allowed(), self, last)
        if zone:
            self.subscriber.start()
        else:
            self.begin()

    def _views(self) -> list[View]:
        """The joined rooms that the gate has not taken away, and the inbox, with their codecs."""
        person = self._session.person
        current, elsewhere = self.codecs
        views: list[View] = [
            (room, current if room is self.room else elsewhere)
            for room in person.rooms.values()
            if room.name not in self._removed
        ]
        views.append((person.inbox, current))
        return views

    def _allowed(self) -> list[View]:
        """Those of `_views` that the session may read."""
        return [view for view in self._views() if self._may_read(view[0])]

    def _may_read(self, source: Source) -> bool:
        try:
            self.check(source)
        except ChatError:
            return False
        return True

    # -- lines -----------------------------------------------------------------------------------

    def replayed(self, room: Room, replay: Replay) -> bytes:
        """The last messages of a room, between a heading and an end line."""
        return replayed(room, replay, self.dated)

    def shown(self, chunk: bytes) -> bytes:
        """Lines encoded with `codecs`, with a line for each day if times are shown."""
        return Days(0).dated(chunk) if self._zone else chunk

    @property
    def codecs(self) -> tuple[Codec, Codec]:
        """The codec of the current room, and the codec of other rooms."""
        codecs: tuple[Codec, Codec] = TIMED[self._zone] if self._zone else (CURRENT, ELSEWHERE)
        ignored = self._session.person.ignored
        if not ignored:
            return codecs
        return Without(codecs[0], ignored), Without(codecs[1], ignored)

    @property
    def dated(self) -> Codec:
        """The codec of past events, which are shown with times and days."""
        codec: Codec = TIMED[self._zone or "local"][0]
        ignored = self._session.person.ignored
        return Without(codec, ignored) if ignored else codec

    def _gap(self, gap: Gap) -> bytes:
        here = not self.room or gap.source in ("", self.room.name)
        return (CURRENT if here else ELSEWHERE).gap(gap)
