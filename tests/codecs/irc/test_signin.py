"""SASL PLAIN and PASS: credentials out of what clients send."""

from __future__ import annotations

import base64

import pytest

from chatd.codecs.irc.signin import Credentials, Failed, PlainExchange, TooLong, from_pass


def plain(*parts: str) -> str:
    """An answer of SASL PLAIN with these parts."""
    return base64.b64encode("\0".join(parts).encode()).decode()


def test_sasl_plain_credentials_are_parsed() -> None:
    """The identity to act as may be missing, or be the account's name."""
    assert PlainExchange().feed(plain("", "ada", "s p")) == Credentials("ada", "s p")
    assert PlainExchange().feed(plain("ada", "ada", "é")) == Credentials("ada", "é")


def test_credentials_are_joined_from_parts_of_400_bytes() -> None:
    """An answer whose last part is full ends with an empty part."""
    encoded = plain("ada", "ada", "x" * 592)
    assert len(encoded) == 800
    exchange = PlainExchange()
    assert exchange.feed(encoded[:400]) is None
    assert exchange.feed(encoded[400:]) is None
    assert exchange.feed("+") == Credentials("ada", "x" * 592)


@pytest.mark.parametrize(
    "part",
    [
        "+",
        "*",
        "no base64!",
        plain("ada", "x"),
        plain("eve", "ada", "x"),
        plain("", "", "x"),
        "/w==",
    ],
)
def test_malformed_sasl_answers_fail(part: str) -> None:
    """No base64, no UTF-8, missing parts, no name, or another identity to act as."""
    with pytest.raises(Failed):
        PlainExchange().feed(part)


def test_a_sasl_answer_has_a_limited_number_of_parts() -> None:
    """So a client that never ends its answer fills no memory."""
    with pytest.raises(TooLong):
        PlainExchange().feed("A" * 401)
    exchange = PlainExchange()
    for _ in range(4):
        assert exchange.feed("A" * 400) is None
    with pytest.raises(Failed):
        exchange.feed("A" * 400)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (":ada:s:p", Credentials("ada", "s:p")),
        ("ada:secret", Credentials("ada", "secret")),
        (":secret", None),
        ("secret", None),
        (":ada:", None),
    ],
)
def test_pass_contains_a_name_and_a_password(text: str, found: Credentials | None) -> None:
    """A PASS without a `:` between the two is ignored, because many clients send one to every
    server.
    """
    assert from_pass(text) == found
