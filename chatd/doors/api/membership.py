"""`/rooms/{room}/membership`: joining and leaving."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...http.body import read_body
from ...http.resource import answer, no_content
from ...model.commands import Join, Leave
from ...model.names import clean_room
from .command import CommandResource
from .forms import PartingForm


class MembershipResource(CommandResource):
    """`/rooms/{room}/membership`: whether the session is in the room."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Join."""
        person = self._access.need_session(request).person
        joined = self._access.service.perform(person, Join(self._name))
        name = clean_room(self._name)
        return joined.addCallback(lambda _: answer(request, {"room": name}))

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Leave."""
        person = self._access.need_session(request).person
        parting = read_body(request, PartingForm).text
        left = self._access.service.perform(person, Leave(self._name, parting))
        return left.addCallback(lambda _: no_content(request))
