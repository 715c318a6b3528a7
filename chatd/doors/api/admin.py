"""`/admin`: what administrators do with the server, as on its console.

Every request asks the policy, in the part of the chat that carries it out; so a resource that is
reached by anybody else tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from ...chat.account_sessions import Listed
from ...chat.administration import Entry
from ...chat.invites import Made
from ...chat.person import Person
from ...http.body import read_json
from ...http.fields import one, segment, whole_number
from ...http.resource import ApiResource, Refusal, answer, no_content
from ...model.account import Account
from ...model.audit import Record
from ...model.bounds import KEY, NAME
from ...model.errors import ChatError, Malformed
from ...model.moderation import BanFromServer, UnbanFromServer
from ...model.restrictions import told_moment
from ..access import Access
from .forms import AdminInviteForm, BanForm, ChangedAccountForm, NewAccountForm
from .moderation import shown

MOST_LISTED = 500
"""Accounts or records in one answer."""


class AdminOnly(ApiResource):
    """A resource for administrators."""

    def __init__(self, access: Access, *path: str) -> None:
        """`path` are the parts of the path that name what it is about."""
        super().__init__()
        self._access = access
        self._path = path

    def admin(self, request: Request) -> Person:
        """Who asks: an account.  Raises `BadToken`, `NoSession`."""
        return self._access.need_account(request).person


class Listing(AdminOnly):
    """A resource with others below it, one for each name or id."""

    kind = "person"
    """See `chatd.http.fields.SEGMENTS`."""
    below: type[AdminOnly]

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One of them."""
        if not path:
            return super().getChild(path, request) if request.postpath else self
        rest = request.postpath or []
        if self.kind == "who" and len(rest) == 1 and rest[0].isdigit():
            path += b"/" + rest.pop()  # 192.0.2.0/24
        try:
            return self.below(self._access, *self._path, segment(path, self.kind))
        except ChatError as error:
            return Refusal(error)


class SessionResource(AdminOnly):
    """`/admin/accounts/{name}/sessions/{id}`."""

    isLeaf = True

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """End it, and its readers, at once."""
        name, id_ = self._path
        ended = self._access.service.administration.end_sessions(self.admin(request), name, id_)
        return ended.addCallback(lambda _: no_content(request))


class SessionsResource(Listing):
    """`/admin/accounts/{name}/sessions`."""

    kind = "id"
    below = SessionResource

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """Where the account is signed in, the session used last first."""
        (name,) = self._path

        def told(listed: dict[str, Listed]) -> bytes:
            last_first = sorted(listed.items(), key=lambda item: -item[1].last)
            return answer(request, {"sessions": [_session(*each) for each in last_first]})

        found = self._access.service.administration.sessions(self.admin(request), name)
        return found.addCallback(told)

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """End all of them."""
        (name,) = self._path
        ended = self._access.service.administration.end_sessions(self.admin(request), name)
        return ended.addCallback(lambda _: no_content(request))


class AccountResource(AdminOnly):
    """`/admin/accounts/{name}`."""

    def __init__(self, access: Access, *path: str) -> None:
        super().__init__(access, *path)
        self.putChild(b"sessions", SessionsResource(access, *path))

    def render_PATCH(self, request: Request) -> Deferred[bytes]:
        """Another password, or another right to administer."""
        person, administration = self.admin(request), self._access.service.administration
        form = read_json(request, ChangedAccountForm)
        (name,) = self._path
        if (form.password is None) == (form.admin is None):
            raise Malformed("give either password or admin")
        if form.password is not None:
            self._access.check_password_way(request)
            changed = administration.set_password(person, name, form.password)
        else:
            changed = administration.set_admin(person, name, admin=bool(form.admin))
        return changed.addCallback(lambda _: no_content(request))

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Delete it; the name stays reserved."""
        (name,) = self._path
        removed = self._access.service.administration.remove(self.admin(request), name)
        return removed.addCallback(lambda _: no_content(request))


class AccountsResource(Listing):
    """`/admin/accounts`."""

    below = AccountResource

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """The accounts by their names, those behind `after`."""
        after = NAME.check(one(request, "after") or "")
        listing = self._access.service.administration.list_some
        found = listing(self.admin(request), after, _limit(request))

        def told(page: tuple[list[Entry], bool]) -> bytes:
            entries, more = page
            accounts = [_account(entry) for entry in entries]
            return answer(
                request, {"accounts": accounts, "next": accounts[-1]["name"] if more else None}
            )

        return found.addCallback(told)

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Make an account, even where registration is closed; no session is opened for it."""
        person = self.admin(request)
        self._access.check_password_way(request)
        form = read_json(request, NewAccountForm)
        made = self._access.service.administration.add(
            person, form.name, form.password, admin=form.admin
        )

        def told(account: Account) -> bytes:
            return answer(request, {"name": account.name, "admin": account.admin}, 201)

        return made.addCallback(told)


class BanResource(AdminOnly):
    """`/admin/bans/{who or id}`."""

    isLeaf = True

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Ban a person, a name or a network from the server."""
        (who,) = self._path
        form = read_json(request, BanForm, optional=True)
        command = BanFromServer(who, form.seconds, form.text)
        banned = self._access.service.perform(self.admin(request), command)
        return banned.addCallback(lambda _: no_content(request))

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Lift the ban."""
        (who,) = self._path
        lifted = self._access.service.perform(self.admin(request), UnbanFromServer(who))
        return lifted.addCallback(lambda _: no_content(request))


class BansResource(Listing):
    """`/admin/bans`."""

    kind = "who"
    below = BanResource

    def render_GET(self, request: Request) -> bytes:
        """The bans from the server that hold."""
        bans = self._access.service.server_bans.bans(self.admin(request))
        return answer(request, {"bans": [shown(*ban) for ban in bans]})


class InvitesResource(AdminOnly):
    """`/admin/invites`."""

    isLeaf = True

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Make a link by which somebody registers, and may be in a room.  If the server does not
        know the page's address, `url` is only the part after it (`/#invite=CODE`).
        """
        person, service = self.admin(request), self._access.service
        form = read_json(request, AdminInviteForm, optional=True)

        def told(made: Made) -> bytes:
            url = f"{service.page_url}/#invite={made.code}"
            return answer(request, {"id": made.id, "code": made.code, "url": url}, 201)

        made = service.invites.make(person, form.room, form.seconds, form.uses)
        return made.addCallback(told)


class AuditResource(AdminOnly):
    """`/admin/audit`."""

    isLeaf = True

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """What moderators and administrators did, the newest first; those before `before`."""
        before = KEY.check(one(request, "before") or "") or None
        trail = self._access.service.audit_trail.page(self.admin(request), before, _limit(request))

        def told(page: tuple[list[tuple[str, Record]], bool]) -> bytes:
            found, more = page
            records = [_record(*it) for it in found]
            return answer(request, {"records": records, "next": found[-1][0] if more else None})

        return trail.addCallback(told)


BELOW: dict[bytes, Callable[[Access], IResource]] = {
    b"accounts": AccountsResource,
    b"audit": AuditResource,
    b"bans": BansResource,
    b"invites": InvitesResource,
}
"""What is below `/admin`; a new resource is one line."""


class AdminResource(ApiResource):
    """`/admin`."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        for path, make in BELOW.items():
            self.putChild(path, make(access))


def _limit(request: Request) -> int:
    limit = whole_number(request, "limit")
    if limit == 0:
        raise Malformed(f"limit has to be from 1 to {MOST_LISTED}")
    return min(limit or MOST_LISTED, MOST_LISTED)


def _account(entry: Entry) -> dict[str, Any]:
    account = entry.account
    told = {"name": account.name, "admin": account.admin, "created": account.created}
    return {**told, "present": entry.here}


def _session(id_: str, it: Listed) -> dict[str, Any]:
    session = it.session
    told = {"id": id_, "label": session.label, "address": session.address}
    return {**told, "created": session.created, "used": it.last}


def _record(stamp: str, record: Record) -> dict[str, Any]:
    told: dict[str, Any] = {"time": told_moment(int(stamp[:16], 16)), "action": record.action}
    told |= {"by": record.by, "account": record.account, "room": record.room or None}
    told |= {"target": record.target, "text": record.text}
    return {**told, "until": told_moment(record.until) if record.until else None}
