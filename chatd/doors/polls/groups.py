"""Poll groups: identical polls at the same cursor are one reader.

Nearly all of ten thousand long-polls in a room send byte-identical requests from the same cursor.
So per poll the server only appends it to a list, and later sends it shared bytes.  All else is done
once for a group: reading the log, being one of the room's readers, having a deadline.

1. A poll group is the outlet of a `Subscriber` like any other: there is one road out of the log.
2. That polls ask for the same is known by their bytes (`chatd.doors.polls.templates`), so their
   answer is the same to its last header; its `Date` is that of the second.
3. A group takes waiters until it is answered, has `GROUP_SIZE` of them, or has been open for a
   moment.  So waking one takes no longer than waking a few readers, and no deadline is late by more
   than a quarter of a second.
4. A waiter that leaves before the answer does not concern the others.  When the last one has left,
   the group reads no more.
5. A template is judged by the gate (`chatd.chat.readers`) when it is learned and for each group.
   When it is void, its table of open groups is emptied at once, and all its waiters are answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.logger import Logger
from twisted.web.http import datetimeToString

from ...chat.owners import Owner
from ...chat.readers import JudgeAddress
from ...http.resource import whole_refusal
from ...model.addresses import Address
from ...model.errors import ChatError
from ...stream.batch import Batch
from ...stream.feed import Feed, Source
from ...stream.subscriber import Subscriber
from ...stream.writing import direct_write
from .longpoll import DEFAULT_WAIT, PollRequest, Polls

GROUP_SIZE = 20
"""Polls that are answered at a stretch: a fifth of a millisecond's work."""


class Waiter(Protocol):
    """One poll of a group."""

    group: PollGroup | None
    """Where it waits, or waited last."""

    @property
    def address(self) -> Address:
        """Where it comes from."""

    @property
    def send(self) -> Callable[[bytes], int | None]:
        """Sends bytes at once and returns how many; None: all are taken care of.  May raise
        `OSError`.
        """

    def write(self, data: bytes) -> None:
        """Send bytes, now or later: those that `send` did not take, before any others."""

    def over(self) -> None:
        """It is answered.  Called if it asked in a session."""

    def go_on(self) -> None:
        """It is answered.  Called if bytes came in, or the input ended, while it waited."""

    def failed(self) -> None:
        """Its answer could not be written."""


class PollTemplate:
    """A poll that connections have learned: its bytes around the cursor, and what it asks for."""

    __slots__ = (
        "__weakref__",
        "_clock",
        "_feeds",
        "after",
        "before",
        "error",
        "groups",
        "head",
        "judge",
        "personal",
        "polls",
        "request",
        "valid",
    )

    def __init__(
        self, polls: Polls, request: PollRequest, before: bytes, after: bytes, head: bytes
    ) -> None:
        """`before` and `after` stand around the cursor in the request, and `head` is how the answer
        begins: its status line and headers, but for the last two.  Raises `NotAllowed`.
        """
        self.polls = polls
        self.request = request
        self.before = before
        self.after = after
        self.head = head
        self.groups: dict[bytes, PollGroup] = {}
        """The groups that take waiters, by the bytes of the whole request."""
        self.valid = True
        """Whether the gate still lets its requests pass unjudged."""
        self.error: ChatError | None = None
        """Why not, if its requests are refused."""
        self.judge: JudgeAddress | None = None
        """Why not, for the address of each."""
        self.personal = request.query.session is not None
        """Whether its requests are made in a session."""
        self._clock = request.query.service.clock
        views = request.query.views(request.format.codec)
        self._feeds: Sequence[Feed] = polls.readers.register(self, views)

    # -- the gate's side -------------------------------------------------------------------------

    @property
    def owner(self) -> Owner:
        """See `chatd.chat.readers.Template`."""
        return self.request.query.owner

    @property
    def sources(self) -> Sequence[Source]:
        """See `chatd.chat.readers.Template`."""
        return self.request.query.sources

    def void(self, error: ChatError | None, judge: JudgeAddress | None = None) -> None:
        """See `chatd.chat.readers.Template`.

        A connection that has learned it sends its next poll through the slow path.
        """
        if not self.valid:
            return
        self.valid = False
        self.error, self.judge = error, judge
        self.groups.clear()
        self.polls.forget(self)
        for feed in self._feeds:
            for reader in tuple(feed.readers):
                if isinstance(reader, Subscriber) and reader.owner is self:
                    group = reader.outlet
                    assert isinstance(group, PollGroup)
                    group.stop()
                    self.polls.begin_soon(group)

    # -- asking ----------------------------------------------------------------------------------

    def ask(self, waiter: Waiter, packet: bytes, cursor: int) -> None:
        """Answer a poll in this turn of the reactor, or let it wait for an event.

        Identical polls that arrive in one turn are answered together, even if events are there
        already.  Raises `NotAllowed`.
        """
        group = self._group(waiter, packet, cursor)
        # A session is looked at for each poll: it may be over.
        if not self.personal:
            self.groups[packet] = group
        if group.late:
            self.polls.begin_soon(group)
        else:
            group.begin()

    def answer_last(self, waiter: Waiter, group: PollGroup) -> None:
        """Answer a waiter that has left a group with the events there are, if any; the connection
        is closed behind the answer.
        """
        head = self.head + b"Connection: close\r\n"
        request = self.request._replace(wait=0)
        try:
            last = PollTemplate(self.polls, request, self.before, self.after, head)
            answer = last._group(waiter, group.packet, group.cursor)
        except ChatError as error:
            waiter.write(whole_refusal(error, head))
            return
        answer.begin()
        answer.give_up()  # a page of the store would come too late

    def _group(self, waiter: Waiter, packet: bytes, cursor: int) -> PollGroup:
        group = PollGroup(self, packet, cursor)
        group.join(waiter)
        return group

    def open(self, group: PollGroup, cursor: int) -> Subscriber:
        """The reader of a group, made by the gate.  Raises `NotAllowed`."""
        limit = self.request.query.limit
        return self.polls.readers.join(self, self._feeds, group, cursor, limit)

    def now(self) -> float:
        """Seconds on the reactor's clock."""
        return self._clock.seconds()

    def close(self, group: PollGroup) -> None:
        """That group takes no more waiters."""
        if self.groups.get(group.packet) is group:
            del self.groups[group.packet]

    def answer(self, batch: Batch) -> bytes:
        """A batch as a whole response: within one second, the same bytes for all waiters."""
        return batch.cached((self.head, self.request.format.name), self._answer, int(self.now()))

    def _answer(self, batch: Batch) -> bytes:
        body = self.request.format.body(batch)
        date = datetimeToString()
        return b"%bDate: %b\r\nContent-Length: %d\r\n\r\n%b" % (self.head, date, len(body), body)

    def refusal(self, error: ChatError) -> bytes:
        """The response with which the slow path would refuse the request."""
        return whole_refusal(error, self.head)


class PollGroup:
    """Identical polls that are answered together."""

    __slots__ = (
        "_closed",
        "_subscriber",
        "_template",
        "behind",
        "cursor",
        "due",
        "ended",
        "filed",
        "packet",
        "waiters",
        "waiting",
    )

    _log = Logger()

    def __init__(self, template: PollTemplate, packet: bytes, cursor: int) -> None:
        """Raises `NotAllowed`."""
        self.packet = packet
        """The bytes of the whole request."""
        self.cursor = cursor
        self.waiters: list[Waiter] = []
        self.behind: list[Waiter] = []
        """The waiters for which bytes came in, or whose input ended, while they wait."""
        self.waiting = True
        """Whether it is not answered yet."""
        self.ended = 0.0
        """When it was answered, on the reactor's clock."""
        self.due: float | None = None
        self.filed = 0
        self._template = template
        self._subscriber: Subscriber | None = template.open(self, cursor)
        self._closed = False

    @property
    def late(self) -> bool:
        """Whether there are events already."""
        return self._subscriber is not None and self._subscriber.late

    def begin(self) -> None:
        """Answer with the events there are, or wait for some."""
        if not self.waiting:
            return  # all have left
        template, subscriber = self._template, self._subscriber
        if subscriber is None or not template.valid:
            self._refuse()
            return
        wait = template.request.wait
        subscriber.start()
        if self.waiting and wait <= 0:
            subscriber.wake()  # also for what the other readers are about to be woken for
        if self.waiting and wait <= 0:
            subscriber.when_caught_up(self.give_up)
        if self.waiting:
            self._closed = template.personal
            template.polls.deadlines.set(self, self._wait if self._closed else 0)

    def join(self, waiter: Waiter) -> None:
        """One more poll waits."""
        waiters = self.waiters
        waiters.append(waiter)
        waiter.group = self
        if len(waiters) == GROUP_SIZE:
            self._template.close(self)

    def leave(self, waiter: Waiter) -> None:
        """A poll waits no more."""
        self.waiters.remove(waiter)
        if waiter in self.behind:
            self.behind.remove(waiter)
        if not self.waiters:
            self._end()

    def deliver(self, batch: Batch) -> bool:
        """Answer all waiters."""
        self._answer(self._template.answer(batch))
        return False

    def _answer(self, answer: bytes) -> None:
        self._end()
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            try:
                direct_write(waiter.send, waiter.write, answer)
            except Exception:
                self._log.failure("a poll could not be answered")
                waiter.failed()
        if self._template.personal:
            for waiter in waiters:
                waiter.over()
        behind, self.behind = self.behind, []
        for waiter in behind:
            waiter.go_on()

    def time_is_up(self) -> None:
        """The time for taking waiters is over; the second time, that for waiting is."""
        if self._closed:
            self.give_up()
        else:
            self._closed = True
            self._template.close(self)
            self._template.polls.deadlines.set(self, self._wait)

    @property
    def _wait(self) -> float:
        """Seconds to wait; a poll that is not to be held waits nevertheless for a page of the
        store.
        """
        return self._template.request.wait or DEFAULT_WAIT

    def give_up(self) -> None:
        """Answer with no events, if it is not answered yet."""
        if self.waiting:
            self.deliver(Batch(b"", 0, self.cursor))

    def _refuse(self) -> None:
        """Answer as the slow path would: the template is void."""
        error = self._template.error
        if error is None:
            self._refuse_some()
            self.give_up()
        else:
            self._answer(self._template.refusal(error))

    def _refuse_some(self) -> None:
        """Refuse those waiters whose addresses may not read any more."""
        judge = self._template.judge
        if judge is None:
            return
        for waiter in list(self.waiters):
            error = judge(waiter.address)
            if error is not None:
                self.waiters.remove(waiter)
                waiter.write(self._template.refusal(error))
                if waiter in self.behind:
                    self.behind.remove(waiter)
                    waiter.go_on()

    def stop(self) -> None:
        """Read no more; the waiters are still to be answered."""
        subscriber, self._subscriber = self._subscriber, None
        if subscriber:
            subscriber.stop()

    def revoked(self, error: ChatError) -> None:
        """See `Outlet.revoked`.  The gate voids the template instead."""

    def removed(self, room: str, error: ChatError) -> None:
        """See `Outlet.removed`.  The gate voids the template instead."""

    def _end(self) -> None:
        self._template.close(self)
        self.waiting = False
        self.ended = self._template.now()
        self._template.polls.deadlines.forget(self)
        self.stop()
