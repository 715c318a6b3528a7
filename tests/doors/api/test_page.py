"""The files of the web client."""

from __future__ import annotations

import gzip
import re

import pytest

from chatd.doors.api.page import WEB, without_comments

from ...kit.http import HttpClient

FILES = sorted(file.name for file in WEB.iterdir() if file.is_file())
TYPES = {
    "html": "text/html",
    "js": "text/javascript",
    "css": "text/css",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}


def served(name: str) -> bytes:
    """A file as it is served."""
    data = (WEB / name).read_bytes()
    return without_comments(data) if name.endswith(".js") else data


@pytest.mark.parametrize("name", ["", *FILES])
def test_page_files_are_served_with_a_strict_policy(http: HttpClient, name: str) -> None:
    """Each with its type, and a content security policy that trusts this server only."""
    response = http.get(f"/{name}")
    file = WEB / (name or "index.html")
    assert response.status == 200
    assert response.body == served(file.name)
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
    assert response.headers["content-length"] == str(len(served("chat.js")))


@pytest.mark.parametrize(
    ("accept", "packed"),
    [
        ("gzip", True),
        ("deflate, gzip, br", True),
        ("br;q=1.0, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0, br", False),
        ("br", False),
        ("xgzip", False),
        ("", False),
    ],
)
def test_page_files_are_compressed_for_clients_that_accept_it(
    http: HttpClient, accept: str, packed: bool
) -> None:
    """A compressed file has an entity tag of its own, and `Vary` for caches."""
    response = http.get("/chat.css", accept_encoding=accept)
    assert (response.headers.get("content-encoding") == "gzip") is packed
    body = gzip.decompress(response.body) if packed else response.body
    assert body == served("chat.css")
    assert response.headers["vary"] == "Accept-Encoding"
    plain = http.get("/chat.css")
    assert (response.headers["etag"] == plain.headers["etag"]) is not packed
    tag = response.headers["etag"]
    assert http.get("/chat.css", accept_encoding=accept, if_none_match=tag).status == 304


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_comments_are_left_out_of_scripts_and_nothing_else(name: str) -> None:
    """Only whole lines are removed, each of which belongs to a comment."""
    kept = without_comments((WEB / name).read_bytes()).decode().splitlines()
    inside = False
    for line in (WEB / name).read_text().splitlines():
        text = line.strip()
        alone = re.fullmatch(r"/\*\*.*\*/", text) or text.startswith("//")
        if not inside and not alone and kept and line == kept[0]:
            kept.pop(0)
            continue
        inside = inside or text.startswith("/**")
        assert inside or alone, line
        inside = inside and not text.endswith("*/")
    assert not kept
