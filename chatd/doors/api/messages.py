"""`/rooms/{room}/messages`: saying and deleting messages."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from msgspec import Raw
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from ...chat.room import Room
from ...codecs.json import JSON
from ...http.body import read_body
from ...http.fields import header
from ...http.media import preferred
from ...http.resource import answer, no_content, resource_named, varies
from ...model.commands import Act, Say
from ...model.errors import NotFound
from ...model.moderation import Redact
from ...model.names import clean_room
from ...stream.eventlog import Entry
from ..access import Access
from .command import RoomCommandResource
from .forms import MessageForm

HTML = "text/html"
_STYLES = ("application/json", HTML)


class MessagesResource(RoomCommandResource):
    """`/rooms/{room}/messages`."""

    isLeaf = False

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One message."""
        return resource_named(path, "id", partial(MessageResource, self._access, self._name))

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Say a message; answered when the message is stored."""
        command = command_of(read_body(request, MessageForm), self._name)
        return self.perform(request, command, 201)


class MessageResource(RoomCommandResource):
    """`/rooms/{room}/messages/{id}`: one message."""

    def __init__(self, access: Access, room: str, id_: str) -> None:
        super().__init__(access, room)
        self._id = id_

    def render_GET(self, request: Request) -> Any:
        """The message as JSON; for a browser, the page at that message."""
        id_ = message_id(self._id)
        varies(request, b"Accept")
        if preferred(header(request, "accept") or "", _STYLES) == HTML:
            return self._open_page(request, id_)
        access = self._access
        owner = access.owner(request, access.session(request))

        def find(room: Room) -> Deferred[Entry | None]:
            found: Deferred[Entry | None] = access.service.searches.message(owner, room, id_)
            return found

        def tell(found: Entry | None) -> bytes:
            if found is None:
                raise NotFound("there is no message with that id in this room, or not any more")
            return answer(request, Raw(found.encoded(JSON)))

        return access.service.rooms.load(self._name).addCallback(find).addCallback(tell)

    def _open_page(self, request: Request, id_: int) -> bytes:
        """Send a browser to the page, which reads room and id behind the `#`.

        The page holds no secret, so the gate is not asked.  The address is relative, because a
        proxy may serve the chat below a path of its own.
        """
        place = f"../../../#{quote(clean_room(self._name), safe='')}/{id_}"
        request.setResponseCode(302)
        request.setHeader(b"location", place.encode())
        request.setHeader(b"content-type", HTML.encode())
        return f'<!doctype html><title>chatd</title><a href="{place}">the message</a>'.encode()

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Delete the message: the server keeps its text nowhere."""
        deleted = self.carry_out(request, Redact(self._name, message_id(self._id)))
        return deleted.addCallback(lambda _: no_content(request))


def command_of(form: MessageForm, room: str) -> Say | Act:
    """The command that a posted message is."""
    return (Act if form.type == "action" else Say)(room, form.text)


def message_id(text: str) -> int:
    """The id of a message in a path.  Raises `NotFound` for what cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound("the id of a message is a whole number, as in its `id`")
    return int(text)
