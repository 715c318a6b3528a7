"""`/metrics` on the administrators' door."""

from __future__ import annotations

from ...kit.server import MemoryServer


def test_metrics_need_no_session_and_are_on_the_admin_door_only(server: MemoryServer) -> None:
    """In the format that Prometheus expects."""
    response = server.admin("203.0.113.9").get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert server.http().get("/metrics").status == 404
    assert server.admin().request("POST", "/metrics").status == 405
    assert server.admin().request("HEAD", "/metrics").status == 200
