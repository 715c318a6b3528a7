"""The files of the web client, which are in `chatd/web`."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from twisted.web.http import CACHED
from twisted.web.server import Request

from ...http.resource import ApiResource

WEB = Path(__file__).parents[2] / "web"
"""The web client's files."""

_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'"
)


def page_files() -> dict[bytes, PageFile]:
    """The files of the web client by their paths; the empty path is the page itself."""
    files = {file.name.encode(): PageFile(file) for file in sorted(WEB.iterdir())}
    return {**files, b"": PageFile(WEB / "index.html")}


class PageFile(ApiResource):
    """One file of the web client; its policy lets it load nothing from other sites."""

    isLeaf = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._data = path.read_bytes()
        media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self._type = f"{media}; charset=utf-8" if media.startswith("text/") else media
        self._tag = f'"{hashlib.sha256(self._data).hexdigest()[:32]}"'.encode()

    def render_GET(self, request: Request) -> bytes:
        """The file; 304 if the client's copy is current (`ETag`)."""
        request.setHeader(b"content-type", self._type.encode())
        request.setHeader(b"content-security-policy", _PAGE_POLICY)
        request.setHeader(b"x-content-type-options", b"nosniff")
        request.setHeader(b"referrer-policy", b"no-referrer")
        request.setHeader(b"cache-control", b"no-cache")
        return b"" if request.setETag(self._tag) is CACHED else self._data
