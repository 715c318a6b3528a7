"""What a client says of its person beside the name."""

from __future__ import annotations

from dataclasses import dataclass


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
