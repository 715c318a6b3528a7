"""`/session`: a client's session, and tickets for its streams."""

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
    """The answer to the request that began a session: the token, in the body for programs and in a
    cookie for browsers.
    """
    secure = access.proxies.secure(request)
    account = session.record is not None
    request.addCookie(
        access.cookie,
        session.token,
        path=b"/",
        max_age=b"%d" % (SESSION_DAYS * 86_400) if account else None,
        httpOnly=True,
        secure=secure,
    )
    request.cookies[-1] += b"; SameSite=Strict"  # spelt as in its standard; Twisted does not
    fields = {"name": session.person.name, "token": session.token}
    return answer(request, {**fields, "account": True} if account else fields, 201)


class SessionResource(ApiResource):
    """`/session`: the request's session."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self.putChild(b"ticket", TicketResource(access))

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """The person's name and rooms; for an account also read markers and ignored names."""
        access = self._access
        session = access.need_session(request)
        person, service = session.person, access.service
        fields = {
            "name": person.name,
            "account": person.account is not None,
            "admin": person.admin,
            "rooms": list(person.rooms),
        }
        if person.account is None:
            return succeed(answer(request, fields))

        def read(read: Read) -> Deferred[bytes]:
            fields.update(read._asdict())
            return service.ignores.names(person).addCallback(ignored)

        def ignored(names: dict[str, str]) -> bytes:
            return answer(request, {**fields, "ignores": sorted(names.values())})

        return service.markers.read(person.account, session).addCallback(read)

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Begin a guest's session, or with a password an account's."""
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
        """Change the person's name."""
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
    """`/session/ticket`: tickets, which replace the token in the URL of a stream."""

    isLeaf = True

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Make a ticket.  The request's `Idempotency-Key` is ignored: a ticket is a secret."""
        session = self._access.need_session(request)
        if session.person.scope is not None:
            raise NotAllowed("a ticket stands for a session; a personal token goes into a header")
        issued = self._access.tickets.issue(session)
        return issued.addCallback(lambda ticket: answer(request, {"ticket": ticket}, 201))
