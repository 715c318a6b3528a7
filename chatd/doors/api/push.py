"""`/push`: notifications of the account on a device whose page is closed (Web Push)."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...chat.sessions import LastingSession
from ...http.body import read_json
from ...http.resource import ApiResource, answer, no_content
from ...model.policy import Action
from ..access import Access
from .forms import PushForm, ViewForm


class PushResource(ApiResource):
    """`/push`: the push subscription of the request's session."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self.putChild(b"view", ViewResource(access))

    def render_GET(self, request: Request) -> bytes:
        """Whether the server notifies closed pages, by which key push services know it, whether
        this session has a subscription, and how many the account has.
        """
        session = _session(self._access, request)
        push = self._access.service.push
        if not push.on:
            return answer(request, {"on": False})
        account = session.person.account
        assert account is not None
        subscriptions = push.subscriptions
        return answer(
            request,
            {
                "on": True,
                "key": push.public_key,
                "text": push.notices.text,
                "subscribed": subscriptions.get(session.hash) is not None,
                "subscriptions": len(subscriptions.of(account)),
            },
        )

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Make the session's subscription, or replace it."""
        session = _session(self._access, request)
        form = read_json(request, PushForm)
        made = self._access.service.push.subscribe(
            session, form.endpoint, form.p256dh, form.auth, form.all, form.none
        )
        return made.addCallback(lambda _: no_content(request))

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """End the session's subscription, if it has one."""
        session = _session(self._access, request)
        ended = self._access.service.push.unsubscribe(session)
        return ended.addCallback(lambda _: no_content(request))


class ViewResource(ApiResource):
    """`/push/view`: whether a page of the account is in view."""

    isLeaf = True

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Note that a page of the session is in view, or is not any more."""
        session = _session(self._access, request)
        form = read_json(request, ViewForm)
        noted = self._access.service.push.views.note(session, form.page, here=form.here)
        return noted.addCallback(lambda _: no_content(request))


def _session(access: Access, request: Request) -> LastingSession:
    """The session of an account, which may read private messages.

    Raises as `Access.need_sign_in` and `Policy.may` do.
    """
    session = access.need_sign_in(request)
    access.service.readers.check(session, Action.READ_PRIVATELY)
    return session
