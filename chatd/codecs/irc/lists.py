"""Queries about people and rooms, and their answers: NAMES, WHO and WHOX, conditions of LIST.

1. A list of names is divided into lines, each with as many names as fit.
2. An answer to WHOX has the requested fields, in WHOX's own order.  No field contains an address.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from .masks import matches
from .message import MAX_BODY

WHOX_FIELDS = "tcuihsnfdlaor"
"""The fields, in the order in which an answer has them."""
NO_ADDRESS = "255.255.255.255"
"""The placeholder for an address."""
_NUMBERS = 10**9


def in_lines(words: Iterable[str], overhead: int, separator: str = " ") -> Iterator[str]:
    """Words, joined to texts of as few lines as possible; `overhead` is the bytes before a text."""
    words = list(words)
    step = len(separator)
    most = MAX_BODY - overhead + step
    ends = list(accumulate(len(data) + step for data in map(str.encode, words)))
    begin = before = 0
    while begin < len(words):
        end = max(bisect_right(ends, before + most, begin), begin + 1)
        yield separator.join(words[begin:end])
        begin, before = end, ends[end - 1]


class Whox(NamedTuple):
    """The options of a WHO."""

    fields: str
    """The requested fields; empty for the answer of RFC 1459."""
    token: str = "0"
    ops: bool = False
    """Whether the answer contains administrators only."""


def read_whox(option: str) -> Whox:
    """The second word of a WHO: `o`, or `%fields,token`, or both."""
    flags, percent, asked = option.partition("%")
    wanted, _, token = asked.partition(",")
    fields = "".join(field for field in WHOX_FIELDS if field in wanted) if percent else ""
    return Whox(fields, token if 0 < len(token) <= 3 and token.isalnum() else "0", "o" in flags)


def whox(asked: Whox, row: Mapping[str, str]) -> tuple[list[str], str | None]:
    """The words of one `354`, and its text if requested; `row` has all fields except `t`."""
    values = {**row, "t": asked.token, "i": NO_ADDRESS}
    words = [values[field] for field in asked.fields if field != "r"]
    return words, values["r"] if "r" in asked.fields else None


class Elist(NamedTuple):
    """The conditions of a LIST."""

    names: tuple[str, ...] = ()
    """Rooms by name."""
    masks: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    """Masks that a room must not match."""
    above: int = -1
    below: int = _NUMBERS

    def wants(self, channel: str, people: int) -> bool:
        """Whether a room matches; `channel` is its name with `#`."""
        if not self.above < people < self.below:
            return False
        if any(matches(mask, channel) for mask in self.but):
            return False
        if not (self.names or self.masks):
            return True
        return channel in self.names or any(matches(mask, channel) for mask in self.masks)


def read_elist(text: str) -> Elist:
    """The first word of a LIST: names, masks, `!masks`, `>people`, `<people`, with commas."""
    names, masks, but = [], [], []
    above, below = -1, _NUMBERS
    for word in filter(None, text.split(",")):
        if word[0] in "<>" and word[1:].isascii() and word[1:].isdigit():
            number = int(word[1:][:9])
            above, below = (number, below) if word[0] == ">" else (above, number)
        elif word[0] == "!":
            but.append(word[1:])
        elif "*" in word or "?" in word:
            masks.append(word)
        else:
            names.append(word.casefold())
    return Elist(tuple(names), tuple(masks), tuple(but), above, below)
