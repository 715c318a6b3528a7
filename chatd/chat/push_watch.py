"""Watches the units that this node has stored, and calls `notify` for each account they concern.

1. Each message is watched by the node that took it from its sender, and by no other: so every
   notification is sent by one node.  It is lost with that node: notifications are best effort.
2. Storing a message costs a look at whether anybody has subscribed, and if so a place in a queue.
   The rest is done `DELAY_SECONDS` later, some messages a turn: by then the message may have been
   read, or deleted.
3. What came for one account in one place is one notification.  The next one for that place comes
   `QUIET_SECONDS` later at the earliest, and tells of all that came meanwhile.
4. All queues are bounded.  At the bound the oldest are dropped, and counted.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import BadName, ChatError
from ..model.events import MESSAGES, Letter, Told
from ..model.letters import place_of, recipient
from ..model.names import name_key
from ..model.units import Stale, Unit
from ..stream.eventlog import Entry
from .limits import Buckets
from .push_subscriptions import Subscriptions

DELAY_SECONDS = 10.0
"""Seconds from a message to its notification: a user who looks at a page has read it by then."""
QUIET_SECONDS = 60.0
"""Seconds between two notifications of one account in one place."""
MOST_WAITING = 10_000
"""Messages that wait until they are looked at."""
MOST_AT_ONCE = 100
"""Messages that are looked at in one turn of the reactor."""
MOST_PENDING = 1000
"""Places in which notifications of accounts wait."""
MOST_TOLD = 20
"""Messages in one place that are looked at for one notification: the last ones."""
A_MINUTE = 2.0
"""Notifications of one account in a minute, in the long run, over all places."""
AT_ONCE = 20
"""Notifications of one account that may come at once."""


class Calls:
    """What came for one account in one place since its last notification."""

    __slots__ = ("count", "entries")

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=MOST_TOLD)
        self.count = 0


Notify = Callable[[str, str, Sequence[Entry], int], Deferred[bool]]
"""`notify(account, place, entries, count)` notifies an account of what came in a room, or from
`@` and a name key; fires with whether anything was sent."""


class PushWatch:
    """Watches the messages of this node."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        subscriptions: Subscriptions,
        notify: Notify,
        counts: Counter[str],
    ) -> None:
        """`counts` counts what is dropped."""
        self._clock = clock
        self._subscriptions = subscriptions
        self._notify = notify
        self._counts = counts
        self._last = 0
        """The highest id that was heard: a request that is repeated gets an id again."""
        self._waiting: deque[tuple[float, Entry]] = deque()
        self._timer: IDelayedCall | None = None
        self._pending: OrderedDict[tuple[str, str], Calls] = OrderedDict()
        self._quiet: dict[tuple[str, str], IDelayedCall | None] = {}
        """The places in which nothing is sent now, with what ends that; None: a notification is
        under way."""
        self._rates: Buckets[str] = Buckets(A_MINUTE / 60, clock.seconds, AT_ONCE)

    @property
    def waiting(self) -> int:
        """Messages, and places of accounts, that wait."""
        return len(self._waiting) + len(self._pending)

    def stored(self, answers: Sequence[int | Stale], units: Iterable[Unit]) -> None:
        """The store has taken a batch of this node's units."""
        if not self._subscriptions:
            return
        for answer, unit in zip(answers, units, strict=True):
            if isinstance(answer, Stale) or answer <= self._last or not unit.events:
                continue
            event = unit.events[0]
            if isinstance(event, (*MESSAGES, Letter, Told)):
                self._last = answer
                self._waiting.append((self._clock.seconds() + DELAY_SECONDS, Entry(answer, event)))
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._counts["dropped"] += 1
        self._set_timer()

    def stop(self) -> None:
        """Forget what waits: the server ends."""
        timers = [self._timer, *self._quiet.values()]
        for timer in timers:
            if timer is not None and timer.active():
                timer.cancel()
        self._timer = None
        self._quiet.clear()
        self._waiting.clear()
        self._pending.clear()

    def _set_timer(self) -> None:
        if self._timer is None and self._waiting:
            due = self._waiting[0][0] - self._clock.seconds()
            self._timer = self._clock.callLater(max(due, 0.0), self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        for _ in range(MOST_AT_ONCE):
            if not self._waiting or self._waiting[0][0] > now:
                break
            _, entry = self._waiting.popleft()
            for account, place in self._called(entry):
                self._call(account, place, entry)
        self._set_timer()

    def _called(self, entry: Entry) -> list[tuple[str, str]]:
        """The accounts that a message may concern, each with the place where it came."""
        event = entry.event
        try:
            if isinstance(event, Letter):
                if not isinstance(event.told, Told) or event.unheard is True:
                    return []
                to, sender = recipient(event), event.by
            elif isinstance(event, Told):
                to, sender = name_key(event.to), name_key(event.sender)
            else:
                assert isinstance(event, MESSAGES)
                own = name_key(event.sender)
                called = self._subscriptions.called(event.room, event.text)
                return [(account, event.room) for account in called if account != own]
        except BadName:
            return []  # a name of other times
        known = to != sender and self._subscriptions.of(to)
        return [(to, place_of(sender))] if known else []

    def _call(self, account: str, place: str, entry: Entry) -> None:
        where = account, place
        calls = self._pending.get(where)
        if calls is None:
            if len(self._pending) >= MOST_PENDING:
                self._pending.popitem(last=False)
                self._counts["dropped"] += 1
            calls = self._pending[where] = Calls()
        calls.entries.append(entry)
        calls.count += 1
        self._ring(where)

    def _ring(self, where: tuple[str, str]) -> None:
        """Notify an account of what waits in a place, unless it was notified there lately."""
        if where in self._quiet or where not in self._pending:
            return
        calls = self._pending.pop(where)
        if self._rates.bucket(where[0]).take():
            self._counts["limited"] += 1
            return
        self._quiet[where] = None
        notifying = self._notify(*where, [*calls.entries], calls.count)
        notifying.addErrback(self._failed)
        notifying.addCallback(self._rang, where)

    def _rang(self, sent: bool, where: tuple[str, str]) -> None:
        if where not in self._quiet:
            return  # the server ends
        if sent:
            self._quiet[where] = self._clock.callLater(QUIET_SECONDS, self._over, where)
        else:
            self._rates.bucket(where[0]).give_back()
            self._over(where)

    def _over(self, where: tuple[str, str]) -> None:
        self._quiet.pop(where, None)
        self._ring(where)

    def _failed(self, failure: Failure) -> bool:
        if not failure.check(ChatError):
            self._log.failure("an account could not be notified", failure)
        self._counts["failed"] += 1
        return False
