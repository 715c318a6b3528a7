"""`/session`: a client's session, and tickets that stand for it."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.web.server import Request

from ...chat.markers import Read
from ...chat.sessions import LastingSession
from ...http.body import read_body
from ...http.resource import ApiResource, answer, no_content
from ...model.account import SESSION_DAYS
from ...model.commands import Rename
from ...model.errors import NotAllowed
from ..access import Access
from .forms import NameForm, SessionForm


def signed_in(session: LastingSession, access: Access, request: Request) -> bytes:
    """The answer that begins a session: its token, for programs, and for browsers as a cookie."""
    secure = access.proxies.secure(request)
    account = session.record is not None
    request.addCookie(
        access.cookie,
        session.token,
        path=b"/",
        max_age=b"%d" % (SESSION_DAYS * 86_400) if account else None,
        httpOnly=True,
        sameSite="strict",
        secure=secure,
    )
    told = {"name": session.person.name, "token": session.token}
    return answer(request, {**told, "account": True} if account else told, 201)


class SessionResource(ApiResource):
    """`/session`: who one is."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self.putChild(b"ticket", TicketResource(access))

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """Who one is, in which rooms, and of an account what it has read and whom it ignores."""
        access = self._access
        session = access.need_session(request)
        person, service = session.person, access.service
        told = {
            "name": person.name,
            "account": person.account is not None,
            "admin": person.admin,
            "rooms": list(person.rooms),
        }
        if person.account is None:
            return succeed(answer(request, told))

        def read(read: Read) -> Deferred[bytes]:
            told.update(read._asdict())
            return service.ignores.names(person).addCallback(ignored)

        def ignored(names: dict[str, str]) -> bytes:
            return answer(request, {**told, "ignores": sorted(names.values())})

        return service.markers.read(person.account, session).addCallback(read)

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Begin a session: of a guest, or with a password of an account."""
        access = self._access
        form = read_body(request, SessionForm)
        if form.password is None:
            return access.open(request, form.name).addCallback(signed_in, access, request)
        access.check_password_way(request)
        address = access.address(request)
        proving = access.service.sign_in.prove(form.name, form.password, address)
        beginning = proving.addCallback(access.service.sign_in.claim, form.claim).addCallback(
            access.service.signed_in.begin, address, access.label(request)
        )
        return beginning.addCallback(signed_in, access, request)

    def render_PATCH(self, request: Request) -> Deferred[bytes]:
        """Take another name."""
        person = self._access.need_session(request).person
        command = Rename(read_body(request, NameForm).name)
        renamed = self._access.service.perform(person, command)
        return renamed.addCallback(lambda _: answer(request, {"name": person.name}))

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """End the session at once; answered when its person has left."""
        session = self._access.need_session(request)
        if session.person.scope is not None:
            raise NotAllowed("a personal token is no session; DELETE /account/tokens/ID removes it")
        closed = self._access.service.signed_in.sign_out(session)
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
        if session.person.scope is not None:
            raise NotAllowed("a ticket stands for a session; a personal token goes into a header")
        return answer(request, {"ticket": self._access.tickets.issue(session)}, 201)
