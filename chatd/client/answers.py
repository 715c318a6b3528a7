"""What a server answers, as values: pure, without Twisted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from ..errors import ChatError, RateLimited, Unavailable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Event(Struct, frozen=True, rename={"sender": "from"}):
    """Something that happened; what its type does not bring is empty."""

    id: int
    """Its place in the one order of the server; of a gap, the place behind which events are
    missing."""
    type: str
    """`message`, `action`, `join`, `leave`, `nick`, `topic`, `notice`; `private`; or `gap`: events
    were missed here."""
    room: str = ""
    sender: str = ""
    text: str = ""
    to: str = ""
    """The new name of a `nick`, or whom a `private` message is for."""

    @property
    def time(self) -> datetime:
        """When it was stored."""
        return _EPOCH + timedelta(microseconds=self.id)


class Room(Struct, frozen=True, rename={"name": "room"}):
    """A room as it is now."""

    name: str
    topic: str
    here: list[str]


class Read(Struct):
    """The answer to a poll."""

    events: list[Event]
    next: int
    gap: bool


class Stored(Struct):
    """The answer to something said."""

    id: int


class Opened(Struct):
    """The answer to opening a session, or to renaming it."""

    name: str
    token: str = ""


class Unreachable(Unavailable):
    """The server did not answer."""

    code = "unreachable"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent
        """Whether the request may have got there all the same."""


class _Refusal(Struct):
    code: str
    message: str


class _Refused(Struct):
    error: _Refusal


_ERRORS = {
    kind.code: kind for kind in ChatError.__subclasses__() if kind.__init__ is ChatError.__init__
}


def refusal(status: int, retry_after: str, body: bytes) -> ChatError:
    """What a status that is no success tells."""
    try:
        told = msgspec.json.decode(body, type=_Refused).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = _Refusal("", f"the server answered {status} and did not say why; is it a chatd?")
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    if status == 429:
        return RateLimited(told.message, seconds)
    if status == 408 or status >= 500:
        return Unavailable(told.message, seconds)
    return _ERRORS.get(told.code, ChatError)(told.message)
