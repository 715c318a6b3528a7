"""The past: CHATHISTORY, and MARKREAD."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from twisted.internet.defer import Deferred, maybeDeferred, succeed

from ....chat.accounts import Record
from ....chat.letter_pages import Partner
from ....chat.letters import Conversation
from ....chat.room import Room
from ....codecs.irc.history import PAGE, BadRequest, Stretch, Walk, read_request
from ....codecs.irc.history import Request as Asked
from ....codecs.irc.message import form
from ....codecs.irc.moments import MILLISECOND, marker, server_time
from ....model.errors import ChatError, NoSuchPerson, Unavailable
from ....model.events import MESSAGES, Told
from ....model.names import name_key
from ....model.policy import Action
from ....stream.eventlog import Entry, Page
from ..client import IrcClient, marker_key
from ..request import LINES_A_TURN, Request
from .rooms import channel
from .row import Kind, command

ALL = 1 << 30
"""More private conversations than an account has."""


def _too_few(request: Request) -> None:
    request.fail("NEED_MORE_PARAMS", text="that needs more words")


# -- CHATHISTORY ---------------------------------------------------------------------------------


@command(
    "CHATHISTORY",
    "LATEST|BEFORE|AFTER|BETWEEN|AROUND|TARGETS ...",
    "show what was said",
    least=1,
    kind=Kind.CHANGE,
    too_few=_too_few,
)
def chathistory(request: Request) -> None:
    """See https://ircv3.net/specs/extensions/chathistory."""
    try:
        asked = read_request(request.params)
    except BadRequest as problem:
        request.fail(problem.code, *problem.words, text=problem.message)
        return
    if asked.subcommand == "TARGETS":
        _targets(request, asked)
        return
    if asked.target.startswith("#"):
        room = _own_room(request, asked.target)
        if room is None:
            _invalid_target(request, asked, "you are not in that room")
        else:
            _collect(request, asked, room)
        return

    def refused(error: ChatError) -> None:
        if isinstance(error, Unavailable):
            _unread(request, asked, error)
        else:
            _invalid_target(request, asked, error.message)

    found = maybeDeferred(_own_conversation, request, asked.target)
    request.wait_for(found, lambda talk: _collect(request, asked, talk), refuse=refused)


def _invalid_target(request: Request, asked: Asked, why: str) -> None:
    request.fail("INVALID_TARGET", asked.subcommand, asked.target, text=why)


def _unread(request: Request, asked: Asked, error: ChatError) -> None:
    words = [word for word in (asked.subcommand, asked.target) if word]
    request.fail("MESSAGE_ERROR", *words, text=error.message)


def _own_room(request: Request, target: str) -> Room | None:
    """The room with that name if the client's person is in it, otherwise None."""
    client = request.client
    try:
        room = request.person.rooms.get(channel(target))
        if room is not None and client.reader is not None:
            client.reader.check(room)
    except ChatError:
        return None
    return room


def _own_conversation(request: Request, target: str) -> Deferred[Conversation]:
    """The private conversation between the client's account and another account.

    Raises `BadName`, `NoSuchPerson`, `NotAllowed`; fails with `NoSuchPerson`, `Unavailable`.
    """
    client, account = request.client, request.person.account
    assert client.session is not None
    client.service.readers.check(client.session, Action.READ_PRIVATELY)
    if account is None:
        raise NoSuchPerson("private messages are kept for accounts only: REGISTER, or sign in")
    key = name_key(target)

    def found(record: Record) -> Conversation:
        if record.value is None:
            raise NoSuchPerson("nobody of that name has an account")
        return client.service.letters.conversation(account, key, record.value.name)

    return client.service.accounts.find(key).addCallback(found)


def _collect(request: Request, asked: Asked, source: Room | Conversation) -> None:
    wanted = partial(_wanted, request.client)
    found: list[Entry] = []
    left = list(asked.stretches)

    def next_stretch(_: object = None) -> None:
        if not left:
            _tell(request, asked, source, found)
            return
        walk = Walk(left.pop(0), wanted)

        def walked(_: object) -> None:
            if walk.gap:
                request.line(request.client.missed(source.name, None))
            found.extend(walk.entries())
            next_stretch()

        request.wait_for(
            walk_through(request.client, source, walk),
            walked,
            refuse=lambda error: _unread(request, asked, error),
        )

    next_stretch()


def walk_through(client: IrcClient, source: Room | Conversation, walk: Walk) -> Deferred[None]:
    """Read pages until a walk is complete.  Fails with `Unavailable`."""
    if walk.done:
        return succeed(None)
    service, after, before = client.service, walk.after, walk.before
    if isinstance(source, Conversation):
        newest = service.horizon + 1 if before is None else before
        letters = service.letters
        page = (
            letters.page(source, newest, PAGE)
            if after is None
            else letters.page_after(source, after, PAGE)
        )
    elif after is None:
        page = service.page(source, before, PAGE)
    else:
        page = service.page_after(source, after, PAGE)

    def read(page: Page) -> Deferred[None]:
        walk.feed(page.entries, more=page.more, floor=page.floor)
        return walk_through(client, source, walk)

    return page.addCallback(read)


def _wanted(client: IrcClient, entry: Entry) -> bool:
    reader = client.reader
    if getattr(entry.event, "redacted", False) or reader is None or not reader.hears(entry):
        return False
    return isinstance(entry.event, (*MESSAGES, Told)) or client.may("draft/event-playback")


def _tell(request: Request, asked: Asked, source: Room | Conversation, found: list[Entry]) -> None:
    client = request.client
    if client.reader is None:
        return
    try:
        client.reader.check(source)  # the policy may have changed while the pages were read
    except ChatError as error:
        _invalid_target(request, asked, error.message)
        return
    request.stream(_lines(client, asked, source, found))


def _lines(
    client: IrcClient, asked: Asked, source: Room | Conversation, found: list[Entry]
) -> Iterator[str]:
    """What was found, as lines.  They are made in several turns: the rest is left out if the client
    may not read it any more, and so is what was deleted meanwhile.
    """
    ref, reader, redacted = client.next_ref(), client.reader, client.service.rooms.redacted
    assert reader is not None
    batch = ref if client.may("batch") else ""
    if batch:
        yield form("BATCH", f"+{ref}", "chathistory", asked.target, source=client.server)
    for number, entry in enumerate(found):
        try:
            if number % LINES_A_TURN == 0:
                reader.check(source)
        except ChatError:
            break
        latest = redacted.latest(entry) or entry
        if not getattr(latest.event, "redacted", False):
            yield from reader.codec.playback(entry, batch)
    if batch:
        yield form("BATCH", f"-{ref}", source=client.server)


def _targets(request: Request, asked: Asked) -> None:
    client, (stretch,) = request.client, asked.stretches
    rooms = [room for name in request.person.rooms if (room := _own_room(request, f"#{name}"))]
    latest: list[tuple[int, str]] = []

    def refused(error: ChatError) -> None:
        _unread(request, asked, error)

    def with_partners(partners: list[Partner]) -> None:
        latest.extend((one.last, one.name) for one in partners if one.last > stretch.low)
        next_room()

    def next_room(_: object = None) -> None:
        if not rooms:
            _tell_targets(request, stretch, latest)
            return
        room = rooms.pop(0)
        walk = Walk(Stretch(0, 1 << 62, False, 1), lambda entry: isinstance(entry.event, MESSAGES))

        def walked(_: object) -> None:
            entries = walk.entries()
            if entries and stretch.low < entries[-1].id < stretch.high:
                latest.append((entries[-1].id, f"#{room.name}"))
            next_room()

        request.wait_for(walk_through(client, room, walk), walked, refuse=refused)

    request.wait_for(_partners(request, stretch.high), with_partners, refuse=refused)


def _partners(request: Request, before: int) -> Deferred[list[Partner]]:
    """The account's private conversations that are older than an id.  Fails with `Unavailable`."""
    client, account = request.client, request.person.account
    assert client.session is not None
    if account is None:
        return succeed([])
    try:
        client.service.readers.check(client.session, Action.READ_PRIVATELY)
    except ChatError:
        return succeed([])
    partners = client.service.letters.partners(account, before, ALL)
    return partners.addCallback(lambda found: found[0])


def _tell_targets(request: Request, stretch: Stretch, latest: list[tuple[int, str]]) -> None:
    client = request.client
    latest.sort()
    first = 0 if stretch.forwards else max(len(latest) - stretch.limit, 0)
    chosen = latest[first : first + stretch.limit]
    ref = client.next_ref()
    tags = {"batch": ref} if client.may("batch") else {}
    lines = [
        form("CHATHISTORY", "TARGETS", target, server_time(id_), source=client.server, tags=tags)
        for id_, target in chosen
    ]
    if tags:
        opening = form("BATCH", f"+{ref}", "draft/chathistory-targets", source=client.server)
        lines = [opening, *lines, form("BATCH", f"-{ref}", source=client.server)]
    request.lines(lines)


# -- MARKREAD ------------------------------------------------------------------------------------


@command(
    "MARKREAD",
    "target [timestamp=...]",
    "say up to where you have read",
    least=1,
    with_words=(2, Kind.CHANGE),
    too_few=_too_few,
)
def markread(request: Request) -> None:
    """Set or show a read marker.  An account's markers of channels, and of conversations with other
    accounts, are shared by its sessions; all other markers end with the connection.
    """
    client, target = request.client, request.param(0)
    if len(request.params) < 2:
        request.line(client.marker_line(target))
        return
    given = marker(request.param(1))
    if given is None:
        request.fail("INVALID_PARAMS", target, text="a marker is timestamp=… as messages have it")
        return
    now = client.service.horizon // MILLISECOND * MILLISECOND + MILLISECOND - 1
    key = marker_key(target)
    read = client.note_marker(key, min(given, now))
    client.marking = key

    def stored(_: object) -> None:
        client.marking = ""
        request.line(client.marker_line(target))

    def refused(error: ChatError) -> None:
        if not isinstance(error, Unavailable):  # there is nothing that it could be kept for
            stored(None)
            return
        client.marking = ""
        request.fail("INTERNAL_ERROR", target, text=error.message)

    marking = request.when_allowed(lambda: _mark(request, target, read))
    request.wait_for(marking, stored, refuse=refused)


def _mark(request: Request, target: str, read: int) -> Deferred[None]:
    """Keep a marker, if it is an account's and of something that is kept.

    Raises and fails as `_own_conversation` does, and with `RateLimited`.
    """
    person, markers = request.person, request.client.service.markers
    if person.account is None:
        return succeed(None)
    if target.startswith("#"):
        room = _own_room(request, target)
        return markers.mark(person, room.name, read) if room is not None else succeed(None)
    talk = _own_conversation(request, target)
    return talk.addCallback(lambda talk: markers.mark_conversation(person, talk.shown, read))
