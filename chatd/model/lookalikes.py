"""Confusable names, found by the skeletons of Unicode TR39.

1. Two names look alike if they have a skeleton in common: `ada` with a Cyrillic letter, and `ada`.
   Two names of ASCII characters only never count as look-alikes, in spite of `l` and `1`.
2. A name has more than one skeleton, because names are compared without regard to case, and letters
   may look alike in one case only.  In a name that mixes ASCII letters with another script's, the
   letters of that script are also read by their Unicode names: `ꭰ` is CHEROKEE SMALL LETTER A.  So
   are Latin small capitals, in any name.
3. Skeletons are only compared with those of names that exist or are reserved.  They are never shown
   and never stored.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from functools import cache, lru_cache
from importlib.resources import files
from typing import TypeVar

import msgspec

T = TypeVar("T")

RESERVED = frozenset(
    [
        *("admin", "administrator", "administrators", "admins", "moderator", "moderators"),
        *("operator", "operators", "root", "superuser", "sysadmin", "sysop"),
        *("all", "channel", "everybody", "everyone", "here"),
        *("chatd", "global", "server", "services", "system"),
        *("botserv", "chanserv", "hostserv", "memoserv", "nickserv", "operserv"),
    ]
)
"""Names that only the server may use, case-folded."""

_ASCII = {"0": "O", "1": "l", "I": "l", "m": "rn", "|": "l"}
"""TR39's prototypes of the ASCII characters that a name may have."""
_MORE = {"\u04cf": "l", "\u0185": "b"}
"""Prototypes that the library's copy of TR39's table has for the capital letter only."""
_DOT = re.compile("(?<=[ijlIJ])\u0307")
"""A combining dot above a letter that already has a dot, such as of `İ`, case-folded."""
_ascii_prototypes = str.maketrans(_ASCII)


def skeletons(name: str) -> frozenset[str]:
    """The skeletons of a (clean) name, one of which every look-alike has, too."""
    return _ascii_skeletons(name) if name.isascii() else _skeletons(name)


def speaks_for_server(name: str) -> bool:
    """Whether a (clean) name is reserved, or looks like a reserved one or a guest's."""
    if name.isascii():
        return name.casefold() in RESERVED
    own = skeletons(name)
    return not own.isdisjoint(_reserved()) or any(map(_like_a_guest, own))


def scripts_differ(name: str, other: str) -> bool:
    """Whether two names are written in different scripts; digits and marks belong to all."""
    return _scripts(name) != _scripts(other)


class Lookalikes:
    """The names that exist, by their skeletons."""

    def __init__(self) -> None:
        self._ascii: dict[str, list[str]] = {}
        self._others: dict[str, list[str]] = {}
        self._names: set[str] = set()

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str) -> None:
        """Add a (clean) name."""
        if name not in self._names:
            self._names.add(name)
            table = self._ascii if name.isascii() else self._others
            for skeleton in skeletons(name):
                table.setdefault(skeleton, []).append(name)

    def discard(self, name: str) -> None:
        """Remove a (clean) name."""
        if name in self._names:
            self._names.discard(name)
            table = self._ascii if name.isascii() else self._others
            for skeleton in skeletons(name):
                alike = table[skeleton]
                alike.remove(name)
                if not alike:
                    del table[skeleton]

    def keep(self, exists: Callable[[str], bool]) -> None:
        """Forget the names for which `exists` is false."""
        for name in [name for name in self._names if not exists(name)]:
            self.discard(name)

    def find(self, name: str, counts: Callable[[str], bool]) -> str | None:
        """A name that looks like this (clean) one, among those for which `counts` is true; None if
        there is none.
        """
        if name.isascii() and not self._others:
            return None
        tables = [self._others] if name.isascii() else [self._others, self._ascii]
        for skeleton in skeletons(name):
            for table in tables:
                for other in table.get(skeleton, ()):
                    if counts(other):
                        return other
        return None


def prepare() -> None:
    """Read the tables now, not when the first name needs them."""
    _prototypes()
    _reserved()
    _ranges()


# -- skeletons -----------------------------------------------------------------------------------


def _ascii_skeletons(name: str) -> frozenset[str]:
    shown, folded = name.translate(_ascii_prototypes), name.casefold().translate(_ascii_prototypes)
    return frozenset((shown.casefold().translate(_ascii_prototypes), folded.casefold()))


@lru_cache(4096)
def _skeletons(name: str) -> frozenset[str]:
    found = {_skeleton(name), _skeleton(name.casefold())}
    if any((char.isascii() and char.isalpha()) or _is_small_capital(char) for char in name):
        found.add(_skeleton("".join(map(_called, name)).casefold()))
    return frozenset(found)


def _skeleton(text: str) -> str:
    """TR39's skeleton (section 4), case-folded."""
    return _prototyped(_prototyped(text).casefold()).casefold()


def _prototyped(text: str) -> str:
    normal = _DOT.sub("", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFD", normal.translate(_prototypes()))


def _is_small_capital(char: str) -> bool:
    return unicodedata.name(char, "").startswith("LATIN LETTER SMALL CAPITAL ")


def _called(char: str) -> str:
    """The Latin letter in the Unicode name of a letter of another script, or of a small capital;
    for others the letter itself.
    """
    name = unicodedata.name(char, "")
    last = name.rpartition(" ")[2]
    latin = name.startswith("LATIN ") and not _is_small_capital(char)
    is_so = " LETTER " in name and not latin and len(last) == 1
    return last if is_so and last.isalpha() else char


class Pair(msgspec.Struct):
    """A character that another one looks like."""

    c: str


class Categories(msgspec.Struct):
    """First and last characters of ranges, and the numbers of their scripts and categories."""

    code_points_ranges: list[list[int]]
    iso_15924_aliases: list[str]


def _data(name: str, kind: type[T]) -> T:
    """One of the library's tables.  Its own loader would import an HTTP client."""
    return msgspec.json.decode((files("confusable_homoglyphs") / name).read_bytes(), type=kind)


def load_tables() -> None:
    """Read the tables that names are compared by, which otherwise the first name waits for."""
    _prototypes()


@cache
def _prototypes() -> dict[int, str]:
    """The prototype of each character, as a table for `str.translate`.

    The library lists TR39's pairs in both directions: a character has its prototype only, and a
    prototype has all its look-alikes.  If two characters have only each other, either can be the
    prototype, if it is always the same one.
    """
    looks = {
        char.replace("\u200e", ""): [other.c.replace("\u200e", "") for other in others]
        for char, others in _data("confusables.json", dict[str, list[Pair]]).items()
    }
    table: dict[int, str] = {}
    for char, others in looks.items():
        (first, *more) = others
        if len(char) > 1 or more or (unicodedata.category(char)[0] not in "LMN" and char != "|"):
            continue
        if len(looks[first]) == 1 and len(first) == 1 and _is_prototype(char, first):
            continue
        table[ord(char)] = first
    table |= {ord(char): first for char, first in _MORE.items()}
    # A prototype of several characters may have some that are not prototypes themselves.
    return {char: looked_at.translate(table) for char, looked_at in table.items()}


def _is_prototype(char: str, other: str) -> bool:
    return (char.isascii(), -ord(char)) > (other.isascii(), -ord(other))


@cache
def _reserved() -> frozenset[str]:
    return frozenset(skeleton for name in RESERVED for skeleton in skeletons(name))


def _like_a_guest(skeleton: str) -> bool:
    head, _, number = skeleton.rpartition("-")
    return head == "guest" and bool(number) and all(char in "23456789lo" for char in number)


# -- scripts -------------------------------------------------------------------------------------


def _scripts(name: str) -> frozenset[str]:
    if name.isascii():
        return _LATIN
    return frozenset(map(_script, name)) - {"COMMON", "INHERITED"} or _LATIN


def _script(char: str) -> str:
    ranges, scripts = _ranges()
    first, last, script, _ = ranges[max(bisect_right(ranges, [ord(char), 0x110000]) - 1, 0)]
    return scripts[script] if first <= ord(char) <= last else "COMMON"


@cache
def _ranges() -> tuple[list[list[int]], list[str]]:
    """The script of each range of characters, of the Unicode character database."""
    found = _data("categories.json", Categories)
    return found.code_points_ranges, found.iso_15924_aliases


_LATIN = frozenset(("LATIN",))
