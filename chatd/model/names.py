"""What people and rooms may be called.

A name has two forms, both by RFC 8265 (PRECIS usernames): the *display form* keeps case, and the
*key* is case-folded and decides whether two names are one. The profile refuses what confuses:
spaces of any kind, zero-width and bidi characters, compatibility look-alikes, mixed directions.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from precis_i18n import get_profile

from .errors import BadName, BadRoom

MAX_NAME = 32
"""Characters in a name."""
MAX_ROOM = 64
"""Characters in a room's name."""

_NAME_MARKS = frozenset("_-.[]{}|^")
_ROOM_MARKS = frozenset("-_.")
_GUEST = re.compile(r"guest-\d+")

_display = get_profile("UsernameCasePreserved")
_folded = get_profile("UsernameCaseMapped:CaseFold")


@lru_cache(4096)
def clean_name(name: str) -> str:
    """The display form of a person's name.

    Raises `BadName`: empty, longer than `MAX_NAME` characters, with a character that is neither a
    letter nor a digit nor one of `_ - . [ ] { } | ^`, or a guest's name, which only the server
    gives.
    """
    if not name:
        raise BadName("a name cannot be empty; choose one of 1 to 32 letters or digits")
    try:
        # Far beyond what could normalise to a name it is not worth the work.
        shown = str(_display.enforce(name)) if len(name) <= 8 * MAX_NAME else name
        if len(shown) > MAX_NAME:
            raise BadName(f"a name has at most {MAX_NAME} characters, this one has {len(shown)}")
        key = name_key(shown)
    except UnicodeEncodeError:
        shown = key = ""
    # "." and ".." would be eaten as path segments by every HTTP client.
    if not shown.strip(".") or not _spelt(shown, _NAME_MARKS):
        raise BadName("that is no name; use letters, digits and _ - . [ ] { } | ^ only")
    if _GUEST.fullmatch(key):
        raise BadName("guest names are given by the server; choose another name")
    return shown


@lru_cache(4096)
def name_key(name: str) -> str:
    """What two spellings of one name have in common.

    Raises `UnicodeEncodeError` for a string that can be no name at all.
    """
    return str(_folded.enforce(name))


@lru_cache(4096)
def clean_room(room: str) -> str:
    """A room's one name: case-folded, without the `#` that people may type before it.

    Raises `BadRoom`: empty, longer than `MAX_ROOM` characters, or with anything but letters, digits
    and `- _ .`.
    """
    bare = room.removeprefix("#")
    if not bare:
        raise BadRoom("a room's name cannot be empty; try lobby")
    try:
        folded = str(_folded.enforce(bare)) if len(bare) <= 8 * MAX_ROOM else bare
    except UnicodeEncodeError:
        folded = ""
    if len(folded) > MAX_ROOM:
        raise BadRoom(f"a room's name has at most {MAX_ROOM} characters, this has {len(folded)}")
    if (
        not (1 <= len(folded) <= MAX_ROOM)
        or not _spelt(folded, _ROOM_MARKS)
        or not folded.strip(".")
    ):
        raise BadRoom("that is no room's name; use letters, digits and - _ . only")
    return folded


def _spelt(text: str, marks: frozenset[str]) -> bool:
    """Whether only letters, digits and `marks` occur, and no accent stands without its letter."""
    kinds = [unicodedata.category(char) for char in text]
    return kinds[0][0] != "M" and all(
        char in marks or kind[0] in "LM" or kind == "Nd"
        for char, kind in zip(text, kinds, strict=True)
    )
