"""The common part of clients over HTTP: how they send commands."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import Any

from ..http import Response
from ..server import MemoryServer
from .base import Client
from .seen import Seen, seen_in_json


class WebClient(Client):
    """A browser or a program over HTTP, which sends commands as requests on one connection."""

    _cursor: int

    def __init__(self, server: MemoryServer, *, name: str = "", chop: int = 0) -> None:
        self._commands = server.http()
        self._answers: list[Response] = []
        self._seen: list[Seen] = []
        now = server.http().get("/rooms/lobby/events?limit=1&wait=0")
        self._cursor = now.json["next"]
        super().__init__(server, name=name, chop=chop)

    def reconnect(self) -> None:
        self._reads = self.server.http()
        self._reads.headers = self._commands.headers
        self._listen()

    def disconnect(self) -> None:
        """Events on the way are lost."""
        self._reads.wire.hang_up()

    def leave(self) -> None:
        assert self._commands.request("DELETE", "/session").status == 204
        self._reads.wire.hang_up()

    def ask(self, text: str) -> None:
        self._answers.clear()
        self._send("POST", "/rooms/lobby/messages", *self._spoken(text))

    def answered(self) -> bool:
        self._answers += self._commands.responses()
        return bool(self._answers)

    def answer(self) -> str | None:
        assert self.answered()
        (response,) = self._answers
        return refusal(response, 201)

    def act(self, text: str) -> str | None:
        action = {"type": "action", "text": text}
        return self._settled("POST", "/rooms/lobby/messages", action, 201)

    def set_topic(self, text: str) -> str | None:
        return self._settled("PUT", "/rooms/lobby/topic", {"text": text}, 200)

    @abstractmethod
    def _listen(self) -> None:
        """Begin to read at the cursor."""

    def _enter(self, name: str) -> str | None:
        if self.name:
            return self._settled("PATCH", "/session", {"name": name}, 200)
        response = self._commands.post("/session", {"name": name})
        if refused := refusal(response, 201):
            return refused
        self._commands.headers["Authorization"] = f"Bearer {response.json['token']}"
        # From here on the client reads in this session.
        self.disconnect()
        self.reconnect()
        return None

    def _settled(self, method: str, target: str, value: Any, status: int) -> str | None:
        self._send(method, target, *self._formed(value))
        self.chat.settle()
        return refusal(self._commands.response(), status)

    def _send(self, method: str, target: str, kind: str, body: str) -> None:
        self._commands.send(method, target, body, {"Content-Type": kind}, chop=self.chop)

    def _spoken(self, text: str) -> tuple[str, str]:
        """A message as a request's media type and body."""
        return self._formed({"text": text})

    def _formed(self, value: Any) -> tuple[str, str]:
        """Fields as a request's media type and body."""
        return "application/json", json.dumps(value)

    def _take(self, event: dict[str, Any]) -> None:
        """Read one event in JSON."""
        assert event["id"] > self._cursor
        self._cursor = event["id"]
        self._seen += seen_in_json(event)


def refusal(response: Response, status: int) -> str | None:
    """The message of the error, or None if the request was answered with `status`."""
    if response.status == status:
        return None
    assert response.error
    return str(response.json["error"]["message"])
