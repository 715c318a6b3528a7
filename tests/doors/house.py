"""Every door of one chat that lives in memory, and an HTTP client that believes nothing."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import h11
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from chatd.doors.api.tree import web_site
from chatd.doors.line.lines import LineFactory
from chatd.http.hosts import Hosts, hosts_of
from chatd.http.proxies import NO_PROXIES, Proxies
from chatd.model.commands import Say
from chatd.net.peers import Peers
from chatd.server import drain
from chatd.testing import FakeConnection, InMemoryChat, result_of

HOST = "192.0.2.1"
"""Where clients come from, if nothing else is said."""
NAMES = ("chat.example", "chat", "a", "x")
"""The host names that the doors are known by."""


class House:
    """Every door of one chat."""

    def __init__(
        self, origins: Sequence[str] = (), proxies: Proxies = NO_PROXIES, **options: Any
    ) -> None:
        self.chat = InMemoryChat(**options)
        self.lobby = self.chat.room("lobby")
        """Kept in memory, as it is in a chat that is in use."""
        self.peers = Peers(self.chat.clock)
        self.line_door = LineFactory(self.chat.service, self.peers)
        self.hosts = Hosts(self.chat.clock, [*NAMES, *hosts_of(origins)], proxies)
        self.http_door = web_site(
            self.chat.service, origins, proxies=proxies, peers=self.peers, hosts=self.hosts
        )

    def line(self, host: str = HOST) -> FakeConnection:
        """A client's connection to the line door, from that address; its person has entered."""
        wire = self.chat.connect(self.line_door, peer(host))
        self.chat.settle()
        return wire

    def http(self, host: str = HOST) -> Http:
        """A client's connection to the HTTP door, from that address."""
        return Http(self, host)

    def say(self, *texts: str, room: str = "lobby", name: str = "bob") -> int:
        """Have a visitor say something; answers the id of the last."""
        service = self.chat.service
        visitor = service.visitor(name)
        said = [service.perform(visitor, Say(room, text)) for text in texts]
        self.chat.settle()
        return result_of(said[-1]) or 0

    def have_accepted(self, text: str) -> None:
        """Have a visitor say something that is accepted, and not stored in this turn."""
        visitor = self.chat.service.visitor("bob")
        self.chat.service.perform(visitor, Say("lobby", text))

    def going_down(self) -> drain.ChatServer:
        """What is stopped when the server goes down."""
        return drain.ChatServer(self.chat.clock, self.chat.service, self.peers)

    @property
    def here(self) -> list[str]:
        """The people in the lobby."""
        return self.lobby.names


@dataclass(frozen=True)
class Response:
    """What an HTTP server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which has to be JSON and to say so."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def texts(self) -> list[str]:
        """What the events of an answer say, or else their types."""
        assert self.status == 200
        return [event.get("text") or event["type"] for event in self.json["events"]]

    @property
    def error(self) -> str:
        """The code of an error, which has to come with a message for people."""
        assert self.status >= 400
        (body,) = self.json.values()
        assert set(body) == {"code", "message"}
        assert body["message"]
        return str(body["code"])

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of an error."""
        return self.status, self.error


class Http:
    """One connection of an HTTP client; h11 reads what comes back, and raises where it is not
    HTTP.
    """

    def __init__(self, house: House, host: str = HOST) -> None:
        self._chat = house.chat
        self.wire = house.chat.connect(house.http_door, peer(host))
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
        """Send a request, in packets of `chop` bytes (0: in one), and wait for nothing."""
        data = written(method, target, body, {**self.headers, **headers})
        self._asked.append(method)
        self.wire.send(*packets(data, chop))

    def send_raw(self, data: bytes, method: str = "GET") -> None:
        """Send any bytes, expecting to be answered as a request with that method."""
        self._asked.append(method)
        self.wire.send(data)

    def responses(self) -> list[Response]:
        """The responses that have come since, and in this turn of the reactor."""
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
            assert not self._parser.trailing_data[0], "bytes that answer nothing"
        return found

    def streamed(self) -> bytes:
        """What has come since of an answer that ends only with its connection."""
        if responses := self.responses():
            (response,) = responses
            assert self.closed
            return response.body
        data = bytes(self._body)
        self._body.clear()
        return data

    def response(self) -> Response:
        """The one response that has to have come."""
        (response,) = self.responses()
        return response

    def request(
        self,
        method: str,
        target: str,
        body: bytes | str = b"",
        headers: Mapping[str, str] = {},
    ) -> Response:
        """Send a request and have it answered."""
        self.send(method, target, body, headers)
        self._chat.settle()
        return self.response()

    def get(self, target: str, **headers: str) -> Response:
        """GET it."""
        return self.request("GET", target, headers=spelt(headers))

    def post(self, target: str, value: Any, **headers: str) -> Response:
        """POST a JSON value."""
        return self.send_json("POST", target, value, **headers)

    def send_json(self, method: str, target: str, value: Any, **headers: str) -> Response:
        """Send a JSON value and have it answered."""
        kind = {"Content-Type": "application/json"}
        return self.request(method, target, json.dumps(value), {**kind, **spelt(headers)})

    def enter(self, name: str = "") -> str:
        """Begin a session, and make every further request in it; answers its token."""
        response = self.post("/session", {"name": name} if name else {})
        assert response.status == 201
        token = str(response.json["token"])
        self.headers["Authorization"] = f"Bearer {token}"
        return token

    def _next(self) -> Response | None:
        if self._parser.our_state is h11.IDLE:
            # How a response ends depends on the method of its request, and on nothing else of it.
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


def peer(host: str) -> IAddress:
    """The address of a connection from a host; "unix" is a UNIX socket."""
    if host == "unix":
        return UNIXAddress(b"")
    return IPv6Address("TCP", host, 5000) if ":" in host else IPv4Address("TCP", host, 5000)


_HOST = [("Host", "chat.example")]


def written(method: str, target: str, body: bytes | str, headers: Mapping[str, str]) -> bytes:
    """A request, as bytes."""
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


def packets(data: bytes, size: int) -> Iterable[bytes]:
    """The bytes in packets of `size`; 0: in one."""
    return [data[i : i + size] for i in range(0, len(data), size)] if size else [data]


def spelt(headers: Mapping[str, str]) -> dict[str, str]:
    """Keyword arguments as header names."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode(), raw_value.decode()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


@contextmanager
def no_garbage() -> Iterator[None]:
    """Whatever goes meanwhile goes at once: nothing of chatd's is left for a search for cycles."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)  # what is found is kept in gc.garbage
    try:
        yield
        gc.collect()
        assert [it for it in gc.garbage if type(it).__module__.startswith("chatd.")] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
