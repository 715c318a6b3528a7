"""Channels: JOIN, PART, TOPIC, NAMES, and joins and leaves of a person's other sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ....chat.room import LOBBY, Room
from ....codecs.irc import numerics
from ....codecs.irc.lists import in_lines
from ....codecs.irc.message import size
from ....codecs.irc.modes import prefix_of
from ....codecs.irc.moments import seconds
from ....codecs.irc.profile import Tags
from ....model.commands import Join, Leave, SetTopic
from ....model.errors import (
    BadRoom,
    Banned,
    ChatError,
    NotFound,
    NotInRoom,
    TooManyRooms,
)
from ....model.events import Arrived, TopicSet
from ....model.identity import subject_of
from ....model.names import clean_room
from ....stream.feed import Source
from ..client import IrcClient
from ..reader import find_own
from ..replay import replay
from ..request import LINES_A_TURN, Request
from .row import Kind, command


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


# -- coming in -----------------------------------------------------------------------------------


@command("JOIN", "#room{,#room}", "come into channels", least=1, kind=Kind.CHANGE)
def join(request: Request) -> None:
    """Join channels, one after another; no other command creates a channel."""
    wanted = list(dict.fromkeys(filter(None, request.param(0).split(","))))
    if wanted == ["0"]:
        _part_each(request, [f"#{name}" for name in request.person.rooms], "")
        return
    _join_next(request, wanted)


def _join_next(request: Request, wanted: list[str]) -> None:
    client = request.client
    while wanted:
        word = wanted.pop(0)
        try:
            name = channel(word)
        except ChatError:
            request.numeric(numerics.NOSUCHCHANNEL, word)
            continue
        reader = client.reader
        if reader is None:
            return
        if name in reader.channels:
            continue
        request.wait_for(
            client.service.rooms.load(name), _join, request, name, wanted, refuse=request.refuse
        )
        return


def _join(room: Room, request: Request, name: str, wanted: list[str]) -> None:
    """Join a loaded room, show its topic and people, and go on with the next channel."""
    client = request.client
    stream = room.stream  # from now on it has what happens there

    def refused(error: ChatError) -> None:
        refuse_join(request, name, error)
        _join_next(request, wanted)

    def joined(_: object) -> None:
        enter(client, room, stream, request.lines)
        _join_next(request, wanted)

    request.perform(request.person, Join(name), joined, refused)


def refuse_join(request: Request, name: str, error: ChatError) -> None:
    """Answer that the client may not join a channel."""
    shown = f"#{name}"
    if isinstance(error, TooManyRooms):
        request.numeric(numerics.TOOMANYCHANNELS, shown, error.message)
    elif error.code == Banned.code:
        request.numeric(numerics.BANNEDFROMCHAN, shown, error.message)
    elif error.code in ("not-found", "no-session"):
        request.numeric(numerics.INVITEONLYCHAN, shown)
    elif isinstance(error, BadRoom):
        request.numeric(numerics.NOSUCHCHANNEL, shown)
    else:
        request.refuse(error)


def enter(
    client: IrcClient,
    room: Room,
    stream: Source,
    tell: Callable[[list[str]], None],
    *,
    fresh: bool = True,
) -> None:
    """Show a client a room that its person is in, and read the room: from the join on if that is
    `fresh`, otherwise from now on.
    """
    reader, person = client.reader, client.person
    if reader is None or person is None or room.name in reader.channels:
        return
    if room.name not in person.rooms:
        return
    reader.subscriber.wake()
    arrival = find_own(stream, Arrived, person.name) if fresh else None
    begin = arrival.id if arrival is not None else client.service.horizon
    try:
        reader.add(room, stream, begin)
    except ChatError as error:
        reader.channels.pop(room.name, None)
        client.put_out(room.name, error)
        return
    client.note_join(room.name, begin)
    codec, name = reader.codec, person.name
    who = client.door.who(name)
    lines = [codec.joined(name, who, room.name, Tags(codec.profile, begin))]
    lines += topic_lines(client, room)
    if client.may("draft/read-marker"):
        lines.append(client.marker_line(f"#{room.name}"))
    if not client.may("no-implicit-names"):
        lines += names_lines(client, room)
        lines.append(_numeric(client, numerics.ENDOFNAMES, f"#{room.name}"))
    tell(lines)
    if not client.may("draft/chathistory"):
        replay(client, room, begin)
    reader.subscriber.wake()


def follow(client: IrcClient, *, fresh: bool = True) -> None:
    """Show a client the rooms that its person has joined or left by another session; `fresh`: the
    person has joined them just now.
    """
    reader, person = client.reader, client.person
    if reader is None or person is None:
        return
    for name in [name for name in reader.channels if name not in person.rooms]:
        reader.subscriber.wake()
        reader.drop(name)
    for name, room in list(person.rooms.items()):
        if name not in reader.channels:
            enter(client, room, room.stream, client.write, fresh=fresh)


# -- what is there -------------------------------------------------------------------------------


def _numeric(client: IrcClient, numeric: numerics.Numeric, *given: str) -> str:
    return numerics.write(numeric, client.server, client.nick, *given)


def topic_lines(client: IrcClient, room: Room) -> list[str]:
    """The numerics with a room's topic, its author and time; none without a topic."""
    topic = room.state.topic
    if not topic:
        return []
    lines = [_numeric(client, numerics.TOPIC, f"#{room.name}", topic)]
    by = room.log.latest(1, TopicSet)
    if by and isinstance(by[0].event, TopicSet):
        setter, when = by[0].event.sender, str(seconds(by[0].id))
        lines.append(_numeric(client, numerics.TOPICWHOTIME, f"#{room.name}", setter, when))
    return lines


def names_lines(client: IrcClient, room: Room) -> Iterator[str]:
    """The numerics that list the people in a room.

    The lines may be made in several turns of the reactor.  A person who leaves meanwhile is left
    out, because the leave may have been shown already; the join of one who comes is shown.
    """
    symbol = "=" if getattr(room.state, "listed", True) else "@"
    overhead = size(_numeric(client, numerics.NAMREPLY, symbol, f"#{room.name}", ""))
    for text in in_lines(_names_in(client, room), overhead):
        yield _numeric(client, numerics.NAMREPLY, symbol, f"#{room.name}", text)


def _names_in(client: IrcClient, room: Room) -> Iterator[str]:
    """The words of NAMES; each is made when it is wanted."""
    whole = client.may("userhost-in-names")
    marked, members = marks(client, room), room.members
    for key in list(members):
        name = members.get(key)
        if name is not None:
            yield marked.get(key, "") + (_full(client, key, name) if whole else name)


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
    roles, held = room.rights.roles, client.service.people.held
    keys = [key for key in roles if key in room.members]  # accounts
    guests = {subject[1:] for subject in roles if subject.startswith("~")}
    if guests:
        keys += [key for key in room.members if key in held and held[key].id in guests]
    return {key: prefix(client, room, key) for key in keys}


# -- going out -----------------------------------------------------------------------------------


@command("PART", "#room{,#room} [:text]", "leave channels", least=1, kind=Kind.CHANGE)
def part(request: Request) -> None:
    """Leave channels, one after another."""
    wanted = list(dict.fromkeys(filter(None, request.param(0).split(","))))
    _part_each(request, wanted, request.param(1))


def _part_each(request: Request, wanted: list[str], text: str) -> None:
    client, person = request.client, request.person
    for word in wanted:
        try:
            name = channel(word)
        except ChatError:
            request.numeric(numerics.NOSUCHCHANNEL, word)
            continue
        if name not in person.rooms:
            missing = not exists(client, name)
            request.numeric(
                numerics.NOSUCHCHANNEL if missing else numerics.NOTONCHANNEL, f"#{name}"
            )
            continue

        def parted(_: object) -> None:
            if client.reader is not None:
                client.reader.subscriber.wake()
                follow(client)

        def refused(error: ChatError, shown: str = f"#{name}") -> None:
            if isinstance(error, NotInRoom):
                request.numeric(numerics.NOTONCHANNEL, shown)
            else:
                request.refuse(error)

        request.perform(person, Leave(name, text), parted, refused)


# -- the topic, and who is there -----------------------------------------------------------------


@command(
    "TOPIC",
    "#room [:text]",
    "show the topic, or set it",
    least=1,
    with_words=(2, Kind.CHANGE),
)
def topic(request: Request) -> None:
    """Show the topic, or set it; an empty text clears it."""
    client, person = request.client, request.person
    try:
        name = channel(request.param(0))
    except ChatError:
        request.numeric(numerics.NOSUCHCHANNEL, request.param(0))
        return
    shown = f"#{name}"
    if len(request.params) < 2 and is_kept(client, name):
        request.wait_for(client.service.rooms.load(name), _show_topic, request)
        return
    if not exists(client, name):
        request.numeric(numerics.NOSUCHCHANNEL, shown)
        return
    if name not in person.rooms and not client.operator:
        request.numeric(numerics.NOTONCHANNEL, shown)
        return
    request.perform(
        client.moderator,
        SetTopic(name, request.param(1)),
        lambda id_: own_event(request, name, id_),
        lambda error: refuse_op(request, shown, error),
    )


def own_event(request: Request, name: str, id_: int | None) -> None:
    """Handle the showing of this client's own event in a room, or with an empty `name` in private;
    it gets the label of its command.
    """
    reader = request.client.reader
    if reader is None:
        return
    stream = reader.channels.get(name) if name else request.person.inbox
    if id_ is not None and request.label and stream is not None:
        for entry in stream.log.since(id_ - 1).entries[:1]:
            if entry.id == id_:
                request.acknowledged = reader.label(entry, request.label)
    reader.subscriber.wake()


def refuse_op(request: Request, shown: str, error: ChatError) -> None:
    """Answer that the client lacks the rights for a command in a room."""
    if error.code in ("not-allowed", "muted", "banned"):
        request.numeric(numerics.CHANOPRIVSNEEDED, shown, error.message)
    elif error.code == "not-found":
        request.numeric(numerics.NOSUCHCHANNEL, shown)
    elif error.code == "not-in-room":
        request.numeric(numerics.NOTONCHANNEL, shown)
    else:
        request.refuse(error)


def _show_topic(room: Room, request: Request) -> None:
    client, shown = request.client, f"#{room.name}"
    if not may_read(client, room):
        refuse_outsider(request, room)
        return
    lines = topic_lines(client, room)
    if lines:
        request.lines(lines)
    else:
        request.numeric(numerics.NOTOPIC, shown)


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


def _names(client: IrcClient, name: str) -> Iterator[str]:
    """The answer to NAMES; the people are left out as soon as the client may not read the room."""
    room = client.service.rooms.live(name)
    if room is not None:
        for number, line in enumerate(names_lines(client, room)):
            if number % LINES_A_TURN == 0 and not may_read(client, room):
                break
            yield line
    yield _numeric(client, numerics.ENDOFNAMES, f"#{name}")
