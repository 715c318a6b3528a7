"""What a request wants to read: which rooms, from where, how much at a time, and on whose behalf.

The same for every style of reading; only what then happens differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from twisted.web.server import Request

from ..addresses import Address
from ..errors import Malformed
from ..eventlog import Codec
from ..leases import Holder, Lease
from ..places import DEFAULT_LATEST, Place, latest
from ..room import Room
from ..service import ChatService
from ..subscriber import Feed, Outlet, Source, Subscriber
from .fields import MAX_ROOMS, header, one, whole_number
from .liveness import LIVENESS_SECONDS

MAX_LIMIT = 500
"""Events in one answer."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Rooms, a place in them, a limit; and the session, if there is one."""

    service: ChatService
    rooms: Sequence[Room]
    several: bool
    """Whether the client named the rooms in a list: then it hears private messages too."""
    place: Place
    limit: int
    lease: Lease | None

    @property
    def sources(self) -> list[Source]:
        """What is read."""
        inbox: list[Source] = [self.lease.session.inbox] if self.several and self.lease else []
        return [*self.rooms, *inbox]

    def feeds(self, codec: Codec) -> list[Feed]:
        """What is read, as seen through a codec."""
        return [source.feed(codec) for source in self.sources]

    def subscriber(self, outlet: Outlet, codec: Codec) -> Subscriber:
        """A reader that begins where the request says."""
        cursor, logs, gaps = self.place
        return Subscriber(outlet, self.feeds(codec), cursor, self.limit, places=logs, gaps=gaps)

    @property
    def current(self) -> bool:
        """Whether it still means the same: the session lives."""
        return self.lease is None or not self.lease.session.ended

    @property
    def query(self) -> str:
        """What a URL's query names of this: the rooms, if they are not in its path."""
        names = ",".join(quote(room.name) for room in self.rooms)
        return f"rooms={names}&" if self.several else ""

    def watch(self, address: Address) -> None:
        """Its rooms are about to be read from that address.

        Raises `TooMany` or `Unavailable` where too many are read that do not exist.
        """
        for room in self.rooms:
            self.service.watch(room, address)

    def check(self) -> None:
        """A reader that goes on for long is about to begin.  Raises `TooMany`."""
        if self.lease:
            self.lease.check()

    def begin(self, holder: Holder) -> None:
        """A reader begins: it holds its session."""
        if self.lease:
            self.lease.hold(holder)

    def end(self, holder: Holder, *, dead: bool = False) -> None:
        """The reader is gone: let go of the session.  A client found `dead` was last there
        `LIVENESS_SECONDS` ago.
        """
        if self.lease:
            self.lease.release(holder, LIVENESS_SECONDS if dead else 0.0)


def read_query(
    request: Request, service: ChatService, names: Sequence[str] | None, lease: Lease | None
) -> Reading:
    """What the query asks for; `names` are the rooms of the path, or None if the query names them.

    Raises `Malformed`, `BadRoom`.
    """
    several = names is None
    rooms = [service.room(name) for name in (_named(request) if names is None else names)]
    rooms = list(dict.fromkeys(rooms))
    limit = whole_number(request, "limit")
    if limit == 0:
        raise Malformed(f"limit has to be from 1 to {MAX_LIMIT}")
    now = one(request, "since") == "now"
    since = service.horizon if now else whole_number(request, "since", "now, or ")
    if last := header(request, "last-event-id"):
        # A browser that reconnects asks its first address again, and says here how far it got.
        since = _event_id(last)
    inbox = [lease.session.inbox] if several and lease else []
    if since is None:
        place = latest([*rooms, *inbox], min(limit or DEFAULT_LATEST, MAX_LIMIT))
    else:
        place = service.place([*rooms, *inbox], since)
    return Reading(service, rooms, several, place, min(limit or MAX_LIMIT, MAX_LIMIT), lease)


def _named(request: Request) -> list[str]:
    names = [name for name in (one(request, "rooms") or "").split(",") if name]
    if not 1 <= len(names) <= MAX_ROOMS:
        raise Malformed(f"name 1 to {MAX_ROOMS} rooms: /events?rooms=lobby,dev")
    return names


def _event_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Malformed("Last-Event-ID has to be the id of an event of this server")
    return int(text)
