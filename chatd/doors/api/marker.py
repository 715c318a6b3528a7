"""`/rooms/{room}/marker`: how far an account has read a room."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...chat.room import Room
from ...http.body import read_json
from ...http.resource import no_content
from .command import CommandResource
from .forms import MarkerForm


class MarkerResource(CommandResource):
    """`/rooms/{room}/marker`: the account's read marker, one for all its sessions."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Move the marker forward to an event; it never moves back."""
        access = self._access
        session = access.need_writing(request)
        id_ = read_json(request, MarkerForm).id

        def loaded(room: Room) -> Deferred[None]:
            access.service.readers.check_reading(session, room)
            return access.service.markers.mark(session.person, room.name, id_)

        marking = access.service.rooms.load(self._name).addCallback(loaded)
        return marking.addCallback(lambda _: no_content(request))
