"""Strict decoder of a request's chunked body (RFC 9112, section 7.1).

Twisted's decoder accepts malformed chunk extensions, and waits for ever if a line ends with a bare
LF.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..model.errors import Malformed
from .syntax import check_field

MAX_LINE = 1024
"""Bytes in the line with a chunk's size and extensions."""
MAX_TRAILERS = 16 * 1024
"""Bytes of the trailer section after the last chunk."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+"'
_SIZE = re.compile(
    rb"([0-9A-Fa-f]++)(?:[ \t]*+;[ \t]*+%b(?:[ \t]*+=[ \t]*+(?:%b|%b))?+)*+"
    % (_TOKEN, _TOKEN, _QUOTED)
)
_FIELD = re.compile(rb"%b:[^\r\n]*+" % _TOKEN)


class Chunks:
    """Decoder of one chunked body."""

    def __init__(self, data: Callable[[bytes], None], end: Callable[[bytes], None]) -> None:
        """`data` is called with pieces of the body, and `end` with the bytes after the body."""
        self.length = 0
        """Bytes of the current chunk that have not been received."""
        self._data = data
        self._end = end
        self._buffer = bytearray()
        self._step: Callable[[], bool] = self._size
        self._trailers = 0

    def dataReceived(self, data: bytes) -> None:
        """Decode bytes of the body, or after it.  Raises `Malformed`."""
        self._buffer += data
        while self._buffer and self._step():
            pass

    def _size(self) -> bool:
        line = self._line(MAX_LINE)
        if line is None:
            return False
        size = _SIZE.fullmatch(line)
        if not size:
            raise Malformed("that is no chunk: it begins with its length in hexadecimal")
        self.length = int(size[1], 16)
        self._step = self._body if self.length else self._trailer
        return True

    def _body(self) -> bool:
        data = bytes(self._buffer[: self.length])
        del self._buffer[: self.length]
        self.length -= len(data)
        if not self.length:
            self._step = self._behind
        self._data(data)
        return True

    def _behind(self) -> bool:
        if not b"\r\n".startswith(self._buffer[:2]):
            raise Malformed("a chunk has another length than it says")
        if len(self._buffer) < 2:
            return False
        del self._buffer[:2]
        self._step = self._size
        return True

    def _trailer(self) -> bool:
        line = self._line(MAX_TRAILERS - self._trailers)
        if line is None:
            return False
        if line:
            if not _FIELD.fullmatch(line):
                raise Malformed("that is no trailer of a body in chunks")
            check_field(line)
            self._trailers += len(line) + 2
            return True
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._end(rest)
        return False

    def _line(self, most: int) -> bytes | None:
        """The next line without its CR LF; None: it is incomplete.  Raises `Malformed`."""
        end = self._buffer.find(b"\n", 0, most + 2)
        if end < 0:
            if len(self._buffer) > most:
                raise Malformed(f"a line in a body in chunks is too long: more than {most} bytes")
            return None
        if self._buffer[end - 1 : end] != b"\r":
            raise Malformed("a line of HTTP ends with CR LF")
        line = bytes(self._buffer[: end - 1])
        del self._buffer[: end + 1]
        return line
