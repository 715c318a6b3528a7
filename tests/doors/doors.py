"""One client for each door, all with the same manners, so that the same promises can be asked of
every door.

A new door is a subclass of `Client` and one line in `DOORS`.  What a client sees is told in one
form, whatever the door speaks: `("message", "ada", "hello")`, `("join", "ada")`, `("gap",)`.  A
text of several lines is seen as several messages, for that is what a line door makes of it.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Request, TextMessage

from .house import House, Response, packets

Seen = tuple[str, ...]
"""An event, as every door's client tells it."""
GAP: Seen = ("gap",)
"""Something is missing here."""


class Client(ABC):
    """Somebody at one door, reading and speaking in the lobby.

    What is asked (`enter`, `say`, …) is settled at once and answers what the door refuses it with,
    or None; `ask` and `answer` are the two halves of `say`, for tests that look in between.
    """

    door: ClassVar[str]
    many_lines: ClassVar[bool] = True
    """Whether one text may hold line breaks."""
    pushes: ClassVar[bool] = True
    """Whether events come without being asked for."""
    put_out: str | None = None
    """With which code the server has ended its reading."""

    def __init__(self, house: House, *, chop: int = 0) -> None:
        """Come in, without a name; send packets of `chop` bytes (0: as they are)."""
        self.chat = house.chat
        self.house = house
        self.chop = chop
        self.name = ""
        self.come_back()

    def enter(self, name: str) -> str | None:
        """Take a name, or another one."""
        refusal = self._enter(name)
        if refusal is None:
            self.name = name
        return refusal

    def say(self, text: str) -> str | None:
        """Say something."""
        self.ask(text)
        self.chat.settle()
        return self.answer()

    @abstractmethod
    def ask(self, text: str) -> None:
        """Send what is to be said, and wait for nothing."""

    @abstractmethod
    def answered(self) -> bool:
        """Whether what was asked was acknowledged or refused."""

    @abstractmethod
    def answer(self) -> str | None:
        """What was refused since the last call, if anything was."""

    @abstractmethod
    def act(self, text: str) -> str | None:
        """Do something."""

    @abstractmethod
    def set_topic(self, text: str) -> str | None:
        """Set the topic."""

    @abstractmethod
    def read(self) -> list[Seen]:
        """What was seen since the last call."""

    @abstractmethod
    def stall(self) -> None:
        """Stop reading, so that everything on the way fills up."""

    @abstractmethod
    def unstall(self) -> None:
        """Read again."""

    @abstractmethod
    def go_away(self) -> None:
        """Lose the connection."""

    @abstractmethod
    def come_back(self) -> None:
        """Connect (again), under the same name, to go on reading where one stood."""

    @abstractmethod
    def leave(self) -> None:
        """Leave for good."""

    @abstractmethod
    def _enter(self, name: str) -> str | None:
        """See `enter`."""


class LineClient(Client):
    """Telnet or netcat."""

    door = "line"
    many_lines = False
    _place: str | None = None
    _unanswered = 0

    def __init__(self, house: House, *, chop: int = 0) -> None:
        self._rest = b""
        self._lines: list[str] = []
        self._refusals: list[str] = []
        super().__init__(house, chop=chop)

    def come_back(self) -> None:
        self._wire = self.house.line()
        if self._place is not None:
            self._command(f"/since {self._place}")
            self.chat.settle()
        if self.name:
            self.enter(self.name)

    def go_away(self) -> None:
        self._receive()
        kept, self._lines = self._lines, []
        self._command("/since 0")
        self.chat.settle()
        self._receive()
        (self._place,) = re.findall(r"^== that is all; /since (\d+) ", "\n".join(self._lines), re.M)
        self._lines = kept
        self._wire.hang_up()

    def leave(self) -> None:
        self._command("/quit")
        assert self._wire.lost
        self.chat.settle()

    def ask(self, text: str) -> None:
        self._unanswered += 1
        self._command(f"/{text}" if text.startswith("/") else text)

    def answered(self) -> bool:
        return self._unanswered == sum(
            line.startswith((f"<{self.name}> ", "!! ")) for line in self._receive()
        )

    def answer(self) -> str | None:
        self._receive()
        self._unanswered = 0
        refusals, self._refusals = self._refusals, []
        return "; ".join(refusals) or None

    def act(self, text: str) -> str | None:
        return self._settled(f"/me {text}")

    def set_topic(self, text: str) -> str | None:
        return self._settled(f"/topic {text or '-'}")

    def read(self) -> list[Seen]:
        lines, self._lines = self._receive(), []
        return list(seen_in_lines(lines))

    def stall(self) -> None:
        self._wire.fill()

    def unstall(self) -> None:
        if not self._wire.lost:
            self._wire.drain()
        self.chat.settle()

    def _enter(self, name: str) -> str | None:
        return self._settled(f"/nick {name}")

    def _settled(self, line: str) -> str | None:
        self._command(line)
        self.chat.settle()
        return self.answer()

    def _command(self, line: str) -> None:
        self._wire.send(*packets(f"{line}\r\n".encode(), self.chop))

    def _receive(self) -> list[str]:
        """All lines that have come and are not read yet."""
        *lines, self._rest = (self._rest + self._wire.received()).split(b"\r\n")
        fresh = [line.decode() for line in lines]
        self._lines += fresh
        self._refusals += [line[3:] for line in fresh if line.startswith("!! ")]
        return self._lines


class WebClient(Client):
    """A browser or a program over HTTP: says what it has to say in requests, one after another."""

    _cursor: int

    def __init__(self, house: House, *, chop: int = 0) -> None:
        self._commands = house.http()
        self._answers: list[Response] = []
        self._seen: list[Seen] = []
        now = house.http().get("/rooms/lobby/events?limit=1&wait=0")
        self._cursor = now.json["next"]
        super().__init__(house, chop=chop)

    def come_back(self) -> None:
        self._reads = self.house.http()
        self._reads.headers = self._commands.headers
        self._listen()

    def go_away(self) -> None:
        """What is on its way is lost."""
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
        # From here on it reads in this session.
        self.go_away()
        self.come_back()
        return None

    def _settled(self, method: str, target: str, value: Any, status: int) -> str | None:
        self._send(method, target, *self._formed(value))
        self.chat.settle()
        return refusal(self._commands.response(), status)

    def _send(self, method: str, target: str, kind: str, body: str) -> None:
        self._commands.send(method, target, body, {"Content-Type": kind}, chop=self.chop)

    def _spoken(self, text: str) -> tuple[str, str]:
        """A message as a request's body: of which type it is, and the body."""
        return self._formed({"text": text})

    def _formed(self, value: Any) -> tuple[str, str]:
        """Some fields as a request's body."""
        return "application/json", json.dumps(value)

    def _take(self, event: dict[str, Any]) -> None:
        """Read one event in JSON."""
        assert event["id"] > self._cursor
        self._cursor = event["id"]
        self._seen += seen_in_json(event)


class PollClient(WebClient):
    """Polls, and polls again: from the second time on it asks what the connection has learned."""

    door = "poll"
    pushes = False
    _stalled = False

    def read(self) -> list[Seen]:
        while not self._stalled and (responses := self._reads.responses()):
            (response,) = responses
            if response.status == 403:
                self.put_out = response.error
                break
            assert response.status == 200
            self._take_answer(response)
            self._listen()
        seen, self._seen = self._seen, []
        return seen

    def stall(self) -> None:
        self._stalled = True

    def unstall(self) -> None:
        self._stalled = False

    def _listen(self) -> None:
        target = f"/rooms/lobby/events?since={self._cursor}"
        self._reads.send("GET", target, headers=self._style(), chop=self.chop)

    def _style(self) -> dict[str, str]:
        """Headers of a poll."""
        return {}

    def _take_answer(self, response: Response) -> None:
        answer = response.json
        self._seen += [GAP] * answer["gap"]
        for event in answer["events"]:
            self._take(event)
        assert answer["next"] >= self._cursor
        self._cursor = answer["next"]


class VaryingPollClient(PollClient):
    """Polls with headers that are never twice the same, so that each poll is parsed anew."""

    door = "varying-poll"
    _number = 0

    def _style(self) -> dict[str, str]:
        self._number += 1
        return {"X-Request-Id": f"{self._number}"}


class ReturningPollClient(PollClient):
    """Polls from a new connection each time, which knows what the one before it has learned."""

    door = "returning-poll"

    def _listen(self) -> None:
        before, self._reads = self._reads, self.house.http()
        self._reads.headers = before.headers
        super()._listen()
        before.wire.hang_up()


class PlainClient(PollClient):
    """`curl -H 'Accept: text/plain'`, with bodies as curl sends them."""

    door = "plain"

    def _style(self) -> dict[str, str]:
        return {"Accept": "text/plain"}

    def _take_answer(self, response: Response) -> None:
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        *lines, rest = response.body.decode().split("\n")
        assert rest == ""
        self._seen += seen_in_lines(lines)
        (since,) = re.findall(r"\?since=(\d+)>; rel=\"next\"$", response.headers["link"])
        assert int(since) > self._cursor or not lines
        self._cursor = int(since)

    def _spoken(self, text: str) -> tuple[str, str]:
        return "text/plain", text

    def _formed(self, value: Any) -> tuple[str, str]:
        return "application/x-www-form-urlencoded", urlencode(value, quote_via=quote)


class StreamClient(WebClient):
    """Somebody who reads an answer that does not end, until the connection is lost."""

    _rest = b""
    ready = 0
    """How often it was told, on this connection, that it has been sent all that was stored."""

    def read(self) -> list[Seen]:
        *blocks, self._rest = (self._rest + self._reads.streamed()).split(self._separator)
        for block in blocks:
            self._take_block(block.decode())
        assert self._reads.closed == (self.put_out is not None)
        seen, self._seen = self._seen, []
        return seen

    def stall(self) -> None:
        self._reads.wire.fill()

    def unstall(self) -> None:
        if not self._reads.closed:
            self._reads.wire.drain()
        self.chat.settle()

    @property
    @abstractmethod
    def _separator(self) -> bytes:
        """What stands between two blocks."""

    @abstractmethod
    def _take_block(self, block: str) -> None:
        """Read one of them."""

    def _take_ready(self, next_: int) -> None:
        """All that was stored has been sent."""
        self.ready += 1
        assert self.ready == 1
        assert next_ >= self._cursor
        self._cursor = next_


class SseClient(StreamClient):
    """An `EventSource` that is less patient than a browser: it takes no block for nothing."""

    door = "sse"
    _separator = b"\n\n"

    def _listen(self) -> None:
        self._rest, self.ready = b"", 0
        headers = {"Accept": "text/event-stream", "Last-Event-ID": f"{self._cursor}"}
        self._reads.send("GET", "/rooms/lobby/events", headers=headers, chop=self.chop)

    def _take_block(self, block: str) -> None:
        lines = block.split("\n")
        fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
        data = json.loads(fields["data"])
        if fields["event"] == "gap":
            self._seen.append(GAP)
        elif fields["event"] == "end":
            assert set(data) == {"code", "message"}
            self.put_out = data["code"]
        elif fields["event"] == "ready":
            assert fields["id"] == str(data["next"])
            self._take_ready(data["next"])
        else:
            assert (fields["id"], fields["event"]) == (str(data["id"]), data["type"])
            self._take(data)


class NdjsonClient(StreamClient):
    """A program that reads JSON line by line."""

    door = "ndjson"
    _separator = b"\n"

    def _listen(self) -> None:
        self._rest, self.ready = b"", 0
        target = f"/rooms/lobby/events?since={self._cursor}"
        headers = {"Accept": "application/x-ndjson"}
        self._reads.send("GET", target, headers=headers, chop=self.chop)

    def _take_block(self, block: str) -> None:
        told = json.loads(block or "null")
        if told is None:
            return  # a sign of life
        if told["type"] == "gap":
            self._seen.append(GAP)
        elif told["type"] == "error":
            assert set(told) == {"type", "code", "message"}
            self.put_out = told["code"]
        elif told["type"] == "ready":
            self._take_ready(told["next"])
        else:
            self._take(told)


class WebSocketClient(Client):
    """A WebSocket without a session: a guest who leaves when it ends, like a telnet user."""

    door = "websocket"
    _ref = 0
    ready = 0
    """How often it was told, on this connection, that it has been sent all that was stored."""

    def __init__(self, house: House, *, chop: int = 0) -> None:
        self._seen: list[Seen] = []
        self._answers: dict[str, str | None] = {}
        now = house.http().get("/rooms/lobby/events?limit=1&wait=0")
        self._cursor: int = now.json["next"]
        super().__init__(house, chop=chop)

    def come_back(self) -> None:
        self.ready = 0
        self._wire = self.house.chat.connect(self.house.http_door)
        self._socket = WSConnection(ConnectionType.CLIENT)
        target = f"/rooms/lobby/events?since={self._cursor}"
        self._send(Request(host="chat.example", target=target))
        self.chat.settle()
        self._receive()
        if self.name:
            self.enter(self.name)

    def go_away(self) -> None:
        """What is on its way is lost."""
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

    def unstall(self) -> None:
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
                assert (event.code, event.reason) == (1008, self.put_out)
            else:
                assert isinstance(event, AcceptConnection)

    def _take(self, told: dict[str, Any]) -> None:
        match told["type"]:
            case "ack":
                self._answers[told["ref"]] = None
            case "error":
                assert told["code"]
                if told["ref"] is None:
                    self.put_out = told["code"]
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


DOORS: dict[str, type[Client]] = {
    client.door: client
    for client in (
        LineClient,
        PollClient,
        VaryingPollClient,
        ReturningPollClient,
        PlainClient,
        SseClient,
        NdjsonClient,
        WebSocketClient,
    )
}
"""Every door that the contract is about."""


def refusal(response: Response, status: int) -> str | None:
    """What people read where a request was refused; None where it was answered with `status`."""
    if response.status == status:
        return None
    assert response.error
    return str(response.json["error"]["message"])


def seen_in_json(event: dict[str, Any]) -> Iterator[Seen]:
    """What one JSON event tells."""
    people = [event[name] for name in ("from", "to") if name in event]
    for line in event.get("text", "").split("\n"):
        yield (event["type"], *people, *([line] if event["type"] in _WORDY else []))


def seen_in_lines(lines: list[str]) -> Iterator[Seen]:
    """What lines tell, but for answers and refusals, and what is shown again on coming in."""
    replayed = False
    for line in lines:
        if line.startswith("== "):
            if re.fullmatch(r"== the last \d+ messages? in #lobby:", line):
                replayed = True
            elif line == "== end of the last messages":
                replayed = False
        elif not replayed and not line.startswith("!! "):
            yield seen_in_line(line)


def seen_in_line(line: str) -> Seen:
    """What one line tells."""
    for pattern, *lead in _LINES:
        if found := re.fullmatch(pattern, line):
            return (*lead, *(word or "" for word in found.groups()))
    raise AssertionError(f"a line that nobody could tell apart: {line!r}")


_WORDY = ("message", "action", "topic", "leave", "notice")
_LINES = [
    (r"<(\S+)> (.*)", "message"),
    (r"\* (\S+) (.*)", "action"),
    (r"-- (\S+) joined #lobby", "join"),
    (r"-- (\S+) left #lobby(?: \((.*)\))?", "leave"),
    (r"-- (\S+) is now (\S+)", "nick"),
    (r"-- (\S+) set the topic: (.*)", "topic"),
    (r"-- (\S+) cleared the topic()", "topic"),
    (r">> (?:\d+ )?events were missed here; /history.*", "gap"),
    (r"-- (.*)", "notice"),
]
