"""What a client may know of rooms, and do in them."""

from __future__ import annotations

from ....chat.room import LOBBY, Room
from ....codecs.irc import numerics
from ....model.errors import BadRoom, Banned, ChatError, NotFound
from ....model.names import clean_room
from ..client import IrcClient
from ..request import Request


def channel(word: str) -> str:
    """The (clean) name of the room that a channel's name stands for.

    Raises `BadRoom`; the `#` is required.
    """
    if not word.startswith("#"):
        raise BadRoom("a channel's name begins with #")
    return clean_room(word)


def is_kept(client: IrcClient, name: str) -> bool:
    """Whether a room of that (clean) name exists, even if it is hidden from the client."""
    rooms = client.service.rooms
    live = rooms.live(name)
    return name == LOBBY or name in rooms.index or bool(live and live.members)


def exists(client: IrcClient, name: str) -> bool:
    """Whether a room of that (clean) name exists, as far as the client may know: a room that is
    hidden from the client counts as one that does not exist.
    """
    if not is_kept(client, name):
        return False
    rooms = client.service.rooms
    live = rooms.live(name)
    if live is None:
        return name not in rooms.index or not rooms.index.known(name).state.closed
    return client.moderator.admin or not hidden(client, live)


def hidden(client: IrcClient, room: Room) -> bool:
    """Whether a room in memory is for members only, and the client's person is not a member."""
    error = _refusal(client, room)
    return error is not None and error.code == NotFound.code


def may_read(client: IrcClient, room: Room) -> bool:
    """Whether a client may read a room."""
    return _refusal(client, room) is None


def may_moderate(client: IrcClient, room: Room) -> bool:
    """Whether a client may moderate a room: an administrator may, even without reading it."""
    return client.moderator.admin or may_read(client, room)


def refuse_outsider(request: Request, room: Room) -> None:
    """Answer a client that may not read a room: a room from which it is banned is a channel that it
    is not on, and a room that is hidden from it does not exist.
    """
    error = _refusal(request.client, room)
    if error is None or error.code == NotFound.code:
        request.numeric(numerics.NOSUCHCHANNEL, f"#{room.name}")
    elif error.code == Banned.code:
        request.numeric(numerics.NOTONCHANNEL, f"#{room.name}")
    else:
        request.refuse(error)


def _refusal(client: IrcClient, room: Room) -> ChatError | None:
    assert client.reader is not None
    try:
        client.reader.check(room)
    except ChatError as error:
        return error
    return None
