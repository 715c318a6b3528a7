"""A request's body in chunks (RFC 9112, section 7.1), read without lenience.

Twisted's decoder takes extensions that are none, and waits for ever where a line ends with LF only.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..model.errors import Malformed
from .syntax import check_field

MAX_LINE = 1024
"""Bytes in a line that says how long a chunk is, its extensions included."""
MAX_TRAILERS = 16 * 1024
"""Bytes of what follows the last chunk."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+"'
_SIZE = re.compile(
    rb"([0-9A-Fa-f]++)(?:[ \t]*+;[ \t]*+%b(?:[ \t]*+=[ \t]*+(?:%b|%b))?+)*+"
    % (_TOKEN, _TOKEN, _QUOTED)
)
_FIELD = re.compile(rb"%b:[^\r\n]*+" % _TOKEN)


class Chunks:
    """What is left to read of a body in chunks."""

    def __init__(self, data: Callable[[bytes], None], end: Callable[[bytes], None]) -> None:
        """`data` is called with the body, piece by piece, and `end` with what came behind it."""
        self.length = 0
        """Bytes that the present chunk still has."""
        self._data = data
        self._end = end
        self._buffer = bytearray()
        self._step: Callable[[], bool] = self._size
        self._trailers = 0

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the body, or behind it.  Raises `Malformed`."""
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
        """The next line without its end, None if it is not complete.  Raises `Malformed`."""
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
