"""Passwords: what is accepted, and how they are normalized."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.bounds import MAX_PASSWORD
from chatd.model.errors import BadPassword
from chatd.model.password import clean_password, opaque


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "seven77",
        "x" * 129,
        "x" * 1_000_000,
        "with\0a-nul-in",
        "with\x1ban-escape",
        "\ud800" * 9,
    ],
)
def test_an_invalid_password_is_refused(password: str) -> None:
    """Too short, too long, with control characters, or with lone surrogates."""
    with pytest.raises(BadPassword):
        clean_password(password)


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1",
        "PASSWORD123!",
        "12345678",
        "87654321",
        "qwertyuiop",
        "aaaaaaaa",
        "abababab",
        "ada-lovelace",
        "Ada-Lovelace1",
        "iloveyou2",
        "ｐａｓｓｗｏｒｄ",
    ],
)
def test_a_common_password_is_refused(password: str) -> None:
    """So are simple patterns and the account's own name."""
    with pytest.raises(BadPassword):
        clean_password(password, "Ada-Lovelace")


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "19840512", "tea-at-five", "пароль-мой", "a" * 5 + "bcdefg"],
)
def test_an_uncommon_password_is_accepted(password: str) -> None:
    """Phrases, dates and other scripts are fine."""
    assert clean_password(password, "ada") == password


def test_unicode_spellings_of_a_password_are_normalized() -> None:
    """Composed or decomposed, with any kind of space (RFC 8265, section 4.2)."""
    assert clean_password("a\u0308pfel\u00a0baum") == clean_password("äpfel baum")
    assert clean_password("Äpfel baum") != clean_password("äpfel baum")


@given(st.text(max_size=MAX_PASSWORD))
def test_any_string_is_a_valid_password_or_raises_bad_password(text: str) -> None:
    """Normalizing a valid password again does not change it."""
    try:
        password = clean_password(text)
    except BadPassword:
        return
    assert opaque(password) == password
