"""`/session`: a client's session, and tickets that stand for it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...chat.sessions import LastingSession
from ...http.body import read_body
from ...http.resource import ApiResource, answer, no_content
from ...model.commands import Rename
from ..access import Access
from .forms import NameForm, SessionForm


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
