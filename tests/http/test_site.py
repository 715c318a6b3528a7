"""The site of an HTTP door: HTTP/1.1 only, and no access log."""

from __future__ import annotations

import json
from typing import Any

from twisted.logger import globalLogPublisher
from twisted.web.resource import Resource

from chatd.http.bounds import IDLE_SECONDS, LATE_SECONDS
from chatd.http.site import ChatSite
from chatd.model.errors import TooMany
from chatd.net.connections import LINGER_SECONDS

from ..kit.server import MemoryServer


def test_closing_idle_connections_logs_nothing(server: MemoryServer) -> None:
    """A flood of them would fill the log."""
    told: list[Any] = []
    observe: Any = told.append
    globalLogPublisher.addObserver(observe)
    try:
        connections = [server.http() for _ in range(3)]
        connections[0].get("/healthz")
        connections[0].wire.fill()
        server.chat.advance(IDLE_SECONDS + LATE_SECONDS + LINGER_SECONDS + 1)
    finally:
        globalLogPublisher.removeObserver(observe)
    assert all(http.closed for http in connections)
    assert not told


def test_a_client_over_a_limit_gets_a_whole_response(server: MemoryServer) -> None:
    """With the refusal's status and its `Retry-After`; then the connection closes."""
    site = ChatSite(Resource(), server.chat.clock)
    head, _, body = site.rejection(TooMany("close some", 10.0)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nRetry-After: 10" in head
    assert b"\r\nConnection: close" in head
    assert json.loads(body)["error"] == {"code": "too-many", "message": "close some"}


def test_only_http_1_1_is_offered_over_tls(server: MemoryServer) -> None:
    """Twisted's HTTP/2 would end held requests at the idle timeout."""
    assert ChatSite(Resource(), server.chat.clock).acceptableProtocols() == [b"http/1.1"]
