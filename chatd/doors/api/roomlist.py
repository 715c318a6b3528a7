"""`GET /rooms` and `GET /rooms/{room}`: lists that may be long, in pages.

1. A page has at most as many bytes as one answer may have (`chatd.stream.pages`).  If more follows,
   the page has `next`, which is the `after` of the next request.
2. Pages of rooms are cached until the list changes.  Each has an `ETag`, so most requests of a
   client that polls the list are answered with `304` and no body.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

from twisted.web.http import CACHED
from twisted.web.server import Request

from ...chat.owners import Owner
from ...chat.room import Room
from ...chat.service import ChatService
from ...chat.sessions import Session
from ...codecs.json import encode
from ...http.fields import one, whole_number
from ...http.resource import answer
from ...model.errors import Malformed
from ...model.names import clean_room
from ...stream.pages import MOST_BYTES

ROOMS = 100
"""Rooms on a page of a request without `limit`."""
MOST_ROOMS = 500
"""Rooms on a page, at most."""
CACHED_PAGES = 16
"""Pages in the cache; the least recently used one is dropped first."""
CACHED_SECONDS = 10.0
"""Seconds for which a page is cached, because retention changes `first` without changing the list's
version."""


class Page(NamedTuple):
    """A cached page of the list."""

    version: object
    """The version of the list from which the page was made."""
    until: float
    """When the page expires, on the service's clock."""
    body: bytes
    tag: bytes


class RoomList:
    """The list of rooms, page by page."""

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self._pages: OrderedDict[tuple[str, int, tuple[str, ...]], Page] = OrderedDict()

    def answer(self, request: Request, owner: Owner) -> bytes:
        """The page that the query names.  Raises `Malformed`, `BadRoom`."""
        limit = whole_number(request, "limit")
        if limit == 0:
            raise Malformed(f"limit has to be from 1 to {MOST_ROOMS}")
        after = one(request, "after") or ""
        own = self._service.rooms.unlisted_for(owner.person) if isinstance(owner, Session) else []
        place = clean_room(after) if after else ""
        page = self._page(place, min(limit or ROOMS, MOST_ROOMS), tuple(own))
        request.setHeader(b"content-type", b"application/json")
        request.setHeader(b"cache-control", b"no-cache")
        request.setHeader(b"x-content-type-options", b"nosniff")
        return b"" if request.setETag(page.tag) is CACHED else page.body

    def _page(self, after: str, limit: int, own: tuple[str, ...]) -> Page:
        version, now = self._service.rooms.list_version, self._service.clock.seconds()
        page = self._pages.get((after, limit, own))
        if page is None or page.version != version or now >= page.until:
            body = self._body(after, limit, own)
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
            page = self._pages[after, limit, own] = Page(version, now + CACHED_SECONDS, body, tag)
        self._pages.move_to_end((after, limit, own))
        if len(self._pages) > CACHED_PAGES:
            self._pages.popitem(last=False)
        return page

    def _body(self, after: str, limit: int, own: tuple[str, ...]) -> bytes:
        found = self._service.rooms.listings(after, limit + 1, own)
        rooms = [
            {
                "room": room.name,
                "topic": room.topic,
                "people": room.people,
                "first": room.first,
                "last": room.last,
            }
            for room in found[:limit]
        ]
        count = fitting([encode(room) for room in rooms])
        more = {"next": found[count - 1].name} if count < len(found) else {}
        return encode({"rooms": rooms[:count], **more})


def room_answer(request: Request, service: ChatService, room: Room, owner: Owner) -> bytes:
    """One room: its topic, the people in it, the ends of its log, its settings, everybody's roles,
    and the client's own role.

    If one answer cannot hold all names, `people` is their number, and `next` is the `after` of the
    next request.  Raises `Malformed`.
    """
    _, topic, _, first, last = service.rooms.listing(room.name)
    after = one(request, "after")
    names = room.names
    if after is not None:
        names = names[bisect_right(names, after.casefold(), key=str.casefold) :]
    count = fitting([encode(name) for name in names])
    state: dict[str, Any] = {"room": room.name, "topic": topic, "here": names[:count]}
    state |= {"first": first, "last": last}
    state["settings"] = {
        "access": room.state.access,
        "posting": room.state.posting,
        "topic": room.state.topic_by,
        "listed": room.state.listed,
        "outside": room.state.outside,
        "slow": room.state.slow,
    }
    state |= {"roles": service.rooms.roles(room), "role": _role(room, owner)}
    if count < len(names):
        state |= {"people": len(room.names), "next": names[count - 1]}
    return answer(request, state)


def _role(room: Room, owner: Owner) -> str | None:
    """The role that the client has in a room."""
    role = room.rights.role(owner.person.subject) if isinstance(owner, Session) else None
    return role.word if role else None


def fitting(items: Sequence[bytes]) -> int:
    """The number of items that fit into one answer; at least one, if there are any."""
    size = 0
    for number, item in enumerate(items):
        size += len(item) + 1
        if size > MOST_BYTES and number:
            return number
    return len(items)
