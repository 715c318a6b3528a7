"""A request's body: JSON, an HTML form, or the text itself.

`curl -d` says that what it sends is a form, whatever it is.  So where a text is what a request is
about, such a body is a form only if it looks like one in every field; any other is the text, to the
byte: `curl -d '1+1=2'` says `1+1=2`.
"""

from __future__ import annotations

import codecs
from typing import TypeVar
from urllib.parse import parse_qsl

from twisted.web.server import Request

from ..codecs.json import BadField, convert, decode
from ..errors import Malformed, UnsupportedMediaType
from .fields import header

T = TypeVar("T")

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 20
"""Fields of a form; with more, it is none of ours."""
_UTF_8 = ("utf-8", "utf8", "us-ascii")


def read_body(request: Request, form: type[T]) -> T:
    """The request's body as the struct `form`; an empty one of no type has no fields.

    Raises `Malformed`, `UnsupportedMediaType`.
    """
    body: bytes = request.content.read() if request.content else b""
    body = body.removeprefix(codecs.BOM_UTF8)  # an editor's mark, and no part of the text
    content_type = header(request, "content-type") or ""
    media, *parameters = (word.strip().lower() for word in content_type.split(";"))
    for parameter in parameters:
        if parameter.startswith("charset=") and parameter[8:].strip('"') not in _UTF_8:
            raise UnsupportedMediaType("send UTF-8")
    fields: tuple[str, ...] = form.__struct_fields__  # type: ignore[attr-defined]
    has_text = "text" in fields
    try:
        if not body.strip() and not media:
            return convert({}, form)
        if media == "application/json":
            return decode(body, form)
        text = body.decode(errors="replace")
        if media == FORM and (not has_text or _is_form(text, fields)):
            return convert(_fields(text), form)
    except BadField as problem:
        ways = "JSON, or the text itself" if has_text else "or JSON"
        raise Malformed(f"{problem.message}: send {fields[0]}=…, {ways}") from None
    if has_text and media in (FORM, "text/plain", ""):
        return convert({"text": text}, form)
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
