"""Errors: the refusals of commands and requests.

Every refusal on every door is a `ChatError`.  Its `code` is for programs and never changes its
meaning; its message is for people, and says what is wrong and what to do.  A door only encodes it:
the line door as `!!`, HTTP as a status and a JSON body, WebSocket as an `error` frame.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any, ClassVar, Protocol

NO_ROOM_SECONDS = 10.0
"""Seconds after which a client may try again, if the server had no room for its connection,
session or reader."""


class ChatError(Exception):
    """A command or request was refused; no part of it was carried out."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Malformed(ChatError):
    """The request does not have the form that is expected here."""

    code = "malformed"


class UnknownCommand(ChatError):
    """A line starts with `/` and names no command."""

    code = "unknown-command"


class BadName(ChatError):
    """Not a valid name for a person."""

    code = "bad-name"


class BadRoom(ChatError):
    """Not a valid name for a room."""

    code = "bad-room"


class BadText(ChatError):
    """A text without a visible character, or with invalid Unicode."""

    code = "bad-text"


class TextTooLong(ChatError):
    """A text with more bytes or line breaks than the server takes."""

    code = "text-too-long"


class NameInUse(ChatError):
    """Another session holds the name."""

    code = "name-in-use"


class NameRegistered(ChatError):
    """The name is an account's, and the request is not the account's."""

    code = "name-registered"


class BadCredentials(ChatError):
    """Name and password do not belong together; the same for an unknown name."""

    code = "bad-credentials"


class BadPassword(ChatError):
    """A password that is too short, too long, or too common."""

    code = "bad-password"


class Insecure(ChatError):
    """A password came over a connection that others may read."""

    code = "insecure"


class NoSuchPerson(ChatError):
    """No session has that name."""

    code = "no-such-person"


class NotInRoom(ChatError):
    """The session has not joined the room."""

    code = "not-in-room"


class NoSession(ChatError):
    """The request needs a session, and has none."""

    code = "no-session"


class BadToken(ChatError):
    """The token is unknown or has expired."""

    code = "bad-token"


class ForeignOrigin(ChatError):
    """A web page of another origin, which the operator did not allow."""

    code = "foreign-origin"


class WrongHost(ChatError):
    """The request's `Host` is not one of this server's names."""

    code = "wrong-host"


class NotFound(ChatError):
    """No resource has that address."""

    code = "not-found"


class MethodNotAllowed(ChatError):
    """The resource at that address does not take this method."""

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
    """The body has a media type that this resource does not read."""

    code = "unsupported-media-type"


class RateLimited(ChatError):
    """The client exceeds a rate limit."""

    code = "rate-limited"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which the same request would be accepted."""


class TooMany(RateLimited):
    """The client has as many connections, sessions or readers at a time as it may have."""

    code = "too-many"


class TooManyRooms(ChatError):
    """The session is in as many rooms as it may be in."""

    code = "too-many-rooms"


class Unavailable(ChatError):
    """The server cannot carry the request out now, through no fault of the client."""

    code = "unavailable"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class FailureLog(Protocol):
    """The part of Twisted's `Logger` that logs exceptions."""

    def failure(self, format: str, failure: Any = None, **fields: Any) -> object:
        """Log an exception with its traceback; without `failure`, the one that is being handled."""


def internal_error(log: FailureLog, what: str, failure: Any = None) -> Unavailable:
    """Log an exception that is a bug, and return the refusal of its request.

    Log and refusal have the same random id, by which an operator finds what a user reports.  `what`
    says what has failed; `failure` is as in `FailureLog`.
    """
    id_ = token_hex(4)
    log.failure("{what} (error {id})", failure, what=what, id=id_)
    return Unavailable(f"internal error {id_}; the server has logged it")


class InDoubt(ChatError):
    """The store may or may not have taken the unit.  A repetition of the request with the same
    idempotency key finds out, and does nothing twice.
    """

    code = "in-doubt"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoSearch(ChatError):
    """This server's store cannot search."""

    code = "no-search"


class NotAllowed(ChatError):
    """The policy forbids this action to this person in this room."""

    code = "not-allowed"


class Banned(ChatError):
    """The person, or the address, is banned from this room, or from the server."""

    code = "banned"


class Muted(ChatError):
    """The person may not speak in this room."""

    code = "muted"


class SlowMode(RateLimited):
    """The room is in slow mode, and the person has to wait before the next message."""

    code = "slow-mode"


class Kicked(ChatError):
    """The person was put out of this room, and may come back."""

    code = "kicked"


class LastOwner(ChatError):
    """The room would be left without an owner."""

    code = "last-owner"


class ListFull(ChatError):
    """The room has as many bans, mutes or invites as it may have."""

    code = "list-full"


class LastAdmin(ChatError):
    """The server would be left without an administrator."""

    code = "last-admin"
