"""Plain requests: simple GETs and POSTs, parsed by a few regular expressions.

Most requests of programs are a path, a simple query, and a few headers that the server does not
use.  Parsing them with `twisted.web` takes some hundred calls of Python.

1. A packet is plain if it is one whole request with the syntax that is matched here.  That is less
   than RFC 9112 allows.  Every other packet gets None, so `chatd.http.strict` parses it, and is the
   only part that refuses a malformed request.
2. A plain GET has no header that the server uses, except those in `PLAIN`.  Any header for which
   `chatd.http.fields` has a bound counts as used, and so does any parameter.
3. A plain POST, which may change something, has only headers in `PLAIN` and `OF_BODIES`.  One of
   them is the length of its body.  The body is in the same packet, or all of it is still to come.
   Heads of plain POSTs are cached, because a program sends the same ones again and again.  None
   of them shows a token, neither in a header nor in the query.
4. What is returned equals what `chatd.http.strict` and `twisted.web` would return
   (`tests/http/test_plain.py` compares them).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from .fields import HEADERS, PARAMETERS
from .strict import MAX_HEADERS
from .syntax import is_host

MAX_PLAIN = 4096
"""Bytes of a plain request."""
PLAIN = frozenset({b"accept", b"accept-encoding", b"connection", b"host", b"user-agent"})
"""Headers that a plain request may have, although the server uses them."""
OF_BODIES = frozenset({b"content-length", b"content-type"})
"""Further headers of a plain POST."""
_OF_POSTS = PLAIN | OF_BODIES
_SECRETS = (b"access_token", b"ticket")
"""Parameters that no plain POST has."""
_OF_TWISTED = (
    *("content-length", "transfer-encoding", "te", "trailer", "range", "cookie", "forwarded"),
    *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"),
    *("access-control-request-method", "http2-settings", "x-http-method-override"),
)
"""Headers without a bound that `twisted.web` or a part of the server uses, or may come to use."""
_USED = "|".join(map(re.escape, sorted({*HEADERS, *_OF_TWISTED})))
# No pattern may backtrack: they are matched against the first bytes of every connection.
_HEAD = (
    rb" (/[A-Za-z0-9/._-]*+)(?:\?([A-Za-z0-9=&._-]*+))? HTTP/1\.1\r\n"
    rb"((?:[A-Za-z0-9-]++:[\t\x20-\x7e]*+\r\n)++)\r\n"
)
_GET = re.compile(b"GET" + _HEAD)
_POST = re.compile(b"POST" + _HEAD)
_LENGTH = re.compile(rb"[0-9]{1,4}")
_USED_FIELD = re.compile(rf"^({_USED}):([^\r]*+)".encode(), re.MULTILINE)
_READ_PARAMETERS = frozenset(name.encode() for name in PARAMETERS)


class PlainRequest(NamedTuple):
    """A GET of HTTP/1.1 without a body, whose connection stays open."""

    path: bytes
    parameters: Mapping[bytes, bytes]
    """The parameters of the query that the server uses."""
    host: bytes
    """In lower case."""
    accept: bytes
    """In lower case; empty: the request has no `Accept`."""


class PlainPost(Struct, frozen=True):
    """The head of a POST of HTTP/1.1, whose connection stays open."""

    path: bytes
    parameters: Mapping[bytes, bytes]
    """The parameters of the query that the server uses."""
    host: bytes
    """In lower case."""
    content_type: str
    """In lower case; empty: the request has no `Content-Type`."""
    length: int
    """Bytes of the body."""


def plain(packet: bytes) -> PlainRequest | None:
    """The packet as a plain GET; None if it has to be parsed."""
    if len(packet) > MAX_PLAIN or not (match := _GET.fullmatch(packet)):
        return None
    path, query, fields = match.groups()
    used = _used(fields, PLAIN)
    parameters = _parameters(query) if query else {}
    if used is None or parameters is None:
        return None
    return PlainRequest(path, parameters, used[b"host"], used.get(b"accept", b""))


def plain_post(packet: bytes) -> tuple[PlainPost, bytes | None] | None:
    """The packet as a plain POST with its body, which is None if it is still to come; None if the
    packet has to be parsed.
    """
    if len(packet) > MAX_PLAIN:
        return None
    end = packet.find(b"\r\n\r\n") + 4
    body = packet[end:]
    try:
        post = _post_with(packet[:end])
    except _NotPlainError:
        return None
    if post.length == len(body):
        return post, body
    return None if body or end + post.length > MAX_PLAIN else (post, None)


class _NotPlainError(Exception):
    """A request has to be parsed."""


@lru_cache(maxsize=100)  # an error is not cached, so no head with a token is
def _post_with(head: bytes) -> PlainPost:
    """The plain POST with that head.  Raises `_NotPlainError`."""
    match = _POST.fullmatch(head)
    if match is None:
        raise _NotPlainError
    path, query, fields = match.groups()
    used = _used(fields, _OF_POSTS)
    parameters = _parameters(query) if query else {}
    if used is None or parameters is None or len(used) != fields.count(b"\n"):
        raise _NotPlainError
    if not parameters.keys().isdisjoint(_SECRETS):
        raise _NotPlainError
    content_type, length = used.get(b"content-type", b""), used.get(b"content-length", b"")
    if len(content_type) > HEADERS["content-type"].most or not _LENGTH.fullmatch(length):
        raise _NotPlainError
    return PlainPost(path, parameters, used[b"host"], content_type.decode(), int(length))


def _used(fields: bytes, allowed: Set[bytes]) -> Mapping[bytes, bytes] | None:
    """The headers that the server uses, with their values in lower case; None if others than the
    allowed ones are among them, if one is given twice, if there is no valid host, or if the
    connection is to be closed.
    """
    found = _USED_FIELD.findall(fields.lower())
    used = {name: value.strip(b" \t") for name, value in found}
    if len(used) != len(found) or not used.keys() <= allowed or fields.count(b"\n") > MAX_HEADERS:
        return None
    if used.get(b"connection", b"keep-alive") != b"keep-alive":
        return None
    host = used.get(b"host")
    return used if host and is_host(host) else None


def _parameters(query: bytes) -> Mapping[bytes, bytes] | None:
    """The parameters that the server uses; None if one is given twice, or without a value."""
    parameters: dict[bytes, bytes] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name in _READ_PARAMETERS:
            if not value or name in parameters:
                return None
            parameters[name] = value
    return parameters
