"""Polls that ask the same from the same cursor are one reader, and are answered together.

Of ten thousand who wait for the next message in a room, nearly all ask the same question to the
byte, from the same cursor.  What has to be done for each of them is to put it on a list, and to
send it bytes that were made once.  All else is done for a crowd: reading the log, standing among
the room's readers, having a deadline.

Why this is right:

1. A crowd is a `Subscriber`'s outlet like any other: there is one road out of the log.
2. That the question is the same was seen by its bytes (`chatd.transports.learned`), so the answer
   is the same too, to its last header.
3. A crowd takes newcomers until it is answered, has `CROWD` members, or has stood open for a
   moment: so it is no more to wake than a few readers are, and nobody's deadline is late by more
   than a quarter of a second.
4. Whoever leaves before the answer leaves the others alone; when the last one has, nobody reads.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.logger import Logger
from twisted.web.http import datetimeToString

from ..subscriber import Batch, Subscriber
from .longpoll import Asked, Polls

CROWD = 20
"""Polls that are answered at a stretch: a fifth of a millisecond's work."""


class Member(Protocol):
    """One poll among others."""

    crowd: Crowd | None
    """Where it waits, or has waited."""

    @property
    def write(self) -> Any:
        """Its transport's."""

    def over(self) -> None:
        """It is answered.  Called if it asked in a session."""

    def go_on(self) -> None:
        """It is answered.  Called if something came in while it waited."""

    def failed(self) -> None:
        """Its answer could not be written."""


class Question:
    """What the members of a crowd ask."""

    __slots__ = (
        "__weakref__",
        "_crowds",
        "_feeds",
        "after",
        "asked",
        "before",
        "crowd",
        "expected",
        "head",
        "now",
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
        self.crowd: Crowd | None = None
        """The crowd that opened last, while it is open."""
        self.expected = b""
        """The request that joins that crowd, if there is no more to it than that."""
        self.now = asked.reading.service.clock.seconds
        self._feeds = asked.reading.feeds(asked.style.codec)
        self._crowds: dict[int, Crowd] = {}

    def ask(self, member: Member, cursor: int) -> None:
        """Answer a poll at once, or let it wait with the others."""
        crowd = self._crowds.get(cursor)
        if crowd is None:
            crowd = Crowd(self, cursor)
            crowd.join(member)
            crowd.subscriber = Subscriber(crowd, self._feeds, cursor, self.asked.reading.limit)
            crowd.subscriber.start()
            if self.asked.wait <= 0:
                crowd.give_up()
            if crowd.waiting:
                self._open(crowd)
        else:
            crowd.join(member)

    def _open(self, crowd: Crowd) -> None:
        self._crowds[crowd.cursor] = self.crowd = crowd
        if self.asked.reading.lease is None:
            self.expected = b"%b%d%b" % (self.before, crowd.cursor, self.after)
        self.polls.deadlines.set(crowd, 0)

    def close(self, crowd: Crowd) -> None:
        """That one takes nobody any more."""
        if self._crowds.get(crowd.cursor) is crowd:
            del self._crowds[crowd.cursor]
        if self.crowd is crowd:
            self.crowd = None
            self.expected = b""

    def answer(self, batch: Batch) -> bytes:
        """A batch as a whole response."""
        body = self.asked.style.body(batch)
        date = datetimeToString()
        return b"%bDate: %b\r\nContent-Length: %d\r\n\r\n%b" % (self.head, date, len(body), body)

    def last(self) -> Question:
        """The same, asked for the last time on its connection: it is not held."""
        head = self.head + b"Connection: close\r\n"
        asked = self.asked._replace(wait=0)
        return Question(self.polls, asked, self.before, self.after, head)


class Crowd:
    """Polls that are answered together."""

    __slots__ = (
        "_closed",
        "_question",
        "behind",
        "cursor",
        "due",
        "ended",
        "filed",
        "members",
        "subscriber",
        "waiting",
    )

    _log = Logger()
    subscriber: Subscriber

    def __init__(self, question: Question, cursor: int) -> None:
        self.cursor = cursor
        self.members: list[Member] = []
        self.behind: list[Member] = []
        """Those for whom something came in while they wait."""
        self.waiting = True
        """Whether it is not answered yet."""
        self.ended = 0.0
        """When it was answered, on the reactor's clock."""
        self.due: float | None = None
        self.filed = 0
        self._question = question
        self._closed = False

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
        if not self.members:
            self.subscriber.stop()
            self._end()

    def deliver(self, batch: Batch) -> bool:
        """Answer them all."""
        self._end()
        members, self.members = self.members, []
        question = self._question
        answer = batch.once(question.head, question.answer)
        for member in members:
            write = member.write
            try:
                write(answer)
            except Exception:
                self._log.failure("a poll could not be answered")
                member.failed()
        if question.asked.reading.lease is not None:
            for member in members:
                member.over()
        for member in self.behind:
            member.go_on()
        return False

    def time_is_up(self) -> None:
        """That of coming in; then that of waiting."""
        if self._closed:
            self.give_up()
        else:
            self._closed = True
            self._question.close(self)
            self._question.polls.deadlines.set(self, self._question.asked.wait)

    def give_up(self) -> None:
        """Answer with no events, unless that is done."""
        if self.waiting:
            self.subscriber.stop()
            self.deliver(Batch(b"", 0, self.cursor))

    def _end(self) -> None:
        self._question.close(self)
        self.waiting = False
        self.ended = self._question.now()
        self.due = None
