"""Questions about people: WHO, WHOIS, WHOWAS, USERHOST, ISON; and AWAY."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from ....chat.elsewhere import Elsewhere
from ....chat.person import Person
from ....chat.room import Room
from ....codecs.irc import numerics
from ....codecs.irc.isupport import AWAY_TEXT
from ....codecs.irc.lists import Whox, in_lines, read_whox, whox
from ....codecs.irc.masks import is_mask, matches
from ....codecs.irc.message import cut, form, size
from ....codecs.irc.moments import seconds, server_time
from ....codecs.irc.profile import Sender
from ....model.errors import ChatError
from ....model.text import printable
from ..client import IrcClient
from ..door import Watcher, sender_of
from ..request import LINES_A_TURN, Request
from .names import prefix
from .rooms import channel, may_read
from .row import Kind, command

MOST_FOUND = 1000
"""People in one answer, at most."""


def is_operator(client: IrcClient, key: str) -> bool:
    """Whether a person has an administrator's rights on a connection to this door."""
    return any(
        other.person is not None and other.person.key == key for other in client.door.operators()
    )


def rooms_of(client: IrcClient, key: str) -> list[Room]:
    """The rooms of a person that the client may know, in alphabetical order."""
    rooms = [room for room in client.service.rooms if key in room.members]
    own = client.person.rooms if client.person else {}
    shown = [
        room
        for room in rooms
        if room.name in own or (getattr(room.state, "listed", True) and may_read(client, room))
    ]
    return sorted(shown, key=lambda room: room.name)


def shares_room(client: IrcClient, key: str) -> bool:
    """Whether the client's person shares a room with another person."""
    own = client.person.rooms.values() if client.person else ()
    return any(key in room.members for room in own)


def invisible(client: IrcClient, holder: Person | Elsewhere) -> bool:
    """Whether only clients that share a room with a person may find it by a mask, and see its rooms
    (mode `+i`).
    """
    if client.operator or holder is client.person:
        return False
    return holder.card.invisible and holder.card.user.startswith("~")


# -- WHO -----------------------------------------------------------------------------------------


@command("WHO", "#room|name|mask [o|%fields]", "who matches")
def who(request: Request) -> None:
    """List people: see https://modern.ircdocs.horse/#who-message, and WHOX."""
    client, mask = request.client, request.param(0, "*")
    asked = read_whox(request.param(1))
    if mask.startswith("#"):
        try:
            room = client.service.rooms.live(channel(mask))
        except ChatError:
            room = None
        rows = _rows_of_room(client, asked, room)
    else:
        found = _found(client, mask)
        rows = (_row(client, asked, one.name, one.key, None) if one else None for one in found)
    end = numerics.write(numerics.ENDOFWHO, client.server, client.nick, mask)
    request.stream(chain(rows, (end,)))


def _rows_of_room(client: IrcClient, asked: Whox, room: Room | None) -> Iterator[str | None]:
    """The rows of those in a room, as long as the client may read it."""
    if room is None:
        return
    for number, (key, name) in enumerate(list(room.members.items())):
        if number % LINES_A_TURN == 0 and not may_read(client, room):
            return
        yield _row(client, asked, name, key, room)


def _found(client: IrcClient, mask: str) -> Iterator[Person | Elsewhere | None]:
    """The people whom a mask means; None for each that it does not."""
    people = client.service.people
    if not is_mask(mask) and mask != "0":
        holder = people.find(mask)
        if holder is not None:
            yield holder
        return
    wanted = "*" if mask == "0" else mask
    found = 0
    for holder in list(people.held.values()):
        if not matches(wanted, holder.name):
            full = _full(client.door.who(holder.name), holder.name)
            if not matches(wanted, full):
                yield None
                continue
        if invisible(client, holder) and not shares_room(client, holder.key):
            yield None
            continue
        yield holder
        found += 1
        if found >= MOST_FOUND:
            return


def _full(known: Sender, name: str) -> str:
    return f"{name}!{known.user}@{known.host}"


def _row(client: IrcClient, asked: Whox, name: str, key: str, room: Room | None) -> str | None:
    operator = is_operator(client, key)
    if asked.ops and not operator:
        return None
    known = client.door.who(name)
    flags = ("G" if known.away else "H") + "*" * operator
    flags += prefix(client, room, key) if room else ""
    flags += "B" * known.bot
    shown = f"#{room.name}" if room else "*"
    server = client.server
    realname = known.realname or name
    if not asked.fields:
        told = shown, known.user, known.host, server, name, flags, f"0 {realname}"
        return numerics.write(numerics.WHOREPLY, server, client.nick, *told)
    row = {"c": shown, "u": known.user, "h": known.host, "s": server, "n": name, "f": flags}
    row |= {"d": "0", "l": "0", "a": known.account or "0", "o": "n/a", "r": realname}
    words, text = whox(asked, row)
    return form(numerics.WHOSPCRPL.number, client.nick, *words, text=text, source=server)


# -- WHOIS ---------------------------------------------------------------------------------------


def _no_nick(request: Request) -> None:
    request.numeric(numerics.NONICKNAMEGIVEN)


@command("WHOIS", "name", "who somebody is", least=1, too_few=_no_nick)
def whois(request: Request) -> None:
    """Describe a person: the last parameter; one before it names a server."""
    client = request.client
    name = request.params[-1].split(",")[0]
    holder = client.service.people.find(name)
    if holder is None:
        request.numeric(numerics.NOSUCHNICK, name)
        request.numeric(numerics.ENDOFWHOIS, name)
        return
    shown, known = holder.name, client.door.who(holder.name)
    request.numeric(numerics.WHOISUSER, *_card(shown, known))
    if not (invisible(client, holder) and not shares_room(client, holder.key)):
        empty = numerics.write(numerics.WHOISCHANNELS, client.server, client.nick, shown, "")
        overhead = size(empty)
        words = (
            f"{prefix(client, room, holder.key)}#{room.name}"
            for room in rooms_of(client, holder.key)
        )
        for text in in_lines(words, overhead):
            request.numeric(numerics.WHOISCHANNELS, shown, text)
    request.numeric(numerics.WHOISSERVER, shown, client.server, client.door.told.network)
    if is_operator(client, holder.key):
        request.numeric(numerics.WHOISOPERATOR, shown)
    if isinstance(holder, Person) and (sessions := client.door.clients_of(holder)):
        _tell_connections(request, holder, sessions)
    if known.account:
        request.numeric(numerics.WHOISACCOUNT, shown, known.account)
    if known.bot:
        request.numeric(numerics.WHOISBOT, shown)
    if known.away:
        request.numeric(numerics.AWAY, shown, known.away)
    request.numeric(numerics.ENDOFWHOIS, shown)


def _tell_connections(request: Request, holder: Person, sessions: Sequence[Watcher]) -> None:
    """Show since when a person is here and idle, and whether all of its connections use TLS."""
    idle = request.client.service.clock.seconds() - max(session.spoke for session in sessions)
    times = str(int(idle)), str(seconds(holder.came))
    request.numeric(numerics.WHOISIDLE, holder.name, *times)
    if all(session.encrypted for session in sessions):
        request.numeric(numerics.WHOISSECURE, holder.name)


def _card(name: str, known: Sender) -> tuple[str, str, str, str, str]:
    """The parameters of the first numeric of WHOIS and WHOWAS."""
    return name, known.user, known.host, "*", known.realname or name


@command("WHOWAS", "name [count]", "who somebody was", least=1, too_few=_no_nick)
def whowas(request: Request) -> None:
    """Show the former holders of a name, the last first."""
    client, name = request.client, request.param(0)
    count = request.param(1)
    most = int(count) if count.isascii() and count.isdigit() and int(count) > 0 else MOST_FOUND
    try:
        past = list(client.service.cards.past(name))[:most]
    except ChatError:
        past = []
    if not past:
        request.numeric(numerics.WASNOSUCHNICK, name)
    for known in past:
        request.numeric(numerics.WHOWASUSER, *_card(known.name, sender_of(known)))
        request.numeric(numerics.WHOISSERVER, known.name, client.server, server_time(known.until))
    request.numeric(numerics.ENDOFWHOWAS, name)


@command("USERHOST", "name {name}", "the hosts of up to five people", least=1)
def userhost(request: Request) -> None:
    """Show user and host of those of the names that are present."""
    client = request.client
    words = []
    for name in request.params[:5]:
        holder = client.service.people.find(name)
        if holder is not None:
            known = client.door.who(holder.name)
            star = "*" if is_operator(client, holder.key) else ""
            sign = "-" if known.away else "+"
            words.append(f"{holder.name}{star}={sign}{known.user}@{known.host}")
    request.numeric(numerics.USERHOST, " ".join(words))


@command("ISON", "name {name}", "which of these people are here", least=1)
def ison(request: Request) -> None:
    """Show which of the names are present, as their holders spell them."""
    people = request.client.service.people
    names = [word for param in request.params for word in param.split()]
    found = [holder.name for name in names if (holder := people.find(name)) is not None]
    request.numeric(numerics.ISON, cut(" ".join(found), 400))


# -- AWAY ----------------------------------------------------------------------------------------


@command("AWAY", "[:text]", "say that you are away, or back", kind=Kind.CHANGE, early=True)
def away(request: Request) -> None:
    """Set or end the away message; before registration, for clients with `draft/pre-away`."""
    client = request.client
    text = cut(" ".join(printable(request.param(0)).split()), AWAY_TEXT)
    if client.applicant is not None:
        if not client.may("draft/pre-away"):
            request.numeric(numerics.NOTREGISTERED)
            return
        client.applicant.away = text if text != "*" else "away"
        request.numeric(numerics.NOWAWAY if text else numerics.UNAWAY)
        return
    person = request.person
    client.away = text
    away = client.door.away_of(person, text) if text else ""
    changed = away != person.card.away

    def told(_: object) -> None:
        request.numeric(numerics.NOWAWAY if text else numerics.UNAWAY)
        if changed:
            line = form("AWAY", text=away or None, source=client.source())
            tell_watchers(client, "away-notify", line)

    request.wait_for(client.service.signals.away(person, away), told)


def tell_watchers(client: IrcClient, capability: str, line: str) -> None:
    """Send a line to the clients that monitor a person's name and share no room with it."""
    assert client.person is not None
    key = client.person.key
    for other in client.door.monitors.of(key):
        if not isinstance(other, IrcClient) or other.person is None:
            continue
        if {"extended-monitor", capability} <= other.capabilities and not shares_room(other, key):
            other.write([line])
