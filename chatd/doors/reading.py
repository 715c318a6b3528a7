"""Read queries: the rooms that a request wants to read, the place, the limit, and the owner.

Polls, event streams and WebSockets have the same queries; they differ in how they send the events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

import msgspec
from twisted.internet.defer import Deferred, gatherResults
from twisted.web.server import Request

from ..chat.inbox import Inbox
from ..chat.letters import Conversation
from ..chat.owners import Owner
from ..chat.readers import View
from ..chat.room import Room
from ..chat.service import ChatService
from ..chat.sessions import Holder, LastingSession, Session
from ..http.fields import MAX_ROOMS, header, number, one, whole_number
from ..model.errors import Malformed
from ..net.liveness import LIVENESS_SECONDS
from ..stream.eventlog import Codec
from ..stream.feed import Source
from ..stream.outlet import Outlet
from ..stream.places import DEFAULT_LATEST, Place, latest
from ..stream.subscriber import Subscriber

MAX_LIMIT = 500
"""Events in one answer."""


class Start(NamedTuple):
    """Where a request asks to begin."""

    since: int | None
    """The cursor that it gives; None: it gives none."""
    now: bool = False
    """Whether it begins at the newest event."""
    recent: int = DEFAULT_LATEST
    """Of requests without a cursor: how many of the latest events it is sent first."""

    def place(self, service: ChatService, sources: Sequence[Source]) -> Place:
        """The place at which a reader of `sources` begins."""
        since = service.horizon if self.now else self.since
        if since is None:
            return latest(sources, self.recent)
        return service.place(sources, since)


class ReadQuery(msgspec.Struct, frozen=True):
    """Rooms, a place in them, a limit of events per answer, and the owner of the reader."""

    service: ChatService
    rooms: Sequence[Room]
    several: bool
    """Whether the client listed the rooms (`/events?rooms=…`); then the session's private messages
    are read too."""
    place: Place
    limit: int
    owner: Owner
    talk: Conversation | None = None
    """The conversation that is read, in place of rooms."""

    @property
    def session(self) -> LastingSession | None:
        """The client's session; None: it has none."""
        return self.owner if isinstance(self.owner, LastingSession) else None

    @property
    def sources(self) -> list[Source]:
        """The rooms and, if private messages are read too, the person's inbox; or a
        conversation.
        """
        return _sources(self.rooms, self.owner, self.talk, several=self.several)

    @property
    def room(self) -> str:
        """The name of the only room; empty if there is another number of them."""
        return "" if self.several or self.talk else self.rooms[0].name

    def views(self, codec: Codec) -> list[View]:
        """The sources, each with the codec."""
        sources = _sources(self.rooms, self.owner, self.talk, several=self.several)
        return [(source, codec) for source in sources]

    def open(self, outlet: Outlet, codec: Codec) -> Subscriber:
        """Have the gate make a reader, which begins at the query's place.

        The reader has to be started in the same turn of the reactor.  Raises `NotAllowed`.
        """
        begin, logs, gaps = self.place
        return self.service.readers.open(
            self.owner,
            self.views(codec),
            outlet,
            begin,
            self.limit,
            places=logs,
            gaps=gaps,
        )

    def begun_by(self, owner: Owner, start: Start) -> ReadQuery:
        """The same query by another owner without a session, who begins somewhere else."""
        place = start.place(self.service, self.rooms)
        return ReadQuery(self.service, self.rooms, self.several, place, self.limit, owner)

    def check_allowed(self) -> None:
        """Ask the policy about every source.  Raises `NotAllowed`."""
        for source in self.sources:
            self.service.readers.check_reading(self.owner, source)

    @property
    def current(self) -> bool:
        """Whether the query is still valid: its session, if it has one, is not over."""
        session = self.session
        return session is None or not session.over

    @property
    def url_query(self) -> str:
        """The part of a URL's query that names the rooms; empty if the path names the room."""
        names = ",".join(quote(room.name) for room in self.rooms)
        return f"rooms={names}&" if self.several else ""

    def note_rooms(self) -> None:
        """Count the rooms as read from the owner's address.

        Raises `TooMany` or `Unavailable` if too many rooms are read that do not exist.
        """
        session = self.session
        address = self.owner.address if session is None else session.person.address
        for room in self.rooms:
            self.service.rooms.directory.read(room, address)

    def check_readers(self) -> None:
        """Check that one more long-lived reader may begin.  Raises `TooMany` if the session has as
        many as it may have.
        """
        if self.session:
            self.session.check()

    def begin(self, holder: Holder) -> None:
        """A reader begins, which keeps the session alive."""
        if self.session:
            self.session.hold(holder)

    def end(self, holder: Holder, *, dead: bool = False) -> None:
        """A reader has ended, which counts as the last use of the session.  If the client was found
        to be `dead`, the last use was `LIVENESS_SECONDS` ago.
        """
        if self.session:
            self.session.release(holder, LIVENESS_SECONDS if dead else 0.0)


def load_rooms(service: ChatService, names: Sequence[str]) -> Deferred[list[Room]]:
    """Load the rooms of these names, each once; fires at once if all are in memory.

    Raises `BadRoom`.
    """
    if len(names) == 1:
        return service.rooms.load(names[0]).addCallback(lambda room: [room])
    loading = [service.rooms.load(name) for name in names]
    return gatherResults(loading, consumeErrors=True).addCallback(
        lambda rooms: list(dict.fromkeys(rooms))
    )


def _sources(
    rooms: Sequence[Room], owner: Owner, talk: Conversation | None, *, several: bool
) -> list[Source]:
    if talk is not None:
        return [talk]
    inbox = inbox_of(owner) if several else None
    return [*rooms] if inbox is None else [*rooms, inbox]


def inbox_of(owner: Owner) -> Inbox | None:
    """The private messages that a reader of several rooms reads too; None: it reads none.

    A personal token that is for reading rooms only has none.
    """
    if isinstance(owner, Session) and owner.person.scope != "read":
        return owner.person.inbox
    return None


def read_query(
    request: Request,
    service: ChatService,
    rooms: Sequence[Room],
    owner: Owner,
    *,
    several: bool,
    talk: Conversation | None = None,
) -> ReadQuery:
    """Parse a request's `since`, `limit` and `Last-Event-ID`.  Raises `Malformed`."""
    start, most = start_of(request), limit_of(request) or MAX_LIMIT
    place = start.place(service, _sources(rooms, owner, talk, several=several))
    return ReadQuery(service, rooms, several, place, most, owner, talk)


def start_of(request: Request) -> Start:
    """Where a request asks to begin.  Raises `Malformed`."""
    recent = limit_of(request) or DEFAULT_LATEST
    now = one(request, "since") == "now"
    since = None if now else whole_number(request, "since", "now, or ")
    if last := header(request, "last-event-id"):
        # A browser that reconnects repeats its first URL; this header has the last id it received.
        return Start(_event_id(last), recent=recent)
    return Start(since, now, recent)


def limit_of(request: Request) -> int | None:
    """The `limit` of a request, at most `MAX_LIMIT`; None: it has none.  Raises `Malformed`."""
    return limit_in(one(request, "limit"))


def limit_in(text: str | None) -> int | None:
    """The same for the value of the parameter; None: it is not given.  Raises `Malformed`."""
    if text is None:
        return None
    limit = number(text, "limit")
    if limit == 0:
        raise Malformed(f"limit has to be from 1 to {MAX_LIMIT}")
    return min(limit, MAX_LIMIT)


def named_rooms(request: Request) -> list[str]:
    """The names in the URL's `rooms`.  Raises `Malformed`."""
    names = [name for name in (one(request, "rooms") or "").split(",") if name]
    if not 1 <= len(names) <= MAX_ROOMS:
        raise Malformed(f"name 1 to {MAX_ROOMS} rooms: /events?rooms=lobby,dev")
    return names


def _event_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Malformed("Last-Event-ID has to be the id of an event of this server")
    return int(text)
