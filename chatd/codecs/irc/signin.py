"""Signing in on IRC: SASL PLAIN (RFC 4616) in parts of 400 bytes, and `PASS :name:password`."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

PART = 400
"""Bytes of Base64 in one AUTHENTICATE; after a part of exactly that length another one follows."""
MOST_PARTS = 4
"""Parts in one answer, far more than names and passwords need."""
MECHANISMS = ("PLAIN",)


class Credentials(NamedTuple):
    """A name and a password."""

    name: str
    password: str


class TooLong(Exception):
    """A part is too long: `905`."""


class Failed(Exception):
    """The answer is not valid: `904`."""


class PlainExchange:
    """Collects the parts of one answer to `AUTHENTICATE +`."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def feed(self, part: str) -> Credentials | None:
        """Take a part; returns the credentials after the last one.

        Raises `TooLong`, `Failed`.
        """
        if len(part) > PART:
            raise TooLong
        if part != "+":
            self._parts.append(part)
        if len(self._parts) > MOST_PARTS:
            raise Failed
        if len(part) == PART:
            return None
        return _plain("".join(self._parts))


def _plain(encoded: str) -> Credentials:
    try:
        message = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Failed from None
    parts = message.split("\0")
    if len(parts) != 3:
        raise Failed
    acting_as, name, password = parts
    if not name or acting_as not in ("", name):
        raise Failed  # acting as another account is not supported
    return Credentials(name, password)


def from_pass(text: str) -> Credentials | None:
    """The credentials in the text after `PASS`; None if it has another form."""
    name, colon, password = text.removeprefix(":").partition(":")
    return Credentials(name, password) if colon and name and password else None
