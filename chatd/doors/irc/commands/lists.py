"""LIST: the rooms of the server."""

from __future__ import annotations

from collections.abc import Iterator

from ....chat.person import Person
from ....chat.room import Room
from ....codecs.irc import numerics
from ....codecs.irc.lists import Elist, read_elist
from ....model.errors import ChatError
from ....model.policy import Action
from ..client import IrcClient
from ..request import Request
from .rooms import may_read
from .row import command


@command("LIST", "[#room,mask,!mask,>people,<people]", "which channels there are")
def list_(request: Request) -> None:
    """List the rooms with people in them, without unlisted and hidden rooms."""
    client, person = request.client, request.person
    wanted = read_elist(request.param(0))
    try:
        client.service.readers.policy.may(person, Action.LIST)
        rooms = sorted(client.service.rooms, key=lambda room: room.name)
    except ChatError:
        rooms = []
    request.stream(_lines(client, person, wanted, rooms))


def _lines(
    client: IrcClient, person: Person, wanted: Elist, rooms: list[Room]
) -> Iterator[str | None]:
    server, nick = client.server, client.nick
    yield numerics.write(numerics.LISTSTART, server, nick, "Channel")
    for room in rooms:
        people, shown = len(room.members), f"#{room.name}"
        if not people or not wanted.wants(shown, people):
            yield None
            continue
        state = room.state
        seen = state.listed and (not state.closed or may_read(client, room))
        if seen or room.name in person.rooms:
            yield numerics.write(numerics.LIST, server, nick, shown, str(people), room.state.topic)
        else:
            yield None
    yield numerics.write(numerics.LISTEND, server, nick)
