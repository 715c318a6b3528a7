"""Names of people and rooms: which are valid, and when two are the same.

A name has two forms, both by RFC 8265 (PRECIS usernames).  The *display form* keeps its case.  The
*key* is case-folded, and decides whether two names are the same.  The profile refuses confusing
characters: blanks of any kind, zero-width and bidi characters, compatibility look-alikes, mixed
directions.

PRECIS scans the whole string again for some characters, which takes long for a long string.  So a
string is first compared with its bound (`chatd.model.bounds`), then each character is checked once,
and only a string that may still become a name reaches PRECIS.  Only valid names are cached.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from precis_i18n import get_profile
from precis_i18n.profile import Profile

from .bounds import MAX_NAME, MAX_ROOM, NAME, ROOM
from .errors import BadName, BadRoom
from .text import is_blank

_NAME_MARKS = frozenset("_-.[]{}|^")
_ROOM_MARKS = frozenset("-_.")
_FULL_WIDTH = 0xFEE0
"""The distance of a full-width character from its ASCII form."""
_COMPOSED = re.compile("[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\uff9e\uff9f]")
"""Letters that may be composed with the one before: Hangul's, and half-width katakana marks."""
_OVERLAY = re.compile("[\u0334-\u0338\u20d0-\u20ff]")
"""Marks that strike a letter through or enclose it, which no language needs for spelling."""
NO_NAME = "that is no name; use letters, digits and _ - . [ ] { } | ^ only"
_GUEST = re.compile(r"guest-\d+")

_display = get_profile("UsernameCasePreserved")
_folded = get_profile("UsernameCaseMapped:CaseFold")


def clean_name(name: str) -> str:
    """The display form of a person's name.

    Raises `BadName`: empty, longer than `MAX_NAME` characters, with a character that is neither a
    letter nor a digit nor one of `_ - . [ ] { } | ^`, or a guest's name, which only the server
    gives.
    """
    return _clean_name(NAME.check(name))


def name_key(name: str) -> str:
    """The key of a name, which is the same for all its spellings.

    Raises `BadName` for a string that cannot be a name.
    """
    return _name_key(NAME.check(name))


def clean_room(room: str) -> str:
    """The canonical name of a room: case-folded, without the `#` that people may type before it.

    Raises `BadRoom`: empty, longer than `MAX_ROOM` characters, or with anything but letters, digits
    and `- _ .`.
    """
    return _clean_room(ROOM.check(room))


@lru_cache(4096)
def _clean_name(name: str) -> str:
    if not name:
        raise BadName("a name cannot be empty; choose one of 1 to 32 letters or digits")
    shown = _enforced(_display, name, _NAME_MARKS, MAX_NAME)
    if shown is None or len(shown) > MAX_NAME:
        raise BadName(f"a name has at most {MAX_NAME} characters; choose a shorter one")
    if not shown or not _spelt(shown, _NAME_MARKS):
        raise BadName(NO_NAME)
    if not shown.strip("."):  # HTTP clients drop the path segments "." and ".."
        raise BadName("a name cannot consist of dots only; add a letter or digit")
    if _GUEST.fullmatch(_name_key(shown)):
        raise BadName("guest names are given by the server; choose another name")
    return shown


@lru_cache(4096)
def _name_key(name: str) -> str:
    key = _enforced(_folded, name, _NAME_MARKS, 2 * MAX_NAME)  # a folded ß is two letters
    if not key:
        raise BadName(NO_NAME)
    return key


@lru_cache(4096)
def _clean_room(room: str) -> str:
    bare = room.removeprefix("#")
    if not bare:
        raise BadRoom("a room's name cannot be empty; try lobby")
    folded = _enforced(_folded, bare, _ROOM_MARKS, MAX_ROOM)
    if folded is None or len(folded) > MAX_ROOM:
        raise BadRoom(f"a room's name has at most {MAX_ROOM} characters; choose a shorter one")
    if not folded or not _spelt(folded, _ROOM_MARKS):
        raise BadRoom("that is no room's name; use letters, digits and - _ . only")
    if not folded.strip("."):
        raise BadRoom("a room's name cannot consist of dots only; add a letter or digit")
    return folded


def _enforced(profile: Profile, text: str, marks: frozenset[str], most: int) -> str | None:
    """A text normalised by a PRECIS profile; empty if it cannot be a name, None if it is too long.

    Each character is checked first.  Of the characters for which PRECIS scans the whole string,
    only digits pass, and of characters that are not composed with others, at most `most`.
    """
    lasting = 0
    for char in text:
        category = unicodedata.category(char)
        if _OVERLAY.match(char) or not (
            category[0] in "LM"
            or category == "Nd"
            or char in marks
            or (char > "\uff00" and chr(ord(char) - _FULL_WIDTH) in marks)
        ):
            return ""
        lasting += not (category[0] == "M" or _COMPOSED.match(char))
    if lasting > most:
        return None
    try:
        return str(profile.enforce(text))
    except UnicodeEncodeError:
        return ""


def _spelt(text: str, marks: frozenset[str]) -> bool:
    """Whether a text has only visible letters and digits, and `marks`, and does not begin with an
    accent.
    """
    kinds = [unicodedata.category(char) for char in text]
    return kinds[0][0] != "M" and all(
        char in marks or ((kind[0] in "LM" or kind == "Nd") and not is_blank(char))
        for char, kind in zip(text, kinds, strict=True)
    )
