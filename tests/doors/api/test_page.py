"""The files of the web client."""

from __future__ import annotations

import gzip
import json
import re
import struct
from pathlib import Path

import brotli
import pytest

from chatd.doors.api import page
from chatd.doors.api.page import COMPACT, STORED, WEB, versioned

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
    data = versioned(data) if name == "worker.js" else data
    return COMPACT.get(Path(name).suffix, bytes)(data)


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


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_page_files_are_compressed_for_clients_that_accept_it(
    http: HttpClient, coding: str
) -> None:
    """A compressed file has an entity tag of its own, and `Vary` for caches."""
    response = http.get("/chat.css", accept_encoding=coding)
    assert response.headers["content-encoding"] == coding
    unpack = {"gzip": gzip.decompress, "br": brotli.decompress}[coding]
    assert unpack(response.body) == served("chat.css")
    assert response.headers["vary"] == "Accept-Encoding"
    plain = http.get("/chat.css")
    assert plain.body == served("chat.css")
    tag = response.headers["etag"]
    assert tag != plain.headers["etag"]
    assert http.get("/chat.css", accept_encoding=coding, if_none_match=tag).status == 304


def test_service_worker_has_its_version(http: HttpClient) -> None:
    """A digest, by which the browser tells it from an older one."""
    assert re.search(r'VERSION="[0-9a-f]{16}"', http.get("/worker.js").body.decode())


def test_version_of_the_service_worker_changes_with_what_it_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a browser whose server is upgraded stores the new files, and deletes the others."""
    source = (WEB / "worker.js").read_text()
    assert json.loads(source.partition("FILES = ")[2].partition(";")[0]) == [*STORED]
    for name in STORED:
        (tmp_path / name).write_bytes((WEB / name).read_bytes())
    monkeypatch.setattr(page, "WEB", tmp_path)
    before = versioned(source.encode())
    assert b'VERSION = ""' not in before
    assert versioned(source.encode()) == before
    assert versioned(source.encode() + b"\n") != before
    (tmp_path / "offline.js").write_text("")
    assert versioned(source.encode()) != before


def test_manifest_names_icons_of_their_sizes(http: HttpClient) -> None:
    """All addresses are relative, so the page can be installed behind a path, too."""
    manifest = json.loads(http.get("/manifest.webmanifest").body)
    assert [manifest[key] for key in ("id", "start_url", "scope")] == [".", ".", "."]
    assert {"maskable"} <= {icon.get("purpose") for icon in manifest["icons"]}
    for icon in manifest["icons"]:
        response = http.get(f"/{icon['src']}")
        assert response.headers["content-type"] == icon["type"]
        if icon["type"] == "image/png":
            assert response.body[:8] == b"\x89PNG\r\n\x1a\n"
            size = struct.unpack(">II", response.body[16:24])
            assert icon["sizes"] == f"{size[0]}x{size[1]}"


IMPORTS = re.compile(r'^(?:import|export)\b[^;]*?"\./([\w-]+\.js)";', re.MULTILINE)
LAZY = re.compile(r'import\("\./([\w-]+\.js)"\)')
FIRST = ["start.js", "page.js", "words-en.js"]
"""Scripts from which a first visit loads all others."""
MENUS = {"menus.js", "dialog.js", "popup.js", "keys.js", "qr.js", "searching.js", "emoji.js"}
"""Scripts that are loaded when somebody wants what they do."""


def imported(names: list[str]) -> set[str]:
    """Those scripts, and all that they import when they are loaded."""
    found: set[str] = set()
    left = [*names]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += IMPORTS.findall((WEB / name).read_text())
    return found


def test_first_visit_loads_less_than_60_kilobytes(http: HttpClient) -> None:
    """All bodies together, as a browser asks for them; 70 kB if brotli is not installed."""
    files = ["", "chat.css", "icon.svg", "manifest.webmanifest", *sorted(imported(FIRST))]
    assert not MENUS & {*files}

    def load(accept: str) -> int:
        return sum(len(http.get(f"/{name}", accept_encoding=accept).body) for name in files)

    assert load("gzip, deflate, br, zstd") < 60_000
    assert load("gzip, deflate") < 70_000


def test_page_asks_for_all_first_scripts_at_once() -> None:
    """Not for one after another, as each names the next; which words it needs, it finds out."""
    html = (WEB / "index.html").read_text()
    preloaded = re.findall(r'<link rel="modulepreload" href="(.*)">', html)
    assert preloaded == sorted(imported(FIRST) - {"start.js", "words-en.js"})


def test_every_script_is_loaded_by_the_page_at_some_time() -> None:
    """At once, or when it is wanted; the other catalogues by their codes, the worker by itself."""
    reached: set[str] = set()
    left = {*FIRST, "worker.js", "offline.js"}
    while left:
        reached |= imported(sorted(left))
        left = {name for one in reached for name in LAZY.findall((WEB / one).read_text())} - reached
    assert {name for name in FILES if name.endswith(".js")} - reached == {
        name for name in FILES if re.fullmatch(r"words-(?!en)\w+\.js", name)
    }


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_scripts_loaded_on_demand_go_through_the_function_that_tells_of_failures(name: str) -> None:
    """`onDemand`, `opening` of a dialog or a menu, or `quietly` if nobody waits.  Other places have
    a `catch` of their own: the start, the welcome, emoji.
    """
    if name in ("start.js", "wording.js", "nodes.js", "demand.js"):
        return
    source = (WEB / name).read_text()
    asked = re.findall(r"\bimport\(", re.sub(r"(?s)/\*\*.*?\*/", "", source))
    assert len(asked) == len(re.findall(r"\b(?:onDemand|opening|quietly)\(", source))
