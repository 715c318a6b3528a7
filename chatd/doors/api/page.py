"""The files of the web client, which are in `chatd/web`.

1. Scripts are served without their comments, which would be a third of their bytes.
2. Each file is compressed once, at the start, for clients that accept gzip.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from pathlib import Path

from twisted.web.http import CACHED
from twisted.web.server import Request

from ...http.fields import header
from ...http.resource import ApiResource
from ...model.errors import Malformed

WEB = Path(__file__).parents[2] / "web"
"""The web client's files."""

_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'"
)


_COMMENTS = re.compile(
    rb"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*\n", re.MULTILINE | re.DOTALL
)
"""Comments of a script that stand on lines of their own."""
_GZIP = re.compile(
    r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?=,|$)", re.IGNORECASE
)
"""Finds gzip, or a wildcard, in an `Accept-Encoding` that does not refuse it (RFC 9110, 12.5.3)."""
MEDIA = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}
"""Media types that must not depend on the files of this machine, as those of `mimetypes` do."""


def page_files() -> dict[bytes, PageFile]:
    """The files of the web client by their paths; the empty path is the page itself."""
    files = {file.name.encode(): PageFile(file) for file in sorted(WEB.iterdir())}
    return {**files, b"": PageFile(WEB / "index.html")}


class PageFile(ApiResource):
    """One file of the web client; its policy lets it load nothing from other sites."""

    isLeaf = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        data = path.read_bytes()
        if path.suffix == ".js":
            data = without_comments(data)
        self._data = data
        self._packed = gzip.compress(data, mtime=0)
        media = MEDIA.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        media = media or "application/octet-stream"
        self._type = f"{media}; charset=utf-8" if media.startswith("text/") else media
        self._tag = hashlib.sha256(data).hexdigest()[:32]

    def render_GET(self, request: Request) -> bytes:
        """The file; 304 if the client's copy is current (`ETag`)."""
        packed = len(self._packed) < len(self._data) and accepts_gzip(request)
        request.setHeader(b"content-type", self._type.encode())
        request.setHeader(b"content-security-policy", _PAGE_POLICY)
        request.setHeader(b"x-content-type-options", b"nosniff")
        request.setHeader(b"referrer-policy", b"no-referrer")
        request.setHeader(b"cache-control", b"no-cache")
        request.setHeader(b"vary", b"Accept-Encoding")
        if packed:
            request.setHeader(b"content-encoding", b"gzip")
        tag = f'"{self._tag}{"-gzip" if packed else ""}"'.encode()
        if request.setETag(tag) is CACHED:
            return b""
        return self._packed if packed else self._data


def without_comments(script: bytes) -> bytes:
    """A script without the comments that stand on lines of their own."""
    return _COMMENTS.sub(b"", script)


def accepts_gzip(request: Request) -> bool:
    """Whether the client takes an answer in gzip; a header that is malformed asks for none."""
    try:
        return _GZIP.search(header(request, "accept-encoding") or "") is not None
    except Malformed:
        return False
