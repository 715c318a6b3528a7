"""The first line of a connection to the line door: is the client one that chats?

Browsers, TLS, SSH and scanners connect to any port, and a web page can make a browser post to one:
what they send must not be said.  The first line is judged while it comes in, before anything of it
is carried out.

1. Other protocols are known by how they begin:

   - TLS by the byte 0x16,
   - SSH by `SSH-`,
   - HTTP by a whole request line, of a method, one target and the version, or by a status line.
     A target begins with `/`, is `*`, or has a scheme or a port; case does not matter, and a tab
     separates as a space does.  Behind a usual method the target may have blanks in it, and behind
     a usual method with a target, `MAX_OPENING` bytes need no version: no sentence is so long.

2. A NUL is binary, but for the one behind a CR, with which a telnet client ends a line.  So is a
   line that holds both control characters and bytes that are no UTF-8.
3. Text that is only not UTF-8 is somebody's Latin-1, and is taken.
"""

from __future__ import annotations

import re

MAX_OPENING = 2048
"""Bytes without a line end that are judged: clients of other protocols have shown themselves by
then."""

_BLANK = re.compile(rb"(?:\r\0|[\r\n])*")
_END = re.compile(rb"[\r\n]")
_METHOD = (
    rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|TRACE|CONNECT|PATCH|PRI|QUERY|DESCRIBE|"
    rb"PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|LOCK|UNLOCK|REPORT|SEARCH)"
)
_TARGET = rb"(?:/|\*|[a-z][a-z0-9+.-]*://|sip:|[\w.-]+:\d)"
_VERSION = rb"(?:HTTP|RTSP|SIP|ICAP)/\d(?:\.\d)?"
_REQUEST_LINE = re.compile(
    rb"\s*(?:%b[ \t]+%b.*|[a-z-]+[ \t]+%b\S*[ \t]*)[ \t]%b\s*"
    % (_METHOD, _TARGET, _TARGET, _VERSION),
    re.IGNORECASE,
)
"""A request of HTTP, or of a protocol that looks like it: whole."""
_REQUEST = re.compile(rb"\s*%b[ \t]+%b" % (_METHOD, _TARGET), re.IGNORECASE)
"""The beginning of one."""
_STATUS_LINE = re.compile(rb"\s*%b[ \t]+\d{3}(?!\S)" % _VERSION, re.IGNORECASE)
_NUL = re.compile(rb"(?<!\r)\0")
_CONTROL = re.compile(rb"[\x01-\x06\x0e-\x14\x16\x18-\x1a\x1c-\x1f]")

HTTP = "this is the line door, for telnet and netcat; HTTP has a port of its own"
TLS = "this port speaks plain text, not TLS; connect with telnet or nc"
SSH = "this is a chat, not SSH; connect with telnet or nc"
BINARY = "that is binary, and this is a chat; send lines of text in UTF-8"


class Opening:
    """The judgement of one connection's first line, however its bytes are cut."""

    __slots__ = ("_first", "done")

    def __init__(self) -> None:
        self.done = False
        """Whether the first line has come to its end."""
        self._first = b""

    def feed(self, text: bytes) -> str | None:
        """Judge some more of the connection's text; answers what is wrong with it, None if nothing
        is.  `text` is without telnet's commands.
        """
        self._first += text
        begin = _matched(_BLANK, self._first)
        end = _END.search(self._first, begin)
        self.done = end is not None or len(self._first) - begin > MAX_OPENING
        if begin == len(self._first):
            self._first = b"\r" if self._first.endswith(b"\r") else b""  # a NUL may come
            return None
        return _judge(self._first[begin : end.start() if end else None], complete=self.done)

    def finish(self) -> str | None:
        """Judge the line that the end of the connection completes."""
        self.done = True
        return _judge(self._first[_matched(_BLANK, self._first) :], complete=True)


def _matched(pattern: re.Pattern[bytes], text: bytes) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _judge(line: bytes, *, complete: bool) -> str | None:
    if line.startswith(b"\x16"):
        return TLS
    if line.startswith(b"SSH-"):
        return SSH
    if len(line) > MAX_OPENING and _REQUEST.match(line):
        return HTTP
    if complete and (_REQUEST_LINE.fullmatch(line) or _STATUS_LINE.match(line)):
        return HTTP
    if _NUL.search(line):
        return BINARY
    if complete and _CONTROL.search(line):
        try:
            line.decode()
        except UnicodeDecodeError:
            return BINARY
    return None
