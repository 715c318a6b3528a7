"""What went wrong, and what to do about it.

Every refusal on every door is one of these. `code` is for programs and never changes its meaning;
the message is for people and says how to do better. A door only dresses them: the line door as
`!!`, HTTP as a status and a JSON body, WebSocket as an `error` frame.
"""

from __future__ import annotations

from typing import ClassVar

NO_ROOM_SECONDS = 10.0
"""Seconds until a client may try again that was refused because the server had no room for its
connection, session or reader."""


class ChatError(Exception):
    """A command or request was refused; nothing of it happened."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Malformed(ChatError):
    """The request is not of the form that this place takes."""

    code = "malformed"


class UnknownCommand(ChatError):
    """A line starts with `/` and names no command."""

    code = "unknown-command"


class BadName(ChatError):
    """Not a name that a person can have here."""

    code = "bad-name"


class BadRoom(ChatError):
    """Not a name that a room can have."""

    code = "bad-room"


class BadText(ChatError):
    """A text with nothing to show, or with something that is not text."""

    code = "bad-text"


class TextTooLong(ChatError):
    """A text of more bytes or lines than the server takes."""

    code = "text-too-long"


class NameInUse(ChatError):
    """Another session holds the name."""

    code = "name-in-use"


class NoSuchPerson(ChatError):
    """No session has that name."""

    code = "no-such-person"


class NotInRoom(ChatError):
    """The session has not joined the room."""

    code = "not-in-room"


class NoSession(ChatError):
    """The request needs to know who asks."""

    code = "no-session"


class BadToken(ChatError):
    """The token is unknown or has expired."""

    code = "bad-token"


class ForeignOrigin(ChatError):
    """A web page from elsewhere, which the operator did not allow."""

    code = "foreign-origin"


class WrongHost(ChatError):
    """The request names a host that this server is not known by."""

    code = "wrong-host"


class NotFound(ChatError):
    """Nothing is at that address."""

    code = "not-found"


class MethodNotAllowed(ChatError):
    """Something is at that address, but it does not take this method."""

    code = "method-not-allowed"

    def __init__(self, message: str, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class TooLarge(ChatError):
    """The body, or the head, has more bytes than the server reads."""

    code = "too-large"


class TooSlow(ChatError):
    """The request did not come in within its time."""

    code = "too-slow"


class UnsupportedMediaType(ChatError):
    """The body is of a type that this place does not read."""

    code = "unsupported-media-type"


class RateLimited(ChatError):
    """Too much in too short a time."""

    code = "rate-limited"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which the same request would be taken."""


class TooMany(RateLimited):
    """More at a time than one may have: an address's connections or sessions, a session's
    readers.
    """

    code = "too-many"


class TooManyRooms(ChatError):
    """The session is in as many rooms as it may be."""

    code = "too-many-rooms"


class Unavailable(ChatError):
    """The server cannot do it now, and it is not the client's fault."""

    code = "unavailable"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InDoubt(ChatError):
    """The store may or may not have taken it; the same request with the same key finds out."""

    code = "in-doubt"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotAllowed(ChatError):
    """The policy forbids it to this person in this room."""

    code = "not-allowed"
