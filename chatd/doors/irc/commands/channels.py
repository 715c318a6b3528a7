"""Channels: JOIN, PART, TOPIC, and joins and leaves of a person's other sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from ....chat.room import Room
from ....codecs.irc import numerics
from ....codecs.irc.moments import seconds
from ....codecs.irc.profile import Tags
from ....model.commands import Join, Leave, SetTopic
from ....model.errors import (
    BadRoom,
    Banned,
    ChatError,
    NotInRoom,
    TooManyRooms,
)
from ....model.events import Arrived, Departed, TopicSet
from ....stream.feed import Source
from ..client import IrcClient
from ..reader import IrcReader, find, find_own
from ..replay import replay
from ..request import Part, Request
from .names import names_lines
from .rooms import channel, exists, is_kept, may_read, refuse_outsider
from .row import Kind, command

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

    def put_out(error: ChatError) -> None:
        request.refused(error, partial(refuse_join, request, name))

    def joined(_: object) -> None:
        parts = enter(client, room, stream, put_out)
        request.stream(chain(parts, [partial(_join_next, request, wanted)]))

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
    put_out: Callable[[ChatError], object] | None = None,
    *,
    fresh: bool = True,
) -> Iterator[Part]:
    """Show a client a room that its person is in, and read the room: from the join on if that is
    `fresh`, otherwise from now on.  The parts are for `Request.stream`.

    If the person has been put out of the room before the client was shown it (by a ban that came
    right behind the join, say), the client is shown nothing, and `put_out` is called with the
    reason.
    """
    reader, person = client.reader, client.person
    if reader is None or person is None or room.name in reader.channels:
        return
    yield reader.subscriber.wake
    if room.name in reader.channels:
        return  # another turn may have come
    if person.rooms.get(room.name) is not room:
        if put_out is not None:
            yield partial(put_out, _why_not(reader, room))
        return
    arrival = find_own(stream, Arrived, person.name) if fresh else None
    begin = arrival.id if arrival is not None else client.service.horizon
    try:
        reader.add(room, stream, begin)
    except ChatError as error:
        reader.channels.pop(room.name, None)
        if put_out is not None:
            yield partial(put_out, error)
        return
    client.note_join(room.name, begin)
    codec, name = reader.codec, person.name
    who = client.door.who(name)
    yield codec.joined(name, who, room.name, Tags(codec.profile, begin))
    yield from topic_lines(client, room)
    if client.may("draft/read-marker"):
        yield client.marker_line(f"#{room.name}")
    if not client.may("no-implicit-names"):
        for part in names_lines(client, room):
            if room.name not in reader.channels:
                return  # put out meanwhile
            yield part
        yield client.numbered(numerics.ENDOFNAMES, f"#{room.name}")
    yield partial(_catch_up, client, room, begin)


def _why_not(reader: IrcReader, room: Room) -> ChatError:
    """Why a person that had joined a room is not in it any more."""
    try:
        reader.check(room)
    except ChatError as error:
        return error
    return NotInRoom(f"you are not in #{room.name} any more; join it again")


def _catch_up(client: IrcClient, room: Room, begin: int) -> None:
    """Show a client that has been shown a room what was said there, and what has happened since."""
    if client.reader is not None:
        if not client.may("draft/chathistory"):
            replay(client, room, begin)
        client.reader.subscriber.wake()


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
    rooms = [room for name, room in person.rooms.items() if name not in reader.channels]
    if rooms:
        request = Request(client, "JOIN", (), {})
        request.changes = True
        request.stream(
            part for room in rooms for part in enter(client, room, room.stream, fresh=fresh)
        )
        request.done()


# -- what is there -------------------------------------------------------------------------------


def topic_lines(client: IrcClient, room: Room) -> list[str]:
    """The numerics with a room's topic, its author and time; none without a topic."""
    topic = room.state.topic
    if not topic:
        return []
    lines = [client.numbered(numerics.TOPIC, f"#{room.name}", topic)]
    by = room.log.latest(1, TopicSet)
    if by and isinstance(by[0].event, TopicSet):
        setter, when = by[0].event.sender, str(seconds(by[0].id))
        lines.append(client.numbered(numerics.TOPICWHOTIME, f"#{room.name}", setter, when))
    return lines


# -- going out -----------------------------------------------------------------------------------


@command("PART", "#room{,#room} [:text]", "leave channels", least=1, kind=Kind.CHANGE)
def part(request: Request) -> None:
    """Leave channels, one after another."""
    wanted = list(dict.fromkeys(filter(None, request.param(0).split(","))))
    _part_each(request, wanted, request.param(1))


def _part_each(request: Request, wanted: list[str], text: str) -> None:
    client, person = request.client, request.person
    request.several = len(wanted) > 1
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

        def parted(_: object, name: str = name) -> None:
            reader = client.reader
            if reader is not None:
                stream = reader.channels.get(name)
                left = find_own(stream, Departed, person.name) if stream is not None else None
                if left is not None and left.id > client.joined.get(name, 0):
                    request.own(left)
                reader.subscriber.wake()
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
        request.own(find(stream, id_))
    else:
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
