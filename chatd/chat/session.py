"""A participant with a name, who outlives any one connection."""

from __future__ import annotations

from ..model.addresses import LOCAL, Address
from ..stream.eventlog import EventLog
from ..stream.feed import Source
from .limits import TokenBucket
from .room import Room

INBOX = 200
"""Private messages kept for a session that is not reading."""


class Session:
    """Somebody: a name, the rooms joined, private messages, and how much they may say."""

    def __init__(
        self,
        name: str,
        bucket: TokenBucket,
        *,
        named: bool,
        visiting: bool = False,
        address: Address = LOCAL,
    ) -> None:
        self.name = name
        self.named = named
        """Whether the name was chosen; joins and leaves of guests are not announced."""
        self.visiting = visiting
        """Whether this is somebody who says one thing and is in no room: a POST with `?name=`."""
        self.bucket = bucket
        """How much may be said."""
        self.renames: TokenBucket | None = None
        """How often the name may be changed; None as long as it was not."""
        self.held_back = False
        """Whether it last said more than there was room for at its address."""
        self.address = address
        """Where its last request came from, or its connection comes from."""
        self.rooms: dict[str, Room] = {}
        """Rooms joined, in the order of joining."""
        self.inbox = Source("", EventLog(INBOX))
        """Private messages, own ones included."""
        self.ended = False
        """Whether it is over: its name is free, and it is in no room."""

    def __repr__(self) -> str:
        return f"<Session {self.name}>"
