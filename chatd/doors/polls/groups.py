"""Poll groups: identical polls at the same cursor form one group, which is a single reader.

Nearly all of ten thousand long-polls in a room send byte-identical requests from the same cursor.
So per poll the server only appends the poll to a list, and later sends it shared bytes.  All other
work is done once per group: reading the log, registering as a reader of the room, and keeping a
deadline.

1. A poll group is the outlet of an ordinary `Subscriber`.
2. Polls are recognised as identical by the bytes of their requests (`chatd.doors.polls.templates`).
   So their answers are identical too, including the headers, if they are sent in the same second
   (`Date`).
3. A group accepts waiters until it is answered, has `GROUP_SIZE` of them, or the eighth of a
   second in which it was opened is over (`Polls.close_soon`).  So answering a group takes no longer
   than waking a few readers, and no deadline is late by more than a quarter of a second.
4. If a waiter leaves before the answer, the others wait on.  When the last waiter has left, the
   group stops reading.
5. The gate (`chatd.chat.readers`) judges a template when it is learned, and again for each group.
   When the gate voids a template, the template's open groups accept no more waiters, and all its
   waiters are answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.logger import Logger
from twisted.web.http import datetimeToString

from ...chat.owners import Owner
from ...chat.templates import JudgeAddress
from ...http.resource import whole_refusal
from ...model.addresses import Address
from ...model.errors import ChatError
from ...model.metrics import RARE
from ...stream.batch import Batch
from ...stream.feed import Feed, Source
from ...stream.subscriber import Subscriber
from .longpoll import DEFAULT_WAIT, PollRequest, Polls

GROUP_SIZE = 20
"""Polls in one group at most.  They are answered without a break, which takes about 0.2 ms."""


class Waiter(Protocol):
    """One poll of a group, held on one connection."""

    group: PollGroup | None
    """The group in which the poll waits, or waited last."""

    @property
    def address(self) -> Address:
        """Where it comes from."""

    @property
    def send(self) -> Callable[[bytes], int | None]:
        """See `send` of `chatd.stream.reader.Reader`."""

    def write(self, data: bytes) -> None:
        """Send the bytes that `send` did not send, now or later, before any further bytes."""

    def over(self) -> None:
        """The poll is answered.  Called only for a poll of a session."""

    def go_on(self) -> None:
        """The poll is answered.  Called only if input was received, or ended, while it waited."""

    def failed(self) -> None:
        """The poll's answer could not be written."""


class PollTemplate:
    """A learned poll: the bytes of its request around the cursor, and the parsed request."""

    __slots__ = (
        "__weakref__",
        "_clock",
        "after",
        "before",
        "error",
        "feeds",
        "groups",
        "head",
        "judge",
        "owner",
        "personal",
        "polls",
        "request",
        "sources",
        "valid",
    )

    def __init__(
        self, polls: Polls, request: PollRequest, before: bytes, after: bytes, head: bytes
    ) -> None:
        """`before` and `after` are the request's bytes before and after the cursor.  `head` is the
        answer's status line and its headers except `Date` and `Content-Length`.

        Raises `NotAllowed`.
        """
        self.polls = polls
        self.request = request
        self.before = before
        self.after = after
        self.head = head
        self.groups: dict[bytes, PollGroup] = {}
        """The groups that accept waiters, by the bytes of the whole request."""
        self.valid = True
        """False once the gate has voided the template: its requests have to be judged again."""
        self.error: ChatError | None = None
        """The refusal of the template's requests, if the gate gave one when it voided the
        template.
        """
        self.judge: JudgeAddress | None = None
        """Finds the refusal for the address of each request, if that decides."""
        query = request.query
        self.personal = query.session is not None
        """Whether the template's requests belong to a session."""
        self.owner: Owner = query.owner
        """See `chatd.chat.readers.Template`."""
        self.sources: Sequence[Source] = query.sources
        """See `chatd.chat.readers.Template`."""
        self._clock = query.service.clock
        self.feeds: Sequence[Feed] = polls.readers.register(self, request.format.codec)
        """The sources in the codec of the answers."""

    # -- the gate's side -------------------------------------------------------------------------

    def void(self, error: ChatError | None, judge: JudgeAddress | None = None) -> None:
        """See `chatd.chat.readers.Template`.

        A connection that has learned the template handles its next poll like a first one.
        """
        if not self.valid:
            return
        self.valid = False
        self.error, self.judge = error, judge
        self.groups.clear()
        self.polls.forget(self)
        self.polls.readers.templates.discard(self)
        for feed in self.feeds:
            for reader in tuple(feed.readers):
                if isinstance(reader, Subscriber) and reader.owner is self:
                    group = reader.outlet
                    assert isinstance(group, PollGroup)
                    group.stop()
                    self.polls.begin_soon(group)

    # -- asking ----------------------------------------------------------------------------------

    def ask(self, waiter: Waiter, packet: bytes, cursor: int) -> None:
        """Open a group for a poll, and answer it if there are events, or let it wait for one.

        Identical polls that arrive in one turn are answered together, even if events are available
        already.  Raises `NotAllowed`.
        """
        group = PollGroup(self, packet, cursor)
        group.join(waiter)
        # Polls of a session do not join groups by their bytes: the session may be over.
        if not self.personal:
            self.groups[packet] = group
        if group.late:
            self.polls.begin_soon(group)
        else:
            group.begin()

    def answer_last(self, waiter: Waiter, group: PollGroup) -> None:
        """Answer a waiter that has left `group` with the events that are available now, if any, and
        with `Connection: close`.
        """
        head = self.head + b"Connection: close\r\n"
        request = self.request._replace(wait=0)
        try:
            last = PollTemplate(self.polls, request, self.before, self.after, head)
            answer = PollGroup(last, group.packet, group.cursor)
        except ChatError as error:
            waiter.write(whole_refusal(error, head))
            return
        answer.join(waiter)
        answer.begin()
        answer.give_up()  # do not wait for a page of the store

    def now(self) -> float:
        """Seconds on the reactor's clock."""
        return self._clock.seconds()

    def answer(self, batch: Batch) -> bytes:
        """A batch as a complete response; all waiters share its bytes within one second."""
        return batch.cached((self.head, self.request.format.name), self._answer, int(self.now()))

    def _answer(self, batch: Batch) -> bytes:
        body = self.request.format.body(batch)
        date = datetimeToString()
        return b"%bDate: %b\r\nContent-Length: %d\r\n\r\n%b" % (self.head, date, len(body), body)

    def refusal(self, error: ChatError) -> bytes:
        """The response by which `error` is refused: the same that a parsed request would get."""
        return whole_refusal(error, self.head)


class PollGroup:
    """Identical polls that are answered together; the outlet of their reader."""

    __slots__ = (
        "_gate",
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
        """The waiters whose connections received bytes, or the end of input, while they waited."""
        self.waiting = True
        """Whether the group is not answered yet, and has waiters."""
        self.ended = 0.0
        """Seconds on the reactor's clock when the group was answered."""
        self.due: float | None = None
        self.filed = 0
        self._template = template
        self._gate = template.polls.readers
        """Makes the reader, and counts the waiters for the metrics."""
        self._subscriber: Subscriber | None = self._gate.join(
            template, template.feeds, self, cursor, template.request.query.limit
        )

    @property
    def late(self) -> bool:
        """Whether events are available for which other readers have been woken already."""
        return self._subscriber is not None and self._subscriber.late

    def begin(self) -> None:
        """Answer with the available events, or begin to wait for one."""
        if not self.waiting:
            return  # all waiters have left
        template, subscriber = self._template, self._subscriber
        if subscriber is None or not template.valid:
            self._refuse()
            return
        wait = template.request.wait
        subscriber.start()
        if self.waiting and wait <= 0:
            subscriber.wake()  # `start` leaves events for which a round is about to begin
        if self.waiting and wait <= 0:
            subscriber.when_caught_up(self.give_up)
        if self.waiting:
            polls = template.polls
            # The wait begins when the group is closed, because a waiter may come until then.
            closed = None if template.personal else polls.close_soon(self)
            # A poll with `wait=0` is held only for a page of the store, at most `DEFAULT_WAIT`.
            polls.deadlines.set(self, wait or DEFAULT_WAIT, closed)

    def join(self, waiter: Waiter) -> None:
        """Add a poll to the group."""
        waiters = self.waiters
        waiters.append(waiter)
        waiter.group = self
        self._gate.polls += 1
        if len(waiters) == GROUP_SIZE:
            self.close()

    def leave(self, waiter: Waiter) -> None:
        """Remove a poll, which is not to be answered with the group."""
        self._remove(waiter)
        if waiter in self.behind:
            self.behind.remove(waiter)
        if not self.waiters:
            self._end()

    def _remove(self, waiter: Waiter) -> None:
        self.waiters.remove(waiter)
        self._gate.polls -= 1

    def deliver(self, batch: Batch) -> bool:
        """Answer all waiters with a batch."""
        if batch.gaps:
            RARE.gaps += len(self.waiters)
        self._answer(self._template.answer(batch))
        return False

    def _answer(self, answer: bytes) -> None:
        self._end()
        waiters, self.waiters = self.waiters, []
        self._gate.polls -= len(waiters)
        size = len(answer)
        for waiter in waiters:
            try:
                # This is `direct_write`: a call of it would cost some percent of a poll.
                try:
                    sent = waiter.send(answer)
                except OSError:
                    sent = 0
                if sent != size and sent is not None:
                    waiter.write(answer[sent:])
            except Exception:
                self._log.failure("a poll could not be answered")
                waiter.failed()
        if self._template.personal:
            for waiter in waiters:
                waiter.over()
        behind, self.behind = self.behind, []
        for waiter in behind:
            waiter.go_on()

    def close(self) -> None:
        """Accept no more waiters."""
        groups = self._template.groups
        if groups.get(self.packet) is self:
            del groups[self.packet]

    def give_up(self) -> None:
        """Answer with no events, if the group is not answered yet."""
        if self.waiting:
            self.deliver(Batch(b"", 0, self.cursor))

    time_is_up = give_up

    def _refuse(self) -> None:
        """Answer all waiters of a void template: with its error, or else with no events."""
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
                self._remove(waiter)
                waiter.write(self._template.refusal(error))
                if waiter in self.behind:
                    self.behind.remove(waiter)
                    waiter.go_on()

    def stop(self) -> None:
        """Stop reading; the waiters still have to be answered."""
        subscriber, self._subscriber = self._subscriber, None
        if subscriber:
            subscriber.stop()

    def revoked(self, error: ChatError) -> None:
        """See `Outlet.revoked`.  The gate voids the template instead."""

    def removed(self, room: str, error: ChatError) -> None:
        """See `Outlet.removed`.  The gate voids the template instead."""

    def _end(self) -> None:
        self.close()
        self.waiting = False
        self.ended = self._template.now()
        polls = self._template.polls
        polls.deadlines.forget(self)
        polls.open_groups.pop(self, None)
        self.stop()
