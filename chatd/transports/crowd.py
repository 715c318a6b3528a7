"""Polls that ask the same from the same cursor are one reader, and are answered together.

Of ten thousand who wait for the next message in a room, nearly all ask the same question to the
byte, from the same cursor.  What has to be done for each of them is to put it on a list, and to
send it bytes that were made once.  All else is done for a crowd: reading the log, standing among
the room's readers, having a deadline.

Why this is right:

1. A crowd is a `Subscriber`'s outlet like any other: there is one road out of the log.
2. That the question is the same was seen by its bytes (`chatd.transports.learned`), so the answer
   is the same too, to its last header; its `Date` is that of the second.
3. A crowd takes newcomers until it is answered, has `CROWD` members, or has stood open for a
   moment: so it is no more to wake than a few readers are, and nobody's deadline is late by more
   than a quarter of a second.
4. Whoever leaves before the answer leaves the others alone; when the last one has, nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.logger import Logger
from twisted.web.http import datetimeToString

from ..model.errors import ChatError
from ..stream.batch import Batch
from ..stream.feed import Feed
from ..stream.subscriber import Subscriber
from ..stream.writing import direct_write
from .longpoll import DEFAULT_WAIT, Asked, Polls

CROWD = 20
"""Polls that are answered at a stretch: a fifth of a millisecond's work."""


class Member(Protocol):
    """One poll among others."""

    crowd: Crowd | None
    """Where it waits, or has waited."""

    @property
    def send(self) -> Callable[[bytes], int | None]:
        """What sends bytes to it, and answers how many; None: the rest is seen to.  May raise
        `OSError`.
        """

    def write(self, data: bytes) -> None:
        """Send bytes, now or later: what `send` did not, before anything else is sent."""

    def over(self) -> None:
        """It is answered.  Called if it asked in a session."""

    def go_on(self) -> None:
        """It is answered.  Called if something came in, or ended, while it waited."""

    def failed(self) -> None:
        """Its answer could not be written."""


class Question:
    """What the members of a crowd ask."""

    __slots__ = (
        "__weakref__",
        "_clock",
        "_feeds",
        "after",
        "asked",
        "before",
        "crowds",
        "head",
        "polls",
    )

    def __init__(
        self, polls: Polls, asked: Asked, before: bytes, after: bytes, head: bytes
    ) -> None:
        """`before` and `after` stand around the cursor in the request, and `head` is how the answer
        begins.
        """
        self.polls = polls
        self.asked = asked
        self.before = before
        self.after = after
        self.head = head
        self.crowds: dict[bytes, Crowd] = {}
        """Those that are open, by the whole request with which one joins."""
        self._clock = asked.reading.service.clock
        self._feeds = asked.reading.feeds(asked.style.codec)

    def ask(self, member: Member, request: bytes, cursor: int) -> None:
        """Answer a poll in this turn of the reactor, or let it wait for something to be said.

        Who asks alike in this turn is answered together: not even what is there already is sent to
        one alone.
        """
        crowd = self._crowd(member, request, cursor)
        # A session has to be looked at each time: it may be over.
        if self.asked.reading.lease is None:
            self.crowds[request] = crowd
        if crowd.late:
            self.polls.begin_soon(crowd)
        else:
            crowd.begin()

    def answer_last(self, member: Member, crowd: Crowd) -> None:
        """Answer one who has left a crowd with what there is, be it nothing; and the connection is
        closed behind it.
        """
        head = self.head + b"Connection: close\r\n"
        asked = self.asked._replace(wait=0)
        last = Question(self.polls, asked, self.before, self.after, head)
        answer = last._crowd(member, crowd.request, crowd.cursor)
        answer.begin()
        answer.give_up()  # a page of the store would come too late

    def _crowd(self, member: Member, request: bytes, cursor: int) -> Crowd:
        crowd = Crowd(self, request, self._feeds, cursor, self.asked.reading.limit)
        crowd.join(member)
        return crowd

    def now(self) -> float:
        """Seconds on the reactor's clock."""
        return self._clock.seconds()

    def close(self, crowd: Crowd) -> None:
        """That one takes nobody any more."""
        if self.crowds.get(crowd.request) is crowd:
            del self.crowds[crowd.request]

    def answer(self, batch: Batch) -> bytes:
        """A batch as a whole response: for a second, the same bytes for all who ask this."""
        return batch.cached((self.head, self.asked.style.name), self._answer, int(self.now()))

    def _answer(self, batch: Batch) -> bytes:
        body = self.asked.style.body(batch)
        date = datetimeToString()
        return b"%bDate: %b\r\nContent-Length: %d\r\n\r\n%b" % (self.head, date, len(body), body)


class Crowd:
    """Polls that are answered together."""

    __slots__ = (
        "_closed",
        "_question",
        "_subscriber",
        "behind",
        "cursor",
        "due",
        "ended",
        "filed",
        "members",
        "request",
        "waiting",
    )

    _log = Logger()

    def __init__(
        self, question: Question, request: bytes, feeds: Sequence[Feed], cursor: int, limit: int
    ) -> None:
        self.request = request
        """With what one joins."""
        self.cursor = cursor
        self.members: list[Member] = []
        self.behind: list[Member] = []
        """Those for whom something came in, or ended, while they wait."""
        self.waiting = True
        """Whether it is not answered yet."""
        self.ended = 0.0
        """When it was answered, on the reactor's clock."""
        self.due: float | None = None
        self.filed = 0
        self._question = question
        self._subscriber: Subscriber | None = Subscriber(self, feeds, cursor, limit)
        self._closed = False

    @property
    def late(self) -> bool:
        """Whether there is something to read already."""
        return self._subscriber is not None and self._subscriber.late

    def begin(self) -> None:
        """Read, or wait for something to read."""
        if not self._subscriber:
            return  # all have left
        asked = self._question.asked
        self._subscriber.start()
        if self._subscriber and asked.wait <= 0:
            self._subscriber.wake()  # also what the others are about to be woken for
        if self._subscriber and asked.wait <= 0:
            self._subscriber.when_caught_up(self.give_up)
        if self.waiting:
            self._closed = asked.reading.lease is not None
            self._question.polls.deadlines.set(self, self._wait if self._closed else 0)

    def join(self, member: Member) -> None:
        """One more."""
        members = self.members
        members.append(member)
        member.crowd = self
        if len(members) == CROWD:
            self._question.close(self)

    def leave(self, member: Member) -> None:
        """One less."""
        self.members.remove(member)
        if member in self.behind:
            self.behind.remove(member)
        if not self.members:
            self._end()

    def deliver(self, batch: Batch) -> bool:
        """Answer them all."""
        self._end()
        members, self.members = self.members, []
        question = self._question
        answer = question.answer(batch)
        for member in members:
            try:
                direct_write(member.send, member.write, answer)
            except Exception:
                self._log.failure("a poll could not be answered")
                member.failed()
        if question.asked.reading.lease is not None:
            for member in members:
                member.over()
        behind, self.behind = self.behind, []
        for member in behind:
            member.go_on()
        return False

    def time_is_up(self) -> None:
        """That of coming in; then that of waiting."""
        if self._closed:
            self.give_up()
        else:
            self._closed = True
            self._question.close(self)
            self._question.polls.deadlines.set(self, self._wait)

    @property
    def _wait(self) -> float:
        """Seconds to wait; a poll that is not to be held waits nevertheless for a page of the
        store.
        """
        return self._question.asked.wait or DEFAULT_WAIT

    def give_up(self) -> None:
        """Answer with no events, unless that is done."""
        if self.waiting:
            self.deliver(Batch(b"", 0, self.cursor))

    def revoked(self, error: ChatError) -> None:
        """See `Outlet.revoked`; a poll's answer has no place for the reason."""
        self.give_up()

    def _end(self) -> None:
        self._question.close(self)
        self.waiting = False
        self.ended = self._question.now()
        self._question.polls.deadlines.forget(self)
        subscriber, self._subscriber = self._subscriber, None
        if subscriber:
            subscriber.stop()
