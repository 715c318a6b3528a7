"""Telnet's option bytes, taken out of a stream of text (RFC 854, RFC 855).

1. Nothing is ever negotiated: `DO x` is answered `WONT x`, `WILL x` is answered `DONT x`, the rest
   is swallowed.
2. Nothing is sent first, so a plain netcat sees only text.
3. 0xFF occurs in no UTF-8 text, so IAC is unambiguous.  Every command from EOF (236) to DONT (254)
   is known; before any other byte IAC is data (somebody's Latin-1), and becomes U+FFFD like any
   invalid byte.
4. EC and EL, which erase a character and a line, become the control characters for that, BS and ^U.
5. A subnegotiation ends at SE, at CR LF, which no real one holds, or after `MAX_SUBNEGOTIATION`
   bytes: one without an end does not mute its client for ever.
6. inetutils' telnet compares the low seven bits of what is typed with its interrupt characters, and
   sends a command instead of a byte of UTF-8: of `Ü`, C3 and BRK.  A command that stands inside a
   UTF-8 sequence is that byte; nobody can press a key in the middle of a character.

`twisted.conch.telnet` does this too, a byte at a time, but raises on IAC before an unknown byte and
on an empty subnegotiation, and answers without bound.
"""

from __future__ import annotations

import re

IAC = b"\xff"
NO_OPERATION = b"\xff\xf1"
"""What a telnet client takes and does not show."""
MAX_ANSWERS = 256
"""Option requests that are answered: each option once.  Whoever asks on and on gets silence, not a
growing buffer."""
MAX_SUBNEGOTIATION = 1024
"""Bytes or commands in a subnegotiation, which nobody here wants to read: if its end has not come
by then, it never will, and what follows is text again."""

_SEQUENCE = re.compile(
    rb"\xff(?:"
    rb"(?P<ask>[\xfb-\xfe].)|"  # WILL, WONT, DO, DONT and the option
    rb"\xfa(?:[^\xff]|\xff[^\xf0]){0,%d}?(?:\xff\xf0|\r\n)|"  # SB … SE
    rb"\xfa(?:[^\xff]|\xff[^\xf0]){%d}|"  # SB without an end
    rb"(?P<command>[\xec-\xf9])|"  # commands of one byte
    rb"(?P<data>\xff)|"  # an escaped 0xFF
    rb"(?P<more>[\xfb-\xfe]?\Z|\xfa(?:[^\xff]|\xff[^\xf0])*\xff?\Z)"  # to be continued
    rb")" % (MAX_SUBNEGOTIATION, MAX_SUBNEGOTIATION + 1),
    re.DOTALL,
)
_ANSWER = {0xFB: b"\xfe", 0xFD: b"\xfc"}
_EDITING = {b"\xf7": b"\b", b"\xf8": b"\x15"}
"""EC and EL, and the control characters that do the same."""
_MISTAKEN = {
    b"\xf4": b"\x83",  # IP for ^C
    b"\xf3": b"\x9c",  # BRK for ^\, and ABORT in line mode
    b"\xee": b"\x9c",
    b"\xf5": b"\x8f",  # AO for ^O
    b"\xed": b"\x9a",  # SUSP for ^Z
}
"""Commands, and the bytes that inetutils' telnet sends them for."""
_CUT = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
"""A UTF-8 sequence that is not complete."""


class OptionFilter:
    """What is text in a telnet client's bytes, and what to answer the rest."""

    __slots__ = ("_answers", "_before", "_left", "_rest", "telnet")

    def __init__(self) -> None:
        self._rest = b""
        self._answers = bytearray()
        self._left = MAX_ANSWERS
        self._before = b""
        self.telnet = False
        """Whether the client has shown that it speaks telnet."""

    def feed(self, data: bytes) -> bytes:
        """The text in these bytes; an option sequence that is not finished yet waits for the next
        call.
        """
        if b"\r\0" in data:
            self.telnet = True
        if not self._rest and IAC not in data:
            self._before = data[-3:] if len(data) > 2 else (self._before + data)[-3:]
            return data
        data, self._rest = self._rest + data, b""
        text, end = bytearray(), 0
        before = self._before
        for match in _SEQUENCE.finditer(data):
            text += data[end : match.start()]
            end = match.end()
            text += self._take(match, (before + text[-3:])[-3:])
        text += data[end:]
        self._before = (before + text[-3:])[-3:]
        return bytes(text)

    def answers(self) -> bytes:
        """What is to be sent back for what was fed since the last call."""
        answers = bytes(self._answers)
        self._answers.clear()
        return answers

    def _take(self, match: re.Match[bytes], before: bytes) -> bytes:
        """What a sequence stands for in the text, behind `before`."""
        if match["data"]:
            return IAC
        if command := match["command"]:
            if (mistaken := _MISTAKEN.get(command)) and _CUT.search(before):
                return mistaken
            self.telnet = True
            return _EDITING.get(command, b"")
        if match["more"] is not None:
            self._rest = match[0]
            return b""
        self.telnet = True
        if match["ask"] and self._left and (verb := _ANSWER.get(match["ask"][0])):
            self._left -= 1
            self._answers += IAC + verb + match["ask"][1:]
        return b""
