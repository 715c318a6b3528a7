"""`/metrics` on the administrators' door: measurements for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...codecs.prometheus import CONTENT_TYPE
from ...http.resource import ApiResource


class MetricsResource(ApiResource):
    """`/metrics`: needs no session, like `/healthz`; no metric names a person, room or address."""

    isLeaf = True

    def __init__(self, collect: Callable[[], bytes | Deferred[bytes]]) -> None:
        """`collect` reads the metrics, in Prometheus' format."""
        super().__init__()
        self._collect = collect

    def render_GET(self, request: Request) -> bytes | Deferred[bytes]:
        """Answer with the metrics as they are now."""
        request.setHeader(b"content-type", CONTENT_TYPE)
        request.setHeader(b"cache-control", b"no-store")
        return self._collect()
