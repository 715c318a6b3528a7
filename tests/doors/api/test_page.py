"""The files of the web client."""

from __future__ import annotations

import pytest

from chatd.doors.api.page import WEB

from ...kit.http import HttpClient

FILES = sorted(file.name for file in WEB.iterdir() if file.is_file())
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@pytest.mark.parametrize("name", ["", *FILES])
def test_page_files_are_served_with_a_strict_policy(http: HttpClient, name: str) -> None:
    """Each with its type, and a content security policy that trusts this server only."""
    response = http.get(f"/{name}")
    file = WEB / (name or "index.html")
    assert response.status == 200
    assert response.body == file.read_bytes()
    assert response.headers["content-type"].split(";")[0] == TYPES[file.suffix[1:]]
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("query", ["?transport=websocket", "?transport=sse", "?transport=poll"])
def test_query_does_not_change_the_page(http: HttpClient, query: str) -> None:
    """The page itself reads the query."""
    assert http.get(f"/{query}").body == http.get("/").body


def test_head_of_a_page_file_has_its_length(http: HttpClient) -> None:
    """The body is left out."""
    response = http.request("HEAD", "/chat.js")
    assert (response.status, response.body) == (200, b"")
    assert response.headers["content-length"] == str((WEB / "chat.js").stat().st_size)
