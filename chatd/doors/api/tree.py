"""The HTTP door's tree of resources: sessions, rooms, people, and the web client.

The reference is docs/protocol.md.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.web.http import CACHED
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from ...chat.health import Health
from ...chat.room import Room
from ...chat.service import ChatService
from ...chat.sessions import LastingSession
from ...http.body import read_body
from ...http.channel import USUAL, Bounds, ChatSite
from ...http.fields import segment
from ...http.hosts import Hosts, hosts_of
from ...http.origin import OriginGuard
from ...http.proxies import NO_PROXIES, Proxies
from ...http.resource import ApiResource, Refusal, answer, no_content
from ...model.bounds import Name, Text
from ...model.commands import Act, Command, Join, Leave, Rename, Say, SetTopic, Tell
from ...model.errors import ChatError
from ...model.names import clean_room
from ...model.policy import Action
from ...net.peers import Peers, going_down
from ..access import Access, for_programs
from ..polls.longpoll import Polls
from ..polls.templates import PollFastPath
from .events import EventsResource
from .roomlist import RoomList, room_answer

WEB = Path(__file__).parents[2] / "web"
"""The web client's files."""

_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'"
)


class Form(msgspec.Struct, forbid_unknown_fields=True):
    """A request's body: a misspelt field is told, not ignored."""


class MessageForm(Form):
    """`POST /rooms/{room}/messages`."""

    text: Text
    type: Literal["message", "action"] = "message"


class TextForm(Form):
    """A topic, a private message."""

    text: Text


class PartingForm(Form):
    """A parting word."""

    text: Text = ""


class SessionForm(Form):
    """`POST /session`."""

    name: Name = ""


class NameForm(Form):
    """`PATCH /session`."""

    name: Annotated[Name, msgspec.Meta(min_length=1)]


def web_site(
    service: ChatService,
    origins: Sequence[str] = (),
    bounds: Bounds = USUAL,
    proxies: Proxies = NO_PROXIES,
    peers: Peers | None = None,
    hosts: Hosts | None = None,
) -> ChatSite:
    """The HTTP door to a chat.

    `origins` are those of other web sites whose pages may use it; `proxies` may say for whom they
    ask; `hosts` are the names under which it may be asked, if not only this machine's own and those
    in `origins`.
    """
    hosts = hosts or Hosts(service.clock, hosts_of(origins), proxies)
    peers = Peers(service.clock) if peers is None else peers
    access = Access(service, proxies, peers, bounds.body)
    polls = Polls(service)
    root = DrainGuard(peers)
    files = {file.name.encode(): PageFile(file) for file in sorted(WEB.iterdir())}
    files[b""] = PageFile(WEB / "index.html")
    for name, file in files.items():
        root.putChild(name, file)
    root.putChild(b"session", SessionResource(access))
    root.putChild(b"rooms", RoomsResource(access, polls))
    root.putChild(b"people", PeopleResource(access))
    root.putChild(b"events", EventsResource(access, polls, None))
    root.putChild(b"healthz", HealthResource(Health(service.clock, service.probe)))
    guard = OriginGuard(root, origins, proxies, files)
    bounds = replace(bounds, body=access.max_body)
    return ChatSite(guard, service.clock, bounds, peers, PollFastPath(polls), hosts)


class DrainGuard(ApiResource):
    """The root of the tree; it refuses all requests while the server goes down."""

    def __init__(self, peers: Peers) -> None:
        super().__init__()
        self._peers = peers

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """Every request's first step."""
        if self._peers.draining:
            return Refusal(going_down())
        child: IResource = super().getChildWithDefault(path, request)
        return child


class PageFile(ApiResource):
    """One file of the web client, which may load nothing from elsewhere."""

    isLeaf = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._data = path.read_bytes()
        media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self._type = f"{media}; charset=utf-8" if media.startswith("text/") else media
        self._tag = f'"{hashlib.sha256(self._data).hexdigest()[:32]}"'.encode()

    def render_GET(self, request: Request) -> bytes:
        """The file, to be asked for again when it has changed."""
        request.setHeader(b"content-type", self._type.encode())
        request.setHeader(b"content-security-policy", _PAGE_POLICY)
        request.setHeader(b"x-content-type-options", b"nosniff")
        request.setHeader(b"referrer-policy", b"no-referrer")
        request.setHeader(b"cache-control", b"no-cache")
        return b"" if request.setETag(self._tag) is CACHED else self._data


class HealthResource(ApiResource):
    """`/healthz`: whether the server is there, and takes what is said."""

    isLeaf = True

    def __init__(self, health: Health) -> None:
        super().__init__()
        self._health = health

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """It is; else it is refused as unavailable, and why."""
        return self._health.check().addCallback(lambda _: answer(request, {"status": "ok"}))


class SessionResource(ApiResource):
    """`/session`: who one is."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self.putChild(b"ticket", TicketResource(access))

    def render_GET(self, request: Request) -> bytes:
        """Name and rooms of the session."""
        person = self._access.need_session(request).person
        return answer(request, {"name": person.name, "rooms": list(person.rooms)})

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Begin a session."""
        opening = self._access.open(request, read_body(request, SessionForm).name)
        return opening.addCallback(self._opened, request)

    def _opened(self, session: LastingSession, request: Request) -> bytes:
        secure = self._access.proxies.secure(request)
        cookie = self._access.cookie
        request.addCookie(
            cookie, session.token, path=b"/", httpOnly=True, sameSite="strict", secure=secure
        )
        return answer(request, {"name": session.person.name, "token": session.token}, 201)

    def render_PATCH(self, request: Request) -> Deferred[bytes]:
        """Take another name."""
        person = self._access.need_session(request).person
        command = Rename(read_body(request, NameForm).name)
        renamed = self._access.service.perform(person, command)
        return renamed.addCallback(lambda _: answer(request, {"name": person.name}))

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """End the session at once; answered when its person has left."""
        closed = self._access.sessions.close(self._access.need_session(request))
        return closed.addCallback(lambda _: no_content(request))


class TicketResource(ApiResource):
    """`/session/ticket`: what stands for the session in the URL of a stream."""

    isLeaf = True

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def render_POST(self, request: Request) -> bytes:
        """A new ticket, whatever the request's `Idempotency-Key`: it is a secret."""
        session = self._access.need_session(request)
        return answer(request, {"ticket": self._access.tickets.issue(session)}, 201)


class RoomsResource(ApiResource):
    """`/rooms`: which there are, and each of them."""

    def __init__(self, access: Access, polls: Polls) -> None:
        super().__init__()
        self._access = access
        self._polls = polls
        self._list = RoomList(access.service)

    def getChild(self, path: bytes, request: Request) -> Resource:
        """Every name that a room can have is a room; `/rooms/` is `/rooms`."""
        if not path:
            return super().getChild(path, request) if request.postpath else self
        try:
            return RoomResource(self._access, self._polls, segment(path, "room"))
        except ChatError as error:
            return Refusal(error)

    def render_GET(self, request: Request) -> bytes:
        """The rooms that have people or events."""
        access = self._access
        owner = access.owner(request, access.session(request))
        access.service.readers.check(owner, Action.LIST)
        return self._list.answer(request)


class RoomResource(ApiResource):
    """`/rooms/{room}`: one room, and what can be done in it."""

    def __init__(self, access: Access, polls: Polls, name: str) -> None:
        super().__init__()
        self._access = access
        self._name = name
        self.putChild(b"events", EventsResource(access, polls, [name]))
        self.putChild(b"messages", MessagesResource(access, name))
        self.putChild(b"topic", TopicResource(access, name))
        self.putChild(b"membership", MembershipResource(access, name))

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """Topic, who is here, and the ends of the log."""
        access = self._access
        owner = access.owner(request, access.session(request))

        def answer(room: Room) -> bytes:
            access.service.readers.check_reading(owner, room)
            return room_answer(request, access.service, room)

        return access.service.rooms.load(self._name).addCallback(answer)


class CommandResource(ApiResource):
    """A resource below a room or a person where commands are given."""

    isLeaf = True

    def __init__(self, access: Access, name: str) -> None:
        super().__init__()
        self._access = access
        self._name = name

    def _perform(self, request: Request, command: Command, status: int) -> Deferred[bytes]:
        """Carry it out, and answer its id."""
        performed = self._access.perform(request, command)
        return performed.addCallback(lambda id_: answer(request, {"id": id_}, status))


class MessagesResource(CommandResource):
    """`/rooms/{room}/messages`: where one speaks."""

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Say it; answered when it is stored."""
        form = read_body(request, MessageForm)
        command = Act if form.type == "action" else Say
        return self._perform(request, command(self._name, form.text), 201)


class TopicResource(CommandResource):
    """`/rooms/{room}/topic`."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Set it; empty clears it."""
        return self._perform(request, SetTopic(self._name, read_body(request, TextForm).text), 200)


class MembershipResource(CommandResource):
    """`/rooms/{room}/membership`: whether the session is in the room."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Join."""
        person = self._access.need_session(request).person
        joined = self._access.service.perform(person, Join(self._name))
        name = clean_room(self._name)
        return joined.addCallback(lambda _: answer(request, {"room": name}))

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Leave."""
        person = self._access.need_session(request).person
        parting = read_body(request, PartingForm).text
        left = self._access.service.perform(person, Leave(self._name, parting))
        return left.addCallback(lambda _: no_content(request))


class PeopleResource(ApiResource):
    """`/people/{name}/messages`: private messages."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def getChild(self, path: bytes, request: Request) -> Resource:
        """A person; whether that person is here is found out by speaking to them."""
        try:
            name = segment(path, "person")
        except ChatError as error:
            return Refusal(error)
        person = ApiResource()
        person.putChild(b"messages", PrivateResource(self._access, name))
        return person


class PrivateResource(CommandResource):
    """Where one speaks to one person."""

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Say it to them only."""
        command = Tell(self._name, read_body(request, TextForm).text)
        performed = maybeDeferred(self._perform, request, command, 201)
        return performed.addErrback(_for_programs)


def _for_programs(failure: Failure) -> NoReturn:
    failure.trap(ChatError)
    assert isinstance(failure.value, ChatError)
    raise for_programs(failure.value)
