"""Wrapping of lines to a terminal's width, for telnet clients that tell the size of their window.

1. Columns are counted as terminals do (wcwidth): a CJK character or an emoji takes two, a combining
   mark none.  What a terminal shows as one character (a grapheme) is never parted.
2. A line is cut at blanks, before and behind wide characters, and inside of a word only if the word
   is longer than a line.  Blanks at a cut are dropped.  Tabs of a line that is cut become blanks.
3. The lines that go on begin with two blanks.  No line of the protocol does, so no text can be
   chosen such that its second half looks like another person's message.
4. Readers with windows of the same width share the result, as they share the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from unicodedata import category

from wcwidth import grapheme_boundary_before, wcswidth, wcwidth

LEAST_COLUMNS = 20
"""Columns of a window below which nothing is wrapped: it would take more lines than it saves."""
INDENT = "  "
"""What a line begins with that goes on with the one before."""
TAB = 8
"""Columns between tab stops."""
MOST_SHARED = 8192
"""Bytes of the longest piece of output that is kept for other readers."""

_END = b"\r\n"
_SINGLE = re.compile("[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u052f]*")
"""Text in which each character takes one column and stands alone: Latin, Greek, Cyrillic."""
_NOT_FIRST = frozenset(("Pe", "Pf", "Po", "Lm", "Mn", "Mc", "Me"))
"""Kinds of characters that do not begin a line: closing and other punctuation, marks."""
_NOT_LAST = frozenset(("Ps", "Pi"))
"""Kinds of characters that do not end a line: opening punctuation."""


def wrapped(data: bytes, columns: int) -> bytes:
    """Whole lines, each ended by CR LF, as lines of at most `columns` columns.

    With fewer than `LEAST_COLUMNS` they are returned unchanged.
    """
    if columns < LEAST_COLUMNS or (len(data) <= columns and b"\t" not in data):
        return data
    return _shared(data, columns) if len(data) <= MOST_SHARED else _wrapped(data, columns)


def _wrapped(data: bytes, columns: int) -> bytes:
    parts: list[bytes] = []
    for line in data.split(_END):
        # No character takes more columns than bytes, but for a tab.
        if len(line) <= columns and b"\t" not in line:
            parts.append(line)
        else:
            text = line.decode(errors="replace")
            parts += [part.encode() for part in _cut(text, columns)]
    return _END.join(parts)


_shared = lru_cache(128)(_wrapped)


def _cut(text: str, columns: int) -> Iterator[str]:
    """The lines of a text.  Tabs become blanks if it does not fit."""
    if "\t" in text:
        spread = text.expandtabs(TAB)
        if wcswidth(spread) <= columns:
            yield text
            return
        text = spread
    single = _SINGLE.fullmatch(text) is not None
    lead = ""
    while True:
        room = columns - len(lead)
        most = room if single else _fitting(text, room)
        if most >= len(text):
            yield lead + text
            return
        end = text.rfind(" ", 1, most + 1)
        if not text[: max(end, 0)].strip(" "):
            end = 0
        if not single:
            end = next((at for at in range(most, end, -1) if _parts(text, at)), end)
        end = end or most
        yield lead + text[:end].rstrip(" ")
        lead, text = INDENT, text[end:].lstrip(" ")
        if not text:
            return


def _fitting(text: str, columns: int) -> int:
    """The number of characters of a text that fit into `columns`, and end with a grapheme."""
    fits, more = 0, columns
    while more < len(text) and wcswidth(text[:more]) <= columns:
        fits, more = more, 2 * more
    more = min(more, len(text) + 1)
    while more - fits > 1:
        middle = (fits + more) // 2
        if wcswidth(text[:middle]) <= columns:
            fits = middle
        else:
            more = middle
    if fits < len(text):
        fits = grapheme_boundary_before(text, fits + 1) or fits
    return fits


def _parts(text: str, at: int) -> bool:
    """Whether a line may end before the character at `at`, because it is beside a wide one."""
    before, after = text[at - 1], text[at]
    return (
        (wcwidth(before) > 1 or wcwidth(after) > 1)
        and category(after) not in _NOT_FIRST
        and category(before) not in _NOT_LAST
        and grapheme_boundary_before(text, at + 1) == at
    )
