"""LIST: the rooms of the server."""

from __future__ import annotations

from ....codecs.irc import numerics
from ....codecs.irc.lists import read_elist
from ....model.errors import ChatError
from ....model.policy import Action
from ..request import Request
from .channels import may_read
from .row import command


@command("LIST", "[#room,mask,!mask,>people,<people]", "which channels there are")
def list_(request: Request) -> None:
    """List the rooms with people in them, without unlisted and hidden rooms."""
    client, person = request.client, request.person
    wanted = read_elist(request.param(0))
    request.numeric(numerics.LISTSTART, "Channel")
    try:
        client.service.readers.policy.may(person, Action.LIST)
        rooms = sorted(client.service.rooms, key=lambda room: room.name)
    except ChatError:
        rooms = []
    for room in rooms:
        people = len(room.members)
        if not people or not wanted.wants(f"#{room.name}", people):
            continue
        inside = room.name in person.rooms
        if inside or (getattr(room.state, "listed", True) and may_read(client, room)):
            request.numeric(numerics.LIST, f"#{room.name}", str(people), room.state.topic)
    request.numeric(numerics.LISTEND)
