"""Learned polls: a poll that repeats an earlier one is not parsed again.

Unless it is plain, the first poll of a connection is handled by twisted.web like any request:
parsed, routed, its session and origin checked, and judged by the gate.  Nearly always the
connection's next request is byte-identical except for the cursor.  So the connection remembers
the bytes around the cursor and the parsed request: a *poll template*.

1. A request is learned or recognised only if it arrived whole in one packet while no other request
   was in progress on the connection.  It is recognised by the same bytes before the cursor, one to
   eighteen digits, and the same bytes after it.  A connection without a channel handles
   any other input like its first; a channel passes it to twisted.web.
2. One thing does not depend on the bytes and is checked for each poll: whether the session is over.
3. The answer's headers are those that twisted.web wrote for the first poll, without
   `Strict-Transport-Security`; `Date` and `Content-Length` are the answer's own, and so is
   `Connection: close` when the server goes down.
4. Polls at the same cursor wait together (`chatd.doors.polls.groups`).
5. A plain poll (`chatd.doors.polls.plain`) is learned before it is answered, without twisted.web,
   if the connection has no channel (`chatd.http.unparsed`).
6. Templates are shared: if a connection without a channel sends a poll that another connection has
   learned or waits for, the poll is not parsed.  Without a session the answer does not depend on
   the client; without `Origin` it does not depend on the page or the scheme; a known host is known
   whichever peer sends it.  So a template is not shared if its request has a session, an
   `Origin`, a `Cookie` or a `Forwarded` header, or if its host is accepted only because a trusted
   proxy has sent it.  The gate is asked whenever such a connection takes a template, because it may
   decide by the client's address.
7. Once a poll was recognised, the connection's input goes to its `LearnedPoll`, until a different
   request comes.  The `LearnedPoll` stays when the connection gets a channel meanwhile.  Over plain
   TCP the `LearnedPoll` also reads the socket.  Input that arrives while a poll is held is put off
   until the poll is answered.
8. Requests of a template skip the gate, so the template is registered at the gate, which can void
   it.  Then its requests are handled like first ones, and so judged by the gate: twisted.web
   parses them, or a plain poll gets a new template.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.web.http_headers import Headers
from twisted.web.server import Request

from ...http.channel import ChatChannel
from ...http.fastpath import FastConnection
from ...http.fields import header
from ...http.resource import live_headers
from ...http.stricttransport import StrictTransport
from ...model.addresses import Address, address_of
from ...model.errors import ChatError
from ...model.identity import stranger_at
from ...net.tcp import READ_BYTES, WriteThrough, enable_direct_writes
from ...stream.batch import Batch
from ..request_bytes import is_shareable, is_whole, parted, shared_head
from .groups import PollGroup, PollTemplate
from .longpoll import PollRequest, Polls
from .plain import PlainPolls


class LearnedPoll:
    """The poll that one connection repeats."""

    __slots__ = (
        "_alone",
        "_heard",
        "_receive",
        "_template",
        "_transport",
        "connection",
        "due",
        "filed",
        "group",
        "send",
    )

    brief = True
    owed = False
    """A poll is no command."""
    begun = b""
    """A poll is taken whole."""

    def __init__(self, template: PollTemplate, connection: FastConnection) -> None:
        self.group: PollGroup | None = None
        """The group in which the poll waits, or waited last."""
        self.due: float | None = None
        self.filed = 0
        self._template = template
        self.connection = connection
        self._heard = 0.0
        transport: Any = connection.transport
        self._transport = transport
        self._alone = False
        self.send: Callable[[bytes], int | None] = transport.write
        enable_direct_writes(transport, self)

    @property
    def address(self) -> Address:
        """Where the connection comes from."""
        return address_of(getattr(self._transport.getPeer(), "host", ""))

    @property
    def held(self) -> bool:
        """Whether the poll waits for an event."""
        return self.group is not None and self.group.waiting

    # -- input -----------------------------------------------------------------------------------

    def doRead(self) -> None:
        """Read the socket in the transport's place, while only this poll comes on the connection.

        The code for each poll touches as few objects as possible: with ten thousand polls, none of
        their objects is in the processor's cache.
        """
        receive = self._receive
        try:
            data = receive(READ_BYTES)
        except OSError:
            self.step_aside()
            return
        group = self._template.groups.get(data)
        if group is not None:
            own = self.group
            if own is None or not own.waiting:
                group.join(self)
                return
        self._transport.received(data)

    def data_received(self, data: bytes) -> None:
        """Handle input in the connection's place, while only this poll comes on the connection."""
        if self.held or self.connection.early or self.connection.full:
            self._defer(data)
        elif not self.take(data):
            self.connection.receive_other(data)

    def take(self, packet: bytes) -> bool:
        """Whether the packet repeats the poll; if so, the poll is answered or held."""
        group = self._template.groups.get(packet)
        if group is not None:
            group.join(self)
        elif not self._ask(packet):
            return False
        if self.due is None:
            self._template.polls.deadlines.set(self, self.connection.site.kept_seconds)
        if not self._alone:
            self._delegate()
        return True

    def _ask(self, packet: bytes) -> bool:
        """Like `take`, for a packet whose bytes no open group has."""
        template = self._template
        before, after, query = template.before, template.after, template.request.query
        if not (packet.startswith(before) and packet.endswith(after)):
            return False
        digits = packet[len(before) : len(packet) - len(after)]
        if not digits.isdigit() or len(digits) > 18 or not template.valid:
            return False
        if template.personal and not query.current:
            return False
        cursor, logs, gaps = query.service.place(template.sources, int(digits))
        if logs or gaps:
            return False  # the cursor means several places, or a gap (`chatd.stream.places`)
        if self.connection.site.peers.draining:
            return False
        if template.personal:
            query.begin(self)
        try:
            template.ask(self, packet, cursor)
        except ChatError:
            query.end(self)
            return False  # the request is refused as a first one is
        if template.personal and self.held:
            template.polls.place(template.request.key, self)
        return True

    def _defer(self, data: bytes) -> None:
        """Buffer input until the held poll is answered."""
        self.step_aside()
        self.connection.defer(data)
        self.come_back()

    def come_back(self) -> None:
        """When the poll is answered, have the connection handle the input that was deferred, or the
        end of the input.
        """
        if self.group and self.held and self not in self.group.behind:
            self.group.behind.append(self)

    def _delegate(self) -> None:
        """Read the socket in the transport's place, if it is plain TCP."""
        if isinstance(self._transport, WriteThrough):
            self._alone = self._transport.delegate_reads(self, self._template.polls.epoll_group)
            self._receive = self._transport.receive

    def step_aside(self) -> None:
        """Let the transport read again: another request came, or reading has to pause."""
        if self._alone:
            self._alone = False
            self._transport.take_back_reads()

    def write(self, data: bytes) -> None:
        """Send bytes, now or later."""
        self._transport.write(data)

    def unlearn(self) -> None:
        """Another request came: the connection handles its input itself again."""
        self._template.polls.deadlines.forget(self)
        self.step_aside()

    # -- ends ------------------------------------------------------------------------------------

    def over(self) -> None:
        """The poll is answered, and no longer keeps its session alive."""
        request = self._template.request
        self._template.polls.vacate(request.key, self)
        request.query.end(self)

    def go_on(self) -> None:
        """The poll is answered: the connection handles the input that was deferred, or its end."""
        self.connection.replay_soon()

    def failed(self) -> None:
        """The poll's answer could not be written."""
        self.step_aside()
        self.connection.loseConnection()

    def give_up(self) -> None:
        """Answer with no events: a newer poll replaces this one, or the session is over."""
        group = self._leave()
        if group:
            self.write(self._template.answer(Batch(b"", 0, group.cursor)))
            self.go_on()

    dismiss = give_up

    def conclude(self) -> None:
        """Answer with the available events, and close: the server is going down."""
        group = self._leave()
        if group:
            self._template.answer_last(self, group)
            self.connection.loseConnection()

    def gone(self) -> None:
        """The client has disconnected."""
        self._leave()

    def _leave(self) -> PollGroup | None:
        """Stop waiting, and return the group in which the poll waited; None: it did not wait."""
        group = self.group
        if not (group and group.waiting):
            return None
        group.leave(self)
        self.group = None
        self._heard = self._template.now()
        self.over()
        return group

    def time_is_up(self) -> None:
        """A deadline has come: close the connection if it has been idle for `kept_seconds`."""
        template, idle = self._template, self.connection.site.kept_seconds
        last = self.group.ended if self.group else self._heard
        left = idle if self.held else last + idle - template.now()
        if left > 0:
            template.polls.deadlines.set(self, left)
        else:
            self.connection.close_idle()


def learn(polls: Polls, asked: PollRequest, request: Request) -> LearnedPoll | None:
    """The `LearnedPoll` for a poll that twisted.web has just answered; None if the poll cannot be
    recognised by its bytes.
    """
    template = _learn(polls, asked, request, request.responseHeaders)
    return LearnedPoll(template, cast(ChatChannel, request.channel)) if template else None


def learn_held(polls: Polls, asked: PollRequest, request: Request) -> PollTemplate | None:
    """The template that new connections share with a poll that twisted.web holds; None if it cannot
    be shared.

    Polls that begin in a quiet room, thousands of them after a restart, are so held without being
    parsed.  The template is shared for as long as the caller keeps it.
    """
    if asked.query.session is not None or not is_shareable(request):
        return None
    headers = request.responseHeaders.copy()
    for name, value in live_headers(asked.format.content_type):
        headers.setRawHeaders(name, [value])
    return _learn(polls, asked, request, headers)


def _learn(
    polls: Polls, asked: PollRequest, request: Request, response_headers: Headers
) -> PollTemplate | None:
    """The template of a poll whose answer has these headers."""
    channel = cast(ChatChannel, request.channel)
    packet: bytes = getattr(channel, "packet", b"")  # a plain Site's channel learns nothing
    parts = parted(packet)
    if (
        not asked.format.head  # a text answer has the cursor in a header, which varies
        or parts is None
        or not is_whole(packet)
        or not channel.persistent
        or request.code != 200
        or header(request, "last-event-id")  # replaces the cursor in the URL
        or header(request, "expect")  # the client waits for "100 Continue"
    ):
        return None
    before, after, head = parts[1], parts[3], shared_head(response_headers)
    session = asked.query.session
    try:
        if session is None and is_shareable(request):
            template: PollTemplate | None = polls.common.get((before, after))
            if template is None or template.head != head:
                template = PollTemplate(polls, asked, before, after, head)
                polls.common[before, after] = template
        else:
            words = before, after, head, session
            template = polls.templates.get(words)
            if template is None:
                template = polls.templates[words] = PollTemplate(polls, asked, before, after, head)
    except ChatError:
        return None  # twisted.web parses and refuses the next poll
    return template


class PollFastPath:
    """The fast path of one HTTP door: polls whose template is shared, and plain polls."""

    def __init__(self, polls: Polls, plain: PlainPolls, strict: StrictTransport) -> None:
        self.polls = polls
        self._plain = plain
        self._strict = strict

    def recognise(self, connection: FastConnection, packet: bytes) -> LearnedPoll | None:
        """The poll in a packet; None if it is no poll with a shared template and no plain poll, or
        if the gate does not let a stranger at this address read.
        """
        parts = parted(packet)
        if parts is None:
            return None
        polls, stranger = self.polls, stranger_at(connection.host)
        words = before, after = parts[1], parts[3]
        template = polls.common.get(words)
        try:
            if template is not None:
                for source in template.sources:
                    polls.readers.check_reading(stranger, source)
            elif not (self._strict.seconds and connection.is_secure):
                asked = self._plain.read(packet, stranger)
                if asked is None:
                    return None
                template = PollTemplate(polls, asked, before, after, self._plain.head)
                asked.query.note_rooms()
                polls.common[words] = template
        except ChatError:
            return None
        return LearnedPoll(template, connection) if template else None
