"""IRC messages: parser and formatter (RFC 1459, modern.ircdocs.horse, IRCv3 message tags).

1. A line has at most `MAX_LINE` bytes with its CR LF and without its tags, both ways; a client's
   tags have at most `MAX_CLIENT_TAGS`.
2. Lines are UTF-8.  A line that is not is refused with the name of its command.
3. A text as the last parameter always has its `:`: clients split wrongly without it.
4. Nothing that is formatted holds CR, LF or NUL, whatever its parts hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

MAX_LINE = 512
"""Bytes of a line without tags, CR LF included."""
MAX_BODY = MAX_LINE - 2
"""The same without CR LF."""
MAX_CLIENT_TAGS = 4094
"""Bytes of tags that a client may send, without the `@` and the blank behind them."""
MAX_INPUT = MAX_CLIENT_TAGS + 2 + MAX_BODY
"""Bytes of a client's line that are kept: a longer one is too long in one of its parts."""

_ESCAPED = {";": r"\:", " ": r"\s", "\\": "\\\\", "\r": r"\r", "\n": r"\n"}
_PLAIN = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_TO_ESCAPE = re.compile(r"[; \\\r\n]")
_BREAKS = re.compile(r"[\r\n\0]+")
_COMMAND = re.compile(r"[A-Za-z]{1,20}|[0-9]{3}")


class Message(NamedTuple):
    """One line, taken apart."""

    command: str
    """As it was written; compared in upper case."""
    params: tuple[str, ...] = ()
    source: str = ""
    tags: Mapping[str, str] = {}


class TooLong(Exception):
    """A line, or its tags, have more bytes than may be sent: `417`."""


class NoUtf8(Exception):
    """A line is no UTF-8."""

    def __init__(self, command: str, tags: Mapping[str, str]) -> None:
        super().__init__(command)
        self.command = command
        """The command of that line, or `*`."""
        self.tags = tags


def read(line: bytes) -> Message | None:
    """A client's line, without its end; None if there is nothing in it.

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
    """A line without its end, taken apart; None if it has no command."""
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
    """Tags as they are written, without the `@`; of a key that is repeated, the last counts."""
    tags = {}
    for tag in written.split(";"):
        key, _, value = tag.partition("=")
        if key:
            tags[key] = _ESCAPE.sub(_unescaped, value) if "\\" in value else value
    return tags


def format_tags(tags: Mapping[str, str]) -> str:
    """Tags as they are written, with the `@` and the blank behind them; empty if there are none."""
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
    """A line without its end.  `params` are single words, `text` is the last parameter.

    What is longer than a line is cut between characters.
    """
    body = f":{source} {command}" if source else command
    for param in params:
        body += f" {word(param)}"
    if text is not None:
        body += f" :{text}"
    return format_tags(tags) + cut(_BREAKS.sub(" ", body), MAX_BODY)


def word(param: str) -> str:
    """A parameter as one word; `*` stands for what cannot be one."""
    if not param or param[0] == ":" or " " in param:
        return "*"
    return param


def cut(text: str, most: int) -> str:
    """The text, or as many of its first characters as have at most that many bytes."""
    if len(text) * 4 <= most:
        return text
    data = text.encode()
    return text if len(data) <= most else data[:most].decode(errors="ignore")


def size(text: str) -> int:
    """Bytes of a text."""
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
