"""The public URL of the page."""

from __future__ import annotations

import pytest

from chatd.server.pageurl import page_url
from chatd.tap import Options


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ([], ""),
        (["--host", "chat.example"], "http://chat.example:8080"),
        (["--host", "chat.example", "--http", "tcp:80"], "http://chat.example"),
        (["--host", "chat.example", "--http", "tcp:0"], ""),
        (["--host", "chat.example", "--http", "unix:/run/chatd"], ""),
        (["--host", "chat.example", "--trust-proxy", "127.0.0.1"], "https://chat.example"),
        (["--host", "a.example", "--host", "b.example"], "http://a.example:8080"),
    ],
)
def test_the_page_url_is_known_if_a_host_is_configured(options: list[str], url: str) -> None:
    """Behind a proxy it is the proxy's; it is empty if unknown, because a wrong link is worse than
    none.
    """
    parsed = Options()
    parsed.parseOptions(options)
    assert page_url(parsed.settings) == url
