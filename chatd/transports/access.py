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
from ..tickets import Tickets
from .fields import cookie, header, one
from .heartbeat import Heartbeat
from .http import MAX_BODY
from .longpoll import Polls
from .peers import Peers
from .proxies import Proxies
from .push import Streams

ABSENT = "nobody of that name is here; GET /rooms/ROOM lists who is in a room"
"""Of a person who is not here, to a program."""
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


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
        self.tickets: Tickets[Lease] = Tickets(service.clock.seconds)
        self._repeats: Repeats[int | None] = Repeats(service.clock.seconds)

    @property
    def cookie(self) -> bytes:
        """The name of the cookie that holds a session's token.

        Cookies know no ports: with one name for all, two servers on one host would overwrite each
        other's.
        """
        return b"chatd-" + self.service.id.encode()

    def lease(self, request: Request) -> Lease | None:
        """The session that a request is made in, if it is.

        Its token stands in `Chatd-Session`, in `Authorization: Bearer` (RFC 6750, section 2.1), or
        in the cookie; the first of these that is there counts.  Credentials of another scheme, such
        as a browser's Basic for a proxy, are not for us.  Raises `BadToken` for a bad token in a
        header.  A cookie that is out of date is no session: browsers send it on and on, and reading
        needs none.
        """
        lease = self._find(request)
        if lease:
            lease.touch(self.address(request))
        return lease

    def _find(self, request: Request) -> Lease | None:
        token = header(request, "chatd-session")
        if token is not None:
            return self.leases.find(token)
        scheme, _, token = (header(request, "authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            return self.leases.find(token.strip())
        token_kept = cookie(request, self.cookie)
        if token_kept is None:
            return None
        try:
            return self.leases.find(token_kept)
        except BadToken:
            return None

    def reader(self, request: Request, *, stream: bool) -> Lease | None:
        """The session that a request reads in, if it does.

        Browsers can set no header on an EventSource or a WebSocket, so a ticket may stand in the
        query of a `stream`, and a token (RFC 6750, section 2.3) in that of any reading request.
        The ticket stays good until `use_ticket`.  Raises `BadToken`, `Malformed`.
        """
        token, ticket = one(request, "access_token"), one(request, "ticket")
        if ticket is not None:
            if token is not None:
                raise Malformed("give ticket or access_token, not both")
            if not stream:
                # A poll is asked again and again with the same words; a ticket is good once.
                raise Malformed(
                    "a ticket is for a WebSocket or an event stream; "
                    "here, send Authorization: Bearer TOKEN"
                )
            lease = self.tickets.holder(ticket)
            if lease.session.ended:
                raise BadToken("the session of that ticket is over; POST /session for a new one")
        elif token is not None:
            lease = self.leases.find(token)
        else:
            return self.lease(request)
        lease.touch(self.address(request))
        return lease

    def use_ticket(self, request: Request) -> None:
        """The stream that the request's ticket is for begins: the ticket is used up, if there is
        one.  Raises `BadToken`.
        """
        ticket = one(request, "ticket")
        if ticket is not None:
            self.tickets.redeem(ticket)

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

    def open(self, request: Request, name: str) -> Lease:
        """A new session.  Raises as `Leases.open` does.

        The request's `Idempotency-Key` is ignored: the answer holds the session's token, and a key
        does not prove that the same client sends it again.
        """
        return self.leases.open(name, self.address(request))

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
    key = header(request, "idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Malformed("an Idempotency-Key has 1 to 200 visible ASCII characters")
    return key
