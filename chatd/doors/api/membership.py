"""`/rooms/{room}/membership`: joining and leaving."""

from __future__ import annotations

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.web.server import Request

from ...http.body import read_body
from ...http.resource import answer, no_content
from ...model.commands import Command, Join, Leave
from ...model.names import clean_room
from .command import RoomCommandResource
from .forms import PartingForm


class MembershipResource(RoomCommandResource):
    """`/rooms/{room}/membership`: whether the session is in the room."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Join."""
        name = clean_room(self._name)
        joined = self._in_session(request, Join(self._name))
        return joined.addCallback(lambda _: answer(request, {"room": name}))

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Leave."""
        parting = read_body(request, PartingForm).text
        left = self._in_session(request, Leave(self._name, parting))
        return left.addCallback(lambda _: no_content(request))

    def _in_session(self, request: Request, command: Command) -> Deferred[int | None]:
        """Carry out a command of the session's person; visitors cannot join or leave."""

        def perform() -> Deferred[int | None]:
            person = self._access.need_session(request).person
            return self._access.service.perform(person, command)

        return maybeDeferred(perform).addErrback(self.hide_room, request)
