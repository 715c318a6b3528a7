"""`/accounts` and `/account`: registration, and the sessions, tokens and settings of an account.

1. Bodies are JSON only, and passwords are accepted only over connections that others cannot read.
2. An `Idempotency-Key` is ignored: it does not prove who sends a request, and answers contain
   secrets.
3. Personal tokens cannot change the password, list or end sessions and tokens, or delete the
   account.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from ...chat.accounts import Proof
from ...chat.sessions import LastingSession
from ...http.body import read_json
from ...http.resource import ApiResource, answer, no_content, resource_named
from ..access import Access
from .forms import AccountForm, DeletionForm, NewPasswordForm, TokenForm
from .session import signed_in


class AccountsResource(ApiResource):
    """`/accounts`: registration."""

    isLeaf = True

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Make an account, and sign in to it.  A guest who registers the guest's own name becomes
        the account's person, and its readers go on.
        """
        access = self._access
        access.check_password_way(request)
        form = read_json(request, AccountForm)
        service, address = access.service, access.address(request)
        session = access.session(request)
        own = session.person if session is not None and session.record is None else None
        registering = service.sign_in.register(
            form.name, form.password, address, own, form.claim, form.invite
        )

        def registered(proof: Proof) -> Deferred[LastingSession]:
            label = access.label(request)
            if session is not None and session.person.account == proof.record.key:
                return service.signed_in.become(proof, session, address, label)
            return service.signed_in.begin(proof, address, label)

        return registering.addCallback(registered).addCallback(signed_in, access, request)


class AccountResource(ApiResource):
    """`/account`: the account of the request's session."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self.putChild(b"ignores", IgnoresResource(access))
        self.putChild(b"sessions", SessionsResource(access))
        self.putChild(b"tokens", TokensResource(access))

    def render_PATCH(self, request: Request) -> Deferred[bytes]:
        """Change the password; all other sessions end."""
        access = self._access
        session = access.need_sign_in(request)
        access.check_password_way(request)
        form = read_json(request, NewPasswordForm)
        proving = access.service.sign_in.prove(
            session.person.name, form.current, access.address(request)
        )

        def proved(proof: Proof) -> Deferred[Any]:
            return access.service.sign_in.change_password(proof, form.password, session)

        return proving.addCallback(proved).addCallback(lambda _: no_content(request))

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Delete the account; its name stays reserved."""
        access = self._access
        session = access.need_sign_in(request)
        access.check_password_way(request)
        form = read_json(request, DeletionForm)
        proving = access.service.sign_in.prove(
            session.person.name, form.password, access.address(request)
        )
        deleting = proving.addCallback(access.service.sign_in.delete)
        return deleting.addCallback(lambda _: no_content(request))


class SessionsResource(ApiResource):
    """`/account/sessions`: the sessions of the account."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One session."""
        make = partial(EndResource, self._access, token=False)
        return resource_named(path, "id", make)

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """All sessions, the most recently used first."""
        session = self._access.need_sign_in(request)
        assert session.record is not None
        here = {each.id for each in self._access.sessions.of(session.record.key)}

        def reply(listed: Any) -> bytes:
            last_first = sorted(listed.items(), key=lambda item: -item[1].last)
            return answer(
                request,
                {
                    "sessions": [
                        {
                            "id": id_,
                            "label": it.session.label,
                            "address": it.session.address,
                            "created": it.session.created,
                            "used": it.last,
                            "present": id_ in here,
                            "current": id_ == session.id,
                        }
                        for id_, it in last_first
                    ]
                },
            )

        return self._access.service.signed_in.listed(session.record).addCallback(reply)


class TokensResource(ApiResource):
    """`/account/tokens`: the personal tokens, with which programs act as the account."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One token."""
        return resource_named(path, "id", partial(EndResource, self._access, token=True))

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """All tokens, without their secrets."""
        session = self._access.need_sign_in(request)
        assert session.record is not None

        def reply(listed: Any) -> bytes:
            return answer(
                request,
                {
                    "tokens": [
                        {
                            "id": id_,
                            "label": token.label,
                            "scope": token.scope,
                            "created": token.created,
                            "expires": token.expires or None,
                        }
                        for id_, token in sorted(listed.items(), key=lambda it: it[1].created)
                    ]
                },
            )

        return self._access.service.tokens.listed(session.record.key).addCallback(reply)

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Make a token; only this answer contains its secret."""
        session = self._access.need_sign_in(request)
        assert session.record is not None
        form = read_json(request, TokenForm)
        tokens = self._access.service.tokens
        making = tokens.make(session.person, session.record, form.label, form.scope, form.expires)
        return making.addCallback(
            lambda made: answer(request, {"id": made[0].id, "token": made[1]}, 201)
        )


class EndResource(ApiResource):
    """One session or one personal token, which can be ended."""

    isLeaf = True

    def __init__(self, access: Access, id_: str, *, token: bool) -> None:
        super().__init__()
        self._access = access
        self._id = id_
        self._token = token

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """End the session or token, and its readers, at once."""
        session = self._access.need_sign_in(request)
        assert session.record is not None
        service = self._access.service
        if self._token:
            ending = service.tokens.remove(session.person, session.record, self._id)
        else:
            service.admission.charge(session.person)
            ending = service.signed_in.end_session(session.record.key, self._id)
        return ending.addCallback(lambda _: no_content(request))


class IgnoresResource(ApiResource):
    """`/account/ignores/{name}`: the people whom the account ignores."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One name."""
        return resource_named(path, "person", partial(IgnoreResource, self._access))


class IgnoreResource(ApiResource):
    """One name that the account may ignore."""

    isLeaf = True

    def __init__(self, access: Access, name: str) -> None:
        super().__init__()
        self._access = access
        self._name = name

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Ignore the account, or the guest, of that name."""
        person = self._access.need_writing(request).person
        ignoring = self._access.service.ignores.ignore(person, self._name)
        return ignoring.addCallback(lambda _: no_content(request))

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Stop ignoring the name."""
        person = self._access.need_writing(request).person
        ending = self._access.service.ignores.unignore(person, self._name)
        return ending.addCallback(lambda _: no_content(request))
