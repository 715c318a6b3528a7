"""Conversations: the logs in which the store keeps private messages between two accounts.

1. Each pair of accounts has one log.  Its name is `@ONE:OTHER`, the two name keys in order.  No
   room has such a name, so a store keeps a conversation as it keeps the events of a room.
2. An account is shown a message by `as_shown`: as one that it sent, or as one that it received.  A
   message that came while it ignored the sender is never shown to it, nor is its deletion.
3. Where rooms are named and a conversation can stand in place of one, as in read markers, it is
   named `@NAME`, by the other account's name (`place_of`).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET
from msgspec.structs import astuple

from .events import Letter, RedactedPrivately, SentPrivately, Told

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


def sides(letter: Letter) -> Iterable[tuple[str, str]]:
    """The two accounts of a conversation, each with the other one: name keys.  Once, if they are
    the same one.
    """
    by, to = letter.by, recipient(letter)
    return dict.fromkeys(((by, to), (to, by)))


def as_shown(letter: Letter, account: str) -> Told | RedactedPrivately | None:
    """A message, or its deletion, as one of the two accounts sees it; None: that account never
    does.
    """
    told = letter.told
    if letter.by == account:
        return SentPrivately(*astuple(told)) if isinstance(told, Told) else told
    return told if letter.unheard is UNSET else None


def place_of(name: str) -> str:
    """The conversation with the account of that name, where a room could stand."""
    return f"{_SIGN}{name}"


def named_in(place: str) -> str | None:
    """The name in `place_of`; None: the place is a room."""
    return place.removeprefix(_SIGN) if place.startswith(_SIGN) else None
