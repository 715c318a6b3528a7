"""Reader of one IRC client: its channels, private messages, and signals.

1. The reader is its subscriber's outlet.  Each channel is one source, with a room's events and
   presence, so a client in one channel is on the fast path.
2. A line about a person that several rooms have (QUIT, NICK, AWAY and the like) is sent to a client
   once, however many channels it shares with the person.
3. A client's own messages are hidden from it by their ids, unless it wants their echo.  The echo of
   a labelled command has the label, and is at its place in the order of events.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from ...chat.readers import View
from ...chat.room import Room
from ...chat.service import ChatService
from ...chat.sessions import Session
from ...codecs.irc.events import IrcCodec, to_bytes
from ...codecs.irc.message import format_tags
from ...codecs.without import Without, is_from
from ...model.errors import ChatError, Kicked
from ...model.events import Event, PutOut
from ...model.metrics import RARE
from ...stream.batch import Batch, Gap
from ...stream.eventlog import Codec, Entry, EventLog
from ...stream.feed import Source

RECENT = 50
"""Newest events of a channel among which the kick of a person is searched."""
SIGNALS = 50
"""Signals kept for a person whose client lags behind."""
_GLOBAL = re.compile(
    rb"^(?:@\S+ )?(:(\S+?)!\S+ (QUIT|NICK|AWAY|SETNAME|ACCOUNT|CHGHOST|JOIN)\b[^\r]*)\r\n",
    re.MULTILINE,
)


class Wire(Protocol):
    """The connection of a reader."""

    def send(self, data: bytes) -> None:
        """Send bytes to the client."""

    def gap(self, room: str, missed: int | None) -> None:
        """Report that events are missing."""

    def marked(self, room: str, marker: int) -> None:
        """Report that the person has read a channel up to an event, in any of its sessions."""

    def put_out(self, room: str, error: ChatError) -> None:
        """Report that the gate has taken a channel from the client."""

    def turn_out(self, error: ChatError) -> None:
        """Report that the gate has ended the reader, and end the connection."""


class IrcReader:
    """The reader of one IRC client."""

    def __init__(self, service: ChatService, session: Session, codec: IrcCodec, wire: Wire) -> None:
        self._readers = service.readers
        self._service = service
        self._session = session
        self._wire = wire
        self.codec = codec
        self.channels: dict[str, Source] = {}
        """The sources of the rooms that the client has been shown to be in."""
        person = session.person
        self._ignored = person.ignored
        if person.signals is None:
            person.signals = Source("", EventLog(SIGNALS))
        self._told: dict[bytes, dict[bytes, bytes]] = {}
        """The last line of each kind that is sent once, by its sender and command."""
        self._retag: list[tuple[int, bytes, bytes]] = []
        """The client's own events that get tags: the id, and the bytes without and with them."""
        self.subscriber = self._readers.open(session, self._views(), self, service.horizon)

    # -- the outlet ------------------------------------------------------------------------------

    def deliver(self, batch: Batch) -> bool:
        """See `Outlet.deliver`."""
        for gap in batch.gaps:
            RARE.gaps += 1
            self._tell(gap)
        chunk = batch.chunk
        if chunk:
            if self._retag:
                chunk = self._retagged(chunk, batch.cursor)
            if len(self.channels) > 1 or self._told:
                chunk = _GLOBAL.sub(self._once, chunk)
            if chunk:
                self._wire.send(chunk)
        return True

    def revoked(self, error: ChatError) -> None:
        """See `Outlet.revoked`."""
        self._wire.turn_out(error)

    def removed(self, room: str, error: ChatError) -> None:
        """See `Outlet.removed`."""
        stream = self.channels.pop(room, None)
        if stream is None:
            return
        kick = self._kick(stream) if isinstance(error, Kicked) else None
        if kick is None:
            self._wire.put_out(room, error)
        elif kick.id > self.subscriber.cursor:  # or else it was delivered like any event
            self._wire.send(to_bytes(self.codec.render(kick)))

    def marked(self, room: str, marker: int) -> None:
        """See `TellsMarkers.marked`."""
        self._wire.marked(room, marker)

    def _kick(self, stream: Source) -> Entry | None:
        """The newest event that puts this client's person out of a channel."""
        name = self._session.person.name
        for entry in reversed(stream.log.latest(RECENT, PutOut)):
            if isinstance(entry.event, PutOut) and entry.event.target == name:
                return entry
        return None

    def _tell(self, gap: Gap) -> None:
        self._wire.gap(gap.source, gap.missed)

    def _retagged(self, chunk: bytes, cursor: int) -> bytes:
        """The bytes of a batch up to `cursor`, with the tags of the client's own events."""
        end = 0
        for id_, own, tagged in sorted(self._retag):
            if id_ > cursor:
                break
            begin = (b"\n" + chunk).find(b"\n" + own, end)
            if begin >= 0:
                chunk = chunk[:begin] + tagged + chunk[begin + len(own) :]
                end = begin + len(tagged)
        self._retag = [tag for tag in self._retag if tag[0] > cursor]
        return chunk

    def _once(self, match: re.Match[bytes]) -> bytes:
        line, sender, command = match.groups()
        if command == b"JOIN":
            self._told.pop(sender, None)
            return match[0]
        if len(self._told) > 1000:
            self._told.clear()
        told = self._told.setdefault(sender, {})
        if told.get(command) == line:
            return b""
        told[command] = line
        if command == b"NICK":  # either name may have another holder from now on
            self._told[sender] = {command: line}
            self._told.pop(line.rpartition(b" ")[2].removeprefix(b":"), None)
        return match[0]

    # -- what is read ----------------------------------------------------------------------------

    def read_with(self, codec: IrcCodec) -> None:
        """The client has other capabilities from now on."""
        self.subscriber.wake()
        self.codec = codec
        self._readers.change(self.subscriber, self._session, self._views(), self._service.horizon)

    def leave_out_ignored(self) -> None:
        """Apply the person's present list of ignored people."""
        ignored = self._session.person.ignored
        if ignored != self._ignored:
            self._ignored = ignored
            self.read_with(self.codec)

    def hears(self, entry: Entry) -> bool:
        """Whether the person does not ignore the sender of an event."""
        return not is_from(entry.event, self._ignored)

    def add(self, room: Room, stream: Source, begin: int) -> None:
        """Read a channel too, from the cursor `begin` on.  Raises `NotAllowed`."""
        self.channels[room.name] = stream
        self._told.clear()  # people in it may have come back since their last lines
        self._change(begin)

    def drop(self, name: str) -> None:
        """Read a channel no more."""
        if self.channels.pop(name, None) is not None:
            self._change(self._service.horizon)

    def _change(self, begin: int) -> None:
        self._readers.change(self.subscriber, self._session, self._views(), begin)

    def check(self, source: Source) -> None:
        """Raise a `ChatError` if the client may not read a source."""
        self._readers.check_reading(self._session, source)

    def _views(self) -> list[View]:
        person = self._session.person
        codec: Codec = Without(self.codec, self._ignored) if self._ignored else self.codec
        views: list[View] = [(stream, codec) for stream in self.channels.values()]
        views.append((person.inbox, codec))
        if person.signals is not None:
            views.append((person.signals, codec))
        return views

    # -- one's own -------------------------------------------------------------------------------

    def hide(self, id_: int) -> None:
        """Hide an event from the client."""
        self.subscriber.hide(id_)

    def first_own(self, kind: type[Event], name: str) -> Entry | None:
        """The entry with the lowest id among each channel's newest event of a kind and sender."""
        found = [find_own(stream, kind, name) for stream in self.channels.values()]
        return min(filter(None, found), key=lambda entry: entry.id, default=None)

    def tag(self, entry: Entry, tags: Mapping[str, str]) -> bool:
        """Add tags to the client's own event; returns whether the client is shown the event."""
        own = entry.encoded(self.codec)
        if not own:
            return False
        begin = format_tags(tags).rstrip().encode()
        tagged = begin + (b";" + own[1:] if own.startswith(b"@") else b" " + own)
        self._retag.append((entry.id, own, tagged))
        self.subscriber.deliver_next()
        return True


def find(source: Source, id_: int) -> Entry | None:
    """The entry with that id among the newest of a source."""
    for entry in source.log.since(id_ - 1).entries:
        return entry if entry.id == id_ else None
    return None


def find_own(source: Source, kind: type[Event], name: str) -> Entry | None:
    """The newest event of a kind and sender in a source's log."""
    for entry in reversed(source.log.latest(1000, kind)):
        if getattr(entry.event, "sender", "") == name:
            return entry
    return None
