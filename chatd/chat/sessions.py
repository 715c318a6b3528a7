"""Sessions: a signed-in client of a person, and those over HTTP that outlive their connections.

A browser polls, sleeps, reloads, changes networks.  Its session goes on while a reader holds it (a
held poll, an open stream, a request), and `GRACE_SECONDS` after that.  Then a guest's is over; that
of an account leaves memory, and comes back with its next request (`chatd.chat.lasting`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..model.addresses import LOCAL, Address
from ..model.errors import NO_ROOM_SECONDS, TooMany
from .accounts import Record
from .person import Person
from .standing import Standing

GRACE_SECONDS = 75.0
"""Seconds that a session outlives its last reader or request: hidden tabs are woken once a minute
only."""
NOTED_SECONDS = 60.0
"""Seconds between two notes of the last use of an account's session."""
UNUSED_SECONDS = 10.0
"""Seconds after which a session that was not used may be evicted: a page uses its own at once, and
a person who types has some time."""


class Holder(Protocol):
    """What keeps a session alive: a held poll, an open stream."""

    @property
    def brief(self) -> bool:
        """Whether it may be dismissed to make room for another: a poll will be asked again."""

    def dismiss(self) -> None:
        """The session is over: end."""


class Session:
    """One signed-in client of a person: a token, a line connection, a WebSocket."""

    __slots__ = (
        "__weakref__",
        "address",
        "id",
        "label",
        "over",
        "person",
        "record",
        "standing",
        "token",
    )

    def __init__(self, person: Person, address: Address = LOCAL, token: str = "") -> None:
        self.person = person
        self.address = address
        """Where it was begun."""
        self.token = token
        """Its secret; empty for the session of a connection, and until a request comes in one that
        has outlived a restart."""
        self.id = ""
        """What an account's session is called by in lists."""
        self.label = ""
        """What its client calls itself."""
        self.standing: Standing | None = None
        """What its token stands for, if that is an account."""
        self.record: Record | None = None
        """The account that is signed in; None: a guest's session."""
        self.over = False


class LastingSession(Session):
    """A session over HTTP: it is held by readers and requests, and has some grace."""

    __slots__ = (
        "_clock",
        "_holders",
        "_most",
        "_noted",
        "_seen",
        "ended",
        "hash",
        "keep",
        "owner",
        "timer",
        "used",
    )

    def __init__(
        self, person: Person, address: Address, token: str, clock: IReactorTime, most_holders: int
    ) -> None:
        super().__init__(person, address, token)
        self.hash = ""
        """What is kept of the token."""
        self.keep: Callable[[], object] | None = None
        """Notes that an account's session is in use; None: that is not noted."""
        self._noted = clock.seconds()
        self.ended: Callable[[], object] | None = None
        """What is called when it is over."""
        self.owner = ""
        """Whose its request keys are, once there are any."""
        self._clock = clock
        self._most = most_holders
        self._holders: dict[Holder, None] = {}
        """The oldest first."""
        self._seen = clock.seconds()
        self.used = False
        """Whether there was a request or a reader in it, beside the one that began it."""
        self.timer: IDelayedCall | None = None

    def touch(self, address: Address) -> None:
        """A request was made, from that address."""
        self.used = True
        self.person.address = address
        self._seen = self._clock.seconds()
        if self.keep is not None:
            self.note()

    def note(self) -> None:
        """Have the last use noted, now and then."""
        now = self._clock.seconds()
        if self.keep is not None and now - self._noted >= NOTED_SECONDS:
            self._noted = now
            self.keep()

    def check(self) -> None:
        """A reader that goes on for long is about to begin.  Raises `TooMany`."""
        if len(self._holders) >= self._most:
            raise TooMany(
                f"the session has {self._most} readers, the most there may be; close one first",
                NO_ROOM_SECONDS,
            )

    def hold(self, holder: Holder) -> None:
        """A reader begins.  If that makes too many, the oldest poll is dismissed; there is always
        room for one.
        """
        self.used = True
        self._holders[holder] = None
        if len(self._holders) > self._most:
            self._dismiss_oldest()

    def release(self, holder: Holder, silent: float = 0.0) -> None:
        """A reader ended; the last sign of life of its client was `silent` seconds ago."""
        self._holders.pop(holder, None)
        self._seen = max(self._seen, self._clock.seconds() - silent)
        left = self.left
        if silent and self.timer and self.timer.active():
            self.timer.reset(max(left, 0.0))

    def dismiss(self) -> None:
        """End all readers."""
        for holder in tuple(self._holders):
            holder.dismiss()

    def _dismiss_oldest(self) -> None:
        *others, _ = self._holders
        for holder in others:
            if holder.brief:
                holder.dismiss()
                break

    @property
    def left(self) -> float:
        """Seconds of grace left; all of them while something holds the session."""
        return GRACE_SECONDS - (0 if self._holders else self._clock.seconds() - self._seen)

    @property
    def forsaken(self) -> bool:
        """Whether it was begun some time ago and never used."""
        return not self.used and self._clock.seconds() - self._seen >= UNUSED_SECONDS
