"""Clients of streams: server-sent events, JSON lines."""

from __future__ import annotations

import json
from abc import abstractmethod

from .seen import GAP, Seen
from .web import WebClient


class StreamClient(WebClient):
    """A client that reads an endless response until the connection is lost."""

    _rest = b""
    ready = 0
    """How often this connection has received `ready`."""

    def read(self) -> list[Seen]:
        *blocks, self._rest = (self._rest + self._reads.streamed()).split(self._separator)
        for block in blocks:
            self._take_block(block.decode())
        assert self._reads.closed == (self.end_code is not None)
        seen, self._seen = self._seen, []
        return seen

    def stall(self) -> None:
        self._reads.wire.fill()

    def resume(self) -> None:
        if not self._reads.closed:
            self._reads.wire.drain()
        self.chat.settle()

    @property
    @abstractmethod
    def _separator(self) -> bytes:
        """The separator of blocks."""

    @abstractmethod
    def _take_block(self, block: str) -> None:
        """Read one block."""

    def _take_ready(self, next_: int) -> None:
        """Read `ready`: all stored events have been sent."""
        self.ready += 1
        assert self.ready == 1
        assert next_ >= self._cursor
        self._cursor = next_


class SseClient(StreamClient):
    """An `EventSource` that is stricter than a browser: every block needs data."""

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
            self.end_code = data["code"]
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
            return  # a heartbeat
        if told["type"] == "gap":
            self._seen.append(GAP)
        elif told["type"] == "error":
            assert set(told) == {"type", "code", "message"}
            self.end_code = told["code"]
        elif told["type"] == "ready":
            self._take_ready(told["next"])
        else:
            self._take(told)
