"""Plain requests: whole GETs without a body, parsed by a few regular expressions.

Most requests of programs are a path, a simple query, and a few headers that the server does not
use.  Parsing them with `twisted.web` takes some hundred calls of Python.

1. A packet is plain if it is one whole request with the syntax that is matched here.  That is less
   than RFC 9112 allows.  Every other packet gets None, so `chatd.http.strict` parses it, and is the
   only part that refuses a request.
2. A plain request has no header that the server uses, except those in `PLAIN`.  Any header for
   which `chatd.http.fields` has a bound counts as used, and so does any parameter.
3. What is returned equals what `chatd.http.strict` and `twisted.web` would return
   (`tests/http/test_plain.py` compares them).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .fields import HEADERS, PARAMETERS
from .strict import MAX_HEADERS
from .syntax import is_host

MAX_PLAIN = 4096
"""Bytes of a plain request."""
PLAIN = frozenset({b"accept", b"accept-encoding", b"connection", b"host", b"user-agent"})
"""Headers that a plain request may have, although the server uses them."""
_OF_TWISTED = (
    *("content-length", "transfer-encoding", "te", "trailer", "range", "cookie", "forwarded"),
    *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"),
    *("access-control-request-method", "http2-settings", "x-http-method-override"),
)
"""Headers without a bound that `twisted.web` or a part of the server uses, or may come to use."""
_USED = "|".join(map(re.escape, sorted({*HEADERS, *_OF_TWISTED})))
# No pattern may backtrack: they are matched against the first bytes of every connection.
_REQUEST = re.compile(
    rb"GET (/[A-Za-z0-9/._-]*+)(?:\?([A-Za-z0-9=&._-]*+))? HTTP/1\.1\r\n"
    rb"((?:[A-Za-z0-9-]++:[\t\x20-\x7e]*+\r\n)++)\r\n"
)
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


def plain(packet: bytes) -> PlainRequest | None:
    """The packet as a plain request; None if it has to be parsed."""
    if len(packet) > MAX_PLAIN or not (match := _REQUEST.fullmatch(packet)):
        return None
    path, query, fields = match.groups()
    found = _USED_FIELD.findall(fields.lower())
    used = dict(found)
    if len(used) != len(found) or not used.keys() <= PLAIN or fields.count(b"\n") > MAX_HEADERS:
        return None
    if used.get(b"connection", b"keep-alive").strip(b" \t") != b"keep-alive":
        return None
    host = used.get(b"host", b"").strip(b" \t")
    if not (host and is_host(host)):
        return None
    parameters = _parameters(query) if query else {}
    if parameters is None:
        return None
    return PlainRequest(path, parameters, host, used.get(b"accept", b"").strip(b" \t"))


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
