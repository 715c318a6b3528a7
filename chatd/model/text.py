"""Texts: the characters that a message may contain, on every door.

1. CRLF, CR and the Unicode line and paragraph separators become LF; tabs stay.
2. Characters that could control another user's terminal, or change its writing direction, are
   removed: whole escape sequences (ECMA-48, in their 7-bit and 8-bit forms; a string without an
   end, such as a window's title, is removed to the end of its line), other control characters (C0,
   DEL, C1), bidi embeddings, overrides and isolates.  The rest of the text stays.
3. Lone surrogates are refused, because no door can encode them.
4. A text without a visible character is refused: one of blanks, of what Unicode calls
   default-ignorable, and of characters that are drawn as a blank.
"""

from __future__ import annotations

import re
import unicodedata

from .errors import BadText, TextTooLong

MAX_LINE_BREAKS = 50
"""Line breaks in one message: enough for a pasted function, too few to scroll a screen away."""
MAX_TOPIC = 400
"""Bytes in a topic, which has to fit into a heading."""

MAX_CLEANED = 4
"""Characters that are cleaned for each byte of the limit; a longer text is refused unseen."""

_BREAKS = re.compile("\r\n|[\r\u2028\u2029]")
_UNSAFE = dict.fromkeys(
    [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
del _UNSAFE[ord("\n")], _UNSAFE[ord("\t")]
_SEVEN_BIT = {code: f"\x1b{chr(code - 0x40)}" for code in (0x90, 0x98, 0x9B, 0x9D, 0x9E, 0x9F)}
"""Single characters that begin an escape sequence: DCS, SOS, CSI, OSC, PM, APC."""
_INTRODUCED = re.compile("[\x1b\x90\x98\x9b\x9d-\x9f]")
_WITHIN = {char: None for char in _UNSAFE if chr(char) not in "\x07\x1b\x9c"} | _SEVEN_BIT
"""Characters to remove before escape sequences are searched for, because they would hide one; and
8-bit introducers in 7 bits."""
# Each alternative stops at the next ESC at the latest, so no character is examined more than twice.
_ESCAPES = re.compile(
    r"""\x1b(?:
        [\]PX^_] [^\x07\x1b\x9c]*+ (?:\x07|\x1b\\|\x9c)  # OSC, DCS, SOS, PM, APC and their end
        | [\]PX^_] [^\x07\x1b\x9c\n]*+                     # the same without an end
        | \[\[[A-E]                                       # a function key of the Linux console
        | \[ [0-?]* [ -/]* [@-~]?                         # CSI, perhaps cut off
        | [NO][@-~]                                       # SS2, SS3: an arrow key
        | [!-/][ -/]* [0-~]                               # a character set
        | \ [F-N]                                         # a level of conformance
        | [0-~]                                           # any other of two bytes
        )?""",
    re.VERBOSE,
)
_BLANK = frozenset(
    (
        # Default_Ignorable_Code_Point, in Unicode 17
        *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),
        *(*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F)),
        *(*range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9)),
        *(*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)),
        # drawn as nothing: an empty cell of Braille, blanks of Egyptian hieroglyphs, a filler of
        # the Khitan small script, a musical note without a head
        *(0x2800, 0x13441, 0x13442, 0x16FE4, 0x1D159),
    )
)


def clean_text(text: str, limit: int, breaks: int = MAX_LINE_BREAKS, kind: str = "message") -> str:
    """A message's text as it is stored and shown.

    `limit` is in bytes of UTF-8.  Raises `TextTooLong`, and `BadText` if nothing visible is left or
    the text is invalid Unicode.
    """
    # Most lines of a chat are short ASCII, of which nothing has to be removed.
    if len(text) <= limit and text.isascii() and text.isprintable() and (line := text.rstrip()):
        return line
    _check_size(text, limit, kind)
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
        raise BadText("this message is empty; type some text")
    return text


def printable(text: str) -> str:
    """The text without characters that control a terminal or the writing direction; line feeds and
    tabs stay.
    """
    if _INTRODUCED.search(text):
        text = _ESCAPES.sub("", text.translate(_WITHIN))
    return text.translate(_UNSAFE)


def clean_phrase(text: str, limit: int, kind: str = "parting word") -> str:
    """A text of one line, which may be empty: a topic, a parting word.

    Raises like `clean_text`.
    """
    if not text:
        return ""
    _check_size(text, limit, kind)
    flat = " ".join(printable(_BREAKS.sub("\n", text)).split())
    return clean_text(flat, limit, 0, kind) if flat else ""


def seen(text: str) -> str:
    """The text from its first visible character on, without what `printable` removes."""
    text = printable(text)
    return text[next((at for at, char in enumerate(text) if not is_blank(char)), len(text)) :]


def _check_size(text: str, limit: int, kind: str) -> None:
    if len(text) > MAX_CLEANED * limit:
        raise TextTooLong(
            f"a {kind} has at most {limit} bytes, this one has {len(text)} characters; "
            "make it shorter"
        )


def _visible(text: str) -> bool:
    """Whether the text has a visible character."""
    return not all(map(is_blank, text))


def is_blank(char: str) -> bool:
    """Whether a character is invisible."""
    return unicodedata.category(char) in ("Zs", "Cf", "Cc") or ord(char) in _BLANK


def plural(number: int, noun: str) -> str:
    """The noun for that number of things: `event`, `events`."""
    return noun if number == 1 else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {plural(number, noun)}"
