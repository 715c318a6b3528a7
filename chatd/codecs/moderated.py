"""Events of moderation in words."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from ..model.events import (
    BanLifted,
    BanPlaced,
    InvitedIn,
    Moderated,
    MuteLifted,
    MutePlaced,
    PutOut,
    Redacted,
    RoleGiven,
    SettingsChanged,
)


def told(event: Moderated) -> str:
    """An event of moderation, as one line without its lead."""
    by, room = event.sender, event.room
    match event:
        case SettingsChanged():
            return f"{by} changed the settings of #{room}: {_settings(event)}"
        case RoleGiven(target=target, role=None):
            return f"{by} took the role of {target} in #{room}"
        case RoleGiven(target=target, role=role):
            article = "a" if role == "voice" else "an"
            return f"{by} made {target} {article} {role} of #{room}"
        case PutOut(target=target, text=text):
            return f"{by} kicked {target} from #{room}{_why(text)}"
        case BanPlaced(target=target, text=text, until=until):
            return f"{by} banned {target} from #{room}{_until(until)}{_why(text)}"
        case BanLifted(target=target):
            return f"{by} lifted the ban of {target} from #{room}"
        case MutePlaced(target=target, text=text, until=until):
            return f"{by} muted {target} in #{room}{_until(until)}{_why(text)}"
        case MuteLifted(target=target):
            return f"{by} lets {target} speak again in #{room}"
        case InvitedIn(target=target):
            return f"{by} made {target} a member of #{room}"
        case Redacted(target=id_, text=text):
            return f"{by} deleted the message {id_}{_why(text or '')}"
        case _:
            raise TypeError(f"an event without words: {event!r}")


def _settings(event: SettingsChanged) -> str:
    values = [
        ("access", event.access),
        ("posting", event.posting),
        ("topic", event.topic),
        ("listed", event.listed),
        ("outside", event.outside),
        ("slow", event.slow),
    ]
    return ", ".join(f"{name} {_word(value)}" for name, value in values if value is not UNSET)


def _word(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _why(text: str) -> str:
    return f": {text}" if text else ""


def _until(until: str | UnsetType) -> str:
    return "" if until is UNSET else f" until {str(until)[:16].replace('T', ' ')} UTC"
