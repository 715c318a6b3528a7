"""The arguments of moderators' commands: durations, reasons, names and networks."""

from __future__ import annotations

import secrets

from msgspec.structs import replace

from ..model.addresses import Address
from ..model.errors import BadName, Malformed
from ..model.names import name_key
from ..model.restrictions import MICROS, Restriction, Restrictions, as_network
from ..model.text import clean_phrase

MOST_SECONDS = 10 * 365 * 86_400
"""The longest duration of a ban or mute, in seconds; one without a duration never expires."""
MAX_REASON = 400
"""The longest reason, in bytes of UTF-8."""


def until(now: int, seconds: int | None) -> int:
    """The time `seconds` after `now`, in microseconds since the Unix epoch; 0: never.

    Raises `Malformed`.
    """
    if seconds is None:
        return 0
    if not 1 <= seconds <= MOST_SECONDS:
        raise Malformed(f"seconds has to be from 1 to {MOST_SECONDS}; leave it out for good")
    return now + seconds * MICROS


def reason(text: str) -> str:
    """A reason, cleaned.  Raises `BadText`, `TextTooLong`."""
    return clean_phrase(text, MAX_REASON, "reason")


def network_in(who: str) -> str:
    """The network that the argument means, in its shortest notation; empty if it means a name.

    Raises `Malformed` for a malformed network that cannot be a name either.
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
    """The key of a name; empty if it is not a valid name."""
    try:
        return name_key(who)
    except BadName:
        return ""


def new_id() -> str:
    """A new id of a ban or an invite.  It begins with `~`, which no name contains."""
    return f"~{secrets.token_hex(4)}"


def shown(restrictions: Restrictions, now: int, *, places: bool) -> list[tuple[str, Restriction]]:
    """The restrictions in force at `now`, the oldest first; with `places`, their addresses and
    networks too.
    """
    found = []
    for id_, one in restrictions:
        if not one.over(now):
            if not places:
                one = replace(one, name=one.target, network="", address=Address(""))
            found.append((id_, one))
    # A node that has read them from the store has them in any order.
    return sorted(found, key=lambda item: item[1].since)
