"""Commands of owners and ops: roles, bans, mutes, members and settings of the current room."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ....chat.invites import Made
from ....chat.room import Room
from ....codecs.commandlines import (
    choice,
    duration_and_text,
    name_and_number,
    nothing,
    number,
    optional,
    word,
)
from ....model.bounds import NAME, WHO
from ....model.commands import Command
from ....model.errors import NotFound
from ....model.moderation import (
    Admit,
    Ban,
    Configure,
    GiveRole,
    Kick,
    Mute,
    Redact,
    RedactPrivately,
    Unban,
    Unmute,
)
from ....model.names import name_key
from ....model.restrictions import Restriction
from ..client import LineClient
from ..greetings import MOST_LISTED
from .row import Kind, command

_NAME = word("name", NAME)
_WHO = word("name or network", WHO)


def _do(client: LineClient, asked: Command) -> None:
    """Carry out a command: its event is the answer; without one, say that nothing has changed."""
    client.change(client.perform(asked), _done, client)


def _done(id_: int | None, client: LineClient) -> None:
    if id_ is None:
        client.answer("nothing has changed by that")


def _give(client: LineClient, name: str, role: str | None) -> None:
    _do(client, GiveRole(client.reader.here().name, name, role))


@command("/owner NAME", "make somebody an owner of this room", _NAME, kind=Kind.CHANGE)
def owner(client: LineClient, name: str) -> None:
    """For owners."""
    _give(client, name, "owner")


@command("/op NAME", "make somebody an op of this room", _NAME, kind=Kind.CHANGE)
def op(client: LineClient, name: str) -> None:
    """For owners."""
    _give(client, name, "op")


@command("/deop NAME", "take away the role of an op or owner", _NAME, kind=Kind.CHANGE)
def deop(client: LineClient, name: str) -> None:
    """For owners; anybody may give up their own role."""
    _give(client, name, None)


@command("/voice NAME", "let somebody speak where only voices may", _NAME, kind=Kind.CHANGE)
def voice(client: LineClient, name: str) -> None:
    """For ops."""
    _give(client, name, "voice")


@command("/devoice NAME", "take away the role voice", _NAME, kind=Kind.CHANGE)
def devoice(client: LineClient, name: str) -> None:
    """For ops."""
    _give(client, name, None)


@command(
    "/kick NAME [REASON]",
    "put somebody out of this room; they may come back",
    duration_and_text("name", NAME, durations=False),
    kind=Kind.CHANGE,
)
def kick(client: LineClient, name: str, _: int | None, reason: str) -> None:
    """For ops."""
    _do(client, Kick(client.reader.here().name, name, reason))


@command(
    "/ban WHO [DURATION] [REASON]",
    "put out for 30m, 12h, 7d, or for good",
    duration_and_text("name or network", WHO),
    kind=Kind.CHANGE,
)
def ban(client: LineClient, who: str, seconds: int | None, reason: str) -> None:
    """For ops; a network for administrators."""
    _do(client, Ban(client.reader.here().name, who, seconds, reason))


@command("/unban WHO", "lift a ban: by name, network, or the id in /bans", _WHO, kind=Kind.CHANGE)
def unban(client: LineClient, who: str) -> None:
    """For ops."""
    _do(client, Unban(client.reader.here().name, who))


@command("/bans", "who is banned from this room, and muted in it", nothing)
def bans(client: LineClient) -> None:
    """For ops."""
    room = client.reader.here()
    moderation = client.service.moderation
    banned, muted = moderation.bans(client.person, room), moderation.mutes(client.person, room)
    if not (banned or muted):
        client.answer(f"nobody is banned from #{room.name} or muted in it")
        return
    told = []
    for what, found in (("banned", banned), ("muted", muted)):
        told += [_row(what, id_, one) for id_, one in found[:MOST_LISTED]]
        if len(found) > MOST_LISTED:
            told.append(f"{len(found) - MOST_LISTED} more are {what}")
    client.answer(*told)


def _row(what: str, id_: str, one: Restriction) -> str:
    who = one.network or one.target
    return one.explained(f"{what}: {who} ({id_}) by {one.by}")


@command(
    "/mute NAME [DURATION]",
    "forbid somebody to speak in this room",
    duration_and_text("name", NAME),
    kind=Kind.CHANGE,
)
def mute(client: LineClient, name: str, seconds: int | None, reason: str) -> None:
    """For ops."""
    _do(client, Mute(client.reader.here().name, name, seconds, reason))


@command("/unmute NAME", "let somebody speak again", _NAME, kind=Kind.CHANGE)
def unmute(client: LineClient, name: str) -> None:
    """For ops."""
    _do(client, Unmute(client.reader.here().name, name))


@command(
    "/invite [NAME]",
    "make somebody a member, or print an invite's link",
    optional(_NAME),
    kind=Kind.CHANGE,
)
def invite(client: LineClient, name: str) -> None:
    """For ops."""
    room = client.reader.here().name
    if name:
        _do(client, Admit(room, name))
    else:
        client.change(client.service.invites.make(client.person, room), _invited, client, room)


def _invited(made: Made, client: LineClient, room: str) -> None:
    url = client.service.page_url
    where = f"{url}/#invite={made.code}" if url else f"the page, with #invite={made.code} behind it"
    client.answer(f"who opens {where} becomes a member of #{room}, once, within 7 days")


@command(
    "/access open|members",
    "who may come into this room",
    choice("open or members", "open", "members"),
    kind=Kind.CHANGE,
)
def access(client: LineClient, word: str) -> None:
    """For owners."""
    _do(client, Configure(client.reader.here().name, access=word))


@command(
    "/posting everyone|accounts|voices",
    "who may speak in this room",
    choice("everyone, accounts or voices", "everyone", "accounts", "voices"),
    kind=Kind.CHANGE,
)
def posting(client: LineClient, word: str) -> None:
    """For owners."""
    _do(client, Configure(client.reader.here().name, posting=word))


@command(
    "/slow SECONDS",
    "how long each person waits between messages; 0: no wait",
    number("how many seconds"),
    kind=Kind.CHANGE,
)
def slow(client: LineClient, seconds: int) -> None:
    """For ops."""
    _do(client, Configure(client.reader.here().name, slow=seconds))


@command(
    "/delete [@NAME] [ID]",
    "delete a message; without an id, your last one",
    name_and_number("the id of a message"),
    kind=Kind.CHANGE,
)
def delete(client: LineClient, name: str, id_: int) -> None:
    """For its author, and for ops; of a private message, for its author, and administrators."""
    client.need_person()
    if name:
        _delete_privately(client, name, id_)
        return
    room: Room = client.reader.here()
    found: Any = id_ or client.service.moderation.last_message(client.person, room)
    if not found:
        raise NotFound(f"you have said nothing in #{room.name} lately; type /delete ID")
    _do(client, Redact(room.name, found))


def _delete_privately(client: LineClient, name: str, id_: int) -> None:
    account = client.person.account
    if id_ or account is None:
        _do(client, RedactPrivately(name, id_))
        return

    def found(last: int | None) -> Deferred[int | None]:
        if last is None:
            raise NotFound(f"you have said nothing to {name} lately; type /delete @{name} ID")
        return client.perform(RedactPrivately(name, last))

    finding: Deferred[Any] = client.service.letters.last_sent(account, name_key(name))
    client.change(finding.addCallback(found), _done, client)
