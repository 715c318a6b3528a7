"""Answers of the server as values; pure, without Twisted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from ..model.errors import ChatError, RateLimited, Unavailable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ERRORS = {
    kind.code: kind for kind in ChatError.__subclasses__() if kind.__init__ is ChatError.__init__
}
_FOR_WRITERS_OF_REQUESTS = re.compile(r"[;:][^;:]*\b(?:GET|POST|PUT|PATCH|DELETE) /.*", re.DOTALL)
"""The part of a refusal's message that tells which request to make instead."""


class Event(Struct, frozen=True, rename={"sender": "from"}):
    """An event; fields that its type does not have are empty."""

    id: int
    """The id, which gives the event's place in the server's order."""
    type: str
    """`message`, `action`, `join`, `leave`, `nick`, `topic`, `notice`; `private`; a deed of a
    moderator, such as `redact`; or `gap`: events after this id are missing."""
    room: str = ""
    sender: str = ""
    text: str = ""
    to: str = ""
    """The new name of a `nick`; the recipient of a `private` message."""
    target: int | str = ""
    """Of a `redact`, the id of the message that was deleted; of other deeds of moderators, the name
    that they concern."""
    redacted: bool = False
    """Whether it is a message that was deleted, and has no text any more."""
    ban: str = ""
    """The id of a ban."""
    by: str = ""
    """The name of the person who deleted a private message, if that was not its author."""
    role: str | None = None
    """For the type `role`, the new role; None if it was taken away."""
    until: str = ""
    """When a ban or a mute ends: RFC 3339, UTC; empty: never."""
    access: str = ""
    """For the type `settings`, this field and the next five are the settings that have changed."""
    posting: str = ""
    topic: str = ""
    listed: bool | None = None
    outside: bool | None = None
    slow: int | None = None

    @property
    def time(self) -> datetime:
        """The time at which the event was stored."""
        return _EPOCH + timedelta(microseconds=self.id)


class RoomRow(Struct, frozen=True):
    """A room in the list of rooms."""

    room: str
    topic: str = ""
    people: int = 0


class State(Struct, frozen=True):
    """The session of a client."""

    name: str
    account: bool
    rooms: tuple[str, ...]
    """The rooms that the client's person is in."""
    unread: dict[str, int]
    """For an account, the number of unread messages, by room."""
    ignores: tuple[str, ...] = ()
    """For an account, the names of the people that it ignores."""


class Partner(Struct, frozen=True):
    """An account that has exchanged private messages with the client's account."""

    name: str
    last: int
    """The id of the last message."""
    marker: int | None = None
    """The id up to which one's own account has read the conversation; None: not known."""


class Ban(Struct, frozen=True):
    """A ban from a room."""

    id: str
    who: str
    by: str = ""
    text: str = ""
    until: str = ""
    """When the ban ends: RFC 3339, UTC; empty: never."""


class Refusal(Struct, frozen=True):
    """An error that the server has answered."""

    code: str
    message: str


class Answer(Struct, frozen=True):
    """The answer to any request; fields that do not belong to it are empty."""

    id: int | str = 0
    """The id: of an event a number, of an invite a text."""
    name: str = ""
    token: str = ""
    room: str = ""
    topic: str = ""
    account: bool = False
    rooms: tuple[str | RoomRow, ...] = ()
    unread: dict[str, int] = {}
    ignores: tuple[str, ...] = ()
    here: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    people: tuple[Partner, ...] = ()
    bans: tuple[Ban, ...] = ()
    url: str = ""
    next: int | str | None = 0
    """From where to go on: of events the cursor, of rooms a name."""
    gap: bool = False
    error: Refusal | None = None


class Page(Struct, frozen=True):
    """A page of events, each as the JSON that the server wrote."""

    events: tuple[msgspec.Raw, ...] = ()
    next: int = 0
    gap: bool = False
    error: Refusal | None = None


def read(status: int, retry_after: str, body: bytes, kind: type[Answer | Page] = Answer) -> Any:
    """Decode a response as `kind`.  Raises the `ChatError` in it if it is a refusal: without advice
    to make another request, because the client's users make none.
    """
    answer: Answer | Page
    try:
        answer = msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        status = max(status, 400)
        answer = Answer()
    if 200 <= status < 300:
        return answer
    refusal = answer.error or Refusal("", f"what answers there is no chatd (status {status})")
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    message = _FOR_WRITERS_OF_REQUESTS.sub("", refusal.message)
    if status == 429:
        raise RateLimited(message, seconds)
    if status == 408 or status >= 500:
        raise Unavailable(message, seconds)
    raise _ERRORS.get(refusal.code, ChatError)(message)
