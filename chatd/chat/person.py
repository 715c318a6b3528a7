"""A person: the holder of a name, with its rooms, private messages, and rate limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import UNSET

from ..model.addresses import LOCAL, Address
from ..model.events import SignedIn
from ..model.identity import Scope, subject_of
from ..model.units import NAMES, Expect
from ..stream.feed import Source
from .card import PLAIN
from .inbox import Inbox
from .lane import Lane
from .limits import TokenBucket

if TYPE_CHECKING:
    from .accounts import Record
    from .room import Room

NONE: frozenset[str] = frozenset()
"""No names."""


class Person:
    """A guest or account that holds a name on this node, or a visitor, who holds none.

    Its name, version and rooms are a fold: they change only when a stored unit is shown.
    """

    __slots__ = (
        "__weakref__",
        "account",
        "address",
        "admin",
        "bucket",
        "card",
        "earlier",
        "ended",
        "id",
        "ignored",
        "inbox",
        "kept",
        "key",
        "lane",
        "listeners",
        "name",
        "named",
        "notes",
        "owner",
        "record",
        "renames",
        "rooms",
        "scope",
        "sessions",
        "signals",
        "since",
        "throttled",
        "version",
        "visiting",
    )

    def __init__(
        self,
        id: str,
        name: str,
        key: str,
        bucket: TokenBucket | None = None,
        *,
        named: bool,
        visiting: bool = False,
        address: Address = LOCAL,
    ) -> None:
        self.id = id
        """Identifies the person under all its names; empty for a visitor."""
        self.name = name
        self.key = key
        """The name's key (`chatd.model.names.name_key`)."""
        self.version = 0
        """The version of the cell `names/KEY` by which this person holds its name; 0: it holds
        none."""
        self.since = 0
        """The version of that cell when the person took the name."""
        self.earlier: tuple[tuple[str, int, int], ...] = ()
        """The names held before: each name's key, and the ids from and until which it was held."""
        self.named = named
        """Whether the name was chosen; joins and leaves of guests are not announced."""
        self.visiting = visiting
        """Whether this is the sender of one request with `?name=`, or a program with a personal
        token: in no room, and holding no name."""
        self.bucket = bucket
        """The rate limit on what this person sends; None until the person sends something."""
        self.account: str | None = None
        """The key of the account that is signed in; None: a guest, or a visitor."""
        self.kept = ""
        """The hash of a guest's session token, under which the guest is stored and outlives a
        restart; empty: it does not."""
        self.admin = False
        """Whether the account administers the server."""
        self.scope: Scope | None = None
        """If this is a program that acts for an account by a personal token, the token's scope;
        otherwise None."""
        self.record: Record | None = None
        """The account on whose behalf a program acts with a token."""
        self.sessions = 1
        """The number of the person's sessions; it leaves when the last one ends."""
        self.renames: TokenBucket | None = None
        """The rate limit on changes of the name; None until the first."""
        self.notes: TokenBucket | None = None
        """The rate limit on notes (`chatd.chat.admission`); None until the first."""
        self.throttled = False
        """Whether the rate limit of the address refused the last message."""
        self.address = address
        """The address of the last request, or of the connection."""
        self.rooms: dict[str, Room] = {}
        """Rooms joined, in the order of joining."""
        self.inbox = Inbox()
        """The private messages, sent and received."""
        self.ignored: frozenset[str] = NONE
        """The keys of the names that the person ignores."""
        self.listeners: set[Callable[[], object]] | None = None
        """Called when the rooms or the ignore list of the person have changed; None: no
        listener."""
        self.card = PLAIN
        """The description of the person that clients have given, apart from the name."""
        self.signals: Source | None = None
        """Events for this person's IRC clients that are not kept; None if it has no such client."""
        self.lane: Lane | None = None
        """The queue of the person's commands under way; None if there are none."""
        self.owner = ""
        """The scope of the person's request keys: the key of the first name that it chose, also if
        it takes another name later, so that request keys are the same on all nodes and in the next
        session of that name.  Empty if the person has not chosen a name yet."""
        self.ended = False
        """Whether the person has left or is about to; then it can give no more commands."""

    @property
    def subject(self) -> str:
        """See `chatd.model.identity.subject_of`."""
        return subject_of(self.id, self.account)

    @property
    def came(self) -> int:
        """The id at which the person took its first name."""
        return self.earlier[0][1] if self.earlier else self.since

    @property
    def signed(self) -> SignedIn:
        """Whether the person is signed in to an account, as its events say it."""
        return UNSET if self.account is None else True

    @property
    def expect(self) -> Expect:
        """The expectation of the person's units: that the person still holds the name; for a
        visitor, that no person holds the name; for a program with a personal token, that the
        account's cell is unchanged.
        """
        if self.record is not None:
            return self.record.expect
        return Expect(NAMES, self.key, self.version)

    def __repr__(self) -> str:
        return f"<Person {self.name}>"
