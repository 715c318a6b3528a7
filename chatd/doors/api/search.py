"""`/rooms/{room}/search`: searching the messages of a room."""

from __future__ import annotations

from msgspec import Raw
from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...chat.room import Room
from ...codecs.json import JSON
from ...http.fields import one, whole_number
from ...http.resource import ApiResource, answer
from ...model.errors import Malformed
from ...model.search import parsed
from ...store import Found
from ..access import Access
from ..reading import MAX_LIMIT

USUAL = 50
"""Messages in an answer, if the request has no `limit`."""


class SearchResource(ApiResource):
    """The messages of a room that match a query."""

    isLeaf = True

    def __init__(self, access: Access, room: str) -> None:
        super().__init__()
        self._access = access
        self._name = room

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """The newest first; `next` is the `before` of the request for more."""
        access = self._access
        owner = access.owner(request, access.session(request))
        words = one(request, "q")
        if words is None:
            raise Malformed("q is missing; search with ?q=WORDS")
        query, before = parsed(words), whole_number(request, "before")
        limit = whole_number(request, "limit")
        if limit == 0:
            raise Malformed(f"limit has to be from 1 to {MAX_LIMIT}")
        most = min(limit or USUAL, MAX_LIMIT)

        def search(room: Room) -> Deferred[Found]:
            found: Deferred[Found] = access.service.searches.search(
                owner, room, query, before, most
            )
            return found

        def tell(found: Found) -> bytes:
            events = [Raw(entry.encoded(JSON)) for entry in found.entries]
            return answer(request, {"events": events, "next": found.next})

        return access.service.rooms.load(self._name).addCallback(search).addCallback(tell)
