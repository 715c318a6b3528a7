"""QR codes of links."""

from hashlib import sha256

import pytest
from playwright.sync_api import Browser

from .modules import modules
from .server import Server

CODES = [
    (
        "https://chat.example/",
        25,
        "bf9173a5d5c900b39fa3ca2cb52b0112c07c7bdb8e3b13e1896816cdd3510559",
    ),
    (
        "https://chat.example/#invite=AAAAAAAAAAAAAAAAAAAAAA",
        33,
        "f3193271eeb2a900ae5b8fa7a31a37f157e1bfc7469d72819498bf8d03dc5f19",
    ),
    ("y" * 120, 45, "2497495eb0db283f3418932c54759a64abbf2543bd5f0b30b93f4e67096e20ce"),
]
"""Texts, and the size and digest of their codes, which another encoder made (`qrcode` 8.2)."""


@pytest.mark.parametrize(("text", "size", "digest"), CODES)
def test_code_equals_that_of_another_encoder(
    browser: Browser, shared_server: Server, text: str, size: int, digest: str
):
    """In version, mask, and every module."""
    with modules(browser, shared_server) as found:
        rows = found.call("qr.js", "qrOf", text)
    assert len(rows) == size
    drawn = "\n".join("".join("#" if dark else "." for dark in row) for row in rows)
    assert sha256(drawn.encode()).hexdigest() == digest


def test_text_that_no_code_holds_has_none(browser: Browser, shared_server: Server):
    """Beyond 213 bytes."""
    with modules(browser, shared_server) as found:
        assert found.call("qr.js", "qrOf", "x" * 214) is None
        assert len(found.call("qr.js", "qrOf", "x" * 213)) == 57
