"""A person: a name, the rooms joined, private messages, and a rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import UNSET

from ..model.addresses import LOCAL, Address
from ..model.events import SignedIn
from ..model.identity import Scope, subject_of
from ..model.units import NAMES, Expect
from ..stream.eventlog import EventLog
from ..stream.feed import Source
from .lane import Lane
from .limits import TokenBucket

if TYPE_CHECKING:
    from .accounts import Record
    from .room import Room

NONE: frozenset[str] = frozenset()
"""No names."""
INBOX = 200
"""Private messages kept for a person whose reader lags behind."""


class Person:
    """Whoever holds a name now, or a visitor who holds none.

    Name, version and rooms are a fold: they change when a stored unit is shown, and only then.
    """

    __slots__ = (
        "__weakref__",
        "account",
        "address",
        "admin",
        "bucket",
        "earlier",
        "ended",
        "held_back",
        "id",
        "ignored",
        "inbox",
        "kept",
        "key",
        "lane",
        "listeners",
        "name",
        "named",
        "record",
        "renames",
        "rooms",
        "scope",
        "sessions",
        "since",
        "version",
        "visiting",
    )

    def __init__(
        self,
        id: str,
        name: str,
        key: str,
        bucket: TokenBucket,
        *,
        named: bool,
        visiting: bool = False,
        address: Address = LOCAL,
    ) -> None:
        self.id = id
        """What tells persons apart, whatever their names; empty for a visitor."""
        self.name = name
        self.key = key
        """The name's key (`chatd.model.names.name_key`)."""
        self.version = 0
        """The version of the cell `names/KEY` by which this person holds the name; 0: none."""
        self.since = 0
        """The version of that cell by which the person took the name first."""
        self.earlier: list[tuple[str, int, int]] = []
        """Names held before: key, and the ids between which it was held."""
        self.named = named
        """Whether the name was chosen; joins and leaves of guests are not announced."""
        self.visiting = visiting
        """Whether this is the sender of one request with `?name=`, who is in no room."""
        self.bucket = bucket
        """The rate limit on what this person says."""
        self.account: str | None = None
        """The key of the account that is signed in; None: a guest, or a visitor."""
        self.kept = ""
        """The hash of the token of a guest's session over HTTP, by which the guest is kept over a
        restart; empty: it is not."""
        self.admin = False
        """Whether the account administers the server."""
        self.scope: Scope | None = None
        """What the personal token allows by which a program acts as the account, which then is a
        visitor; None: there is none."""
        self.record: Record | None = None
        """The account that a personal token acts as."""
        self.sessions = 1
        """How many sessions the person has: with the last the person leaves."""
        self.renames: TokenBucket | None = None
        """The rate limit on changes of the name; None until the first."""
        self.held_back = False
        """Whether the last message was refused by the rate limit of the address."""
        self.address = address
        """Where the last request or the connection comes from."""
        self.rooms: dict[str, Room] = {}
        """Rooms joined, in the order of joining."""
        self.inbox = Source("", EventLog(INBOX))
        """Private messages, own ones included."""
        self.ignored: frozenset[str] = NONE
        """The keys of the names of those whom the person does not want to hear."""
        self.listeners: set[Callable[[], object]] | None = None
        """What is called when another of the person's sessions has joined or left a room."""
        self.lane: Lane | None = None
        """Commands under way; None: there are none."""
        self.ended = False
        """Whether the person has left, or is about to: no more commands are taken."""

    @property
    def subject(self) -> str:
        """See `chatd.model.identity.subject_of`."""
        return subject_of(self.id, self.account)

    @property
    def signed(self) -> SignedIn:
        """What its events say of it: whether it is signed in to an account."""
        return UNSET if self.account is None else True

    @property
    def expect(self) -> Expect:
        """That this person still holds the name; of a visitor, that nobody does; of a program with
        a personal token, that the account is as it was.
        """
        if self.record is not None:
            return self.record.expect
        return Expect(NAMES, self.key, self.version)

    def __repr__(self) -> str:
        return f"<Person {self.name}>"
