"""The files of the web client."""

from __future__ import annotations

import pytest

from chatd.doors.api.page import WEB

from ...kit.http import HttpClient

FILES = sorted(file.name for file in WEB.iterdir() if file.is_file())
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@pytest.mark.parametrize("name", ["", *FILES])
def test_the_page_is_served_and_loads_nothing_from_elsewhere(http: HttpClient, name: str) -> None:
    """Each file as what it is, with a policy that trusts this server only."""
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
def test_the_page_is_the_same_whatever_its_query(http: HttpClient, query: str) -> None:
    """The query is for the page itself."""
    assert http.get(f"/{query}").body == http.get("/").body


def test_head_of_the_page_has_no_body(http: HttpClient) -> None:
    """But its length."""
    response = http.request("HEAD", "/chat.js")
    assert (response.status, response.body) == (200, b"")
    assert response.headers["content-length"] == str((WEB / "chat.js").stat().st_size)
