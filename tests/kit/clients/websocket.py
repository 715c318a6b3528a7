"""A client of the WebSocket door."""

from __future__ import annotations

import json
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Request, TextMessage

from ..packets import packets
from ..server import MemoryServer
from .base import Client
from .seen import GAP, Seen, seen_in_json


class WebSocketClient(Client):
    """A WebSocket without a session: a guest who leaves when it ends, like a telnet user."""

    door = "websocket"
    _ref = 0
    ready = 0
    """How often this connection has received `ready`."""

    def __init__(self, server: MemoryServer, *, name: str = "", chop: int = 0) -> None:
        self._seen: list[Seen] = []
        self._answers: dict[str, str | None] = {}
        now = server.http().get("/rooms/lobby/events?limit=1&wait=0")
        self._cursor: int = now.json["next"]
        super().__init__(server, name=name, chop=chop)

    def reconnect(self) -> None:
        self.ready = 0
        self._wire = self.server.chat.connect(self.server.http_door)
        self._socket = WSConnection(ConnectionType.CLIENT)
        target = f"/rooms/lobby/events?since={self._cursor}"
        self._send(Request(host="chat.example", target=target))
        self.chat.settle()
        self._receive()
        if self.name:
            self.enter(self.name)

    def disconnect(self) -> None:
        """Events on the way are lost."""
        self._wire.hang_up()

    def leave(self) -> None:
        self._send(CloseConnection(1000))
        assert self._wire.lost
        self.chat.settle()

    def ask(self, text: str) -> None:
        self._command({"type": "say", "text": text})

    def answered(self) -> bool:
        self._receive()
        return f"{self._ref}" in self._answers

    def answer(self) -> str | None:
        self._receive()
        return self._answers.pop(f"{self._ref}")

    def act(self, text: str) -> str | None:
        return self._settled({"type": "action", "text": text})

    def set_topic(self, text: str) -> str | None:
        return self._settled({"type": "topic", "text": text})

    def read(self) -> list[Seen]:
        self._receive()
        seen, self._seen = self._seen, []
        return seen

    def stall(self) -> None:
        self._wire.fill()

    def resume(self) -> None:
        if not self._wire.lost:
            self._wire.drain()
        self.chat.settle()

    def _enter(self, name: str) -> str | None:
        return self._settled({"type": "nick", "name": name})

    def _settled(self, command: dict[str, Any]) -> str | None:
        self._command(command)
        self.chat.settle()
        return self.answer()

    def _command(self, command: dict[str, Any]) -> None:
        self._ref += 1
        self._send(TextMessage(data=json.dumps({**command, "ref": f"{self._ref}"})))

    def _send(self, event: Event) -> None:
        self._wire.send(*packets(self._socket.send(event), self.chop))

    def _receive(self) -> None:
        self._socket.receive_data(self._wire.received())
        for event in self._socket.events():
            if isinstance(event, TextMessage):
                assert event.message_finished
                self._take(json.loads(event.data))
            elif isinstance(event, CloseConnection):
                assert (event.code, event.reason) == (1008, self.end_code)
            else:
                assert isinstance(event, AcceptConnection)

    def _take(self, told: dict[str, Any]) -> None:
        match told["type"]:
            case "ack":
                self._answers[told["ref"]] = None
            case "error":
                assert told["code"]
                if told["ref"] is None:
                    self.end_code = told["code"]
                self._answers[told["ref"]] = told["message"]
            case "gap":
                self._seen.append(GAP)
            case "ready":
                assert told["next"] >= self._cursor
                self._cursor = told["next"]
                self.ready += 1
                assert self.ready == 1
            case _:
                assert told["id"] > self._cursor
                self._cursor = told["id"]
                self._seen += seen_in_json(told)
