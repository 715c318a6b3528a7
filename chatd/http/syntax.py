"""Syntax of a request's head: checks by RFC 9110 and RFC 9112 that `twisted.web` does not make.

A request that two HTTP parsers could interpret differently is refused, because a proxy on the way
may have interpreted it differently (request smuggling: RFC 9112, section 11.2).
"""

from __future__ import annotations

import re

from twisted.web.http_headers import Headers

from ..model.errors import Malformed

ONCE = (
    "authorization",
    "chatd-session",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "last-event-id",
    "origin",
    "sec-fetch-site",
    "sec-websocket-key",
    "sec-websocket-version",
)
"""Headers that the server uses and that are not lists (RFC 9110, section 5.3).  If one is sent
twice, some parsers use the first and others the last."""
_ONCE = frozenset(name.encode() for name in ONCE)

_ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE)
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(:\d*)?")
_TARGET = re.compile(rb"[\x21\x22\x24-\x7e]+")  # visible, and no fragment
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def is_host(text: bytes) -> bool:
    """Whether that is the value of a Host header (RFC 9112, section 3.2)."""
    return _HOST.fullmatch(text) is not None


def check_field(line: bytes) -> None:
    """Raise `Malformed` for a header or a trailer field that a request may not have."""
    name, _, value = line.partition(b":")
    name, value = name.lower(), value.strip(b" \t")
    if _CONTROL.search(line):  # RFC 9110, section 5.5
        raise Malformed("a header holds a control character")
    if name == b"transfer-encoding" and value.lower() != b"chunked":  # RFC 9112, section 6.3
        raise Malformed("the only Transfer-Encoding that is read here is chunked")
    if name == b"content-length" and len(value) > 4000:  # int() raises at 4,301 digits
        raise Malformed("that is no Content-Length")


def check_headers(headers: Headers, version: bytes) -> None:
    """Raise `Malformed` for headers that a request of that version may not have together."""
    for name, values in headers.getAllRawHeaders():
        if len(values) > 1 and name.lower() in _ONCE:
            raise Malformed(f"a request has one {name.decode()} header at most")
    if version == b"HTTP/1.0" and headers.hasHeader("transfer-encoding"):  # RFC 9112, section 6.1
        raise Malformed("HTTP/1.0 has no Transfer-Encoding")


def read_target(method: bytes, target: bytes, version: bytes, headers: Headers) -> bytes:
    """The requested path and query.

    See RFC 9112, sections 3.2 (Host), 3.2.1 (a path), 3.2.2 (a whole URL, whose host replaces the
    Host header) and 3.2.4 (`OPTIONS *`).  Raises `Malformed`.
    """
    hosts: list[bytes] = list(headers.getRawHeaders(b"host", []))
    if len(hosts) != 1 and (hosts or version == b"HTTP/1.1"):
        raise Malformed("a request of HTTP/1.1 has one Host header")
    if not all(map(is_host, hosts)):
        raise Malformed("that is no host")
    if not _TARGET.fullmatch(target):
        raise Malformed("the target of a request is visible ASCII without a #; percent-encode it")
    if absolute := _ABSOLUTE.fullmatch(target):
        host, target = absolute.groups()
        if not host or not is_host(host):
            raise Malformed("that is no host")
        headers.setRawHeaders(b"host", [host])
        if not target.startswith(b"/"):
            target = b"/" + target
    if not target.startswith(b"/") and not (target == b"*" and method == b"OPTIONS"):
        raise Malformed("the target of a request is a path: GET / HTTP/1.1")
    # Twisted also separates parameters at semicolons, and would cut a text there.
    path, mark, query = target.partition(b"?")
    return path + mark + query.replace(b";", b"%3B")
