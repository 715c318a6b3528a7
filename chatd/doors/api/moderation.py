"""Moderation of `/rooms/{room}`, for owners and ops: roles, kicks, bans, mutes, members."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from ...chat.person import Person
from ...chat.room import Room
from ...http.body import read_json
from ...http.resource import answer, no_content, resource_named
from ...model.commands import Command
from ...model.moderation import (
    Admit,
    Ban,
    Dismiss,
    GiveRole,
    Kick,
    Mute,
    Unban,
    Unmute,
)
from ...model.restrictions import MICROS, Restriction
from ..access import Access
from .command import RoomCommandResource
from .forms import BanForm, ReasonForm, RoleForm


class TargetResource(RoomCommandResource):
    """A resource below a room and the name or id of a target."""

    def __init__(self, access: Access, room: str, target: str) -> None:
        super().__init__(access, room)
        self._target = target

    def done(self, request: Request, command: Command) -> Deferred[bytes]:
        """Carry out a command, and answer 204."""
        return self.carry_out(request, command).addCallback(lambda _: no_content(request))


class TargetsResource(RoomCommandResource):
    """A list of targets of a room, such as its bans, with each of them below it."""

    isLeaf = False
    kind = "person"
    """The kind of the target in the path: see `chatd.http.fields.SEGMENTS`."""
    below: Callable[[Access, str, str], Resource]

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One target."""
        rest = request.postpath or []
        if self.kind == "who" and len(rest) == 1 and rest[0].isdigit():
            path += b"/" + rest.pop()  # 192.0.2.0/24
        make = partial(type(self).below, self._access, self._name)
        return resource_named(path, self.kind, make)

    def listing(
        self, request: Request, name: str, list_all: Callable[[Person, Room], list[Any]]
    ) -> Deferred[bytes]:
        """Answer the list that `list_all` returns, in a member called `name`."""

        def load() -> Deferred[bytes]:
            person = self._access.speaker(request)
            loading = self._access.service.rooms.load(self._name)
            return loading.addCallback(lambda room: answer(request, {name: list_all(person, room)}))

        return maybeDeferred(load).addErrback(self.hide_room, request)


class RoleResource(TargetResource):
    """`/rooms/{room}/roles/{name}`."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Give a role, or with null take it away."""
        form = read_json(request, RoleForm)
        return self.perform(request, GiveRole(self._name, self._target, form.role), 200)


class RolesResource(TargetsResource):
    """`/rooms/{room}/roles`."""

    below = RoleResource


class PresentResource(TargetResource):
    """`/rooms/{room}/people/{name}`."""

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Kick the person from the room."""
        form = read_json(request, ReasonForm, optional=True)
        return self.done(request, Kick(self._name, self._target, form.text))


class RoomPeopleResource(TargetsResource):
    """`/rooms/{room}/people`."""

    below = PresentResource


class BanResource(TargetResource):
    """`/rooms/{room}/bans/{who or id}`."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Ban a person, a name or a network."""
        form = read_json(request, BanForm, optional=True)
        return self.perform(request, Ban(self._name, self._target, form.seconds, form.text), 200)

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Lift the ban."""
        return self.done(request, Unban(self._name, self._target))


class BansResource(TargetsResource):
    """`/rooms/{room}/bans`."""

    kind = "who"
    below = BanResource

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """The bans in force."""
        moderation = self._access.service.moderation
        return self.listing(
            request,
            "bans",
            lambda person, room: [shown(*ban) for ban in moderation.bans(person, room)],
        )


class MuteResource(TargetResource):
    """`/rooms/{room}/mutes/{name}`."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Mute a person."""
        form = read_json(request, BanForm, optional=True)
        return self.perform(request, Mute(self._name, self._target, form.seconds, form.text), 200)

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Lift the mute."""
        return self.done(request, Unmute(self._name, self._target))


class MutesResource(TargetsResource):
    """`/rooms/{room}/mutes`."""

    below = MuteResource

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """The mutes in force."""
        moderation = self._access.service.moderation
        return self.listing(
            request,
            "mutes",
            lambda person, room: [shown(*mute) for mute in moderation.mutes(person, room)],
        )


class MemberResource(TargetResource):
    """`/rooms/{room}/members/{name}`."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Make somebody a member."""
        return self.perform(request, Admit(self._name, self._target), 200)

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """End somebody's membership."""
        return self.done(request, Dismiss(self._name, self._target))


class MembersResource(TargetsResource):
    """`/rooms/{room}/members`."""

    below = MemberResource

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """The names of the members."""
        return self.listing(request, "members", self._access.service.moderation.members)


def shown(id_: str, restriction: Restriction) -> dict[str, Any]:
    """A ban or a mute, as a list shows it."""
    row: dict[str, Any] = {"id": id_, "who": restriction.network or restriction.target}
    row |= {"by": restriction.by, "since": restriction.since // MICROS, "text": restriction.text}
    if restriction.until:
        row["until"] = restriction.ends
    if restriction.address:
        row["address"] = restriction.address
    return row
