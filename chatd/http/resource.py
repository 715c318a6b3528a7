"""The base of JSON resources: finds the method, encodes errors, finishes the answer once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from ..codecs.json import encode, error_body
from ..codecs.sse import SSE
from ..model import errors
from ..model.errors import (
    ChatError,
    InDoubt,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    Unavailable,
    UnsupportedMediaType,
    internal_error,
)
from ..model.metrics import RARE
from ..net.peers import spread
from .fields import header_lines, segment
from .media import wants_event_stream

STATUS: dict[type[ChatError], int] = {
    errors.Malformed: 400,
    errors.BadName: 400,
    errors.BadRoom: 400,
    errors.BadText: 400,
    errors.BadPassword: 400,
    errors.NoSession: 401,
    errors.BadCredentials: 401,
    errors.BadToken: 401,
    errors.ForeignOrigin: 403,
    errors.NotAllowed: 403,
    errors.Banned: 403,
    errors.Muted: 403,
    errors.Kicked: 403,
    errors.Insecure: 403,
    errors.NotFound: 404,
    errors.NoSuchPerson: 404,
    errors.MethodNotAllowed: 405,
    errors.TooSlow: 408,
    errors.NameInUse: 409,
    errors.NameRegistered: 409,
    errors.NotInRoom: 409,
    errors.TooManyRooms: 409,
    errors.LastOwner: 409,
    errors.ListFull: 409,
    errors.LastAdmin: 409,
    errors.TooLarge: 413,
    errors.TextTooLong: 413,
    errors.UnsupportedMediaType: 415,
    errors.WrongHost: 421,
    errors.RateLimited: 429,
    errors.TooMany: 429,
    errors.SlowMode: 429,
    errors.NoSearch: 501,
    errors.Unavailable: 503,
    errors.InDoubt: 503,
}
"""Each refusal's HTTP status (RFC 9110, section 15; 429: RFC 6585, section 4)."""

NOTHING_HERE = "there is nothing at this address; see /rooms, /session, /events"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
_log = Logger()


class ApiResource(Resource):
    """A resource whose `render_*` methods return bytes, `NOT_DONE_YET`, or a Deferred of either;
    both the method and the Deferred may fail with a `ChatError`.
    """

    def getChild(self, path: bytes, request: Request) -> Resource:
        """No resource is below this one, unless a subclass adds some."""
        return Refusal(NotFound(NOTHING_HERE))

    def render(self, request: Request) -> bytes | int:
        """Carry the request out."""
        method = request.method.decode("ascii", "replace")
        try:
            if (self.isLeaf and request.postpath) or not self.allowed:
                raise NotFound(NOTHING_HERE)
            render: Callable[[Request], Any] | None = getattr(self, f"render_{method}", None)
            if render is None or method not in _METHODS:
                raise MethodNotAllowed(
                    f"{method[:16]} does not work here; use {', '.join(self.allowed)}", self.allowed
                )
            if method in _WITH_BODY:
                check_coding(request)
            result = render(request)
        except ChatError as error:
            result = refuse(request, error)
        if isinstance(result, Deferred):
            finish_later(request, result)
            return NOT_DONE_YET
        rendered: bytes | int = result
        return headless(request, rendered) if isinstance(rendered, bytes) else rendered

    def render_HEAD(self, request: Request) -> Any:
        """Like GET, without the body, which Twisted leaves out."""
        get = getattr(self, "render_GET", None)
        if get is None:
            raise MethodNotAllowed(
                f"HEAD does not work here; use {', '.join(self.allowed)}", self.allowed
            )
        return get(request)

    def render_OPTIONS(self, request: Request) -> bytes:
        """The methods that this resource takes (RFC 9110, section 9.3.7)."""
        request.setResponseCode(204)
        request.setHeader(b"allow", ", ".join(self.allowed).encode())
        return b""

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods that this resource takes; none if it only has resources below it."""
        return _allowed(type(self))  # type: ignore[arg-type]  # Twisted gives it no hash


@cache
def _allowed(resource: type[ApiResource]) -> tuple[str, ...]:
    """See `ApiResource.allowed`."""
    own = [
        name
        for name in _METHODS
        if name not in ("HEAD", "OPTIONS") and hasattr(resource, f"render_{name}")
    ]
    return (*own, *["HEAD"] * ("GET" in own), "OPTIONS") if own else ()


class Refusal(ApiResource):
    """A resource that refuses every request."""

    isLeaf = True

    def __init__(self, error: ChatError) -> None:
        super().__init__()
        self._error = error

    def render(self, request: Request) -> bytes | int:
        """Refuse the request."""
        return headless(request, refuse(request, self._error))


def resource_named(path: bytes, kind: str, make: Callable[[str], Resource]) -> Resource:
    """The resource that `make` returns for a path segment of that kind (`chatd.http.fields`), or
    the refusal of a segment that is too long.
    """
    try:
        return make(segment(path, kind))
    except ChatError as error:
        return Refusal(error)


def answer(request: Request, value: Any, status: int = 200) -> bytes:
    """The value as JSON, for a `render_*` method to return."""
    return _dress(request, encode(value), status)


def no_content(request: Request) -> bytes:
    """An empty answer with the status 204, for a `render_*` method to return."""
    request.setResponseCode(204)
    return b""


def varies(request: Request, header: bytes) -> None:
    """Say that the answer depends on this header of the request (`Vary`, RFC 9110, section 12.5.5):
    a cache keeps one answer for each value.
    """
    request.responseHeaders.addRawHeader(b"vary", header)


def check_coding(request: Request) -> None:
    """Raise `UnsupportedMediaType` if the request's body is compressed (RFC 9110, section 8.4)."""
    for value in header_lines(request, "content-encoding"):
        if value.strip(" \t").lower() not in ("", "identity"):
            request.setHeader(b"accept-encoding", b"identity")
            raise UnsupportedMediaType("send the body as it is, without a Content-Encoding")


def refuse(request: Request, error: ChatError) -> bytes:
    """The refusal as JSON, with its status and headers.

    An event stream that is refused for load (429, 503) gets the status 200 and `retry:`, and ends
    (see `chatd.doors.sse`).  Raises nothing, whatever the request contains.
    """
    RARE.refused(error)
    for name, value in headers_of(error):
        request.setHeader(name, value)
    if isinstance(error, RateLimited | Unavailable) and wants_event_stream(request):
        dress_live(request, SSE.content_type)
        return SSE.farewell(error.code, error.message, spread(error.retry_after))
    return _dress(request, error_body(error), STATUS[type(error)])


def headers_of(error: ChatError) -> Iterator[tuple[bytes, bytes]]:
    """The headers, names and values, that a refusal has because of its error."""
    yield from retry_after(error)
    if isinstance(error, MethodNotAllowed):
        yield b"Allow", ", ".join(error.allowed).encode()
    if STATUS[type(error)] == 401:
        yield b"WWW-Authenticate", b"Bearer"


def dress_live(request: Request, content_type: bytes) -> None:
    """Set the headers of live data (`live_headers`)."""
    for name, value in live_headers(content_type):
        request.setHeader(name, value)


def live_headers(content_type: bytes) -> Iterable[tuple[bytes, bytes]]:
    """The headers of live data, names and values: they disable caching and proxy buffering."""
    return (
        (b"content-type", content_type),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
        (b"incremental", b"?1"),  # RFC 10036
        (b"x-content-type-options", b"nosniff"),
    )


def retry_after(error: ChatError) -> Iterator[tuple[bytes, bytes]]:
    """The header `Retry-After`, name and value, of a refusal for load (429, 503); none for others.
    It is in whole seconds (RFC 9110, section 10.2.3).
    """
    if isinstance(error, RateLimited | Unavailable | InDoubt):
        yield b"Retry-After", b"%d" % max(1, round(error.retry_after + 0.5))


def headless(request: Request, body: bytes) -> bytes:
    """The body; for HEAD only its length, because Twisted logs a body that it leaves out."""
    if request.method != b"HEAD":
        return body
    request.setHeader(b"content-length", b"%d" % len(body))
    return b""


def finish_later(request: Request, result: Deferred[Any]) -> None:
    """Answer with the Deferred's result: bytes, or a `ChatError`.  If the result is `NOT_DONE_YET`,
    other code answers.  Nothing is sent to a client that has disconnected meanwhile.
    """
    gone: list[bool] = []
    request.notifyFinish().addErrback(lambda _: gone.append(True))

    def refused(failure: Failure) -> bytes:
        failure.trap(ChatError)
        assert isinstance(failure.value, ChatError)
        return refuse(request, failure.value)

    def finish(body: bytes | int) -> None:
        if not gone and isinstance(body, bytes):
            request.setHeader(b"content-length", b"%d" % len(body))
            request.write(body)
            request.finish()

    def broken(failure: Failure) -> None:
        finish(refuse(request, internal_error(_log, "a request failed", failure)))

    result.addErrback(refused).addCallback(finish).addErrback(broken)


_OF_THE_ANSWER = (b"content-type", b"cache-control", b"x-accel-buffering", b"incremental", b"link")
"""Headers of an answer that a refusal lacks, or has with other values."""


def whole_refusal(error: ChatError, head: bytes) -> bytes:
    """The refusal of a request on the fast path as a complete response; `head` is the status line
    and headers that the request's answer would have.  Parsed requests get `refuse` instead.
    """
    RARE.refused(error)
    status = STATUS[type(error)]
    body = error_body(error)
    lines = [b"HTTP/1.1 %d %b" % (status, HTTPStatus(status).phrase.encode())]
    for line in head.split(b"\r\n")[1:]:
        if line and line.partition(b":")[0].lower() not in _OF_THE_ANSWER:
            lines.append(line)
    lines += [b"Content-Type: application/json", b"Cache-Control: no-store"]
    lines += [b"%b: %b" % header for header in headers_of(error)]
    lines += [b"Date: " + datetimeToString(), b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


def whole_answer(
    body: bytes, status: int, date: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
) -> bytes:
    """An answer in JSON to a request on the fast path, as a complete response: with the same bytes
    as what `answer` or `refuse` makes for a parsed request.  `headers` are its further ones.
    """
    more = b"".join([b"%b: %b\r\n" % header for header in headers])
    return b"%bDate: %b\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
        _status_line(status),
        date,
        more,
        _JSON_LINES,
        len(body),
        body,
    )


@cache
def _status_line(status: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode())


_JSON_HEADERS = (
    (b"Content-Type", b"application/json"),
    (b"Cache-Control", b"no-store"),
    (b"X-Content-Type-Options", b"nosniff"),
)
"""The headers of every answer in JSON, but those of live data."""
_JSON_LINES = b"".join(b"%b: %b\r\n" % header for header in _JSON_HEADERS)


def _dress(request: Request, body: bytes, status: int) -> bytes:
    request.setResponseCode(status, HTTPStatus(status).phrase.encode())
    for name, value in _JSON_HEADERS:
        request.setHeader(name, value)
    return body
