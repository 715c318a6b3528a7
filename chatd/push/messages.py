"""Requests to push services: encryption (RFC 8291) and authorization (RFC 8292).

The libraries `http-ece` and `py-vapid` do the work; they come with the extra `push`.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

VALID_SECONDS = 12 * 3600
"""Seconds for which an authorization is valid: a push service takes at most 24 hours."""
RENEWED_SECONDS = 6 * 3600
"""Seconds for which one is used: services want to see the same one for a while."""
TTL_SECONDS = 24 * 3600
"""Seconds for which a push service keeps a notification for a browser that is away."""
MOST_KNOWN = 100
"""Push services whose authorizations are kept."""


def decoded(text: str) -> bytes:
    """Base64 for URLs, with padding or without."""
    return urlsafe_b64decode(f"{text.rstrip('=')}==")


def encrypted(
    payload: bytes,
    p256dh: str,
    auth: str,
    *,
    own: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """A notification as only the browser with these keys can read it.

    `own` and `salt` are for one message, and made anew for each.  Raises `ValueError` if `p256dh`
    is no point on the curve.
    """
    body: bytes = http_ece.encrypt(
        payload,
        salt=salt or os.urandom(16),
        private_key=own or ec.generate_private_key(ec.SECP256R1()),
        dh=decoded(p256dh),
        auth_secret=decoded(auth),
        version="aes128gcm",
    )
    return body


class Authorizations:
    """Signed statements of who sends the notifications, one for each push service."""

    def __init__(self, contact: str, now: Callable[[], float]) -> None:
        """`contact` is the operator's `mailto:` or `https:` address; `now` is the wall clock in
        seconds since the Unix epoch.
        """
        self._contact = contact
        self._now = now
        self._made: dict[tuple[str, bytes], tuple[float, str]] = {}

    def of(self, endpoint: str, key: bytes) -> str:
        """The value of `Authorization` for an address at a push service, signed with the private
        key of that number.
        """
        parts = urlsplit(endpoint)
        origin = f"https://{parts.hostname}"
        now = self._now()
        when, made = self._made.get((origin, key), (0.0, ""))
        if made and 0 <= now - when < RENEWED_SECONDS:
            return made
        claims = {"aud": origin, "exp": int(now) + VALID_SECONDS, "sub": self._contact}
        vapid = Vapid02.from_raw(urlsafe_b64encode(key))
        vapid.conf = {"no-strict": True}  # its check refuses https: addresses with a path
        signed: Mapping[str, str] = vapid.sign(claims)
        if len(self._made) >= MOST_KNOWN:
            self._made.clear()
        self._made[origin, key] = now, signed["Authorization"]
        return signed["Authorization"]


def headers(authorization: str, topic: str) -> dict[bytes, list[bytes]]:
    """The headers of a request that sends a notification (RFC 8030, section 5)."""
    named = {
        "Authorization": authorization,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(TTL_SECONDS),
        "Topic": topic,
        "Urgency": "high",  # somebody waits for an answer
        "User-Agent": "chatd",
    }
    return {name.encode(): [value.encode()] for name, value in named.items()}
