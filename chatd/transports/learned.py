"""Learned polls: the same question asked again is not parsed again.

The first poll of a connection goes through twisted.web like any request: parsed, routed, its
session and origin checked.  Nearly always the next request on that connection is the same to the
byte but for the cursor.  So the channel remembers what stood around the cursor, and what it meant.

Why this is right:

1. Only a whole request that came in one packet, at a moment when nothing else was under way on the
   connection, is learned, and only such a one is recognised: the same bytes before the cursor, one
   to eighteen digits, the same bytes after it.  Anything else is twisted.web's.
2. What those bytes do not decide is looked up each time: whether the session still lives.
3. The answer's headers are those that twisted.web wrote for the first poll, but for `Date` and
   `Content-Length`, and `Connection: close` when the server goes down.
4. Whoever asks from the cursor where others wait waits with them (`chatd.transports.crowd`).
5. What one has learned holds for all: a new connection that begins with a known question has
   nothing parsed at all.  Without a session no answer depends on who asks, or from which address;
   without `Origin` none depends on the page or the scheme; a host that is known here is known
   whichever peer names it; and whether the server goes down is looked at each time.  So a question
   with a session, an `Origin`, a `Cookie`, or a host for which only a proxy vouches, is its own
   connection's.
6. Once the question was recognised, the connection's bytes come here instead of to the channel,
   until something else is asked; over plain TCP they are read here.  What comes while a poll is
   held is put off, and nothing passes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from twisted.web.server import Request

from ..stream.batch import Batch
from .crowd import Crowd, Question
from .fields import header
from .longpoll import Asked, Polls
from .request import ChatRequest
from .tcp import READ_BYTES, WriteThrough, lend

if TYPE_CHECKING:
    from .http import ChatChannel

# Anybody's first bytes are held against this, so no byte of theirs is looked at again and again.
_QUESTION = re.compile(
    rb"(GET /[^ ?\r\n]*\?(?:(?!since=)[^ &\r\n]*+&)*+since=)"
    rb"(\d{1,18})"
    rb"((?:&[^ \r\n]*+)? HTTP/1\.1\r\n.*)",
    re.DOTALL,
)
_END = b"\r\n\r\n"
_PERSONAL = (b"origin", b"cookie")
"""Headers of questions whose answer may depend on who asks, and from which page."""
MAX_QUESTION = 4096
"""Bytes in a request that is worth remembering."""


class LearnedPoll:
    """One connection's poll, asked again and again."""

    __slots__ = (
        "_alone",
        "_channel",
        "_heard",
        "_question",
        "_receive",
        "_transport",
        "crowd",
        "due",
        "filed",
        "send",
    )

    brief = True

    def __init__(self, question: Question, channel: ChatChannel) -> None:
        self.crowd: Crowd | None = None
        """With whom it waits, or waited last."""
        self.due: float | None = None
        self.filed = 0
        self._question = question
        self._channel = channel
        self._heard = 0.0
        transport: Any = channel.transport
        self._transport = transport
        self._alone = False
        self.send: Callable[[bytes], int | None] = transport.write
        lend(transport, self)

    @property
    def held(self) -> bool:
        """Whether it waits for something to be said."""
        return self.crowd is not None and self.crowd.waiting

    # -- bytes that come in ----------------------------------------------------------------------

    def doRead(self) -> None:
        """In the transport's place, while nothing but this poll is asked on its connection.

        What is done for each poll of ten thousand touches as few objects as possible: with that
        many, none of them is in the processor's cache.
        """
        receive = self._receive
        try:
            data = receive(READ_BYTES)
        except OSError:
            self.step_aside()
            return
        crowd = self._question.crowds.get(data)
        if crowd is not None:
            own = self.crowd
            if own is None or not own.waiting:
                crowd.join(self)
                return
        if self._transport.received(data):
            self.step_aside()

    def data_received(self, data: bytes) -> None:
        """In the channel's place, while nothing but this poll is asked on its connection."""
        if self.held or self._channel.early or self._channel.full:
            self._put_off(data)
        elif not self.take(data):
            self._channel.unlearn()
            self._channel.setTimeout(self._channel.site.idle_seconds)
            self._channel.dataReceived(data)

    def take(self, packet: bytes) -> bool:
        """Whether the packet is the question again; if so, it is answered or held."""
        crowd = self._question.crowds.get(packet)
        if crowd is not None:
            crowd.join(self)
        elif not self._ask(packet):
            return False
        if self.due is None:
            self._question.polls.deadlines.set(self, self._channel.site.kept_seconds)
        if not self._alone:
            self._step_in()
        return True

    def _ask(self, packet: bytes) -> bool:
        """The same when nobody waits with these words."""
        question = self._question
        before, after, reading = question.before, question.after, question.asked.reading
        if not (packet.startswith(before) and packet.endswith(after)):
            return False
        digits = packet[len(before) : len(packet) - len(after)]
        if not digits.isdigit() or len(digits) > 18 or not reading.current:
            return False
        cursor = int(digits)
        if not 0 < cursor <= reading.service.horizon:
            return False  # it stands for another place (`chatd.places`)
        if self._channel.site.peers.draining:
            return False
        reading.begin(self)
        question.ask(self, packet, cursor)
        if self.held:
            question.polls.place(question.asked.key, self)
        return True

    def _put_off(self, data: bytes) -> None:
        """Let what comes in wait for the answer to what came before."""
        self.step_aside()
        self._channel.put_off(data)
        self.come_back()

    def come_back(self) -> None:
        """Let the channel go on when it is answered."""
        if self.crowd and self.held and self not in self.crowd.behind:
            self.crowd.behind.append(self)

    def _step_in(self) -> None:
        """Read in the transport's place, if it is a plain one."""
        if isinstance(self._transport, WriteThrough):
            self._alone = self._transport.stand_in(self, self._question.polls.lane)
            self._receive = self._transport.receive

    def step_aside(self) -> None:
        """Leave reading to the transport: something else was asked, or nothing is to be read."""
        if self._alone:
            self._alone = False
            self._transport.stand_down()

    def write(self, data: bytes) -> None:
        """Send bytes, now or later."""
        self._transport.write(data)

    def unlearn(self) -> None:
        """Another kind of request came: from here on the connection is the channel's again."""
        self._question.polls.deadlines.forget(self)
        self.step_aside()

    # -- ends ------------------------------------------------------------------------------------

    def over(self) -> None:
        """It is answered: the session is not held by it any more."""
        asked = self._question.asked
        self._question.polls.vacate(asked.key, self)
        asked.reading.end(self)

    def go_on(self) -> None:
        """It is answered: what was put off has its turn."""
        self._channel.replay_soon()

    def failed(self) -> None:
        """Its question could not be read, or not be answered."""
        self.step_aside()
        self._channel.loseConnection()

    def give_up(self) -> None:
        """Answer with no events: a newer poll took over, or the session is over."""
        crowd = self._leave()
        if crowd:
            self.write(self._question.answer(Batch(b"", 0, crowd.cursor)))
            self.go_on()

    dismiss = give_up

    def conclude(self) -> None:
        """Answer with what there is: the server is going down, and this is the last answer."""
        crowd = self._leave()
        if crowd:
            self._question.answer_last(self, crowd)
            self._channel.loseConnection()

    def gone(self) -> None:
        """The client has gone."""
        self._leave()

    def _leave(self) -> Crowd | None:
        """Wait no more; answers where it waited."""
        crowd = self.crowd
        if not (crowd and crowd.waiting):
            return None
        crowd.leave(self)
        self.crowd = None
        self._heard = self._question.now()
        self.over()
        return crowd

    def time_is_up(self) -> None:
        """The connection may have been idle for long."""
        question, idle = self._question, self._channel.site.kept_seconds
        last = self.crowd.ended if self.crowd else self._heard
        left = idle if self.held else last + idle - question.now()
        if left > 0:
            question.polls.deadlines.set(self, left)
        else:
            self._channel.close_idle()


def learn(polls: Polls, asked: Asked, request: Request) -> LearnedPoll | None:
    """What a connection learns from a poll that twisted.web has just answered; None if it was not
    of the kind.
    """
    channel = cast("ChatChannel", request.channel)
    packet: bytes = getattr(channel, "packet", b"")  # a plain Site's channel learns nothing
    question = _parted(packet)
    if (
        not asked.style.head  # text tells the cursor in a header, which is not the same each time
        or question is None
        or packet.find(_END) != len(packet) - len(_END)
        or int(question[2]) != asked.reading.place.cursor
        or not channel.persistent
        or request.code != 200
        or header(request, "last-event-id")  # it says from where, instead of the address
        or header(request, "expect")  # it wants to be told to go on
    ):
        return None
    headers = [
        b"%b: %b\r\n" % (name, value)
        for name, values in request.responseHeaders.getAllRawHeaders()
        for value in values
        if name not in (b"Date", b"Content-Length")
    ]
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(headers)
    learned = _question(polls, asked, question[1], question[3], head)
    if (
        asked.reading.lease is None
        and cast(ChatRequest, request).host_known
        and not any(map(request.requestHeaders.hasHeader, _PERSONAL))
    ):
        polls.common[question[1], question[3]] = learned
    return LearnedPoll(learned, channel)


def recognise(polls: Polls, channel: ChatChannel, packet: bytes) -> LearnedPoll | None:
    """What a new connection learns from the first that came in on it, if others have learned that
    question; None if it is not one, or whose it is matters.
    """
    question = _parted(packet)
    known = polls.common.get((question[1], question[3])) if question else None
    return LearnedPoll(known, channel) if known else None


def _parted(packet: bytes) -> re.Match[bytes] | None:
    """What stands before the cursor, the cursor, and what stands after it; None if it is no
    question worth remembering.
    """
    return _QUESTION.fullmatch(packet) if len(packet) <= MAX_QUESTION else None


def _question(polls: Polls, asked: Asked, before: bytes, after: bytes, head: bytes) -> Question:
    """The question in those words, which may be one that others ask already."""
    words = (before, after, head, asked.reading.lease)
    question = polls.questions.get(words)
    if question is None:
        question = polls.questions[words] = Question(polls, asked, before, after, head)
    return question
