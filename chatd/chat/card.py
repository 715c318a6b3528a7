"""What a client says of its person beside the name."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.identity import Holder


@dataclass(frozen=True, slots=True)
class Card:
    """What a client says of its person."""

    user: str = "web"
    """What kind of client it is, or with `~` what it calls itself."""
    realname: str = ""
    """Empty: the name."""
    bot: bool = False
    away: str = ""
    """Why the person is away; empty: the person is not."""
    invisible: bool = True
    """Whether only those who share a room find the person by a mask."""


PLAIN = Card()
"""The card of a person on the page."""
LINE = Card("line")
"""The card of a guest of the line door."""


def card_of(holder: Holder) -> Card:
    """The card in the cell of a person's name, as `chatd.chat.judge.hold` writes it."""
    if not (holder.user or holder.realname or holder.bot or holder.away or holder.visible):
        return PLAIN
    user = holder.user or PLAIN.user
    return Card(user, holder.realname, holder.bot, holder.away, not holder.visible)
