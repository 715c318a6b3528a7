"""The arguments of moderators' commands: duration, reason, and the person or network."""

from __future__ import annotations

import secrets

from msgspec.structs import replace

from ..model.addresses import Address
from ..model.errors import BadName, Malformed
from ..model.names import name_key
from ..model.restrictions import MICROS, Restriction, Restrictions, as_network
from ..model.text import clean_phrase

MOST_SECONDS = 10 * 365 * 86_400
"""The longest duration of a ban or mute; one without a duration never expires."""
MAX_REASON = 400
"""Bytes in a reason."""


def until(now: int, seconds: int | None) -> int:
    """When so many seconds from `now` are over, in microseconds since the Unix epoch; 0: never.

    Raises `Malformed`.
    """
    if seconds is None:
        return 0
    if not 1 <= seconds <= MOST_SECONDS:
        raise Malformed(f"seconds has to be from 1 to {MOST_SECONDS}; leave it out for good")
    return now + seconds * MICROS


def reason(text: str) -> str:
    """A reason, in order.  Raises `BadText`, `TextTooLong`."""
    return clean_phrase(text, MAX_REASON, "reason")


def network_in(who: str) -> str:
    """The network that is meant, in its shortest notation; empty if that is no network.

    Raises `Malformed` for something that can be nothing else.
    """
    if "/" not in who and ":" not in who and not who.replace(".", "").isdigit():
        return ""
    try:
        return as_network(who)
    except ValueError as problem:
        if "/" in who or ":" in who:
            raise Malformed(f"that is no network: {problem}") from None
        return ""


def key_of(who: str) -> str:
    """The key of a name; empty if that is none."""
    try:
        return name_key(who)
    except BadName:
        return ""


def new_id() -> str:
    """An id of a ban or an invite.  `~` stands in no name, so it is taken for none."""
    return f"~{secrets.token_hex(4)}"


def shown(restrictions: Restrictions, now: int, *, places: bool) -> list[tuple[str, Restriction]]:
    """The restrictions that hold at `now`; addresses stay in them only if `places`."""
    found = []
    for id_, one in restrictions:
        if not one.over(now):
            if not places:
                one = replace(one, name=one.target, network="", address=Address(""))
            found.append((id_, one))
    return found
