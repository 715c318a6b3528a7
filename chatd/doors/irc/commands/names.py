"""NAMES: who is in a channel, and with which role."""

from __future__ import annotations

from collections.abc import Iterator

from ....chat.room import Room
from ....codecs.irc import numerics
from ....codecs.irc.lists import in_lines
from ....codecs.irc.message import size
from ....codecs.irc.modes import LETTERS, prefix_of
from ....model.errors import ChatError
from ....model.identity import subject_of
from ..client import IrcClient
from ..request import Part, Request
from .rooms import channel, may_read
from .row import command


@command("NAMES", "#room", "who is in a channel")
def names(request: Request) -> None:
    """List the people in one channel; without a parameter, an empty list."""
    client, word = request.client, request.param(0)
    try:
        name = channel(word)
    except ChatError:
        request.numeric(numerics.ENDOFNAMES, word or "*")
        return
    request.stream(_names(client, name))


def _names(client: IrcClient, name: str) -> Iterator[Part]:
    """The answer to NAMES; the people are left out as soon as the client may not read the room."""
    room = client.service.rooms.live(name)
    if room is not None:
        yield from names_lines(client, room)
    yield client.numbered(numerics.ENDOFNAMES, f"#{name}")


def names_lines(client: IrcClient, room: Room) -> Iterator[Part]:
    """The numerics that list the people in a room, as long as the client may read it.

    The lines may be made in several turns of the reactor, and show each person as it is then.  A
    person who leaves meanwhile is left out, because the leave may have been shown already; one who
    comes, or takes another name, is listed at the end.
    """
    symbol = "=" if getattr(room.state, "listed", True) else "@"
    overhead = size(client.numbered(numerics.NAMREPLY, symbol, f"#{room.name}", ""))
    for text in in_lines(_names_in(client, room), overhead):
        if not may_read(client, room):
            return
        yield client.numbered(numerics.NAMREPLY, symbol, f"#{room.name}", text)
        yield None  # one line has a dozen names, and takes as long as several of other answers


def _names_in(client: IrcClient, room: Room) -> Iterator[str]:
    """The words of NAMES; each is made when it is wanted."""
    word = _full if client.may("userhost-in-names") else _name
    marked, revision = marks(client, room), room.version
    members = room.members
    listed = dict.fromkeys(members)
    for key in listed:
        if room.version != revision:  # roles may have changed meanwhile
            marked, revision = marks(client, room), room.version
        name = members.get(key)
        if name is not None:
            mark = marked.get(key, "")
            if mark:
                client.door.earlier.has_role(room.name, name, LETTERS[mark])
            yield mark + word(client, key, name)
    for key in [key for key in members if key not in listed]:  # who came meanwhile
        name = members.get(key)
        if name is not None:
            yield prefix(client, room, key) + word(client, key, name)


def _name(client: IrcClient, key: str, name: str) -> str:
    return name


def _full(client: IrcClient, key: str, name: str) -> str:
    """`nick!user@host` of a person by the key of its name, which takes no normalisation."""
    service = client.service
    holder = service.people.held.get(key)
    who = client.door.who(name) if holder is None else service.cards.known(holder)
    return f"{name}!{who.user}@{who.host}"


def prefix(client: IrcClient, room: Room, key: str) -> str:
    """The prefix of a person's name in a room, by the name's key."""
    roles = room.rights.roles
    holder = client.service.people.held.get(key) if roles else None
    if holder is None:
        return ""
    grant = roles.get(subject_of(holder.id, holder.account))
    return prefix_of(grant.role.word) if grant else ""


def marks(client: IrcClient, room: Room) -> dict[str, str]:
    """What stands before the names of those in a room who have a role, by the names' keys."""
    roles, people = room.rights.roles, client.service.people
    keys = [key for key in roles if key in room.members]  # accounts
    guests = {subject[1:] for subject in roles if subject.startswith("~")}
    for own in filter(None, map(people.by_id, list(guests))):
        guests.discard(own.id)
        keys.append(own.key)
    if guests:  # they are on other nodes
        held = people.held
        keys += [key for key in room.members if key in held and held[key].id in guests]
    return {key: prefix(client, room, key) for key in keys}
