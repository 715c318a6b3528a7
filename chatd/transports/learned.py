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
4. Being held, superseded, timed out and given up is `Poll`'s and `Polls`' on both roads.
5. Once the question was recognised, the connection's bytes come here instead of to the channel,
   until something else is asked.  What comes while a poll is held is put off, and nothing passes
   it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from twisted.web.http import datetimeToString
from twisted.web.server import Request

from ..subscriber import Batch
from .longpoll import Poll, Polls

if TYPE_CHECKING:
    from .http import ChatChannel

_QUESTION = re.compile(
    rb"(GET /[^ \r\n]*[?&]since=)(\d{1,18})((?:&[^ \r\n]*)? HTTP/1\.1\r\n.*)", re.DOTALL
)
_END = b"\r\n\r\n"
MAX_QUESTION = 4096
"""Bytes in a request that is worth remembering."""


class LearnedPoll(Poll):
    """One connection's poll, asked again and again."""

    __slots__ = ("_after", "_before", "_channel", "_head", "_idle", "_lease", "_polls", "_write")

    def __init__(
        self,
        polls: Polls,
        taught: Poll,
        question: re.Match[bytes],
        head: bytes,
        channel: ChatChannel,
    ) -> None:
        super().__init__(taught.reading, taught.style, taught.wait, taught.key)
        self._polls = polls
        # Thousands of clients of one make say the same: it is kept once.
        self._before = polls.shared(question[1])
        self._after = polls.shared(question[3])
        self._head = polls.shared(head)
        self._channel = channel
        self._idle = False
        # What is done for each poll of ten thousand is looked up once.
        self._lease = taught.reading.lease
        assert channel.transport
        self._write = channel.transport.write

    def data_received(self, data: bytes) -> None:
        """In the channel's place, while nothing but this poll is asked on its connection."""
        if self.held or self._channel.early:
            self._channel.put_off(data)
        elif not self.take(data):
            self._channel.unlearn()
            self.due = None
            self._channel.dataReceived(data)

    def take(self, packet: bytes) -> bool:
        """Whether the packet is the question again; if so, it is answered or held."""
        before, after = self._before, self._after
        if not (packet.startswith(before) and packet.endswith(after)):
            return False
        digits = packet[len(before) : len(packet) - len(after)]
        lease = self._lease
        if not digits.isdigit() or len(digits) > 18 or (lease and not self.reading.current):
            return False
        if self._channel.site.peers.draining:
            return False
        self.answered = self._idle = False
        self.subscriber.cursor = self.reading.service.resume(int(digits))
        if lease:
            self.reading.begin(self)
        self._polls.hold(self)
        if self.due is None:
            self._put_off()
        return True

    def time_is_up(self) -> None:
        """The poll has been held for its time, or the connection has long been without one.

        A deadline costs more than looking whether it still matters: the one that was set for the
        poll stands when it is answered, and is then the first look at whether another one comes.
        """
        if self.held:
            self.give_up()
        elif self._idle:
            self._channel.timeoutConnection()
            return
        self._idle = True
        self._put_off()

    def _put_off(self) -> None:
        self._polls.deadlines.set(self, self._channel.site.idle_seconds)

    def gone(self) -> None:
        """The client has gone."""
        self.answered = True
        self.due = None
        if self.held:
            self.subscriber.stop()
            self._polls.ended(self)

    def conclude(self) -> None:
        """See `Poll.conclude`; it is the connection's last answer."""
        self._head += b"Connection: close\r\n"
        self.answer_now()
        self._channel.loseConnection()

    def deliver(self, batch: Batch) -> bool:
        """See `Poll.deliver`."""
        self.answered = True
        self._write(batch.once(self._head, self._response))
        if self._channel.early:
            self._channel.replay_soon()
        if self.held:
            if self._lease:
                self._polls.ended(self)
            else:
                self.held = False  # that is all there is to it for whoever has no session
        return False

    def _response(self, batch: Batch) -> bytes:
        body = self.style.body(batch)
        date = datetimeToString()
        return b"%bDate: %b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, date, len(body), body)


def learn(polls: Polls, taught: Poll, request: Request) -> LearnedPoll | None:
    """What a connection learns from a poll that twisted.web has just answered; None if it was not
    of the kind.
    """
    channel = cast("ChatChannel", request.channel)
    packet: bytes = getattr(channel, "packet", b"")  # a plain Site's channel learns nothing
    question = _QUESTION.fullmatch(packet)
    if (
        not taught.style.head  # text tells the cursor in a header, which is not the same each time
        or question is None
        or len(packet) > MAX_QUESTION
        or packet.find(_END) != len(packet) - len(_END)
        or int(question[2]) != taught.reading.cursor
        or not channel.persistent
        or request.code != 200
    ):
        return None
    headers = [
        b"%b: %b\r\n" % (name, value)
        for name, values in request.responseHeaders.getAllRawHeaders()
        for value in values
        if name not in (b"Date", b"Content-Length")
    ]
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(headers)
    return LearnedPoll(polls, taught, question, head, channel)
