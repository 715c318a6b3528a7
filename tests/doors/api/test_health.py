"""The health check (`/healthz`)."""

from __future__ import annotations

from chatd.chat.health import FRESH_SECONDS

from ...kit.http import HttpClient
from ...kit.server import MemoryServer


def test_healthz_is_ok(http: HttpClient) -> None:
    """Load balancers ask for it."""
    assert http.get("/healthz").json == {"status": "ok"}


def test_healthz_fails_while_the_store_refuses(server: MemoryServer, http: HttpClient) -> None:
    """503 with the reason."""
    server.chat.store.refusing = True
    response = http.get("/healthz")
    assert response.refusal == (503, "unavailable")
    assert response.json["error"]["message"] == "the disk is full"
    assert int(response.headers["retry-after"]) >= 1
    assert http.request("HEAD", "/healthz").status == 503
    server.chat.store.refusing = False
    server.chat.advance(FRESH_SECONDS)
    assert http.get("/healthz").json == {"status": "ok"}
