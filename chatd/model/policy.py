"""The policy: what an identity may do in a room.

1. One function decides, for reading and for every command: `Policy.may`.
2. The default is to deny: a policy refuses every action that it does not name.
3. A policy is pure: it decides by the identity and the room's settings, and may be asked again at
   any time.  Readers are judged when they open, and whenever their room's settings change.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from .errors import NotAllowed
from .identity import Identity
from .roomstate import RoomState


class Action(Enum):
    """What the policy is asked about; the value completes "you may not …"."""

    ENTER = "come in"
    """Begin a session."""
    LIST = "see which rooms there are"
    READ = "read here"
    """A room's events, topic and people."""
    JOIN = "join this room"
    SPEAK = "speak here"
    SET_TOPIC = "set the topic"
    RENAME = "take another name"
    WRITE_PRIVATELY = "send private messages"
    READ_PRIVATELY = "read private messages"

    __hash__ = object.__hash__  # an Enum's own is Python code, and each message asks for it


class RoomView(Protocol):
    """A room, as the policy sees it."""

    @property
    def name(self) -> str:
        """Its name, without `#`."""

    @property
    def state(self) -> RoomState:
        """Its settings."""


class Policy(Protocol):
    """Decides what an identity may do."""

    def may(self, identity: Identity, action: Action, room: RoomView | None = None) -> None:
        """Return if the identity may do `action`, in `room` if the action concerns a room.

        Raises `NotAllowed`, whose message says why not.
        """


OPEN = frozenset(Action)
"""The actions that an open chat allows."""


class OpenPolicy:
    """The policy of an open chat: every identity may do everything."""

    def may(self, identity: Identity, action: Action, room: RoomView | None = None) -> None:
        """See `Policy.may`."""
        if action not in OPEN:
            raise NotAllowed(f"you may not {action.value}")
