"""`/rooms`: the list of rooms, each room, and what is below it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from ...chat.room import Room
from ...http.body import read_json
from ...http.resource import ApiResource, resource_named
from ...model.moderation import Configure
from ...model.policy import Action
from ..access import Access
from ..polls.longpoll import Polls
from .command import RoomCommandResource
from .events import EventsResource
from .forms import SettingsForm
from .invites import InvitesResource
from .marker import MarkerResource
from .membership import MembershipResource
from .messages import MessagesResource
from .moderation import (
    BansResource,
    MembersResource,
    MutesResource,
    RolesResource,
    RoomPeopleResource,
)
from .roomlist import RoomList, room_answer
from .search import SearchResource
from .topic import TopicResource

IN_ROOM: dict[bytes, Callable[[Access, Polls, str], Resource]] = {
    b"events": lambda access, polls, room: EventsResource(access, polls, [room]),
    b"messages": lambda access, _, room: MessagesResource(access, room),
    b"topic": lambda access, _, room: TopicResource(access, room),
    b"marker": lambda access, _, room: MarkerResource(access, room),
    b"roles": lambda access, _, room: RolesResource(access, room),
    b"people": lambda access, _, room: RoomPeopleResource(access, room),
    b"bans": lambda access, _, room: BansResource(access, room),
    b"mutes": lambda access, _, room: MutesResource(access, room),
    b"members": lambda access, _, room: MembersResource(access, room),
    b"invites": lambda access, _, room: InvitesResource(access, room),
    b"search": lambda access, _, room: SearchResource(access, room),
    b"membership": lambda access, _, room: MembershipResource(access, room),
}
"""The resources below `/rooms/{room}`; a new resource is one line."""


class RoomsResource(ApiResource):
    """`/rooms`: the list of rooms, and each room below it."""

    def __init__(self, access: Access, polls: Polls) -> None:
        super().__init__()
        self._access = access
        self._polls = polls
        self._list = RoomList(access.service)

    def getChild(self, path: bytes, request: Request) -> Resource:
        """The room of that name, whether or not it exists; `/rooms/` is `/rooms`."""
        if not path:
            return super().getChild(path, request) if request.postpath else self
        make = partial(RoomResource, self._access, self._polls)
        return resource_named(path, "room", make)

    def render_GET(self, request: Request) -> bytes:
        """The rooms that have people or events."""
        access = self._access
        owner = access.owner(request, access.session(request))
        access.service.readers.check(owner, Action.LIST)
        return self._list.answer(request, owner)


class RoomResource(RoomCommandResource):
    """`/rooms/{room}`: one room, and the resources below it."""

    isLeaf = False

    def __init__(self, access: Access, polls: Polls, name: str) -> None:
        super().__init__(access, name)
        self._polls = polls

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One of `IN_ROOM`."""
        make = IN_ROOM.get(path)
        if make is None:
            return super().getChild(path, request)
        return make(self._access, self._polls, self._name)

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """See `room_answer`."""
        access = self._access
        owner = access.owner(request, access.session(request))

        def answer(room: Room) -> bytes:
            access.service.readers.check_reading(owner, room)
            return room_answer(request, access.service, room, owner)

        return access.service.rooms.load(self._name).addCallback(answer)

    def render_PATCH(self, request: Request) -> Deferred[bytes]:
        """Change the room's settings."""
        form = read_json(request, SettingsForm)
        command = Configure(
            self._name,
            form.access,
            form.posting,
            form.topic,
            form.listed,
            form.outside,
            form.slow,
        )
        return self.perform(request, command, 200)
