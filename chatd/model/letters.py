"""Conversations: the logs in which the store keeps private messages between two accounts.

1. Each pair of accounts has one log.  Its name is `@ONE:OTHER`, the two name keys in order.  No
   room has such a name, so a store keeps a conversation as it keeps the events of a room.
2. An account is shown a message by `as_shown`: as one that it sent, or as one that it received.  A
   message that came while it ignored the sender is never shown to it.
"""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import astuple

from .events import Letter, SentPrivately, Told

_SIGN = "@"


def conversation(one: str, other: str) -> str:
    """The name of the log of two accounts, given their name keys; they may be the same one."""
    return f"{_SIGN}{min(one, other)}:{max(one, other)}"


def is_conversation(name: str) -> bool:
    """Whether that is the name of a conversation's log, not a room's."""
    return name.startswith(_SIGN)


def recipient(letter: Letter) -> str:
    """The name key of the account that a message was sent to."""
    one, _, other = letter.room.removeprefix(_SIGN).partition(":")
    return other if letter.by == one else one


def as_shown(letter: Letter, account: str) -> Told | None:
    """A message as one of its two accounts sees it; None: that account never does."""
    if letter.by == account:
        return SentPrivately(*astuple(letter.told))
    return letter.told if letter.unheard is UNSET else None
