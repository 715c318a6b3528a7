"""A request's body: JSON, an HTML form, or the text itself.

`curl -d` labels every body as a form.  So for a request with a field `text`, such a body is a form
only if all its fields are known and `text` is among them; any other body is the text itself,
unchanged: `curl -d '1+1=2'` says `1+1=2`.
"""

from __future__ import annotations

import codecs
from enum import Enum, auto
from functools import lru_cache
from string import whitespace
from typing import TypeVar
from urllib.parse import parse_qsl

from twisted.web.server import Request

from ..codecs.json import BadField, convert, decode
from ..model.errors import Malformed, UnsupportedMediaType
from .fields import header

T = TypeVar("T")

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 20
"""Fields of a form, at most; a body with more is a text or an error."""
_UTF_8 = ("utf-8", "utf8", "us-ascii")


class Kind(Enum):
    """The kind of a body."""

    NOTHING = auto()
    JSON = auto()
    FORM = auto()
    TEXT = auto()


def read_body(request: Request, form: type[T]) -> T:
    """The request's body as the struct `form`: see `form_of`.

    Raises `Malformed`, `UnsupportedMediaType`, and the error of a field that is too long.
    """
    body: bytes = request.content.read() if request.content else b""
    return form_of(body, header(request, "content-type") or "", form)


def form_of(body: bytes, content_type: str, form: type[T]) -> T:
    """A body as the struct `form`; an empty body without a type has no fields.  `content_type` is
    empty if the request has no `Content-Type`.

    Raises `Malformed`, `UnsupportedMediaType`, and the error of a field that is too long.
    """
    body = body.removeprefix(codecs.BOM_UTF8)  # an editor's mark, not part of the text
    fields: tuple[str, ...] = form.__struct_fields__  # type: ignore[attr-defined]
    text = body.decode(errors="replace")
    kind = _kind(_media(content_type), text, fields)
    if kind is Kind.TEXT:
        return convert({"text": text}, form)
    try:
        if kind is Kind.JSON:
            return decode(body, form)
        return convert(_fields(text) if kind is Kind.FORM else {}, form)
    except BadField as problem:
        ways = "JSON, or the text itself" if "text" in fields else "or JSON"
        raise Malformed(f"{problem.message}: send {fields[0]}=…, {ways}") from None


def read_json(request: Request, form: type[T], *, optional: bool = False) -> T:
    """The request's body, which has to be JSON, as the struct `form`.  With `optional`, an empty
    body without a type has no fields.

    JSON only: a web page of another origin can send it only with this server's consent (CORS).
    Raises `Malformed`, `UnsupportedMediaType`.
    """
    media = _media(header(request, "content-type") or "")
    body: bytes = request.content.read() if request.content else b""
    if optional and not (media or body):
        body = b"{}"
    elif media != "application/json":
        raise UnsupportedMediaType("send JSON, and Content-Type: application/json")
    try:
        return decode(body.removeprefix(codecs.BOM_UTF8), form)
    except BadField as problem:
        raise Malformed(problem.message) from None


@lru_cache(maxsize=100)
def _media(content_type: str) -> str:
    """The media type in a `Content-Type`, in lower case; empty if there is none.

    Raises `UnsupportedMediaType` for a charset other than UTF-8.
    """
    media, *parameters = (word.strip().lower() for word in content_type.split(";"))
    for parameter in parameters:
        if parameter.startswith("charset=") and parameter[8:].strip('"') not in _UTF_8:
            raise UnsupportedMediaType("send UTF-8")
    return media


def _kind(media: str, text: str, fields: tuple[str, ...]) -> Kind:
    """The kind of a body with that media type, for a struct with those fields.

    Raises `UnsupportedMediaType`.
    """
    has_text = "text" in fields
    if not media and not text.strip(whitespace):
        return Kind.NOTHING
    if media == "application/json":
        return Kind.JSON
    if media == FORM and (not has_text or _is_form(text, fields)):
        return Kind.FORM
    if has_text and media in (FORM, "text/plain", ""):
        return Kind.TEXT
    raise UnsupportedMediaType(f"send application/json, {FORM}, or text/plain for a text")


def _is_form(text: str, known: tuple[str, ...]) -> bool:
    """Whether every field is known, and `text` is among them."""
    parts = text.split("&", MAX_FIELDS)
    names = {part.partition("=")[0] for part in parts}
    whole = all("=" in part for part in parts)
    return whole and len(parts) <= MAX_FIELDS and "text" in names and names <= {*known}


def _fields(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace")
    except ValueError:
        raise Malformed("the form has too many fields") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Malformed(
            "a field of the form is given twice; a text with & in it needs curl's --data-urlencode"
        )
    return fields
