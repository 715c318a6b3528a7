"""Judgements that delete messages (see `chatd.chat.rulings`)."""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from ..model.errors import BadName, NotAllowed, NotFound
from ..model.events import Acted, Redacted, Said
from ..model.names import name_key
from ..model.policy import Action
from ..model.units import Redaction, Unit
from ..stream.eventlog import Entry
from .person import Person
from .room import Room
from .rulings import NO_CHANGE, By, rank, ruled


def redact(by: By, room: Room, entry: Entry | None, text: str = "") -> Unit:
    """Delete the message `entry`, for the reason `text`: it keeps its id, sender and time, and
    loses its text.

    Raises `NotAllowed`, `NotFound`, `Banned`.
    """
    event = entry.event if entry else None
    if entry is None or not isinstance(event, Said | Acted) or event.room != room.name:
        if not by.person.admin:
            by.policy.may(by.person, Action.DELETE_OWN, room)
        raise NotFound(f"#{room.name} has no message of that id")
    own = is_author(by.person, entry)
    by.policy.may(by.person, Action.DELETE_OWN if own else Action.DELETE, room)
    if not own and event.account is True:
        power = room.rights.power(_key(event.sender))
        if power > rank(by.person, room):
            raise NotAllowed(f"{event.sender} is {power.word} of #{room.name}")
    if event.redacted is True:
        return NO_CHANGE
    told = Redacted(
        room=room.name,
        sender=by.name,
        account=by.person.signed,
        target=entry.id,
        text=text or UNSET,
    )
    redaction = Redaction(entry.id, replace(event, text="", redacted=True))
    if own:
        unit = Unit((told,), (), (room.expect, by.person.expect))
    else:
        unit = ruled(by, room, (told,), (), by.record(room, "redact", event.sender, str(entry.id)))
    return replace(unit, redacts=(redaction,))


def is_author(person: Person, entry: Entry) -> bool:
    """Whether a person is the author of a message: its account, or the same guest.

    A name has one holder at a time, so a guest is the author of the messages that have its name and
    were sent since it took that name.
    """
    event = entry.event
    if not isinstance(event, Said | Acted):
        return False
    key = _key(event.sender)
    if person.account is not None:
        return event.account is True and key == person.account
    if event.account is True or not person.version:
        return False
    if key == person.key and entry.id > person.since:
        return True
    return any(key == held and begin < entry.id < end for held, begin, end in person.earlier)


def _key(sender: str) -> str:
    try:
        return name_key(sender)
    except BadName:
        return sender  # a guest's name is its own key
