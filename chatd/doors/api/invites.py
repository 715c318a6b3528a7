"""`/rooms/{room}/invites` and `/invites/{code}`: links by which accounts become members."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from ...chat.invites import Made
from ...chat.person import Person
from ...chat.room import Room
from ...http.body import read_json
from ...http.resource import ApiResource, answer, no_content, resource_named
from ...model.commands import Join
from ...model.errors import NoSession
from ...model.restrictions import told_moment
from ..access import Access
from .forms import InviteForm
from .moderation import TargetResource, TargetsResource


class InviteResource(TargetResource):
    """`/rooms/{room}/invites/{id}`."""

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Withdraw the invite."""

        def take_back() -> Deferred[int | None]:
            person = self._access.speaker(request)
            return self._access.service.invites.revoke(person, self._name, self._target)

        taken = maybeDeferred(take_back).addErrback(self.hide_room, request)
        return taken.addCallback(lambda _: no_content(request))


class InvitesResource(TargetsResource):
    """`/rooms/{room}/invites`."""

    kind = "id"
    below = InviteResource

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """The valid invites, without their codes, which are stored as hashes only."""
        return self.listing(request, "invites", self._listed)

    def _listed(self, person: Person, room: Room) -> list[Any]:
        return [
            {"id": id_, "by": one.by, "until": told_moment(one.until), "uses": one.uses}
            for id_, one in self._access.service.invites.of(person, room)
        ]

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Make an invite; only this answer contains its code.  The request's `Idempotency-Key` is
        ignored, because the answer contains a secret.
        """
        form = read_json(request, InviteForm, optional=True)
        invites = self._access.service.invites

        def make() -> Deferred[Made]:
            person = self._access.speaker(request)
            return invites.make(person, self._name, form.seconds, form.uses)

        def reply(made: Made) -> bytes:
            url = f"{page_url(self._access, request)}/#invite={made.code}"
            return answer(request, {"id": made.id, "code": made.code, "url": url}, 201)

        making = maybeDeferred(make).addErrback(self.hide_room, request)
        return making.addCallback(reply)


class InviteCodesResource(ApiResource):
    """`/invites/{code}`."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One code."""
        return resource_named(path, "code", partial(CodeResource, self._access))


class CodeResource(ApiResource):
    """`/invites/{code}`: an account that has the code may become a member of the room."""

    isLeaf = True

    def __init__(self, access: Access, code: str) -> None:
        super().__init__()
        self._access = access
        self._code = code

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Make the account a member of the room, and have its person join."""
        session = self._access.session(request)
        if session is None:
            raise NoSession("an invite is for people with an account; sign in or register first")
        service = self._access.service

        def join(room: str) -> Deferred[bytes]:
            joined = service.perform(session.person, Join(room))
            return joined.addCallback(lambda _: answer(request, {"room": room}))

        return service.invites.use(session.person, self._code).addCallback(join)


def page_url(access: Access, request: Request) -> str:
    """The URL of the page, as the client of this request reaches it."""
    scheme = "https" if access.proxies.secure(request) else "http"
    host = access.proxies.host(request) or "localhost"
    return f"{scheme}://{host}"
