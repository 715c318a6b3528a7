"""Requests to push services: the example of RFC 8291, and authorizations that verify."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from chatd.push.messages import (
    RENEWED_SECONDS,
    VALID_SECONDS,
    Authorizations,
    decoded,
    encrypted,
    headers,
)
from chatd.testing.clock import StrictClock

from ..kit.push import Browser, encoded

PLAIN = b"When I grow up, I want to be a watermelon"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
BROWSER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmY"
    "WAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS"
    "gSxsj_Qulcy4a-fN"
)
KEY = bytes(range(1, 33))


def key_of(number: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decoded(number), "big"), ec.SECP256R1())


def test_the_example_of_rfc_8291_is_encrypted_to_the_byte() -> None:
    """Appendix A: with its keys and its salt."""
    body = encrypted(PLAIN, BROWSER, AUTH, own=key_of(SENDER), salt=decoded(SALT))
    assert encoded(body) == BODY


def test_only_the_browser_reads_a_notification_and_no_two_are_alike() -> None:
    """A key and a salt are made for each."""
    browser, other = Browser(), Browser()
    keys = browser.keys
    first, second = (encrypted(b'{"id":1}', keys["p256dh"], keys["auth"]) for _ in range(2))
    assert browser.read(first) == browser.read(second) == {"id": 1}
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]
    with pytest.raises(Exception, match="Decryption error"):
        other.read(first)


def claims_of(authorization: str) -> dict[str, object]:
    token = authorization.removeprefix("vapid t=").split(",")[0].split(".")[1]
    claims: dict[str, object] = json.loads(urlsafe_b64decode(f"{token}=="))
    return claims


@pytest.mark.parametrize(
    "contact", ["mailto:admin@example.org", "https://example.org", "https://example.org/about?us"]
)
def test_an_authorization_is_signed_for_one_push_service(contact: str) -> None:
    """RFC 8292: who sends, to which service, and until when."""
    clock = StrictClock()
    clock.advance(1_000_000)
    made = Authorizations(contact, clock.seconds).of("https://push.example.net/one?x", KEY)
    assert Vapid02.verify(made)
    assert claims_of(made) == {
        "aud": "https://push.example.net",
        "exp": 1_000_000 + VALID_SECONDS,
        "sub": contact,
    }
    assert not Vapid02.verify(made.replace("t=ey", "t=eY"))


def test_an_authorization_is_used_for_hours_and_made_anew_before_it_ends() -> None:
    """One for each service and key."""
    clock = StrictClock()
    clock.advance(1_000_000)
    made = Authorizations("mailto:admin@example.org", clock.seconds)
    first = made.of("https://push.example.net/one", KEY)
    clock.advance(RENEWED_SECONDS - 1)
    assert made.of("https://push.example.net/two", KEY) == first
    assert made.of("https://other.example.net/one", KEY) != first
    assert made.of("https://push.example.net/one", KEY[::-1]) != first
    clock.advance(1)
    assert made.of("https://push.example.net/one", KEY) != first


def test_a_request_says_how_long_it_is_kept_and_what_it_replaces() -> None:
    """RFC 8030: TTL, Topic, Urgency."""
    made = headers("vapid t=x,k=y", "topic")
    assert made[b"TTL"] == [b"86400"]
    assert made[b"Topic"] == [b"topic"]
    assert made[b"Content-Encoding"] == [b"aes128gcm"]
    assert made[b"Authorization"] == [b"vapid t=x,k=y"]
