"""Authentication of HTTP requests: the session, the person and the address of each."""

from __future__ import annotations

import re

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ..chat.owners import Owner
from ..chat.person import Person
from ..chat.room import Room
from ..chat.service import ChatService
from ..chat.sessions import LastingSession
from ..chat.tokens import PREFIX
from ..http.fields import cookie, header, one
from ..http.proxies import Proxies
from ..http.request import ChatRequest
from ..model.addresses import Address, is_own_machine
from ..model.commands import Command
from ..model.errors import (
    BadToken,
    ChatError,
    Insecure,
    Malformed,
    NoSession,
    NoSuchPerson,
    NotAllowed,
)
from ..model.identity import Stranger
from ..model.policy import Action
from ..model.text import printable
from ..net.heartbeat import Heartbeat
from ..net.peers import Peers
from .event_streams import Streams
from .openings import Openings

ABSENT = "nobody of that name is here; GET /rooms/ROOM lists who is in a room"
"""The message to a program that names a person without a session."""
_TOKEN = re.compile(f"(?:{PREFIX})?[A-Za-z0-9_-]{{32}}")
"""The form of this server's tokens."""
LABEL = 200
"""Characters of a `User-Agent` that the list of an account's sessions shows."""
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
SAFE = (b"GET", b"HEAD", b"OPTIONS")
"""Methods of requests that change nothing (RFC 9110, section 9.2.1)."""
OPEN_TO_GUESTS = (b"accounts", b"session", b"invites")
"""The first part of the paths to which requests without an account are passed on, whatever guests
may do: signing in, registering, claiming, using an invite."""
FOR_ACCOUNTS = "only people with an account may do that here; register or sign in"


def for_programs(error: ChatError) -> ChatError:
    """The refusal, without advice to type a command of the line door."""
    advised = isinstance(error, NoSuchPerson) and "; /who " in error.message
    return NoSuchPerson(ABSENT) if advised else error


class Access:
    """What the HTTP resources share: the chat, and who makes a request."""

    def __init__(
        self,
        service: ChatService,
        proxies: Proxies,
        peers: Peers,
    ) -> None:
        self.service = service
        self.proxies = proxies
        self.peers = peers
        self.sessions = service.sessions
        self.heartbeat = Heartbeat(service.clock)
        self.openings = Openings()
        """The requests that begin a stream and need not be parsed again."""
        self.streams = Streams(self.heartbeat, peers, self.openings)
        self.tickets = service.tickets

    @property
    def cookie(self) -> bytes:
        """The name of the cookie that holds a session's token.

        Cookies know no ports: with one name for all, two servers on one host would overwrite each
        other's.
        """
        return b"chatd-" + self.service.id.encode()

    def session(self, request: Request) -> LastingSession | None:
        """The session of a request; None: the request has none.

        `adopt` has loaded it into memory before.  The token is that of the first of these that the
        request has: `Chatd-Session`, `Authorization: Bearer` (RFC 6750, section 2.1), the cookie.
        Credentials of another scheme, such as a browser's Basic for a proxy, are ignored.  Raises
        `BadToken` for an invalid token in a header.  An invalid cookie is ignored, because browsers
        go on sending it, and reading needs no session.
        """
        session = self._find(request)
        if session:
            session.touch(self.address(request))
        return session

    def _find(self, request: Request) -> LastingSession | None:
        if isinstance(request, ChatRequest) and request.is_anonymous:
            return None
        token = header(request, "chatd-session")
        if token is not None:
            return self.sessions.find(token)
        scheme, _, token = (header(request, "authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            return self.sessions.find(token.strip())
        token_kept = cookie(request, self.cookie)
        if token_kept is None:
            return None
        try:
            return self.sessions.find(token_kept)
        except BadToken:
            return None

    def token(self, request: Request) -> str | None:
        """The token in a request's headers, query or cookie; None: it has none.

        Raises `BadToken` if the token is too long, and `Malformed`.
        """
        token = header(request, "chatd-session")
        if token is not None:
            return token
        scheme, _, token = (header(request, "authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
        return one(request, "access_token") or cookie(request, self.cookie)

    def adopt(self, request: Request) -> Deferred[object] | None:
        """Load the session of a request from the store; None if there is nothing to load, because
        the request has no token, or the session is in memory.

        A ticket is fetched from the node that issued it.  An invalid token or ticket is no failure
        here: the request itself is refused when it looks the session up.  Raises `BadToken`,
        `Malformed`; fails with `Unavailable`, `NotAllowed`.
        """
        ticket = one(request, "ticket")
        if ticket is not None:
            return self.tickets.fetch(ticket, self.address(request))
        token = self.token(request)
        if token is None and isinstance(request, ChatRequest):
            request.is_anonymous = True
        if token is None or not _TOKEN.fullmatch(token) or self.sessions.knows(token):
            return None
        adopting = self.sessions.adopt(token, self.address(request))
        return adopting.addErrback(lambda failure: failure.trap(BadToken))

    def reader(self, request: Request, *, stream: bool) -> LastingSession | None:
        """The session in whose name a request reads; None: the request has none.

        Browsers cannot set a header on an EventSource or a WebSocket.  So the query of a `stream`
        may have a ticket, and the query of any reading request a token (RFC 6750, section 2.3).
        The ticket stays valid until `use_ticket`.  Raises `BadToken`, `Malformed`.
        """
        token, ticket = one(request, "access_token"), one(request, "ticket")
        if ticket is not None:
            if token is not None:
                raise Malformed("give ticket or access_token, not both")
            if not stream:
                # A client repeats the URL of a poll, but a ticket is valid once only.
                raise Malformed(
                    "a ticket is for a WebSocket or an event stream; "
                    "here, send Authorization: Bearer TOKEN"
                )
            session = self.tickets.holder(ticket)
            if session.over:
                raise BadToken("the session of that ticket is over; POST /session for a new one")
        elif token is not None:
            if token.startswith(PREFIX):
                raise Malformed("a personal token is not for a URL; send Authorization: Bearer")
            session = self.sessions.find(token)
        else:
            return self.session(request)
        session.touch(self.address(request))
        return session

    def use_ticket(self, request: Request) -> None:
        """Invalidate the request's ticket, if it has one, because its stream begins.

        Raises `BadToken`.
        """
        ticket = one(request, "ticket")
        if ticket is not None:
            self.tickets.redeem(ticket)

    def no_session(self, advice: str) -> ChatError:
        """The refusal of a request that needs a session or an account, and has none.  Where guests
        only read, it is refused as everything else is that they may not do.
        """
        if self.service.sign_in.rules.guests == "read":
            return NotAllowed(FOR_ACCOUNTS)
        return NoSession(advice)

    def check_guest(self, request: Request, path: bytes) -> None:
        """Refuse a request without an account that would change something, before a resource looks
        at it, where guests may not do everything; `path` is the first part of its path.

        What such a client may read, the policy decides.  Raises `NotAllowed` or `NoSession`, and
        `BadToken`.
        """
        if self.service.sign_in.rules.guests == "full" or request.method in SAFE:
            return
        if path not in OPEN_TO_GUESTS:
            self.need_account(request)

    def need_session(self, request: Request) -> LastingSession:
        """The session of a request.  Raises `no_session` if it has none, and `BadToken`."""
        session = self.session(request)
        if session is None:
            raise self.no_session(
                "this needs a session: POST /session, then send Authorization: Bearer TOKEN"
            )
        return session

    def need_account(self, request: Request) -> LastingSession:
        """The session of a request of an account.

        Raises `no_session` if the request has none, or a guest's, and `BadToken`.
        """
        session = self.session(request)
        if session is None or session.record is None:
            raise self.no_session(
                "this is for accounts: sign in with POST /session, or POST /accounts"
            )
        return session

    def need_writing(self, request: Request) -> LastingSession:
        """The session of a request of an account that may change something.

        Raises as `need_account`, and `NotAllowed` for a personal token with the scope `read`.
        """
        session = self.need_account(request)
        if session.person.scope == "read":
            raise NotAllowed("this token is for reading only; make one with the scope write")
        return session

    def need_sign_in(self, request: Request) -> LastingSession:
        """The session of a request of an account that signed in with its password.

        Raises as `need_account`, and `NotAllowed` for a personal token.
        """
        session = self.need_account(request)
        if session.person.scope is not None:
            raise NotAllowed("a personal token is not for that; sign in with the password")
        return session

    def check_password_way(self, request: Request) -> None:
        """Check that a request may contain a password: over TLS, from this machine, through a
        trusted proxy to which the client speaks https, or anywhere with `--plain-passwords`.

        Raises `Insecure` if others may have read the password on the way.
        """
        if self.service.sign_in.rules.plain_passwords or self.proxies.secure(request):
            return
        if is_own_machine(self.address(request)):
            return
        raise Insecure(
            "over this connection others may read a password: use https (see --trust-proxy), or "
            "allow it with --plain-passwords"
        )

    def label(self, request: Request) -> str:
        """The client's `User-Agent`, for the list of an account's sessions."""
        return printable(header(request, "user-agent") or "")[:LABEL]

    def owner(self, request: Request, session: LastingSession | None) -> Owner:
        """The owner of a request's reader: its session, or a stranger at the request's address."""
        return session or Stranger(self.address(request))

    def may(self, request: Request, action: Action, room: Room | None = None) -> None:
        """Ask the policy whether the client may do `action`.  Raises `BadToken`, `NotAllowed`."""
        owner = self.owner(request, self.session(request))
        self.service.readers.check(owner, action, room)

    def readable(self, request: Request, name: str) -> Deferred[Room]:
        """Load the room of that name, and check that the client may read it.

        Raises `BadToken`, `BadRoom`; fails with `NotAllowed`, `Unavailable`.
        """
        owner = self.owner(request, self.session(request))

        def checked(room: Room) -> Room:
            self.service.readers.check_reading(owner, room)
            return room

        return self.service.rooms.load(name).addCallback(checked)

    def speaker(self, request: Request) -> Person:
        """The person who gives a command: the session's, or a visitor with the name in the query.

        Raises `BadToken`, `NoSession`, `BadName`, `NameInUse`, `Malformed`.
        """
        session = self.session(request)
        name = one(request, "name")
        if session:
            person = session.person
            if name is not None and name != person.name:
                raise Malformed(
                    f"you are {person.name} here; leave ?name= out, or PATCH /session to rename"
                )
            return person
        if name is None:
            raise self.no_session("say who you are: POST /session for a session, or add ?name=NAME")
        return self.service.visitor(name, self.address(request))

    def open(self, request: Request, name: str) -> Deferred[LastingSession]:
        """Begin a guest's session.  Raises and fails as `Sessions.open` does.

        The request's `Idempotency-Key` is ignored: the answer contains the session's token, and a
        key does not prove that the same client repeats the request.
        """
        return self.sessions.open(name, self.address(request))

    def perform(self, request: Request, command: Command) -> Deferred[int | None]:
        """Carry out a command; once only, however often its `Idempotency-Key` is sent.

        Raises and fails as `speaker` and `ChatService.perform` do.
        """
        key = idempotency_key(request)
        if key is None:
            return self.service.perform(self.speaker(request), command)
        # A repeated request of a visitor is recognised even if the name has been taken meanwhile.
        session = self.session(request)
        who = key_owner(session) if session else repr((self.address(request), one(request, "name")))
        keys = self.service.request_keys
        mark = keys.key(who, key, command)
        return keys.once(mark, lambda: self.service.perform(self.speaker(request), command, mark))

    def address(self, request: Request) -> Address:
        """The client's address, as the trusted proxies report it."""
        return self.proxies.address(request)


def key_owner(session: LastingSession) -> str:
    """Scope of a session's request keys: the name that its person chose first, so that they hold
    for the next session of that name, else the session, because a guest's name is reused.  It is
    the same on every node, and stays as it is from the first key on.
    """
    person = session.person
    if not person.owner:
        person.owner = person.key if person.named else session.hash
    return person.owner


def idempotency_key(request: Request) -> str | None:
    """The request's `Idempotency-Key`, None if it has none.

    Raises `Malformed`.
    """
    key = header(request, "idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Malformed("an Idempotency-Key has 1 to 200 visible ASCII characters")
    return key
