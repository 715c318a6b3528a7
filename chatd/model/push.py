"""Web Push: the subscriptions of browsers, and what a notification says.

1. A subscription belongs to one session of an account.  It has the address at a push service to
   which notifications are sent, and the browser's keys, by which only the browser can read them
   (RFC 8291).
2. The address comes from a client, and the server sends requests to it.  So it has to be `https`,
   at the usual port, by a host's name.  Which addresses that name may have is checked when a
   notification is sent (`chatd.push.internet`).
3. What a notification says has the same size for all, so that a push service does not learn how
   long a text or a name is.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import Error
from typing import Literal
from unicodedata import category, normalize
from urllib.parse import urlsplit

import msgspec

from .bounds import ENDPOINT
from .errors import Malformed
from .names import clean_room, name_key

MOST_SUBSCRIPTIONS = 10
"""Subscriptions of one account; when one more begins, the oldest ends."""
MOST_LEVELS = 300
"""Most rooms and talks that may have a level of their own in one subscription."""
SHOWN = 200
"""Characters of a text that a notification shows."""
PADDED = 2048
"""Bytes of every notification.  A push service takes 4096, encryption included (RFC 8030)."""
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""A host's name with a dot in it; the last label is no number, as it is in an IP address."""
_IN_NAMES = {"Ll", "Lm", "Lo", "Mn", "Mc", "Nd"}
"""The categories of Unicode that international names have (RFC 5892, section 2.1)."""
_URL = re.compile(r"[!-\[\]-~]+")
"""What can be seen of ASCII, without the backslash, which some read as a slash."""

Level = Literal["all", "mentions", "none"]
"""Of which messages in a place the user is notified."""
Kind = Literal["private", "mention", "message"]
"""A private message; a message that mentions the user; another one."""


class Subscription(msgspec.Struct, frozen=True, omit_defaults=True):
    """A browser that is to be notified: the value of a cell in `PUSHES`."""

    account: str
    """The account's key."""
    endpoint: str
    """The address at the push service."""
    p256dh: str
    """The browser's public key, in base64 for URLs."""
    auth: str
    """The browser's secret, in base64 for URLs."""
    created: int
    """Microseconds since the Unix epoch."""
    all: tuple[str, ...] = ()
    """Places of which the user wants every message: rooms, and `@` and the name's key for private
    messages."""
    none: tuple[str, ...] = ()
    """Places of which the user wants no message."""

    def wants(self, place: str, kind: Kind) -> bool:
        """Whether the user wants to be notified of a message of that kind in that place."""
        if place in self.none:
            return False
        return kind != "message" or place in self.all


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a notification says; the browser words it."""

    place: str
    """The room; for private messages `@` and the sender's name."""
    sender: str = msgspec.field(name="from")
    """Who wrote the last message."""
    kind: Kind
    """The most urgent kind of the messages."""
    id: int
    """The id of the last message."""
    count: int = 1
    """How many messages it is about."""
    text: str = ""
    """The beginning of the last message, if the operator wants that."""


encode = msgspec.json.Encoder().encode
"""The value of the cell of a subscription."""
decode_subscription = msgspec.json.Decoder(Subscription).decode


def padded(notice: Notice) -> bytes:
    """A notification as JSON, with blanks behind it up to `PADDED` bytes."""
    return encode(notice).ljust(PADDED)


def clean_endpoint(url: str) -> str:
    """An address at a push service.

    Raises `Malformed` if it is not `https`, at port 443, by a host's name, without a user's name.
    """
    if not _URL.fullmatch(ENDPOINT.check(url)):
        raise Malformed("the endpoint has to be a URL, in ASCII and without blanks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Malformed("the endpoint is no valid URL") from None
    if parts.scheme != "https":
        raise Malformed("the endpoint has to begin with https://")
    if "@" in parts.netloc or parts.netloc.endswith(":") or port not in (None, 443) or "#" in url:
        raise Malformed("the endpoint has to be at port 443, without a user's name and without a #")
    host = parts.hostname or ""
    if not _HOST.fullmatch(host) or len(host) > 253:
        raise Malformed("the endpoint has to name its host, not an IP address")
    if not all(map(_is_label, host.split("."))):
        raise Malformed("the endpoint has to name its host by a valid domain name (IDNA, RFC 5891)")
    return url


def _is_label(label: str) -> bool:
    """Whether a label of a host's name may be one by IDNA: TLS takes no others."""
    if label[2:4] != "--":
        return True
    if not label.startswith("xn--"):
        return False
    coded = label[4:].encode()
    try:
        text = coded.decode("punycode")
    except UnicodeError:
        return False
    if text.isascii() or text.encode("punycode") != coded or normalize("NFC", text) != text:
        return False
    return all(category(char) in _IN_NAMES or char == "-" for char in text)


def clean_key(text: str, size: int, what: str) -> bytes:
    """A browser's key of `size` bytes, decoded.  Raises `Malformed`, which calls it `what`."""
    try:
        key = urlsafe_b64decode(f"{text.rstrip('=')}==")
    except (Error, ValueError):
        key = b""
    if len(key) != size or not re.fullmatch(r"[A-Za-z0-9_-]+=*", text):
        raise Malformed(f"{what} has to be {size} bytes in base64 for URLs (RFC 4648, section 5)")
    return key


def clean_places(text: str, what: str) -> tuple[str, ...]:
    """Places as a client lists them, with commas between: rooms, and `@` and a name.

    Raises `Malformed`, `BadRoom`, `BadName`.
    """
    listed = [place for place in text.split(",") if place]
    if len(listed) > MOST_LEVELS:
        raise Malformed(f"{what} has at most {MOST_LEVELS} rooms and names")
    places = (
        f"@{name_key(place[1:])}" if place.startswith("@") else clean_room(place)
        for place in listed
    )
    return tuple(dict.fromkeys(places))
