"""What a password may be."""

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
def test_a_password_that_is_none_is_refused(password: str) -> None:
    """Too short, too long, control characters, half surrogates."""
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
def test_a_password_that_everybody_tries_is_refused(password: str) -> None:
    """The account's own name too."""
    with pytest.raises(BadPassword):
        clean_password(password, "Ada-Lovelace")


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "19840512", "tea-at-five", "пароль-мой", "a" * 5 + "bcdefg"],
)
def test_any_other_password_is_taken(password: str) -> None:
    """Words, dates, other scripts."""
    assert clean_password(password, "ada") == password


def test_two_spellings_of_one_password_are_one() -> None:
    """Composed or not, with whichever space (RFC 8265, section 4.2)."""
    assert clean_password("a\u0308pfel\u00a0baum") == clean_password("äpfel baum")
    assert clean_password("Äpfel baum") != clean_password("äpfel baum")


@given(st.text(max_size=MAX_PASSWORD))
def test_whatever_is_typed_is_a_password_or_refused(text: str) -> None:
    """And what is a password stays the same when it is typed as it is kept."""
    try:
        password = clean_password(text)
    except BadPassword:
        return
    assert opaque(password) == password
