"""Telnet's option bytes, taken out of a stream of text (RFC 854, RFC 855).

1. Nothing is ever negotiated: `DO x` is answered `WONT x`, `WILL x` is answered `DONT x`, the rest
   is swallowed.
2. Nothing is sent first, so a plain netcat sees only text.
3. 0xFF occurs in no UTF-8 text, so IAC is unambiguous; before a byte that makes no command of it,
   it is data (somebody's Latin-1), and becomes U+FFFD like any invalid byte.

`twisted.conch.telnet` does this too, a byte at a time, but raises on IAC before an unknown byte and
on an empty subnegotiation, and answers without bound.
"""

from __future__ import annotations

import re

IAC = b"\xff"
MAX_ANSWERS = 256
"""Option requests that are answered: each option once.  Whoever asks on and on gets silence, not a
growing buffer."""
MAX_SUBNEGOTIATION = 1024
"""Bytes or commands in a subnegotiation, which nobody here wants to read: if its end has not come
by then, it never will, and what follows is text again."""

_SEQUENCE = re.compile(
    rb"\xff(?:"
    rb"(?P<ask>[\xfb-\xfe].)|"  # WILL, WONT, DO, DONT and the option
    rb"\xfa(?:[^\xff]|\xff[^\xf0]){0,%d}?\xff\xf0|"  # SB … SE
    rb"\xfa(?:[^\xff]|\xff[^\xf0]){%d}|"  # SB without an end
    rb"[\xf0-\xf9]|"  # commands of one byte
    rb"(?P<data>\xff)|"  # an escaped 0xFF
    rb"(?P<more>[\xfb-\xfe]?\Z|\xfa(?:[^\xff]|\xff[^\xf0])*\xff?\Z)"  # to be continued
    rb")" % (MAX_SUBNEGOTIATION, MAX_SUBNEGOTIATION + 1),
    re.DOTALL,
)
_ANSWER = {0xFB: b"\xfe", 0xFD: b"\xfc"}


class OptionFilter:
    """What is text in a telnet client's bytes, and what to answer the rest."""

    def __init__(self) -> None:
        self._rest = b""
        self._answers = bytearray()
        self._left = MAX_ANSWERS

    def feed(self, data: bytes) -> bytes:
        """The text in these bytes; an option sequence that is not finished yet waits for the next
        call.
        """
        if not self._rest and IAC not in data:
            return data
        data, self._rest = self._rest + data, b""
        return _SEQUENCE.sub(self._take, data)

    def answers(self) -> bytes:
        """What is to be sent back for what was fed since the last call."""
        answers = bytes(self._answers)
        self._answers.clear()
        return answers

    def _take(self, match: re.Match[bytes]) -> bytes:
        if match["data"]:
            return IAC
        if match["more"] is not None:
            self._rest = match[0]
        elif match["ask"] and self._left and (verb := _ANSWER.get(match["ask"][0])):
            self._left -= 1
            self._answers += IAC + verb + match["ask"][1:]
        return b""
