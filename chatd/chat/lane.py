"""The order of one person's commands.

A command sees the state as it was shown; it never sees what is accepted and not stored yet.  So
that a person's own commands still take effect one after another:

1. A command is judged when all earlier commands of the same person are shown or refused.
2. Messages to one room change no state, so several of them may be under way together; the store
   keeps the order in which they were judged.  If one of them is stale, those behind it expected the
   same version of the room, are stale too, and are judged again behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred, fail

if TYPE_CHECKING:
    from .person import Person

T = TypeVar("T")

ALONE = ""
"""The group of a command that changes state: nothing of its person is under way beside it."""


class Lane:
    """One person's commands under way, and those that wait for them."""

    __slots__ = ("group", "letting_go", "under_way", "waiting")

    def __init__(self) -> None:
        self.group = ALONE
        """What the commands under way have in common: their room, or `ALONE`."""
        self.under_way = 0
        self.waiting: deque[tuple[str, Callable[[], None]]] = deque()
        self.letting_go = False
        """Whether waiting commands are being judged now, so that one that ends at once does not
        begin to judge the others within itself."""

    def takes(self, group: str) -> bool:
        """Whether a command of that group may be judged now."""
        if self.waiting or self.letting_go:
            return False
        return not self.under_way or (group == self.group and group != ALONE)

    def let_go(self) -> None:
        """Have those commands judged that need not wait any more."""
        if self.letting_go:
            return
        self.letting_go = True
        while self.waiting:
            group, judge = self.waiting[0]
            if self.under_way and (group != self.group or group == ALONE):
                break
            self.waiting.popleft()
            self.group = group
            self.under_way += 1
            judge()
        self.letting_go = False


def in_order(person: Person, group: str, judge: Callable[[], Deferred[T]]) -> Deferred[T]:
    """Call `judge` when the person's earlier commands allow it; fires with its outcome.

    Commands of one `group` may be under way together, unless it is `ALONE`.
    """
    lane = person.lane
    if lane is None:
        lane = person.lane = Lane()
    if lane.takes(group):  # nearly always: then it needs no Deferred of its own
        lane.group = group
        lane.under_way += 1
        return _judged(judge).addBoth(_over, person, lane)
    outcome: Deferred[Any] = Deferred()

    def begin() -> None:
        _judged(judge).addBoth(_over, person, lane).chainDeferred(outcome)

    lane.waiting.append((group, begin))
    return outcome


def _judged(judge: Callable[[], Deferred[T]]) -> Deferred[T]:
    try:
        return judge()
    except Exception:
        return fail()


def _over(result: T, person: Person, lane: Lane) -> T:
    """A command is shown or refused."""
    lane.under_way -= 1
    lane.let_go()
    if not (lane.under_way or lane.waiting) and person.lane is lane:
        person.lane = None
    return result
