"""Plain posts: messages of visitors that are posted without being parsed by twisted.web.

Bots and scripts post messages under a name, `POST /rooms/ROOM/messages?name=NAME`, in requests that
are plain (`chatd.http.plain`).  Parsing and routing them would cost more than the messages.

1. A plain post is a plain POST to `/rooms/ROOM/messages` whose query has `name` first, and no other
   parameter that the server reads.  So it has no session, no `Idempotency-Key`, no `Origin` and no
   `X-Forwarded-*`.  It is parsed if its host is not known, if guests may not do everything (which
   `--guests full` lets them do), or over TLS with `--hsts`.
2. Nothing is skipped but the parsing.  The body is read, the visitor is named, and the command is
   carried out, by the functions that do it for a parsed request.  So policy, rate limits and
   refusals are the same, and so are the bytes of the answer, except for its date.
3. twisted.web parses every request that is not a plain post, and all requests while the server goes
   down.
4. The answers of a connection are in the order of its requests: while a command has no outcome,
   input is put off.  A command that was accepted is owed its answer, also by a server that goes
   down; the answer is then the connection's last.
5. Many clients send head and body in two packets.  If the body does not come within
   `BODY_SECONDS`, or not in one packet, twisted.web parses the request.  It then has the time that
   any request has to be complete (`request_seconds`), counted from there.
"""

from __future__ import annotations

from msgspec import Struct
from twisted.internet.defer import fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...chat.journal import Outcome
from ...chat.service import ChatService
from ...codecs.json import encode, error_body
from ...http.body import form_of
from ...http.fastpath import FastConnection
from ...http.hosts import Hosts
from ...http.plain import plain_post
from ...http.resource import STATUS, headers_of, whole_answer
from ...http.site import ChatSite
from ...http.stricttransport import StrictTransport
from ...model.errors import ChatError, internal_error
from ...model.identity import Stranger, stranger_at
from ...model.metrics import RARE
from ...net.deadlines import Deadlines
from ..request_bytes import room_in
from .command import hide_room
from .forms import MessageForm
from .messages import command_of

BODY_SECONDS = 1.0
"""Seconds between a request's head and its body, which are nearly always sent at once."""
_CLOSE = ((b"Connection", b"close"),)
_log = Logger()


class Post(Struct, frozen=True):
    """A message that a visitor posts."""

    room: str
    """The clean name of the room."""
    name: str
    """The visitor's name, as the client sent it."""
    content_type: str
    """Empty: the request has no `Content-Type`."""
    body: bytes | None
    """None: the body is still to come."""


class PlainPosts:
    """The plain posts of one HTTP door."""

    def __init__(self, service: ChatService, hosts: Hosts, strict: StrictTransport) -> None:
        self.deadlines = Deadlines(service.clock)
        self.now = service.clock.seconds
        self._service = service
        self._hosts = hosts
        self._strict = strict

    def recognise(self, connection: FastConnection, packet: bytes) -> ConnectionPosts | None:
        """See `chatd.http.fastpath.FastPath`."""
        secure = connection.is_secure
        if self.read(packet, connection.site, secure=secure) is None:
            return None
        return ConnectionPosts(self, connection, stranger_at(connection.host), secure=secure)

    def read(self, packet: bytes, site: ChatSite, *, secure: bool) -> Post | None:
        """The packet as a plain post; None: it has to be parsed.  `secure` tells whether it came
        over TLS.
        """
        if b"?name=" not in packet:
            return None  # most requests of sessions are turned away here: the rest takes longer
        request = plain_post(packet)
        if request is None:
            return None
        head, body = request
        room = room_in(head.path, b"messages")
        if (
            room is None
            or head.parameters.keys() != {b"name"}
            or head.length > site.max_body
            or not self._hosts.knows(head.host.decode())
            or (secure and self._strict.seconds)
            or self._service.sign_in.rules.guests != "full"
            or site.peers.draining
            or site.peers.retiring
        ):
            return None
        return Post(room, head.parameters[b"name"].decode(), head.content_type, body)

    def say(self, post: Post, body: bytes, stranger: Stranger) -> Outcome:
        """Say the message; fires with its id, or fails with what refuses it."""
        try:
            command = command_of(form_of(body, post.content_type, MessageForm), post.room)
            visitor = self._service.visitor(post.name, stranger.address)
            return self._service.perform(visitor, command)
        except Exception:
            return fail()

    def hide_room(self, failure: Failure, post: Post, stranger: Stranger) -> Outcome:
        """See `chatd.doors.api.command.hide_room`."""
        return hide_room(failure, self._service, stranger, post.room)


class ConnectionPosts:
    """The plain posts of one connection: see `chatd.http.fastpath.FastRequest`."""

    __slots__ = (
        "_behind",
        "_gone",
        "_heard",
        "_last",
        "_posts",
        "_secure",
        "_stranger",
        "begun",
        "connection",
        "due",
        "filed",
        "held",
    )

    def __init__(
        self, posts: PlainPosts, connection: FastConnection, stranger: Stranger, *, secure: bool
    ) -> None:
        self.connection = connection
        self.held = False
        self.begun = b""
        self.due: float | None = None
        self.filed = 0
        self._posts = posts
        self._stranger = stranger
        self._secure = secure
        self._heard = 0.0
        """When the client was last heard or answered, on the clock."""
        self._behind = False
        """Whether input was put off, or has ended, while a command has no outcome."""
        self._last = False
        """Whether the next answer is the last."""
        self._gone = False
        """Whether the client has disconnected."""

    @property
    def owed(self) -> bool:
        """See `FastRequest.owed`."""
        return self.held

    # -- input -----------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """See `FastRequest.data_received`."""
        connection = self.connection
        if connection.transport.disconnecting:
            return  # see `ChatChannel.dataReceived`
        if self.held or connection.early or connection.full:
            connection.defer(data)
            self.come_back()
            return
        if self.begun:
            data, self.begun = self.begun + data, b""
        if not self.take(data):
            connection.receive_other(data)

    def take(self, packet: bytes) -> bool:
        """See `FastRequest.take`."""
        posts, site = self._posts, self.connection.site
        post = posts.read(packet, site, secure=self._secure)
        if post is None:
            return False
        if post.body is None:
            self.begun = packet
            self._heard = posts.now()
            if self.due is None or self.due > self._heard + BODY_SECONDS:
                posts.deadlines.set(self, BODY_SECONDS)
            return True
        if self.due is None:
            posts.deadlines.set(self, site.kept_seconds)
        self.held = True
        outcome = posts.say(post, post.body, self._stranger)
        outcome.addErrback(posts.hide_room, post, self._stranger)
        outcome.addCallbacks(self._said, self._refused)
        return True

    def come_back(self) -> None:
        """See `FastRequest.come_back`."""
        self._behind = self.held

    # -- answers ---------------------------------------------------------------------------------

    def _said(self, id_: int | None) -> None:
        self._answer(encode({"id": id_}), 201)

    def _refused(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, ChatError):
            error = internal_error(_log, "a request failed", failure)
        RARE.refused(error)
        self._answer(error_body(error), STATUS[type(error)], *headers_of(error))

    def _answer(self, body: bytes, status: int, *headers: tuple[bytes, bytes]) -> None:
        self.held = False
        self._heard = self._posts.now()
        if self._gone:
            return
        connection = self.connection
        if self._last:
            headers = (*_CLOSE, *headers)
        connection.transport.write(whole_answer(body, status, connection.site.date(), headers))
        connection = self.connection  # if the write has filled the buffer, it is a channel now
        if self._last:
            connection.loseConnection()
        elif self._behind:
            self._behind = False
            connection.replay_soon()

    # -- ends ------------------------------------------------------------------------------------

    def time_is_up(self) -> None:
        """A deadline has come: see whether the body of a request is missing, or the connection has
        been idle, for too long.
        """
        connection = self.connection
        if self.held or connection.full:
            self._posts.deadlines.set(self, connection.site.kept_seconds)
            return
        most = BODY_SECONDS if self.begun else connection.site.kept_seconds
        left = self._heard + most - self._posts.now()
        if left > 0:
            self._posts.deadlines.set(self, left)
        elif self.begun:
            begun, self.begun = self.begun, b""
            connection.parse(begun)
        else:
            connection.close_idle()

    def conclude(self) -> None:
        """See `FastRequest.conclude`."""
        self._last = True

    def unlearn(self) -> None:
        """See `FastRequest.unlearn`."""
        self._posts.deadlines.forget(self)

    def gone(self) -> None:
        """See `FastRequest.gone`.  What was posted is said all the same."""
        self._gone = True
