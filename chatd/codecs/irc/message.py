"""IRC messages: parser and formatter (RFC 1459, modern.ircdocs.horse, IRCv3 message tags).

1. In both directions a line has at most `MAX_LINE` bytes, including CR LF and without its tags.  A
   client's tags have at most `MAX_CLIENT_TAGS` bytes.
2. Lines are UTF-8.  The refusal of another line contains the name of its command.
3. A text as the last parameter always follows a `:`, because some clients split it otherwise.
4. A formatted line contains no CR, LF or NUL, whatever its parts contain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

MAX_LINE = 512
"""Bytes in a line, including CR LF, without tags."""
MAX_BODY = MAX_LINE - 2
"""Bytes in a line without tags and CR LF."""
MAX_CLIENT_TAGS = 4094
"""Bytes in a client's tags, without the `@` before and the blank after them."""
MAX_INPUT = MAX_CLIENT_TAGS + 2 + MAX_BODY
"""Bytes in a client's line, tags included."""

_ESCAPED = {";": r"\:", " ": r"\s", "\\": "\\\\", "\r": r"\r", "\n": r"\n"}
_PLAIN = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_TO_ESCAPE = re.compile(r"[; \\\r\n]")
_BREAKS = re.compile(r"[\r\n\0]+")
_COMMAND = re.compile(r"[A-Za-z]{1,20}|[0-9]{3}")


class Message(NamedTuple):
    """One parsed line."""

    command: str
    """The command as the client wrote it; compared in upper case."""
    params: tuple[str, ...] = ()
    source: str = ""
    tags: Mapping[str, str] = {}


class TooLong(Exception):
    """A line or its tags exceed the limit: `417`."""


class NoUtf8(Exception):
    """A line is not UTF-8."""

    def __init__(self, command: str, tags: Mapping[str, str]) -> None:
        super().__init__(command)
        self.command = command
        """The command of the line, or `*`."""
        self.tags = tags


def read(line: bytes) -> Message | None:
    """Parse a client's line, given without its end; None if it is empty.

    Raises `TooLong`, `NoUtf8`.
    """
    if len(line) > MAX_BODY:
        tags, body = _tags_of(line)
        if len(tags) > MAX_CLIENT_TAGS or len(body) > MAX_BODY:
            raise TooLong
    try:
        return parse(line.decode())
    except UnicodeDecodeError:
        broken = parse(line.decode(errors="replace"))
        known = broken and _COMMAND.fullmatch(broken.command)
        raise NoUtf8(
            broken.command.upper() if broken and known else "*", broken.tags if broken else {}
        ) from None


def parse(line: str) -> Message | None:
    """Parse a line, given without its end; None if it has no command."""
    tags: Mapping[str, str] = {}
    source = ""
    if line.startswith("@"):
        written, _, line = line[1:].partition(" ")
        tags = parse_tags(written)
    line = line.lstrip(" ")
    if line.startswith(":"):
        source, _, line = line[1:].partition(" ")
    middle, colon, trailing = f" {line.lstrip(' ')}".partition(" :")
    words = middle.split(" ")
    command, *params = [word for word in words if word] or [""]
    if not command:
        return None
    if colon:
        params.append(trailing)
    return Message(command, tuple(params), source, tags)


def parse_tags(written: str) -> dict[str, str]:
    """Parse tags, given without the `@`; of a repeated key, the last value counts."""
    tags = {}
    for tag in written.split(";"):
        key, _, value = tag.partition("=")
        if key:
            tags[key] = _ESCAPE.sub(_unescaped, value) if "\\" in value else value
    return tags


def format_tags(tags: Mapping[str, str]) -> str:
    """Tags in their wire format, with the `@` and the blank after them; empty without tags."""
    if not tags:
        return ""
    written = (f"{key}={_escape(value)}" if value else key for key, value in tags.items())
    return f"@{';'.join(written)} "


def form(
    command: str,
    *params: str,
    text: str | None = None,
    source: str = "",
    tags: Mapping[str, str] = {},
) -> str:
    """Format a line without its end.  `params` are single words, `text` is the last parameter.

    A line that is too long is truncated between characters.
    """
    body = f":{source} {command}" if source else command
    for param in params:
        body += f" {word(param)}"
    if text is not None:
        body += f" :{text}"
    return format_tags(tags) + cut(_BREAKS.sub(" ", body), MAX_BODY)


def word(param: str) -> str:
    """A parameter as one word; `*` if it cannot be one."""
    if not param or param[0] == ":" or " " in param:
        return "*"
    return param


def cut(text: str, most: int) -> str:
    """The text, truncated between characters to at most `most` bytes."""
    if len(text) * 4 <= most:
        return text
    data = text.encode()
    return text if len(data) <= most else data[:most].decode(errors="ignore")


def size(text: str) -> int:
    """The bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def _tags_of(line: bytes) -> tuple[bytes, bytes]:
    if not line.startswith(b"@"):
        return b"", line
    tags, _, body = line[1:].partition(b" ")
    return tags, body


def _unescaped(match: re.Match[str]) -> str:
    return _PLAIN.get(match[1], match[1])


def _escape(value: str) -> str:
    return _TO_ESCAPE.sub(lambda match: _ESCAPED[match[0]], value.replace("\0", ""))
