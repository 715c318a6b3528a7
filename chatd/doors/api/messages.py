"""`/rooms/{room}/messages`: where clients speak."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from ...http.body import read_body
from ...http.fields import segment
from ...http.resource import Refusal, no_content
from ...model.commands import Act, Say
from ...model.errors import ChatError, NotFound
from ...model.moderation import Redact
from ..access import Access
from .command import RoomCommandResource
from .forms import MessageForm


class MessagesResource(RoomCommandResource):
    """`/rooms/{room}/messages`: where one speaks."""

    isLeaf = False

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One message."""
        try:
            return MessageResource(self._access, self._name, segment(path, "id"))
        except ChatError as error:
            return Refusal(error)

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Say it; answered when it is stored."""
        form = read_body(request, MessageForm)
        command = Act if form.type == "action" else Say
        return self.perform(request, command(self._name, form.text), 201)


class MessageResource(RoomCommandResource):
    """`/rooms/{room}/messages/{id}`: one message."""

    def __init__(self, access: Access, room: str, id_: str) -> None:
        super().__init__(access, room)
        self._id = id_

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Delete it: its text is nowhere any more."""
        if not (self._id.isascii() and self._id.isdigit() and len(self._id) <= 18):
            raise NotFound("the id of a message is a whole number, as in its `id`")
        deleted = self.carry_out(request, Redact(self._name, int(self._id)))
        return deleted.addCallback(lambda _: no_content(request))
