"""Bounded access to a request's parameters, headers, cookies and path.

Each field has a bound here (`chatd.model.bounds`), in characters, with which it is compared before
it is used.  Reading a field without a bound is a bug, and raises `KeyError`.  The head of a request
has at most 16 KiB in all, which Twisted enforces.
"""

from __future__ import annotations

from twisted.web.server import Request

from ..model.bounds import INVITE, KEY, NAME, QUERY, ROOM, TEXT, TOKEN, WHO, Bound
from ..model.errors import BadToken, ForeignOrigin, Malformed, UnsupportedMediaType

MAX_ROOMS = 500
"""Rooms that one request may read, on one cursor: as many as a person may be in, and more."""


def _short(what: str, most: int = 200) -> Bound:
    return Bound(most, Malformed, f"{what} has at most {most} characters")


PARAMETERS: dict[str, Bound] = {
    "access_token": TOKEN,
    "after": _short("after", ROOM.most),
    "before": _short("before", 40),
    "limit": _short("limit", 40),
    "q": QUERY,
    "message": TEXT,
    "name": NAME,
    "reader": _short("reader"),
    "rooms": _short("rooms", 15_000),
    "since": _short("since", 40),
    "ticket": TOKEN,
    "wait": _short("wait", 100),
}
"""The bounds of parameters in a URL's query."""
HEADERS: dict[str, Bound] = {
    "accept": _short("Accept", 4096),
    "accept-encoding": _short("Accept-Encoding", 1000),
    "authorization": Bound(
        TOKEN.most + 100, BadToken, "send Authorization: Bearer TOKEN, with a token of this server"
    ),
    "chatd-session": TOKEN,
    "connection": _short("Connection", 1000),
    "content-type": Bound(300, UnsupportedMediaType, "Content-Type has at most 300 characters"),
    "expect": _short("Expect"),
    "host": _short("Host", 300),
    "idempotency-key": Bound(
        KEY.most, Malformed, "an Idempotency-Key has 1 to 200 visible ASCII characters"
    ),
    "last-event-id": Bound(
        100, Malformed, "Last-Event-ID has to be the id of an event of this server"
    ),
    "origin": Bound(400, ForeignOrigin, "an Origin has at most 400 characters"),
    "content-encoding": _short("Content-Encoding"),
    "sec-fetch-site": _short("Sec-Fetch-Site"),
    "sec-websocket-key": _short("Sec-WebSocket-Key"),
    "sec-websocket-protocol": _short("Sec-WebSocket-Protocol", 1000),
    "sec-websocket-version": _short("Sec-WebSocket-Version"),
    "upgrade": _short("Upgrade", 1000),
    "user-agent": _short("User-Agent", 1000),
    "x-forwarded-for": _short("X-Forwarded-For", 4096),
    "x-forwarded-host": _short("X-Forwarded-Host", 1000),
    "x-forwarded-proto": _short("X-Forwarded-Proto", 1000),
}
"""The bounds of the headers that the server uses, by their names in lower case."""
_RAW_HEADERS = {name: (name.encode(), bound) for name, bound in HEADERS.items()}
"""The same, with the names as bytes: for those Twisted decodes no value that is not used."""
SEGMENTS: dict[str, Bound] = {
    "room": ROOM,
    "person": NAME,
    "who": WHO,
    "id": _short("an id"),
    "code": INVITE,
}
"""The bounds of path segments that clients choose, by kind."""


def one(request: Request, name: str) -> str | None:
    """A parameter of the query; None: the query has none.

    Raises `Malformed` if it is given twice or is not UTF-8, and its bound's error.
    """
    bound = PARAMETERS[name]
    values = request.args.get(name.encode())
    if not values:
        return None
    if len(values) > 1:
        raise Malformed(f"{name} is given {len(values)} times; give it once")
    try:
        return bound.check(bytes(values[0]).decode())
    except UnicodeDecodeError:
        raise Malformed(f"{name} is no valid UTF-8") from None


def whole_number(request: Request, name: str, other: str = "") -> int | None:
    """A parameter that is a whole number; None: the query has none.

    `other` names what the parameter may be besides, for the error's message.  Raises `Malformed`.
    """
    text = one(request, name)
    return None if text is None else number(text, name, other)


def number(text: str, name: str, other: str = "") -> int:
    """The whole number that a text has; `name` and `other` as for `whole_number`.

    Raises `Malformed`.
    """
    # Eighteen digits reach to the year 33658 in microseconds, and stay within 64 bits.
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Malformed(
            f"{name} has to be {other}a whole number that is not negative, of at most 18 digits"
        )
    return int(text)


def header(request: Request, name: str) -> str | None:
    """A header's value, of several the last; None: the request has none.

    Raises its bound's error.
    """
    raw, bound = _RAW_HEADERS[name]
    values = request.requestHeaders.getRawHeaders(raw)
    return bound.check(values[-1].decode()) if values else None


def header_lines(request: Request, name: str) -> list[str]:
    """All values of a header that may be repeated.

    Raises its bound's error if they are too long together.
    """
    raw, bound = _RAW_HEADERS[name]
    values = [value.decode() for value in request.requestHeaders.getRawHeaders(raw, ())]
    if values:
        bound.check(",".join(values))
    return values


def cookie(request: Request, name: bytes) -> str | None:
    """A cookie; None: the request has none, or it is too long for a token of this server."""
    value: bytes | None = request.getCookie(name)
    if value is None or len(value) > TOKEN.most:
        return None
    return value.decode("ascii", "replace")


def segment(path: bytes, what: str) -> str:
    """A path segment that the client chose, of the kind `what`.  Raises its bound's error."""
    return SEGMENTS[what].check(path.decode(errors="replace"))
