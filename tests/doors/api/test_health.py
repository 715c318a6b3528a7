"""The health check (`/healthz`)."""

from __future__ import annotations

from chatd.chat.health import FRESH_SECONDS

from ...kit.http import HttpClient
from ...kit.server import MemoryServer


def test_the_server_is_well(http: HttpClient) -> None:
    """As load balancers ask."""
    assert http.get("/healthz").json == {"status": "ok"}


def test_a_server_whose_store_refuses_is_not_healthy(
    server: MemoryServer, http: HttpClient
) -> None:
    """503 with the reason, for as long as that is so."""
    server.chat.store.refusing = True
    response = http.get("/healthz")
    assert response.refusal == (503, "unavailable")
    assert response.json["error"]["message"] == "the disk is full"
    assert int(response.headers["retry-after"]) >= 1
    assert http.request("HEAD", "/healthz").status == 503
    server.chat.store.refusing = False
    server.chat.advance(FRESH_SECONDS)
    assert http.get("/healthz").json == {"status": "ok"}
