"""Read queries: which rooms a request wants to read, from where, how much at a time, and for whom.

They are the same for every style of reading; the styles differ in what is sent then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from twisted.internet.defer import Deferred, gatherResults
from twisted.web.server import Request

from ..chat.owners import Owner
from ..chat.readers import View
from ..chat.room import Room
from ..chat.service import ChatService
from ..chat.sessions import Holder, LastingSession, Session
from ..http.fields import MAX_ROOMS, header, one, whole_number
from ..model.errors import Malformed
from ..net.liveness import LIVENESS_SECONDS
from ..stream.eventlog import Codec
from ..stream.feed import Source
from ..stream.outlet import Outlet
from ..stream.places import DEFAULT_LATEST, Place, latest
from ..stream.subscriber import Subscriber

MAX_LIMIT = 500
"""Events in one answer."""


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """Rooms, a place in them, a limit, and for whom they are read."""

    service: ChatService
    rooms: Sequence[Room]
    several: bool
    """Whether the client named the rooms in a list; then a session's private messages are read
    too."""
    place: Place
    limit: int
    owner: Owner

    @property
    def session(self) -> LastingSession | None:
        """The session that reads, if one does."""
        return self.owner if isinstance(self.owner, LastingSession) else None

    @property
    def sources(self) -> list[Source]:
        """What is read."""
        inbox: list[Source] = []
        if self.several and isinstance(self.owner, Session):
            inbox = [self.owner.person.inbox]
        return [*self.rooms, *inbox]

    def views(self, codec: Codec) -> list[View]:
        """What is read, each with its codec."""
        return [(source, codec) for source in self.sources]

    def open(self, outlet: Outlet, codec: Codec) -> Subscriber:
        """A reader, made by the gate, that begins where the request says.

        It has to be started in the same turn.  Raises `NotAllowed`.
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

    def check_allowed(self) -> None:
        """Ask the policy for all that is to be read.  Raises `NotAllowed`."""
        for source in self.sources:
            self.service.readers.check_reading(self.owner, source)

    @property
    def current(self) -> bool:
        """Whether it still means the same: the session goes on."""
        session = self.session
        return session is None or not session.over

    @property
    def url_query(self) -> str:
        """What a URL's query names of this: the rooms, if they are not in its path."""
        names = ",".join(quote(room.name) for room in self.rooms)
        return f"rooms={names}&" if self.several else ""

    def note_rooms(self) -> None:
        """Count the rooms as read from the request's address.

        Raises `TooMany` or `Unavailable` if too many are read that do not exist.
        """
        session = self.session
        address = self.owner.address if session is None else session.person.address
        for room in self.rooms:
            self.service.rooms.directory.read(room, address)

    def check_readers(self) -> None:
        """A reader that goes on for long is about to begin.  Raises `TooMany` if the session has as
        many as it may have.
        """
        if self.session:
            self.session.check()

    def begin(self, holder: Holder) -> None:
        """A reader begins, and keeps its session alive."""
        if self.session:
            self.session.hold(holder)

    def end(self, holder: Holder, *, dead: bool = False) -> None:
        """The reader ended.  The session was last used now, or if the client was found `dead`,
        `LIVENESS_SECONDS` ago.
        """
        if self.session:
            self.session.release(holder, LIVENESS_SECONDS if dead else 0.0)


def load_rooms(service: ChatService, names: Sequence[str]) -> Deferred[list[Room]]:
    """The rooms of these names, each once; fires at once if all are in memory.

    Raises `BadRoom`.
    """
    if len(names) == 1:
        return service.rooms.load(names[0]).addCallback(lambda room: [room])
    loading = [service.rooms.load(name) for name in names]
    return gatherResults(loading, consumeErrors=True).addCallback(
        lambda rooms: list(dict.fromkeys(rooms))
    )


def read_query(
    request: Request, service: ChatService, rooms: Sequence[Room], owner: Owner, *, several: bool
) -> ReadQuery:
    """What the query asks for, of these rooms.  Raises `Malformed`."""
    limit = whole_number(request, "limit")
    if limit == 0:
        raise Malformed(f"limit has to be from 1 to {MAX_LIMIT}")
    now = one(request, "since") == "now"
    since = service.horizon if now else whole_number(request, "since", "now, or ")
    if last := header(request, "last-event-id"):
        # A browser that reconnects sends its first URL again, and here the last id that it saw.
        since = _event_id(last)
    inbox = [owner.person.inbox] if several and isinstance(owner, Session) else []
    sources = [*rooms, *inbox]
    if since is None:
        place = latest(sources, min(limit or DEFAULT_LATEST, MAX_LIMIT))
    else:
        place = service.place(sources, since)
    return ReadQuery(service, rooms, several, place, min(limit or MAX_LIMIT, MAX_LIMIT), owner)


def named_rooms(request: Request) -> list[str]:
    """The rooms that the query names.  Raises `Malformed`."""
    names = [name for name in (one(request, "rooms") or "").split(",") if name]
    if not 1 <= len(names) <= MAX_ROOMS:
        raise Malformed(f"name 1 to {MAX_ROOMS} rooms: /events?rooms=lobby,dev")
    return names


def _event_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Malformed("Last-Event-ID has to be the id of an event of this server")
    return int(text)
