"""What answers questions about people and rooms: NAMES, WHO and WHOX, LIST's conditions.

1. A list of names is cut into lines that fit, each with as many names as it can hold.
2. WHOX answers with the fields that were asked for, in an order of its own.  No field tells an
   address.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from .masks import matches
from .message import MAX_BODY, size

WHOX_FIELDS = "tcuihsnfdlaor"
"""The fields, in the order in which they are told."""
NO_ADDRESS = "255.255.255.255"
"""What is told instead of an address."""
_NUMBERS = 10**9


def in_lines(words: Iterable[str], overhead: int, separator: str = " ") -> Iterator[str]:
    """Words as the texts of as few lines as hold them; `overhead` is the bytes before the text."""
    words = list(words)
    step = len(separator)
    most = MAX_BODY - overhead + step
    ends = list(accumulate(size(word) + step for word in words))
    begin = before = 0
    while begin < len(words):
        end = max(bisect_right(ends, before + most, begin), begin + 1)
        yield separator.join(words[begin:end])
        begin, before = end, ends[end - 1]


class Whox(NamedTuple):
    """What a WHO asks for beyond the mask."""

    fields: str
    """Empty: the answer of RFC 1459."""
    token: str = "0"
    ops: bool = False
    """Whether only administrators are asked for."""


def read_whox(option: str) -> Whox:
    """The second word of a WHO: `o`, or `%fields,token`, or both."""
    flags, percent, asked = option.partition("%")
    wanted, _, token = asked.partition(",")
    fields = "".join(field for field in WHOX_FIELDS if field in wanted) if percent else ""
    return Whox(fields, token if 0 < len(token) <= 3 and token.isalnum() else "0", "o" in flags)


def whox(asked: Whox, row: Mapping[str, str]) -> tuple[list[str], str | None]:
    """The words and the text (if it is asked for) of one `354`: `row` has the fields but `t`."""
    values = {**row, "t": asked.token, "i": NO_ADDRESS}
    words = [values[field] for field in asked.fields if field != "r"]
    return words, values["r"] if "r" in asked.fields else None


class Elist(NamedTuple):
    """What a LIST asks for."""

    names: tuple[str, ...] = ()
    """Rooms by name."""
    masks: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    """Masks that a room must not match."""
    above: int = -1
    below: int = _NUMBERS

    def wants(self, channel: str, people: int) -> bool:
        """Whether a room is asked for, by its name with `#`."""
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
