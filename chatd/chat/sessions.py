"""Sessions: signed-in clients of persons, and those over HTTP that outlive their connections.

A browser polls, sleeps, reloads, and changes networks.  Its session lasts while a reader or request
holds it, and `GRACE_SECONDS` after that.  Then a guest's session ends; an account's is unloaded,
and its next request loads it again (`chatd.chat.http_sessions`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..model.addresses import LOCAL, Address
from ..model.errors import NO_ROOM_SECONDS, TooMany
from .accounts import Record
from .credentials import Credential
from .person import Person

GRACE_SECONDS = 75.0
"""Seconds that a session outlives its last reader or request: browsers let a hidden tab run only
once a minute."""
NOTED_SECONDS = 60.0
"""Seconds between two writes of the time at which an account's session was last used."""
UNUSED_SECONDS = 10.0
"""Seconds after which a session that was never used may be evicted: a page uses its session at
once, and a person at a command line needs a moment."""


class Holder(Protocol):
    """A reader that keeps a session alive: a held poll, an open stream."""

    @property
    def brief(self) -> bool:
        """Whether it may be evicted to make room for another reader: a poll's client asks again."""

    def dismiss(self) -> None:
        """End, because the session is over or has too many readers."""


class Session:
    """One signed-in client of a person: a token, a line connection, a WebSocket."""

    __slots__ = (
        "__weakref__",
        "address",
        "credential",
        "id",
        "label",
        "over",
        "person",
        "record",
        "token",
    )

    def __init__(self, person: Person, address: Address = LOCAL, token: str = "") -> None:
        self.person = person
        self.address = address
        """The address that began it."""
        self.token = token
        """Its secret.  Empty for the session of a connection, and after a restart until the first
        request, because only a hash of the token is stored."""
        self.id = ""
        """The id of an account's session in lists; empty for a guest's."""
        self.label = ""
        """The name that its client gives for itself."""
        self.credential: Credential | None = None
        """The stored session or personal token that it rests on; None: a guest's session."""
        self.record: Record | None = None
        """The account that is signed in; None: a guest's session."""
        self.over = False
        """Whether it has ended."""


class LastingSession(Session):
    """A session over HTTP: readers and requests keep it alive, and it has some grace after them."""

    __slots__ = (
        "_clock",
        "_holders",
        "_most",
        "_noted",
        "_seen",
        "ended",
        "hash",
        "note_use",
        "timer",
        "used",
    )

    def __init__(
        self, person: Person, address: Address, token: str, clock: IReactorTime, most_holders: int
    ) -> None:
        super().__init__(person, address, token)
        self.hash = ""
        """The hash of the token, which is stored."""
        self.note_use: Callable[[], object] | None = None
        """Stores that an account's session is in use; None for a guest's."""
        self._noted = clock.seconds()
        self.ended: Callable[[], object] | None = None
        """Called when it ends."""
        self._clock = clock
        self._most = most_holders
        self._holders: dict[Holder, None] = {}
        """The oldest first."""
        self._seen = clock.seconds()
        self.used = False
        """Whether it has had a request or a reader since the request that began it."""
        self.timer: IDelayedCall | None = None

    def touch(self, address: Address) -> None:
        """Note a request from that address."""
        self.used = True
        self.person.address = address
        self._seen = self._clock.seconds()
        if self.note_use is not None:
            self.note()

    def note(self) -> None:
        """Store the last use of an account's session, at most every `NOTED_SECONDS`."""
        now = self._clock.seconds()
        if self.note_use is not None and now - self._noted >= NOTED_SECONDS:
            self._noted = now
            self.note_use()

    def check(self) -> None:
        """Raise `TooMany` if the session may have no more readers of long duration."""
        if len(self._holders) >= self._most:
            raise TooMany(
                f"the session has {self._most} readers, the most there may be; close one first",
                NO_ROOM_SECONDS,
            )

    def hold(self, holder: Holder) -> None:
        """Add a reader.  If there are too many then, the oldest evictable one ends: a poll is never
        refused.
        """
        self.used = True
        self._holders[holder] = None
        if len(self._holders) > self._most:
            self._dismiss_oldest()

    def release(self, holder: Holder, silent: float = 0.0) -> None:
        """Remove a reader that ended; its client was last heard from `silent` seconds ago."""
        self._holders.pop(holder, None)
        self._seen = max(self._seen, self._clock.seconds() - silent)
        left = self.grace_left
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
    def grace_left(self) -> float:
        """Seconds of grace left; all of them while a reader holds the session."""
        return GRACE_SECONDS - (0 if self._holders else self._clock.seconds() - self._seen)

    @property
    def evictable(self) -> bool:
        """Whether it may be evicted: it began `UNUSED_SECONDS` ago, and was never used."""
        return not self.used and self._clock.seconds() - self._seen >= UNUSED_SECONDS
