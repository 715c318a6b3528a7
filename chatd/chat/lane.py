"""The order of one person's commands.

A command sees the state as it was shown; it never sees what is accepted and not stored yet.  So
that a person's own commands still take effect one after another:

1. A command is judged when all earlier commands of the same person are shown or refused.
2. Messages to a room that the person is in change no state, so several of them may be under way
   together, if they are judged by the same version of the room; the store keeps the order in which
   they were judged.  If one of them is stale, so are those behind it, and they are judged again
   behind it.  A message that would be judged by another version waits: it would not be stale, and
   overtake them.
3. Whether the person is in the room is looked up when it is the message's turn: an earlier command
   may have changed that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, fail

T = TypeVar("T")


class Person(Protocol):
    """What the order of commands depends on (`chatd.chat.person`)."""

    rooms: dict[str, Any]
    visiting: bool
    lane: Lane | None


ALONE = ""
"""In place of a room: a command that changes state, and has nothing of its person under way beside
it."""
MOST_WAITING = 1000
"""Commands of one person that may wait for earlier ones, before no more are accepted."""


class Lane:
    """One person's commands under way, and those that wait for them."""

    __slots__ = ("_person", "group", "letting_go", "under_way", "version", "waiting")

    def __init__(self, person: Person) -> None:
        self._person = person
        self.group = ALONE
        """What the commands under way have in common: their room, or `ALONE`."""
        self.version = 0
        """The version of that room by which they were judged first."""
        self.under_way = 0
        self.waiting: deque[tuple[str, Callable[[], object]]] = deque()
        self.letting_go = False
        """Whether waiting commands are being judged now, so that one that ends at once does not
        begin to judge the others within itself."""

    def begins(self, room: str) -> bool:
        """Whether a command may be judged beside those under way; then it is counted as one."""
        person = self._person
        joined = person.rooms.get(room)
        if joined is not None:
            group, version = room, joined.version
        else:
            group, version = room if person.visiting else ALONE, 0
        if not self.under_way:
            self.group, self.version = group, version
        elif group == ALONE or group != self.group or version != self.version:
            return False
        self.under_way += 1
        return True

    @property
    def full(self) -> bool:
        """Whether as many commands wait as may."""
        return len(self.waiting) >= MOST_WAITING

    def judged(self, judge: Callable[..., Deferred[T]], *args: Any) -> Deferred[T]:
        """Judge a command that has begun; fires with its outcome."""
        try:
            outcome = judge(*args)
        except Exception:
            outcome = fail()
        return outcome.addBoth(self._over)

    def _over(self, result: T) -> T:
        """A command is shown or refused."""
        self.under_way -= 1
        if self.waiting and not self.letting_go:
            self._let_go()
        if not (self.under_way or self.waiting) and self._person.lane is self:
            self._person.lane = None
        return result

    def _let_go(self) -> None:
        """Have those commands judged that need not wait any more."""
        self.letting_go = True
        while self.waiting and self.begins(self.waiting[0][0]):
            _, begin = self.waiting.popleft()
            begin()
        self.letting_go = False


def in_order(
    person: Person, room: str, judge: Callable[..., Deferred[T]], *args: Any
) -> Deferred[T]:
    """Call `judge` with `args` when the person's earlier commands allow it; fires with its outcome.

    Messages to one `room` that the person is in may be under way together.
    """
    lane = person.lane
    if lane is None:
        lane = person.lane = Lane(person)
    if not (lane.waiting or lane.letting_go) and lane.begins(room):
        return lane.judged(judge, *args)  # nearly always: then it needs no Deferred of its own
    outcome: Deferred[Any] = Deferred()
    lane.waiting.append((room, lambda: lane.judged(judge, *args).chainDeferred(outcome)))
    return outcome
