"""`/rooms/{room}/topic`."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...http.body import read_body
from ...model.commands import SetTopic
from .command import RoomCommandResource
from .forms import TextForm


class TopicResource(RoomCommandResource):
    """`/rooms/{room}/topic`."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Set the room's topic; an empty text clears it."""
        return self.perform(request, SetTopic(self._name, read_body(request, TextForm).text), 200)
