"""`/rooms/{room}/messages`: saying and deleting messages."""

from __future__ import annotations

from functools import partial

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from ...http.body import read_body
from ...http.resource import no_content, resource_named
from ...model.commands import Act, Say
from ...model.errors import NotFound
from ...model.moderation import Redact
from ..access import Access
from .command import RoomCommandResource
from .forms import MessageForm


class MessagesResource(RoomCommandResource):
    """`/rooms/{room}/messages`."""

    isLeaf = False

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One message."""
        return resource_named(path, "id", partial(MessageResource, self._access, self._name))

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Say a message; answered when the message is stored."""
        form = read_body(request, MessageForm)
        command = Act if form.type == "action" else Say
        return self.perform(request, command(self._name, form.text), 201)


class MessageResource(RoomCommandResource):
    """`/rooms/{room}/messages/{id}`: one message."""

    def __init__(self, access: Access, room: str, id_: str) -> None:
        super().__init__(access, room)
        self._id = id_

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Delete the message: the server keeps its text nowhere."""
        deleted = self.carry_out(request, Redact(self._name, message_id(self._id)))
        return deleted.addCallback(lambda _: no_content(request))


def message_id(text: str) -> int:
    """The id of a message in a path.  Raises `NotFound` for what cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound("the id of a message is a whole number, as in its `id`")
    return int(text)
