"""Recognition of other protocols by the first line of a connection to the line door.

Browsers, TLS and SSH clients and scanners connect to any port, and a web page can make a browser
post to any port.  Their bytes must not become messages.  The first line is judged while it arrives,
before any part of it is carried out.

1. Other protocols are recognised by how they begin:

   - TLS by the byte 0x16,
   - SSH by `SSH-`,
   - HTTP by a whole request line, of a method, one target and the version, or by a status line.
     A target begins with `/`, is `*`, or has a scheme or a port.  Case does not matter, and a tab
     separates like a blank.  After a common method the target may contain blanks; after a common
     method and a target, `MAX_OPENING` bytes need no version, because no sentence is so long.

2. A NUL means binary data, except after a CR, where a telnet client sends it to end a line.  So
   does a line with both control characters and invalid UTF-8.
3. Text that is invalid UTF-8, and nothing else, is taken for Latin-1 and accepted.
"""

from __future__ import annotations

import re

MAX_OPENING = 2048
"""Bytes of a first line that are judged; every other protocol is recognised in fewer."""

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
"""The whole request line of HTTP, or of a protocol that looks like it."""
_REQUEST = re.compile(rb"\s*%b[ \t]+%b" % (_METHOD, _TARGET), re.IGNORECASE)
"""The beginning of such a request line."""
_STATUS_LINE = re.compile(rb"\s*%b[ \t]+\d{3}(?!\S)" % _VERSION, re.IGNORECASE)
_NUL = re.compile(rb"(?<!\r)\0")
_CONTROL = re.compile(rb"[\x01-\x06\x0e-\x14\x16\x18-\x1a\x1c-\x1f]")

HTTP = "this is the line door, for telnet and netcat; HTTP has a port of its own"
TLS = "this port speaks plain text, not TLS; connect with telnet or nc"
SSH = "this is a chat, not SSH; connect with telnet or nc"
BINARY = "that is binary, and this is a chat; send lines of text in UTF-8"


class Opening:
    """Judges the first line of one connection, however its bytes are split."""

    __slots__ = ("_first", "done")

    def __init__(self) -> None:
        self.done = False
        """Whether the first line is complete."""
        self._first = b""

    def feed(self, text: bytes) -> str | None:
        """Judge more of the connection's text, from which telnet's commands have been removed.

        Returns the text of the refusal, or None if the client may go on.
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
        """Judge the line that the end of the input completes."""
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
