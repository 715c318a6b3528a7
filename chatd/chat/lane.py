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

    __slots__ = ("group", "letting_go", "under_way", "version", "waiting")

    def __init__(self) -> None:
        self.group = ALONE
        """What the commands under way have in common: their room, or `ALONE`."""
        self.version = 0
        """The version of that room by which they were judged first."""
        self.under_way = 0
        self.waiting: deque[tuple[str, Callable[[], None]]] = deque()
        self.letting_go = False
        """Whether waiting commands are being judged now, so that one that ends at once does not
        begin to judge the others within itself."""

    def takes(self, group: str, version: int) -> bool:
        """Whether a command of that group may be judged now."""
        if self.waiting or self.letting_go:
            return False
        return not self.under_way or self.goes_with(group, version)

    def goes_with(self, group: str, version: int) -> bool:
        """Whether a command may be under way together with those that are."""
        return group == self.group and group != ALONE and version == self.version

    def begins(self, group: str, version: int) -> None:
        """A command is about to be judged."""
        self.group, self.version = group, version
        self.under_way += 1

    @property
    def full(self) -> bool:
        """Whether as many commands wait as may."""
        return len(self.waiting) >= MOST_WAITING

    def let_go(self, person: Person) -> None:
        """Have those commands judged that need not wait any more."""
        if self.letting_go:
            return
        self.letting_go = True
        while self.waiting:
            room, judge = self.waiting[0]
            group, version = _group(person, room)
            if self.under_way and not self.goes_with(group, version):
                break
            self.waiting.popleft()
            self.begins(group, version)
            judge()
        self.letting_go = False


def in_order(person: Person, room: str, judge: Callable[[], Deferred[T]]) -> Deferred[T]:
    """Call `judge` when the person's earlier commands allow it; fires with its outcome.

    Messages to one `room` that the person is in may be under way together.
    """
    lane = person.lane
    if lane is None:
        lane = person.lane = Lane()
    group, version = _group(person, room)
    if lane.takes(group, version):  # nearly always: then it needs no Deferred of its own
        lane.begins(group, version)
        return _judged(judge).addBoth(_over, person, lane)
    outcome: Deferred[Any] = Deferred()

    def begin() -> None:
        _judged(judge).addBoth(_over, person, lane).chainDeferred(outcome)

    lane.waiting.append((room, begin))
    return outcome


def _group(person: Person, room: str) -> tuple[str, int]:
    """What a command has in common with others that may be under way beside it."""
    joined = person.rooms.get(room)
    if joined is not None:
        return room, joined.version
    return room if person.visiting else ALONE, 0


def _judged(judge: Callable[[], Deferred[T]]) -> Deferred[T]:
    try:
        return judge()
    except Exception:
        return fail()


def _over(result: T, person: Person, lane: Lane) -> T:
    """A command is shown or refused."""
    lane.under_way -= 1
    lane.let_go(person)
    if not (lane.under_way or lane.waiting) and person.lane is lane:
        person.lane = None
    return result
