"""Content codings of answers that do not change, each made once: brotli if the package `brotli` is
installed (the extra `page`), and gzip (RFC 9110, sections 8.4 and 12.5.3).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from functools import cache

from twisted.web.server import Request

from ..model.errors import Malformed
from .fields import header

try:
    import brotli
except ImportError:  # the extra `page` is not installed
    brotli = None  # type: ignore[assignment]

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    **({"br": lambda data: bytes(brotli.compress(data, quality=11))} if brotli else {}),
    "gzip": lambda data: gzip.compress(data, mtime=0),
}
"""Content codings, the smallest first, and what encodes."""
_NAMES = {"br": "br", "gzip": r"gzip|\*"}
"""What names a coding in an `Accept-Encoding`.  A wildcard gets gzip, which every client knows."""
_ACCEPTED = {
    coding: re.compile(
        rf"(?:^|,)\s*(?:{_NAMES[coding]})\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?=,|$)",
        re.IGNORECASE,
    )
    for coding in CODINGS
}
"""Finds a coding in an `Accept-Encoding` that does not refuse it."""


@cache
def packed(data: bytes, coding: str) -> bytes:
    """The data in a coding of `CODINGS`; kept for good, so only for data that does not change."""
    return CODINGS[coding](data)


def accepted_coding(request: Request) -> str:
    """The smallest content coding that the client accepts, or empty; a header that is malformed
    accepts none.
    """
    try:
        accepted = header(request, "accept-encoding") or ""
    except Malformed:
        return ""
    return next((coding for coding in CODINGS if _ACCEPTED[coding].search(accepted)), "")
