"""Events as JSON objects, and the JSON that clients send (RFC 8259).

An event is one object with `id`, `type`, `room`, the fields of its type, and `time`.  It is encoded
in UTF-8 and has no line break.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec

from ..model.bounds import check_fields
from ..model.errors import ChatError, Malformed
from ..model.letters import named_in
from ..stream.batch import Batch
from ..stream.eventlog import Entry

T = TypeVar("T")

HALF_A_PAIR = (
    "the JSON holds half a surrogate pair (\\ud800 to \\udfff), which is no character; "
    "send both halves, or the character itself"
)
MOST_SHOWN = 40
"""Characters of a client's input that an error message repeats."""
_FIELD = re.compile(r"Object (contains unknown|missing required) field `(.*)`", re.DOTALL)
_VALUE = re.compile(r"(Invalid (?:enum )?value) '(.*)'( - at `.*`)?", re.DOTALL)
_encode = msgspec.json.Encoder().encode


class BadField(Malformed):
    """A field is unknown or missing."""


class JsonCodec:
    """Events as JSON objects, separated by commas."""

    name = "json"

    def encode(self, entry: Entry) -> bytes:
        """One object."""
        return b'{"id":%d,%b,"time":"%b"}' % (
            entry.id,
            _encode(entry.event)[1:-1],
            entry.time.encode(),
        )

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The elements of one array."""
        return b",".join(chunks)


JSON = JsonCodec()


def poll_answer(head: bytes, batch: Batch) -> bytes:
    """The body of a poll's answer; `head` is the JSON member that names the room or rooms."""
    gap = b"true" if batch.gaps else b"false"
    return b'{%b,"events":[%b],"next":%d,"gap":%b}' % (head, batch.chunk, batch.cursor, gap)


def error_body(error: ChatError) -> bytes:
    """The body of a refusal."""
    return encode({"error": {"code": error.code, "message": error.message}})


def removal(room: str, error: ChatError) -> bytes:
    """The object that a reader of several rooms gets when it loses one of them.  An empty `room`
    means the private messages, and becomes null.
    """
    return encode({"type": "removed", "room": room or None, "code": error.code})


def marker(place: str, id: int) -> bytes:
    """The object that an account's readers get when its read marker of a room, or a conversation,
    has moved to `id`; see `chatd.model.letters.place_of`.
    """
    person = named_in(place)
    where = {"room": place} if person is None else {"person": person}
    return encode({"type": "marker", **where, "marker": id})


def encode(value: Any) -> bytes:
    """A value as JSON."""
    return _encode(value)


def decode(data: bytes, form: type[T]) -> T:
    """A client's JSON, as the struct `form`, whose strings have bounds.

    Raises `Malformed`, whose message says what is wrong: no JSON, no UTF-8, nested too deeply, a
    wrong type, an unknown or a missing field; and the error of a field that is too long.
    """
    try:
        value: T = _decoder(form).decode(data)  # type: ignore[arg-type]  # a type has a hash
    except msgspec.ValidationError as problem:
        raise _wrong(problem, "the JSON") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:  # the latter up to msgspec 0.22
        if not _is_utf_8(data):
            raise Malformed("the JSON is no valid UTF-8") from None
        if _has_half_a_pair(data):
            raise Malformed(HALF_A_PAIR) from None
        raise Malformed(f"the JSON is not understood: {problem}") from None
    except RecursionError:
        raise Malformed("the JSON is nested too deeply") from None
    check_fields(value)
    return value


@cache
def _decoder(form: type[T]) -> msgspec.json.Decoder[T]:
    """The decoder of a struct, which the library would otherwise make anew for each call."""
    return msgspec.json.Decoder(form)


def convert(fields: Mapping[str, str], form: type[T]) -> T:
    """The fields of a submitted HTML form, as the struct `form`.

    Raises `Malformed`, and the error of a field that is too long.
    """
    try:
        value = msgspec.convert(fields, form)
    except msgspec.ValidationError as problem:
        raise _wrong(problem, "the form") from None
    check_fields(value)
    return value


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_half_a_pair(data: bytes) -> bool:
    """Whether data that msgspec does not decode is JSON but for halves of surrogate pairs, which
    Python's own parser accepts.
    """
    try:
        json.dumps(json.loads(data), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):
        return False
    return False


def _wrong(problem: msgspec.ValidationError, what: str) -> Malformed:
    """The error for a body, in clearer words than the library's if there are any."""
    if field := _FIELD.fullmatch(str(problem)):
        if field[1] == "contains unknown":
            return BadField(f'unknown field "{_shown(field[2])}"')
        return BadField(f'the field "{field[2]}" is missing')
    told = str(problem)
    if value := _VALUE.fullmatch(told):
        told = f'{value[1]} "{_shown(value[2])}"{value[3] or ""}'
    return Malformed(f"{what} is not understood: {told}")


def _shown(text: str) -> str:
    """A client's input for an error message: shortened, and without control characters."""
    short = "".join(filter(str.isprintable, text[:MOST_SHOWN]))
    return short if len(text) <= MOST_SHOWN else f"{short}…"
