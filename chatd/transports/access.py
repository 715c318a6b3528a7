"""Who asks: what the HTTP doors know of a request's sender."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.web.server import Request

from ..addresses import Address
from ..commands import Command
from ..errors import BadToken, Malformed, NoSession
from ..leases import Lease, Leases
from ..names import name_key
from ..repeats import Repeats
from ..service import ChatService
from ..session import Session
from .heartbeat import Heartbeat
from .http import MAX_BODY
from .longpoll import Polls
from .peers import Peers
from .proxies import Proxies
from .push import Streams
from .resource import one

_KEY = re.compile(r"[\x21-\x7e]{1,200}")

COOKIE = b"chatd"
"""The cookie that holds a session's token."""


class Access:
    """What the HTTP resources share: the chat, its sessions, and the polls that are held."""

    def __init__(
        self,
        service: ChatService,
        proxies: Proxies,
        peers: Peers,
        max_body: int | None = None,
    ) -> None:
        self.service = service
        self.proxies = proxies
        self.peers = peers
        # Escaped, a byte of text is six of JSON at most.
        self.max_body = max_body or max(MAX_BODY, 6 * service.max_text + 1024)
        """Bytes in a request's body, or in a WebSocket's message."""
        self.leases = Leases(service)
        self.heartbeat = Heartbeat(service.clock)
        self.polls = Polls(service)
        self.streams = Streams(self.heartbeat, peers)
        self._repeats: Repeats[int | None] = Repeats(service.clock.seconds)
        self.openings: Repeats[Lease] = Repeats(service.clock.seconds)

    def lease(self, request: Request) -> Lease | None:
        """The session that a request is made in, if it is.

        Raises `BadToken` for a bad `Authorization` header (RFC 6750, section 2.1).  A cookie that
        is out of date is no session: browsers send it on and on, and reading needs none.
        """
        lease = self._find(request)
        if lease:
            lease.touch(self.address(request))
        return lease

    def _find(self, request: Request) -> Lease | None:
        header = request.getHeader("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer":
                raise BadToken("only Authorization: Bearer TOKEN is understood here")
            return self.leases.find(token.strip())
        cookie = request.getCookie(COOKIE)
        if cookie is None:
            return None
        try:
            return self.leases.find(cookie.decode("ascii", "replace"))
        except BadToken:
            return None

    def reader(self, request: Request) -> Lease | None:
        """The session that a request reads in, if it does.

        Browsers can set no header on an EventSource or a WebSocket, so the token may stand in the
        query here (RFC 6750, section 2.3).  Raises `BadToken`, `Malformed`.
        """
        token = one(request, "access_token")
        if token is None:
            return self.lease(request)
        lease = self.leases.find(token)
        lease.touch(self.address(request))
        return lease

    def need_lease(self, request: Request) -> Lease:
        """The session that a request is made in.  Raises `BadToken`, `NoSession`."""
        lease = self.lease(request)
        if lease is None:
            raise NoSession(
                "this needs a session: POST /session, then send Authorization: Bearer TOKEN"
            )
        return lease

    def speaker(self, request: Request) -> Session:
        """Who says something: the request's session, or a visitor by the name in the query.

        Raises `BadToken`, `NoSession`, `BadName`, `NameInUse`, `Malformed`.
        """
        lease = self.lease(request)
        name = one(request, "name")
        if lease:
            if name is not None and name != lease.session.name:
                raise Malformed(
                    f"you are {lease.session.name} here; leave ?name= out, "
                    "or PATCH /session to rename"
                )
            return lease.session
        if name is None:
            raise NoSession("say who you are: POST /session for a session, or add ?name=NAME")
        return self.service.visitor(name, self.address(request))

    def open(self, request: Request, name: str) -> Deferred[Lease]:
        """A new session, or the one that this request, sent again, began.

        Raises `Malformed`, and as `Leases.open` does.
        """
        key, address = idempotency_key(request), self.address(request)
        if key is None:
            return succeed(self.leases.open(name, address))
        scope = (address, name, key)

        def living(lease: Lease) -> Deferred[Lease]:
            if not lease.session.ended:
                return succeed(lease)
            self.openings.forget(scope)
            return self.open(request, name)

        opened = self.openings.once(scope, lambda: succeed(self.leases.open(name, address)))
        return opened.addCallback(living)

    def perform(self, request: Request, command: Command) -> Deferred[int | None]:
        """Carry out a command, once, however often it is sent with the same `Idempotency-Key`.

        Raises as `speaker` and `ChatService.perform` do.
        """
        key = idempotency_key(request)
        if key is None:
            return self.service.perform(self.speaker(request), command)
        # A repeat is one whatever has become of a visitor's name since.
        lease, address = self.lease(request), self.address(request)
        who = owner(lease) if lease else repr((address, one(request, "name")))
        return self.once(
            who,
            key,
            command,
            lambda mark: self.service.perform(self.speaker(request), command, mark),
        )

    def once(
        self,
        who: str,
        key: str,
        command: Command,
        perform: Callable[[bytes], Deferred[int | None]],
    ) -> Deferred[int | None]:
        """Have `perform` called with the command's mark, or answer what came of it before.

        `who` is whose `key` it is.  Raises what `perform` raises.
        """
        told = repr((who, key, command)).encode()
        mark = hashlib.blake2b(told, digest_size=16).digest()
        if (id_ := self.service.marks.get(mark)) is not None:
            return succeed(id_)
        return self._repeats.once(mark, lambda: perform(mark))

    def address(self, request: Request) -> Address:
        """Where a request comes from."""
        return self.proxies.address(request)


def owner(lease: Lease) -> str:
    """Whose keys a session's are: its name's, so that they hold for the session that somebody opens
    when theirs is over; a guest's name is another's tomorrow.  It stays whoever it was at first.
    """
    if not lease.owner:
        lease.owner = name_key(lease.session.name) if lease.session.named else lease.token
    return lease.owner


def idempotency_key(request: Request) -> str | None:
    """What makes a request that is sent again the same request, if its client says so.

    Raises `Malformed`.
    """
    key = request.getHeader("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Malformed("an Idempotency-Key has 1 to 200 visible ASCII characters")
    return key
