"""Commands about rooms: joining, leaving, the current room, and the people in a room."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ....chat.room import Room
from ....codecs.commandlines import nothing, optional, word
from ....model.bounds import ROOM
from ....model.commands import Join, Leave
from ....model.names import clean_room
from ....model.policy import Action
from ... import history
from ..client import LineClient
from ..greetings import MOST_LISTED, REPLAY
from ..onlooker import is_onlooker
from .row import Kind, command

_ROOM = word("room", ROOM)


@command(
    "/join ROOM",
    "come into a room and make it the current one",
    _ROOM,
    aliases=("j",),
    kind=Kind.CHANGE,
)
def join(client: LineClient, room: str) -> None:
    """The room's last messages are replayed, then it is read from the person's own `join` on."""
    asked = Join(room)
    name = clean_room(room)
    new = not client.reader.reads(name)
    if is_onlooker(client.person):
        client.change(_look_into(client, name), _joined, client, name, new)
        return
    client.change(client.perform(asked), _joined, client, name, new)


def _look_into(client: LineClient, name: str) -> Deferred[None]:
    """An onlooker reads a room without being in it."""

    def loaded(room: Room) -> None:
        client.reader.check(room)
        client.person.rooms[name] = room

    return client.service.rooms.load(name).addCallback(loaded)


def _joined(id_: int | None, client: LineClient, name: str, new: bool) -> Deferred[None] | None:
    """The person has joined the room."""
    reader = client.reader
    reader.give_back(name)
    joined = reader.joined(name)
    if not new:
        _enter(client, joined)
        return None
    begin = client.service.horizon if id_ is None else id_ - 1
    replayed = history.replay(client.service, joined, begin, REPLAY)
    return replayed.addCallback(_begin, client, name, begin)


def _begin(replay: history.Replay, client: LineClient, name: str, begin: int) -> None:
    reader = client.reader
    room = reader.joined(name)
    reader.read(room, begin)
    client.write(reader.replayed(room, replay) + client.where(room))
    client.subscriber.wake()


def _enter(client: LineClient, room: Room) -> None:
    """Make a room that the client reads already the current one."""
    client.reader.read(room)
    client.write(client.where(room))


@command(
    "/leave [ROOM]",
    "leave a room, or the current one",
    optional(_ROOM),
    aliases=("part",),
    kind=Kind.CHANGE,
)
def leave(client: LineClient, room: str) -> None:
    """Another joined room becomes the current one, if there is one."""
    asked = Leave(room or client.reader.here().name)
    if is_onlooker(client.person):
        client.person.rooms.pop(client.reader.joined(clean_room(asked.room)).name)
        _left(None, client, clean_room(asked.room))
        return
    client.change(client.perform(asked), _left, client, clean_room(asked.room))


def _left(id_: int | None, client: LineClient, name: str) -> None:
    reader = client.reader
    if id_ is not None:
        client.subscriber.hide(id_)  # the answer says it
    client.subscriber.wake()
    reader.give_back(name)
    client.answer(f"you have left #{name}")
    room = reader.room
    if room and room.name == name:
        others = [*filter(reader.reads, client.person.rooms)]
        room = client.person.rooms[others[0]] if others else None
        if room:
            client.answer(f"you are in #{room.name}")
    reader.read(room)


@command("/room ROOM", "make a joined room the current one", _ROOM)
def switch(client: LineClient, room: str) -> None:
    """Answers like `/join`."""
    _enter(client, client.reader.joined(clean_room(room)))


@command(
    "/who [ROOM]",
    "who is in a room, or in the current one",
    optional(_ROOM),
    aliases=("names", "w"),
)
def who(client: LineClient, room: str) -> None:
    """Any room that the client may read, joined or not."""

    def tell(found: Room) -> None:
        client.reader.check(found)
        client.write(client.members(found))

    name = room or client.reader.here().name
    client.wait_for(client.service.rooms.load(name), tell)


@command("/rooms", "which rooms there are", nothing)
def rooms(client: LineClient) -> None:
    """The first `MOST_LISTED`, with their topics."""
    client.service.readers.policy.may(client.person, Action.LIST)
    own = client.service.rooms.unlisted_for(client.person)
    found = client.service.rooms.listings(limit=MOST_LISTED + 1, own=own)
    told = []
    for room in found[:MOST_LISTED]:
        topic = f"; {room.topic}" if room.topic else ""
        told.append(f"#{room.name}: {room.people} here{topic}")
    if len(found) > MOST_LISTED:
        told.append(f"more than {MOST_LISTED} rooms; GET /rooms over HTTP lists the others")
    client.answer(*(told or ["0 rooms"]))
