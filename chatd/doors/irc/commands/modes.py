"""MODE of channels and of clients, KICK, INVITE."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import maybeDeferred

from ....chat.elsewhere import Elsewhere
from ....chat.person import Person
from ....chat.room import Room
from ....codecs.irc import numerics
from ....codecs.irc.isupport import KICK_TEXT
from ....codecs.irc.masks import Ban as BanMask
from ....codecs.irc.masks import HiddenBan, HostBan, NameBan, NetworkBan, ban_mask, read_ban
from ....codecs.irc.message import cut, form
from ....codecs.irc.modes import (
    FLAGS,
    MODES_AT_ONCE,
    ROLES,
    Change,
    flags_of,
    outranks,
    read_changes,
    settings_of,
)
from ....codecs.irc.moments import seconds
from ....model.commands import Command, NotifyPrivately
from ....model.errors import ChatError
from ....model.events import Signalled
from ....model.identity import subject_of
from ....model.moderation import Admit, Ban, Configure, GiveRole, Kick, Unban
from ....model.names import name_key
from ..client import IrcClient
from ..request import Request
from .channels import own_event, refuse_op
from .registration import user_modes
from .rooms import channel, exists, is_kept, may_moderate, refuse_outsider
from .row import Kind, command

MOST_INVITATIONS = 50
"""Signals among which a person's invitations are searched."""


@command("MODE", "target [modes]", "show or change modes", least=1, with_words=(2, Kind.CHANGE))
def mode(request: Request) -> None:
    """Show or change the modes of a channel, or the client's own."""
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
    if not is_kept(client, name):
        request.numeric(numerics.NOSUCHCHANNEL, f"#{name}")
        return
    request.wait_for(client.service.rooms.load(name), _in_room, request)


def _in_room(room: Room, request: Request) -> None:
    client, shown = request.client, f"#{room.name}"
    if not may_moderate(client, room):
        refuse_outsider(request, room)
        return
    if not request.param(1).strip("+-"):
        request.numeric(numerics.CHANNELMODEIS, shown, flags_of(room.state))
        client.door.earlier.has_posting(room.name, getattr(room.state, "posting", "everyone"))
        ends = client.service.rooms.index.ends(room.name)
        begun = ends.first if ends else room.version
        request.numeric(numerics.CREATIONTIME, shown, str(seconds(begun)))
        return
    change_channel(request, room)


def change_channel(request: Request, room: Room) -> None:
    """Change a room's modes."""
    shown = f"#{room.name}"
    changes = read_changes(request.params[1:])
    if all(change.mode == "b" and change.param is None for change in changes):
        _list_bans(request, room)
        return
    flags = [change for change in changes if change.mode in FLAGS]
    request.several = len(changes) - len(flags) + bool(flags) > 1
    for change in changes:
        if change.unknown:
            request.numeric(numerics.UNKNOWNMODE, change.mode)
    new = settings_of(flags, room.state)
    if new:
        if "topic_by" in new:
            new["topic"] = new.pop("topic_by")
        _perform(request, shown, Configure(room.name, **new))  # type: ignore[arg-type]
    roles: dict[str, str] = {}
    for change in changes:
        if change.mode in ROLES and change.param:
            _give_role(request, room, change, roles)
        elif change.mode == "b" and change.param:
            _ban(request, room, change)


def _perform(request: Request, shown: str, command: Command, target: str = "") -> None:
    def refused(error: ChatError) -> None:
        if error.code == "not-found" and isinstance(command, Unban):
            return  # there is no such ban: like any change that changes nothing
        if error.code == "no-such-person":
            request.numeric(numerics.NOSUCHNICK, target)
        elif error.code == "list-full":
            request.numeric(numerics.BANLISTFULL, shown, "b", error.message)
        elif error.code == "last-owner":
            request.numeric(numerics.CHANOPRIVSNEEDED, shown, error.message)
        else:
            refuse_op(request, shown, error)

    request.perform(
        request.client.moderator, command, lambda id_: own_event(request, shown[1:], id_), refused
    )


def _give_role(request: Request, room: Room, change: Change, roles: dict[str, str]) -> None:
    """Give somebody a role, or take it; `roles` are those that the same line has given so far, by
    the keys of names.  Nobody loses a higher role by being given a lower one.
    """
    client, shown, name = request.client, f"#{room.name}", change.param or ""
    holder = client.service.people.find(name)
    if holder is None:
        request.numeric(numerics.NOSUCHNICK, name)
        return
    if holder.key not in room.members:
        request.numeric(numerics.USERNOTINCHANNEL, name, shown)
        return
    if change.on and change.mode == "q" and holder.account is None:
        why = "only somebody with an account can own a channel"
        request.numeric(numerics.INVALIDMODEPARAM, shown, "q", name, why)
        return
    role = ROLES[change.mode]
    grant = room.rights.roles.get(subject_of(holder.id, holder.account))
    has = roles.get(holder.key, grant.role.word if grant else "")
    if change.on != (has != role) or (change.on and outranks(has, role)):
        return
    roles[holder.key] = role if change.on else ""
    _perform(request, shown, GiveRole(room.name, holder.name, role if change.on else None), name)


def _ban(request: Request, room: Room, change: Change) -> None:
    shown, mask = f"#{room.name}", change.param or ""
    ban = read_ban(mask)
    who = _banned(request, ban)
    if not who or (change.on and isinstance(ban, HiddenBan)):
        why = "a ban is name!*@* or *!*@host"
        request.numeric(numerics.INVALIDMODEPARAM, shown, "b", mask, why)
        return
    command = Ban(room.name, who) if change.on else Unban(room.name, who)
    _perform(request, shown, command, mask)


def _banned(request: Request, ban: BanMask | None) -> str:
    """The target of a ban's mask: a name, a network or a ban's id; empty if the mask has none."""
    service = request.client.service
    match ban:
        case NameBan(name):
            return name
        case NetworkBan(network):
            return str(network)
        case HiddenBan(id_):
            return id_
        case HostBan(host):
            for holder in service.people.held.values():
                if service.cards.known(holder).host == host:
                    return holder.name
    return ""


def _list_bans(request: Request, room: Room) -> None:
    client, shown = request.client, f"#{room.name}"
    try:
        bans = client.service.moderation.bans(client.moderator, room)
    except ChatError:
        bans = []
    for id_, ban in bans:
        mask = ban_mask(ban.target, id_, ban.network)
        by, since = ban.by or client.server, str(seconds(ban.since))
        request.numeric(numerics.BANLIST, shown, mask, by, since)
    request.numeric(numerics.ENDOFBANLIST, shown)


@command("KICK", "#room{,#room} name{,name} [:text]", "put people out", least=2, kind=Kind.CHANGE)
def kick(request: Request) -> None:
    """Kick people from one channel, or each from a channel of its own; they may join again."""
    channels, targets = request.param(0).split(","), request.param(1).split(",")
    if len(channels) == 1:
        channels *= len(targets)
    if len(channels) != len(targets):
        request.numeric(numerics.NEEDMOREPARAMS, "KICK")
        return
    request.several = len(targets) > 1
    for word, target in list(zip(channels, targets, strict=True))[:MODES_AT_ONCE]:
        _kick(request, word, target)


def _kick(request: Request, word: str, target: str) -> None:
    client = request.client
    try:
        name = channel(word)
    except ChatError:
        request.numeric(numerics.NOSUCHCHANNEL, word)
        return
    shown = f"#{name}"
    room = client.service.rooms.live(name)
    if room is None or not exists(client, name):
        request.numeric(numerics.NOSUCHCHANNEL, shown)
        return
    if not may_moderate(client, room):
        refuse_outsider(request, room)
        return
    if name not in request.person.rooms and not client.moderator.admin:
        request.numeric(numerics.NOTONCHANNEL, shown)
        return
    holder = client.service.people.find(target)
    if holder is None:
        request.numeric(numerics.NOSUCHNICK, target)
    elif holder.key not in room.members:
        request.numeric(numerics.USERNOTINCHANNEL, target, shown)
    else:
        text = cut(request.param(2), KICK_TEXT)
        _perform(request, shown, Kick(name, holder.name, text), target)


@command("INVITE", "[name #room]", "invite somebody into a channel", kind=Kind.CHANGE)
def invite(request: Request) -> None:
    """Make a person a member of a channel with `+i`; for another channel, send an invitation."""
    client = request.client
    if not request.params:
        for channel_name in _invitations(client, request.person):
            request.numeric(numerics.INVITELIST, channel_name)
        request.numeric(numerics.ENDOFINVITELIST)
        return
    if len(request.params) < 2:
        request.numeric(numerics.NEEDMOREPARAMS, "INVITE")
        return
    name, word = request.params[:2]
    try:
        room = client.service.rooms.live(channel(word))
    except ChatError:
        room = None
    if room is None or not exists(client, room.name):
        request.numeric(numerics.NOSUCHCHANNEL, word)
        return
    if not may_moderate(client, room):
        refuse_outsider(request, room)
        return
    shown = f"#{room.name}"
    holder = client.service.people.find(name)
    if room.name not in request.person.rooms and not client.moderator.admin:
        request.numeric(numerics.NOTONCHANNEL, shown)
    elif holder is None:
        request.numeric(numerics.NOSUCHNICK, name)
    elif holder.key in room.members:
        request.numeric(numerics.USERONCHANNEL, holder.name, shown)
    elif room.state.access == "members":
        request.perform(
            client.moderator,
            Admit(room.name, holder.name, once=True),
            lambda _: _tell_invited(request, holder, shown),
            lambda error: refuse_op(request, shown, error),
        )
    else:
        _tell_invited(request, holder, shown)


def _invitations(client: IrcClient, person: Person) -> list[str]:
    """The channels of a person's recent, unused invitations, the newest last."""
    signals = person.signals.log.latest(MOST_INVITATIONS, Signalled) if person.signals else ()
    invited = [
        entry.event.text
        for entry in signals
        if isinstance(entry.event, Signalled)
        and entry.event.kind == "INVITE"
        and entry.id > client.joined.get(entry.event.text[1:], 0)
    ]
    return [shown for shown in dict.fromkeys(invited) if shown[1:] not in person.rooms]


def _tell_invited(request: Request, holder: Person | Elsewhere, shown: str) -> None:
    """Tell a person of an invitation: its IRC clients by INVITE; a person without any by a private
    notice, which every other door shows.
    """
    client, name = request.client, holder.name

    def told(_: object) -> None:
        request.numeric(numerics.INVITING, name, shown)

    def written(id_: int | None) -> None:
        if id_ is not None and client.reader is not None:
            client.reader.hide(id_)  # the numeric tells it already
        told(id_)

    if _is_on_irc(client, holder):
        outcome = maybeDeferred(client.service.signals.tell, request.person, name, "INVITE", shown)
        request.wait_for(outcome, told)
    else:
        text = f"invites you to {shown}; /join {shown} takes you there"
        request.perform(request.person, NotifyPrivately(name, text), written)


def _is_on_irc(client: IrcClient, holder: Person | Elsewhere) -> bool:
    """Whether a person has an IRC client; on another node, whether it came in by one."""
    if isinstance(holder, Elsewhere):
        return holder.card.user.startswith("~")
    return any(other.person is holder for other in client.door.clients)


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
    before, card = set(user_modes(client)) - {"+"}, person.card
    wallops, steps_down = client.wallops, False
    on, unknown = True, False
    for letter in written:
        match letter:
            case "+" | "-":
                on = letter == "+"
            case "B":
                card = replace(card, bot=on)
            case "i":
                card = replace(card, invisible=on)
            case "w":
                wallops = on
            case "o":
                steps_down = steps_down or not on
            case _:
                unknown = True
    if person.card != card:
        # Nothing has changed yet: if this is too fast, the line is carried out again later.
        told = client.service.signals.restate(person, card)
        told.addErrback(lambda failure: failure.trap(ChatError))
    client.wallops = wallops
    if steps_down:
        client.step_down()
    after = set(user_modes(client)) - {"+"}
    plus, minus = "".join(sorted(after - before)), "".join(sorted(before - after))
    changed = (f"+{plus}" if plus else "") + (f"-{minus}" if minus else "")
    if changed:
        request.line(form("MODE", person.name, changed, source=client.source()))
    if unknown:
        request.numeric(numerics.UMODEUNKNOWNFLAG)
