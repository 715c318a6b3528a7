"""A WebSocket client in memory that tests drive by hand."""

from __future__ import annotations

import json
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Request, TextMessage

from .server import HOST, MemoryServer, peer


class WebSocket:
    """A client that sends, and answers, only if a test says so."""

    def __init__(
        self,
        server: MemoryServer,
        target: str = "/rooms/lobby/events",
        *,
        token: str = "",
        host: str = HOST,
    ) -> None:
        """Connect from the address `host`, in the session of `token` if there is one."""
        self._chat = server.chat
        self._frames = WSConnection(ConnectionType.CLIENT)
        self.wire = server.chat.connect(server.http_door, peer(host))
        self.closed: tuple[int, str | None] | None = None
        """The code and the reason of the server's close frame."""
        if token:
            target += f"{'&' if '?' in target else '?'}access_token={token}"
        self.wire.send(self._frames.send(Request(host="chat.example", target=target)))
        self.opening = self.received()
        """The objects that came on connecting."""

    def send(self, **command: Any) -> None:
        """Send a command without waiting for the answer."""
        data = json.dumps(command, ensure_ascii=False)
        self.wire.send(self._frames.send(TextMessage(data=data)))

    def received(self) -> list[dict[str, Any]]:
        """The objects that have come since the last call."""
        self._chat.settle()
        self._frames.receive_data(self.wire.received())
        found = []
        for event in self._frames.events():
            if isinstance(event, TextMessage):
                found.append(json.loads(event.data))
            elif isinstance(event, CloseConnection):
                self.closed = event.code, event.reason
        return found

    def answer(self, **command: Any) -> dict[str, Any]:
        """Send a command with a ref; returns its ack, or its error."""
        self.send(**command)
        (answer,) = (told for told in self.received() if told.get("ref") == command["ref"])
        return answer

    def close(self, code: int = 1000) -> None:
        """Send a close frame, or answer the server's."""
        self.wire.send(self._frames.send(CloseConnection(code)))
