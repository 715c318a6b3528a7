"""A strict HTTP client in memory, one connection at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import h11
from twisted.internet.interfaces import IAddress, IProtocolFactory

from chatd.testing import InMemoryChat

from .packets import packets


@dataclass(frozen=True)
class Response:
    """The response of an HTTP server."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body; it must be JSON with that media type."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def texts(self) -> list[str]:
        """The text of each event of an answer, or its type if it has none."""
        assert self.status == 200
        return [event.get("text") or event["type"] for event in self.json["events"]]

    @property
    def error(self) -> str:
        """The code of an error; it must have a message for people."""
        assert self.status >= 400
        (body,) = self.json.values()
        assert set(body) == {"code", "message"}
        assert body["message"]
        return str(body["code"])

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of an error."""
        return self.status, self.error


class HttpClient:
    """One connection of a strict HTTP client: h11 reads the responses, and raises an error if they
    are not HTTP.
    """

    def __init__(self, chat: InMemoryChat, door: IProtocolFactory, address: IAddress) -> None:
        """Connect to `door`, a door of `chat`, from `address`."""
        self._chat = chat
        self.wire = chat.connect(door, address)
        self.headers: dict[str, str] = {}
        """Sent with every request."""
        self.informed: list[int] = []
        """Statuses of the interim responses, like 100 Continue."""
        self._parser = h11.Connection(h11.CLIENT)
        self._asked: list[str] = []
        self._head: h11.Response | None = None
        self._body = bytearray()

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        return self.wire.lost

    def send(
        self,
        method: str,
        target: str,
        body: bytes | str = b"",
        headers: Mapping[str, str] = {},
        *,
        chop: int = 0,
    ) -> None:
        """Send a request, in packets of `chop` bytes (0: in one), without waiting for the
        response.
        """
        data = written(method, target, body, {**self.headers, **headers})
        self._asked.append(method)
        self.wire.send(*packets(data, chop))

    def send_raw(self, data: bytes, method: str = "GET") -> None:
        """Send any bytes; the response is read as that of a request with this method."""
        self._asked.append(method)
        self.wire.send(data)

    def responses(self) -> list[Response]:
        """The responses that have come since the last call, or come in this turn of the reactor."""
        self._chat.clock.advance(0)
        data = self.wire.received()
        if data:
            self._parser.receive_data(data)
        found = []
        while self._asked:
            response = self._next()
            if response is None:
                break
            found.append(response)
            self._asked.pop(0)
            if self._parser.our_state is h11.DONE and self._parser.their_state is h11.DONE:
                self._parser.start_next_cycle()
        if not self._asked:
            assert not self._parser.trailing_data[0], "bytes that belong to no response"
        return found

    def streamed(self) -> bytes:
        """The bytes that have come since the last call of a response that ends only with its
        connection.
        """
        if responses := self.responses():
            (response,) = responses
            assert self.closed
            return response.body
        data = bytes(self._body)
        self._body.clear()
        return data

    def response(self) -> Response:
        """The one response that must have come."""
        (response,) = self.responses()
        return response

    def request(
        self,
        method: str,
        target: str,
        body: bytes | str = b"",
        headers: Mapping[str, str] = {},
    ) -> Response:
        """Send a request; returns the response."""
        self.send(method, target, body, headers)
        self._chat.settle()
        return self.response()

    def get(self, target: str, **headers: str) -> Response:
        """Send a GET."""
        return self.request("GET", target, headers=header_names(headers))

    def post(self, target: str, value: Any, **headers: str) -> Response:
        """Send a POST with a JSON value."""
        return self.send_json("POST", target, value, **headers)

    def send_json(self, method: str, target: str, value: Any, **headers: str) -> Response:
        """Send a JSON value; returns the response."""
        kind = {"Content-Type": "application/json"}
        return self.request(method, target, json.dumps(value), {**kind, **header_names(headers)})

    def enter(self, name: str = "") -> str:
        """Begin a session, and send every further request in it; returns its token."""
        response = self.post("/session", {"name": name} if name else {})
        assert response.status == 201
        token = str(response.json["token"])
        self.headers["Authorization"] = f"Bearer {token}"
        return token

    def _next(self) -> Response | None:
        if self._parser.our_state is h11.IDLE:
            # Where a response ends depends on the method of its request only, so h11 gets no more.
            self._parser.send(h11.Request(method=self._asked[0], target="/", headers=_HOST))
            self._parser.send(h11.EndOfMessage())
        while True:
            event = self._parser.next_event()
            if event is h11.NEED_DATA and self.closed:
                self._parser.receive_data(b"")
            elif isinstance(event, h11.InformationalResponse):
                self.informed.append(event.status_code)
            elif isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert self._head is not None
                body, self._body = bytes(self._body), bytearray()
                return Response(self._head.status_code, _joined(self._head.headers), body)
            else:
                return None


_HOST = [("Host", "chat.example")]


def written(method: str, target: str, body: bytes | str, headers: Mapping[str, str]) -> bytes:
    """A request as bytes."""
    data = body.encode() if isinstance(body, str) else body
    fields = {**dict(_HOST), **headers}
    if data or method in ("POST", "PUT", "PATCH"):
        fields["Content-Length"] = str(len(data))
    request = h11.Request(method=method, target=target, headers=list(fields.items()))
    writer = h11.Connection(h11.CLIENT)
    parts = [writer.send(request)]
    if data:
        parts.append(writer.send(h11.Data(data=data)))
    parts.append(writer.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)


def header_names(headers: Mapping[str, str]) -> dict[str, str]:
    """Keyword arguments as header names."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode(), raw_value.decode()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def head(method: str, target: str, *headers: str) -> bytes:
    """The beginning of a request, up to its body."""
    lines = [f"{method} {target} HTTP/1.1", "Host: chat.example", *headers, "", ""]
    return "\r\n".join(lines).encode()
