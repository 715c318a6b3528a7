"""MODE: of channels and of oneself."""

from __future__ import annotations

from dataclasses import replace

from ....chat.room import Room
from ....codecs.irc import numerics
from ....codecs.irc.message import form
from ....codecs.irc.modes import flags_of
from ....codecs.irc.moments import seconds
from ....model.errors import ChatError
from ....model.names import name_key
from ..request import Request
from .channels import channel, exists, may_read
from .registration import user_modes
from .row import Kind, command


@command("MODE", "target [modes]", "show or change modes", least=1, with_words=(2, Kind.CHANGE))
def mode(request: Request) -> None:
    """Of a channel, or of oneself."""
    target = request.param(0)
    if target.startswith("#"):
        _of_channel(request, target)
    else:
        _of_person(request, target)


def _of_channel(request: Request, target: str) -> None:
    client = request.client
    try:
        name = channel(target)
    except ChatError:
        request.numeric(numerics.NOSUCHCHANNEL, target)
        return
    if not exists(client, name):
        request.numeric(numerics.NOSUCHCHANNEL, f"#{name}")
        return
    request.wait_for(client.service.rooms.load(name), _in_room, request)


def _in_room(room: Room, request: Request) -> None:
    client, shown = request.client, f"#{room.name}"
    if not may_read(client, room):
        request.numeric(numerics.NOSUCHCHANNEL, shown)
        return
    if len(request.params) < 2:
        request.numeric(numerics.CHANNELMODEIS, shown, flags_of(room.state))
        ends = client.service.rooms.index.ends(room.name)
        begun = ends.first if ends else room.version
        request.numeric(numerics.CREATIONTIME, shown, str(seconds(begun)))
        return
    change_channel(request, room)


def change_channel(request: Request, room: Room) -> None:
    """Change what a room's modes say."""
    shown = f"#{room.name}"
    if request.param(1).strip("+-") == "b" and len(request.params) == 2:
        request.numeric(numerics.ENDOFBANLIST, shown)
        return
    request.numeric(numerics.CHANOPRIVSNEEDED, shown, "you may not change modes here")


def _of_person(request: Request, target: str) -> None:
    client, person = request.client, request.person
    try:
        own = name_key(target) == name_key(person.name)
    except ChatError:
        own = False
    if not own:
        known = client.service.people.find(target) is not None
        request.numeric(*((numerics.USERSDONTMATCH,) if known else (numerics.NOSUCHNICK, target)))
        return
    if len(request.params) < 2:
        request.numeric(numerics.UMODEIS, user_modes(client))
        return
    _change_own(request, request.param(1))


def _change_own(request: Request, written: str) -> None:
    client, person = request.client, request.person
    before = set(user_modes(client)) - {"+"}
    on, unknown = True, False
    for letter in written:
        match letter:
            case "+" | "-":
                on = letter == "+"
            case "B":
                person.card = replace(person.card, bot=on)
            case "i":
                person.card = replace(person.card, invisible=on)
            case "w":
                client.wallops = on
            case "o":
                if not on:
                    client.operator = False
                    client.door.operators.discard(client)
            case _:
                unknown = True
    after = set(user_modes(client)) - {"+"}
    plus, minus = "".join(sorted(after - before)), "".join(sorted(before - after))
    changed = (f"+{plus}" if plus else "") + (f"-{minus}" if minus else "")
    if changed:
        request.line(form("MODE", person.name, changed, source=client.source()))
    if unknown:
        request.numeric(numerics.UMODEUNKNOWNFLAG)
