"""What a message's text may be: settled once, here, for every door.

1. CRLF, CR and the Unicode line and paragraph separators become LF; a tab becomes a space.
2. What could steer another user's terminal or turn their text around (C0, DEL, C1, bidi embeddings,
   overrides and isolates) is taken out; the rest of the text stays.
3. Lone surrogates are refused: no door could write them out again.
"""

from __future__ import annotations

import re
import unicodedata

from .errors import BadText, TextTooLong

MAX_LINE_BREAKS = 50
"""Line breaks in one message: enough for a pasted function, too few to push everyone's screen
away."""
MAX_TOPIC = 400
"""Bytes in a topic: it has to fit a heading."""

_BREAKS = re.compile("\r\n|[\r\u2028\u2029]")
_UNSAFE = dict.fromkeys(
    [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_UNSAFE[ord("\t")] = ord(" ")
del _UNSAFE[ord("\n")]


def clean_text(text: str, limit: int, breaks: int = MAX_LINE_BREAKS, kind: str = "message") -> str:
    """A message's text as it is stored and shown.

    `limit` is in bytes of UTF-8. Raises `BadText` when nothing visible is left or the text is no
    Unicode, and `TextTooLong`.
    """
    text = printable(_BREAKS.sub("\n", text)).rstrip().lstrip("\n")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise BadText(
            "the text holds half a surrogate pair, which is no character; send valid Unicode"
        ) from None
    if size > limit:
        raise TextTooLong(
            f"a {kind} has at most {limit} bytes, this one has {size}; make it shorter"
        )
    if text.count("\n") > breaks:
        raise TextTooLong(f"a {kind} has at most {breaks} line breaks; send it in parts")
    if not _visible(text):
        raise BadText("there is nothing to see in that message; write something")
    return text


def printable(text: str) -> str:
    """The text without what could steer a terminal or turn text around; line feeds stay."""
    return text.translate(_UNSAFE)


def clean_phrase(text: str, limit: int, kind: str = "parting word") -> str:
    """A text that may be empty and stands on one line: a topic, a parting word.

    Raises as `clean_text`.
    """
    flat = " ".join(printable(_BREAKS.sub("\n", text)).split())
    return clean_text(flat, limit, 0, kind) if flat else ""


def _visible(text: str) -> bool:
    """Whether anything of it leaves a mark: spaces and formatting characters alone do not."""
    return any(unicodedata.category(char) not in ("Zs", "Cf", "Cc") for char in text)
