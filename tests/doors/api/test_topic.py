"""A room's topic over HTTP."""

from __future__ import annotations

from ...kit.http import HttpClient
from ...kit.server import MemoryServer


def test_topic_is_set_and_cleared(server: MemoryServer, ada: HttpClient) -> None:
    """Each change is an event; the topic has at most 400 characters."""
    for text in ("tea", ""):
        assert ada.send_json("PUT", "/rooms/lobby/topic", {"text": text}).status == 200
        assert ada.get("/rooms/lobby").json["topic"] == text
    too_long = ada.send_json("PUT", "/rooms/lobby/topic", {"text": "x" * 401})
    assert too_long.refusal == (413, "text-too-long")
    assert server.kinds() == ["Joined", "TopicSet", "TopicSet"]
