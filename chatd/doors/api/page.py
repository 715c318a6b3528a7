"""The files of the web client, which are in `chatd/web`.

1. Scripts and style sheets are served without comments and space, which are a third of what a
   browser would load.
2. The service worker, `worker.js`, has a version that changes with each file that it stores.
3. Each file is read once, at the start, so that all are of one version. It is made shorter when the
   first client asks for it, and compressed once for each content coding.
"""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache, cached_property
from pathlib import Path

from twisted.web.http import CACHED
from twisted.web.server import Request

from ...http.codings import accepted_coding, packed
from ...http.resource import ApiResource, varies
from .compact import compact_script, compact_style

WEB = Path(__file__).parents[2] / "web"
"""The web client's files."""

_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'"
)

WORKER = "worker.js"
STORED = ("offline.html", "offline.css", "offline.js", "icon.svg")
"""The service worker, and the files that browsers show when the server is away."""
COMPACT = {".js": compact_script, ".css": compact_style}
MEDIA = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}
"""Media types that must not depend on the files of this machine, as those of `mimetypes` do."""


@cache
def page_files() -> dict[bytes, PageFile]:
    """The files of the web client by their paths; the empty path is the page itself."""
    files = {file.name.encode(): PageFile(file) for file in sorted(WEB.iterdir())}
    return {**files, b"": PageFile(WEB / "index.html")}


class PageFile(ApiResource):
    """One file of the web client; its policy lets it load nothing from other sites."""

    isLeaf = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._name = path.name
        self._source = path.read_bytes()
        media = MEDIA.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        media = media or "application/octet-stream"
        self._type = f"{media}; charset=utf-8" if media.startswith("text/") else media

    @cached_property
    def _data(self) -> bytes:
        source = versioned(self._source) if self._name == WORKER else self._source
        return COMPACT.get(Path(self._name).suffix, bytes)(source)

    @cached_property
    def _tag(self) -> str:
        return hashlib.sha256(self._data).hexdigest()[:32]

    def render_GET(self, request: Request) -> bytes:
        """The file; 304 if the client's copy is current (`ETag`)."""
        coding = accepted_coding(request)
        data = packed(self._data, coding) if coding else self._data
        if len(data) >= len(self._data):
            coding, data = "", self._data
        request.setHeader(b"content-type", self._type.encode())
        request.setHeader(b"content-security-policy", _PAGE_POLICY)
        request.setHeader(b"x-content-type-options", b"nosniff")
        request.setHeader(b"referrer-policy", b"no-referrer")
        request.setHeader(b"cache-control", b"no-cache")
        varies(request, b"Accept-Encoding")
        if coding:
            request.setHeader(b"content-encoding", coding.encode())
        tag = f'"{self._tag}{f"-{coding}" if coding else ""}"'.encode()
        return b"" if request.setETag(tag) is CACHED else data


def versioned(worker: bytes) -> bytes:
    """The service worker with a digest of itself and of the files that it stores, so that browsers
    replace both at once.
    """
    stored = b"".join((WEB / name).read_bytes() for name in STORED)
    digest = hashlib.sha256(worker + stored).hexdigest()[:16]
    return worker.replace(b'VERSION = ""', f'VERSION = "{digest}"'.encode())
