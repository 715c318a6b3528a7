"""The order of one person's commands.

A command sees the state as shown; it never sees what is accepted but not stored yet.  So that a
person's own commands still take effect one after another:

1. A command is judged when all earlier commands of the same person are shown or refused.
2. Messages to a room that the person is in change no state.  Several of them may be under way at
   the same time if they were judged by the same version of the room; the store keeps their order.
   If one is stale, so are those after it, and they are judged again after it.  A message that would
   be judged by another version waits: it would not be stale, and so would overtake the others.
3. Whether the person is in the room is looked up when it is the message's turn, because an earlier
   command may have changed it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from twisted.internet.defer import Deferred, fail

T = TypeVar("T")


class Person(Protocol):
    """The part of `chatd.chat.person.Person` on which the order of commands depends."""

    rooms: dict[str, Any]
    visiting: bool
    lane: Lane | None


ALONE = ""
"""In place of a room: the command changes state, so no other command of its person may be under way
at the same time."""
MOST_WAITING = 1000
"""The most commands of one person that wait for earlier ones; above it, commands are refused."""


class Lane(Struct, eq=False):
    """The commands of one person that are under way, and the queue of waiting ones."""

    _person: Person
    group: str = ALONE
    """The room of the commands under way, or `ALONE`."""
    version: int = 0
    """The version of that room when they were first judged."""
    under_way: int = 0
    waiting: deque[tuple[str, Callable[[], object]]] | None = None
    """The commands that wait, each with its group; None: no command has had to wait."""
    starting: bool = False
    """Whether `_start_waiting` is running: a command that ends at once must not start it again."""

    def begins(self, room: str) -> bool:
        """Whether a command for that room, or `ALONE`, may be judged now; if so, count it as under
        way.
        """
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
        """Whether no more commands may wait."""
        return self.waiting is not None and len(self.waiting) >= MOST_WAITING

    def judged(self, judge: Callable[..., Deferred[T]], *args: Any) -> Deferred[T]:
        """Judge a command that has begun; fires with its outcome."""
        try:
            outcome = judge(*args)
        except Exception:
            outcome = fail()
        return outcome.addBoth(self._over)

    def _over(self, result: T) -> T:
        """A command has been shown or refused."""
        self.under_way -= 1
        if self.waiting and not self.starting:
            self._start_waiting()
        if not (self.under_way or self.waiting) and self._person.lane is self:
            self._person.lane = None
        return result

    def _start_waiting(self) -> None:
        """Judge the waiting commands that need not wait any more."""
        self.starting = True
        waiting = self.waiting
        while waiting and self.begins(waiting[0][0]):
            _, begin = waiting.popleft()
            begin()
        self.starting = False


def in_order(
    person: Person, room: str, judge: Callable[..., Deferred[T]], *args: Any
) -> Deferred[T]:
    """Call `judge` with `args` when the person's earlier commands allow it; fires with its outcome.

    `room` is the room of a message, or `ALONE`.
    """
    lane = person.lane
    if lane is None:
        lane = person.lane = Lane(person)
    if not (lane.waiting or lane.starting) and lane.begins(room):
        return lane.judged(judge, *args)  # the usual case needs no Deferred of its own
    outcome: Deferred[Any] = Deferred()
    if lane.waiting is None:
        lane.waiting = deque()
    lane.waiting.append((room, lambda: lane.judged(judge, *args).chainDeferred(outcome)))
    return outcome
