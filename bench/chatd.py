"""chatd as the benchmark runs it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path

from .certificate import certify
from .load import Reading, Returning, Saying
from .servers import (
    DOORS,
    PATIENCE,
    LeftOut,
    Running,
    over_tls,
    poll,
    post,
    process,
    request,
    stream,
    upgrade,
    websocket,
    websocket_saying,
)

TWISTD = Path(sys.executable).with_name("twistd")
HERE = "interface=127.0.0.1:backlog=4096"
LISTENING = r"door listening on 127\.0\.0\.1:(\d+)$"
EVENTS = "/rooms/lobby/events"
MEMORY = "memory:"
"""The store that keeps nothing over a restart."""


@dataclass(frozen=True)
class Chatd:
    """`twistd chatd` with one store."""

    store: str
    size: int
    """Bytes in a message's text."""
    only_store: bool = True
    """Whether this store is the only one measured; then the tables do not name it."""

    @property
    def name(self) -> str:
        """The server's name in the tables."""
        return "chatd" if self.only_store else f"chatd {self.store}"

    def row(self, what: str) -> str:
        """The name of a row in tables that only chatd appears in."""
        return what if self.only_store else f"{what}, {self.store}"

    @property
    def doors(self) -> Sequence[str]:
        """See `Server.doors`."""
        return DOORS

    def version(self) -> str:
        """See `Server.version`."""
        return f"chatd {version('chatd')} on Twisted {version('twisted')}, --store {self.store}"

    @contextmanager
    def running(self, home: Path) -> Iterator[Running]:
        """A server in an empty directory.  Raises `LeftOut` with the server's own error."""
        with self._started(home, f"tcp:0:{HERE}") as (pid, (line, http)):
            yield self._running(pid, line, http)

    @contextmanager
    def restarted(self, home: Path, missed: int) -> Iterator[tuple[int, Mapping[str, Returning]]]:
        """A server that has just been started anew, and in which clients have missed so many
        messages: its process, and by door and `door, TLS` how they come back.  Raises `LeftOut`.
        """
        certify(home)
        with self._started(home, f"tcp:0:{HERE}") as (_, (_, http)):
            ids = [said(http, f"message {number} ends") for number in range(missed + 1)]
        secure = f"ssl:0:privateKey=key.pem:certKey=certificate.pem:{HERE}"
        with self._started(home, f"tcp:0:{HERE}", secure) as (pid, ports):
            asked = f"{EVENTS}?since={ids[0]}"
            last = f"message {missed} ends".encode()
            returning = {}
            for tls in (False, True):
                line, http = ports[int(tls)], ports[2 + int(tls)]
                for door, port, ask, until in (
                    ("line", line, f"/since {ids[0]}\n".encode(), b"that is all"),
                    ("poll", http, request(asked)[0], last),
                    ("sse", http, request(asked, "Accept: text/event-stream")[0], last),
                    ("websocket", http, upgrade(asked), last),
                ):
                    returning[secured(door) if tls else door] = Returning(port, ask, until, tls)
            yield pid, returning

    @contextmanager
    def running_tls(self, home: Path) -> Iterator[tuple[Running, Running]]:
        """See `SecureServer.running_tls`."""
        certify(home)
        secure = f"ssl:0:privateKey=key.pem:certKey=certificate.pem:{HERE}"
        with self._started(home, f"tcp:0:{HERE}", secure) as (pid, ports):
            plain = self._running(pid, ports[0], ports[2])
            yield plain, over_tls(plain, self._running(pid, ports[1], ports[3]))

    @contextmanager
    def _started(self, home: Path, *places: str) -> Iterator[tuple[int, list[int]]]:
        doors = [
            word for door in ("--line", "--http") for place in places for word in (door, place)
        ]
        command = [TWISTD, "--nodaemon", "--pidfile=", "chatd", *doors, "--irc", "none"]
        options = ["--store", self.store, "--message-rate", "0"]
        with process([*command, *options], home, LISTENING, 2 * len(places)) as started:
            yield started
        output = (home / "output").read_text()
        if "Traceback" in output:
            raise LeftOut(f"there is a traceback in its log:\n{output}")

    def _running(self, pid: int, line: int, http: int) -> Running:
        readings = {
            "line": Reading(line),
            "poll": poll(http, f"{EVENTS}?since=", '"next":', "0"),
            "sse": stream(http, EVENTS),
            "websocket": websocket(http, EVENTS),
        }
        return Running(pid, readings, dict.fromkeys(DOORS, Saying(line)))

    @property
    def keeps(self) -> bool:
        """Whether the store keeps messages over a restart."""
        return self.store != MEMORY

    def speakers(self, running: Running) -> dict[str, Saying]:
        """How a speaker sends a message, by door."""
        line, http = running.readings["line"].port, running.readings["sse"].port
        say = ('{"type":"say","text":"', '"}')
        return {
            "telnet": Saying(line),
            "HTTP": post(http, "/rooms/lobby/messages?name=poster", self.size),
            "WebSocket": websocket_saying(http, EVENTS, self.size, *say),
        }

    def elsewhere(self, running: Running) -> tuple[Reading, Saying]:
        """A reader and a speaker in another room."""
        line = running.readings["line"].port
        http = running.readings["sse"].port
        reading = Reading(http, *request("/rooms/aside/events", "Accept: text/event-stream"))
        return reading, Saying(line, greet=b"/join aside\n")


def secured(door: str) -> str:
    """The name of a door over TLS in `Chatd.restarted`."""
    return f"{door}, TLS"


def said(http: int, text: str) -> int:
    """Say a message by the HTTP door at this port; returns its id.  Raises `LeftOut`."""
    connection = HTTPConnection("127.0.0.1", http, timeout=PATIENCE)
    connection.request("POST", "/rooms/lobby/messages?name=poster", text)
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    if answer.status != HTTPStatus.CREATED:
        raise LeftOut(f"a message was answered {answer.status}: {told.decode()}")
    id_: int = json.loads(told)["id"]
    return id_
