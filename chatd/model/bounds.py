"""Bounds: the maximum length of each string from a client.

1. Every string that a client sends is compared with its bound before anything else is done with it:
   before PRECIS and Unicode normalisation, whose cost grows with the square of the length, before a
   cache keeps it, and before it is a key in a dictionary.
2. The type of a field that holds a string has its bound: `Annotated[str, NAME]`.  `check_fields`
   compares, and raises `TypeError` for a class with a field that has no bound.
3. Bounds are in characters, which are counted in constant time; a character has at most four bytes
   of UTF-8.  A name's bound is four times its final length: an accented letter may be sent as a
   letter and three accents.  Whether a string within its bound is a valid name or text is judged by
   `chatd.model.names` and `chatd.model.text`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from .errors import (
    BadName,
    BadPassword,
    BadRoom,
    BadToken,
    ChatError,
    Malformed,
    NotFound,
    TextTooLong,
    UnknownCommand,
)

MAX_NAME = 32
"""Characters in a name."""
MAX_ROOM = 64
"""Characters in a room's name."""
MAX_PASSWORD = 128
"""Characters in a password."""
MAX_LABEL = 64
"""Characters in the label of a personal token."""
MAX_RAW_TEXT = 1 << 20
"""Characters in a text as a client sends it; `--max-text` is lower."""
COMPOSED = 4
"""Characters that normalisation may compose into one: a letter and three accents."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The most characters that a string from a client may have, and how a longer one is refused."""

    most: int
    error: type[ChatError]
    """Raised for a longer string."""
    message: str

    def check(self, text: str) -> str:
        """The text, if it is not too long.  Raises the bound's error."""
        if len(text) > self.most:
            raise self.error(self.message)
        return text


NAME = Bound(COMPOSED * MAX_NAME, BadName, f"a name has at most {MAX_NAME} characters")
ROOM = Bound(COMPOSED * MAX_ROOM + 1, BadRoom, f"a room's name has at most {MAX_ROOM} characters")
WHO = Bound(COMPOSED * MAX_NAME, BadName, "a name or a network has at most 128 characters")
TEXT = Bound(
    MAX_RAW_TEXT,
    TextTooLong,
    f"a text has at most {MAX_RAW_TEXT} characters here; make it shorter",
)
KEY = Bound(200, Malformed, "a ref has at most 200 characters")
TOKEN = Bound(200, BadToken, "a token has at most 200 characters; POST /session for one")
PASSWORD = Bound(
    MAX_PASSWORD,
    BadPassword,
    f"a password has at most {MAX_PASSWORD} characters; choose a shorter one",
)
LABEL = Bound(MAX_LABEL, Malformed, f"a label has at most {MAX_LABEL} characters")
CODE = Bound(200, Malformed, "a code has at most 200 characters")
INVITE = Bound(200, NotFound, "that invite is unknown, used up or has run out; ask for another one")
"""The code of an invite in a path.  Unknown, used and overlong codes get the same refusal."""
WORD = Bound(40, Malformed, "no setting and no role has a word of that length")
ENDPOINT = Bound(2000, Malformed, "an endpoint has at most 2000 characters")
PAGE = Bound(100, Malformed, "the id of a page has at most 100 characters")
PUSH_KEY = Bound(100, Malformed, "a key of a push subscription has at most 100 characters")
PLACES = Bound(
    300 * (COMPOSED * MAX_ROOM + 2), Malformed, "a list of rooms and names has at most 300 of them"
)
QUERY = Bound(200, Malformed, "a search has at most 200 characters; search for fewer words")
COMMAND = Bound(100, UnknownCommand, "there is no command of that length; /help lists them")

Name = Annotated[str, NAME]
"""A person's name, as the client sent it."""
RoomName = Annotated[str, ROOM]
"""A room's name, as the client sent it, perhaps with a `#` before it."""
Who = Annotated[str, WHO]
"""A person's name, a network, or a ban's id, as the client sent it."""
Text = Annotated[str, TEXT]
"""A text, as the client sent it."""
Key = Annotated[str | None, KEY]
"""An idempotency key, if the client gives one."""
Password = Annotated[str, PASSWORD]
"""A password, as the client sent it."""
SomePassword = Annotated[str | None, PASSWORD]
"""A password, if the client sent one."""
Label = Annotated[str, LABEL]
"""The label of a personal token, as the client sent it."""
Code = Annotated[str | None, CODE]
"""The code of an invite or a claim, if the client sent one."""
Endpoint = Annotated[str, ENDPOINT]
"""An address at a push service, as the client sent it."""
PageId = Annotated[str, PAGE]
"""What a page calls itself, as the client sent it."""
PushKey = Annotated[str, PUSH_KEY]
"""A browser's key for push notifications, in base64."""
Places = Annotated[str | None, PLACES]
"""Rooms, and `@` and people's names, with commas between, if the client sent them."""
Word = Annotated[str | None, WORD]
"""The value of a setting, or a role, if one is given."""


def check_fields(value: object) -> None:
    """Compare each string in the fields of a value with its bound.

    Raises the bound's error, and `TypeError` where a field of the value's class has no bound.
    """
    for name, bound in bounds_of(type(value)):  # type: ignore[arg-type]
        text = getattr(value, name)
        if text is not None and len(text) > bound.most:
            bound.check(text)


@cache
def bounds_of(kind: type) -> tuple[tuple[str, Bound], ...]:
    """The fields of a class that hold strings, and their bounds.

    Raises `TypeError` for a field that might hold a string of any length.
    """
    hints = get_type_hints(kind, include_extras=True)
    found = ((name, _bound(kind, name, hint)) for name, hint in hints.items())
    return tuple((name, bound) for name, bound in found if bound)


def _bound(kind: type, name: str, hint: Any) -> Bound | None:
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            if isinstance(note, Bound):
                return note
        hint = get_args(hint)[0]
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if all(part in (int, float, bool, NoneType) or get_origin(part) is Literal for part in parts):
        return None
    raise TypeError(
        f"{kind.__name__}.{name} has no bound: say Annotated[str, …] (chatd.model.bounds)"
    )
