"""Telnet's commands, removed from a stream of text (RFC 854, RFC 855).

1. Two options are negotiated.  For a password the server says `WILL ECHO` (RFC 857), echoes
   nothing, so that the password is not shown, and then says `WONT ECHO`.  To a client that offers
   the size of its window, `WILL NAWS` (RFC 1073), it says `DO NAWS`.  Otherwise `DO x` is answered
   `WONT x`, `WILL x` is answered `DONT x`, and other commands are dropped.
2. The server sends no command to a client that has not sent one, so a plain netcat sees only text.
3. 0xFF does not occur in UTF-8, so IAC is unambiguous.  Every command from EOF (236) to DONT (254)
   is known.  Before any other byte IAC is data (Latin-1), and becomes U+FFFD like any invalid byte.
4. EC and EL, which erase a character and a line, become the control characters BS and ^U.
5. A subnegotiation ends at SE, at CR LF, which no real one contains, or after `MAX_SUBNEGOTIATION`
   bytes.  So one without an end cannot swallow all further input.  It is ignored unless it is a
   window's size, complete, from a client whose offer of it was accepted.
6. inetutils' telnet compares the low seven bits of the input with its interrupt characters, and
   sends a command instead of a byte of UTF-8: `Ü` becomes C3 and BRK.  A command inside a UTF-8
   sequence stands for that byte, because no key can be pressed in the middle of a character.

`twisted.conch.telnet` removes commands one byte at a time, but raises on IAC before an unknown byte
and on an empty subnegotiation, and its answers are unbounded.
"""

from __future__ import annotations

import re

IAC = b"\xff"
NO_OPERATION = b"\xff\xf1"
"""A command that a telnet client accepts and does not show."""
ECHO_OFF = b"\xff\xfb\x01"
"""WILL ECHO: the client leaves the echo to the server."""
ECHO_ON = b"\xff\xfc\x01"
"""WONT ECHO: the client shows again what is typed."""
_DO_ECHO = b"\xff\xfd\x01"
_WILL_SIZE, _WONT_SIZE = b"\xff\xfb\x1f", b"\xff\xfc\x1f"
_DO_SIZE, _DONT_SIZE = b"\xff\xfd\x1f", b"\xff\xfe\x1f"
MAX_ANSWERS = 256
"""Option requests of a connection that are answered, enough for each option once.  Further ones get
no answer, so that no buffer grows."""
MAX_SUBNEGOTIATION = 1024
"""Bytes or commands in a subnegotiation, which is dropped.  After so many without an end, what
follows is text again."""

_SEQUENCE = re.compile(
    rb"\xff(?:"
    rb"(?P<ask>[\xfb-\xfe].)|"  # WILL, WONT, DO, DONT and the option
    rb"\xfa(?P<told>(?:[^\xff]|\xff[^\xf0]){0,%d}?)(?:\xff\xf0|\r\n)|"  # SB … SE
    rb"\xfa(?:[^\xff]|\xff[^\xf0]){%d}|"  # SB without an end
    rb"(?P<command>[\xec-\xf9])|"  # commands of one byte
    rb"(?P<data>\xff)|"  # an escaped 0xFF
    rb"(?P<more>[\xfb-\xfe]?\Z|\xfa(?:[^\xff]|\xff[^\xf0])*\xff?\Z)"  # to be continued
    rb")" % (MAX_SUBNEGOTIATION, MAX_SUBNEGOTIATION + 1),
    re.DOTALL,
)
_ANSWER = {0xFB: b"\xfe", 0xFD: b"\xfc"}
_EDITING = {b"\xf7": b"\b", b"\xf8": b"\x15"}
"""EC and EL, and the control characters with the same meaning."""
_MISTAKEN = {
    b"\xf4": b"\x83",  # IP for ^C
    b"\xf3": b"\x9c",  # BRK for ^\, and ABORT in line mode
    b"\xee": b"\x9c",
    b"\xf5": b"\x8f",  # AO for ^O
    b"\xed": b"\x9a",  # SUSP for ^Z
}
"""Commands, and the bytes for which inetutils' telnet sends them."""
_END_OF_SUBNEGOTIATION = b"\xff\xf0"
_CUT = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
"""An incomplete UTF-8 sequence at the end of the text."""
_SIZE = re.compile(rb"\x1f((?:[^\xff]|\xff\xff){4})", re.DOTALL)
"""The content of a window's size: columns and lines, of 16 bits each; 0xFF is doubled."""


class OptionFilter:
    """Separates a telnet client's bytes into text and commands, and answers the commands."""

    __slots__ = ("_answers", "_before", "_left", "_rest", "columns", "offered", "telnet")

    def __init__(self) -> None:
        self._rest = b""
        self._answers = bytearray()
        self._left = MAX_ANSWERS
        self._before = b""
        self.offered = 0
        """Unanswered offers of ECHO: the next `DO ECHO` answers one, and needs no answer itself."""
        self.columns: int | None = None
        """The width of the client's window; 0: not told; None: the client does not offer it."""
        self.telnet = False
        """Whether the client has shown that it speaks telnet."""

    def feed(self, data: bytes) -> bytes:
        """The text in these bytes.  An incomplete command waits for the next call."""
        if b"\r\0" in data:
            self.telnet = True
        if not self._rest and IAC not in data:
            self._before = (self._before + data[-3:])[-3:]
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
        """The answers to the commands since the last call."""
        if not self._answers:
            return b""
        answers = bytes(self._answers)
        self._answers.clear()
        return answers

    def _take(self, match: re.Match[bytes], before: bytes) -> bytes:
        """The text that a command stands for after the bytes `before`."""
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
        if match[0] == _DO_ECHO and self.offered:
            self.offered -= 1
            return b""
        if told := match["told"]:
            size = _SIZE.fullmatch(told) if match[0].endswith(_END_OF_SUBNEGOTIATION) else None
            if size and self.columns is not None:
                self.columns = int.from_bytes(size[1].replace(b"\xff\xff", IAC)[:2])
            return b""
        if match[0] in (_WILL_SIZE, _WONT_SIZE):
            self._offer_size(match[0] == _WILL_SIZE)
            return b""
        if match["ask"] and self._left and (verb := _ANSWER.get(match["ask"][0])):
            self._left -= 1
            self._answers += IAC + verb + match["ask"][1:]
        return b""

    def _offer_size(self, offered: bool) -> None:
        """The client tells the size of its window from now on, or no longer.  A repetition changes
        nothing and is not answered, so that no two sides answer each other for ever.
        """
        if offered != (self.columns is None) or not self._left:
            return
        self._left -= 1
        self.columns = 0 if offered else None
        self._answers += _DO_SIZE if offered else _DONT_SIZE
