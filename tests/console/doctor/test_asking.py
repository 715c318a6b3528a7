"""Requests of the doctor."""

from __future__ import annotations

import pytest

from chatd.console.doctor.asking import Address, address_of


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost:8080", ("http", "localhost", 8080, "", "http://localhost:8080")),
        (
            "https://Chat.example.org/a/",
            ("https", "chat.example.org", 443, "/a", "https://chat.example.org"),
        ),
        ("http://[::1]:80/", ("http", "::1", 80, "", "http://[::1]:80")),
    ],
)
def test_a_url_says_where_to_ask(url: str, address: tuple[str, str, int, str, str]) -> None:
    """And the origin of the page at that URL."""
    assert address_of(url) == Address(*address)


@pytest.mark.parametrize("url", ["localhost", "ftp://x", "http://", "http://x:y", "http://x/?a"])
def test_an_invalid_server_url_is_refused(url: str) -> None:
    """The error shows an example."""
    with pytest.raises(ValueError, match=r"Port|is no server's URL"):
        address_of(url)
