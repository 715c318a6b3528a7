"""Joining and leaving rooms over HTTP."""

from __future__ import annotations

from ...kit.http import HttpClient
from ...kit.server import MemoryServer


def test_session_joins_and_leaves_rooms(server: MemoryServer, ada: HttpClient) -> None:
    """Joining twice has the effect of joining once."""
    for _ in range(2):
        assert ada.request("PUT", "/rooms/DEV/membership").json == {"room": "dev"}
    assert ada.get("/session").json["rooms"] == ["lobby", "dev"]
    gone = ada.send_json("DELETE", "/rooms/lobby/membership", {"text": "bye"})
    assert (gone.status, gone.body) == (204, b"")
    assert ada.get("/session").json["rooms"] == ["dev"]
    assert ada.request("DELETE", "/rooms/lobby/membership").refusal == (409, "not-in-room")
    assert server.kinds("dev") == ["Joined"]
