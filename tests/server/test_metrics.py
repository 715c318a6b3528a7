"""The metrics of a server, as `/metrics` shows them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd.model.metrics import RARE
from chatd.net.certificates import Directory
from chatd.net.connections import Connections
from chatd.server.lag import LoopLag
from chatd.server.metrics import ServerMetrics, sources
from chatd.server.tls import DoorCertificates
from chatd.stream.reader import Reader

from ..kit.certificates import Authority, Certbot
from ..kit.http import HttpClient
from ..kit.irc import register
from ..kit.server import MemoryServer
from ..kit.websocket import WebSocket

DOCS = Path(__file__).parents[2] / "docs"
EVENTS = "/rooms/lobby/events?since=now"


def metrics(server: MemoryServer) -> dict[str, float]:
    """The samples of `/metrics`, by their names and labels."""
    response = server.admin().get("/metrics")
    assert response.status == 200
    samples = [line.rpartition(" ") for line in response.body.decode().splitlines()]
    return {name: float(value) for name, _, value in samples if not name.startswith("#")}


def families(server: MemoryServer) -> dict[str, str]:
    """The types of the metrics, by their names."""
    body = server.admin().get("/metrics").body.decode()
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", body, re.M))


def reading(server: MemoryServer, accept: str, target: str = EVENTS) -> HttpClient:
    """A client that reads over HTTP."""
    http = server.http()
    http.send("GET", target, headers={"Accept": accept})
    server.chat.settle()
    return http


def test_readers_are_counted_by_format(server: MemoryServer) -> None:
    """A reader that ends is not counted any more."""
    streams = [reading(server, "text/event-stream") for _ in range(3)]
    server.line()
    WebSocket(server)
    found = metrics(server)
    assert found['chatd_readers{format="sse"}'] == 3
    assert found['chatd_readers{format="lines"}'] == 1
    assert found['chatd_readers{format="websocket"}'] == 1
    assert found["chatd_people"] == 1
    streams[0].wire.hang_up()
    server.chat.settle()
    assert metrics(server)['chatd_readers{format="sse"}'] == 2


def test_held_polls_are_counted_one_by_one(server: MemoryServer) -> None:
    """Also polls of several rooms."""
    polls = [reading(server, "application/json") for _ in range(5)]
    polls.append(reading(server, "application/json", "/events?rooms=lobby,dev&since=now"))
    assert metrics(server)["chatd_polls_held"] == 6
    server.say("hello")
    assert metrics(server)["chatd_polls_held"] == 0
    assert all(poll.responses() for poll in polls)


def test_polls_whose_clients_leave_are_not_counted(server: MemoryServer) -> None:
    """Neither a poll of its own, nor one of a group, nor one whose wait is over."""
    cursor = server.say("before")
    polls = [server.http() for _ in range(4)]
    for poll in polls:
        for _ in range(2):  # so that the connection learns the poll
            poll.get(f"/rooms/lobby/events?since={cursor - 1}")
        poll.send("GET", f"/rooms/lobby/events?since={cursor}")
    polls.append(reading(server, "application/json", "/rooms/lobby/events?since=now&wait=3"))
    assert metrics(server)["chatd_polls_held"] == 5
    polls[0].wire.hang_up()
    server.chat.settle()
    assert metrics(server)["chatd_polls_held"] == 4
    server.chat.advance(4)
    assert metrics(server)["chatd_polls_held"] == 3
    for poll in polls[1:]:
        poll.wire.hang_up()
    server.chat.settle()
    assert metrics(server)["chatd_polls_held"] == 0


class Counted(dict[Reader, None]):
    """Readers that may be counted, and not visited."""

    def __iter__(self) -> Iterator[Reader]:
        raise AssertionError("a reader was visited")


def test_the_metrics_visit_no_reader(server: MemoryServer) -> None:
    """So their time does not grow with the number of readers, and no one waits for them."""
    for accept in ("text/event-stream", "application/json", "application/json"):
        reading(server, accept)
    for source in sources(server.chat.service):
        for feed in source.feeds():
            feed.readers = Counted(feed.readers)
    found = metrics(server)
    assert (found['chatd_readers{format="sse"}'], found["chatd_polls_held"]) == (1, 2)


def test_polls_of_a_group_are_counted_one_by_one(server: MemoryServer) -> None:
    """The group is one reader."""
    cursor = server.say("before") - 1
    polls = [server.http() for _ in range(5)]
    for poll in polls:
        for _ in range(2):  # so that the connection learns the poll
            assert poll.get(f"/rooms/lobby/events?since={cursor}").texts == ["before"]
    for poll in polls:
        poll.send("GET", f"/rooms/lobby/events?since={cursor + 1}")
    server.chat.settle()
    found = metrics(server)
    assert (found["chatd_polls_held"], found['chatd_readers{format="json"}']) == (5, 1)


def test_refusals_of_every_door_are_counted_by_code(server: MemoryServer) -> None:
    """Once each."""
    before = Counter(RARE.refusals)
    line, http, socket = server.line(), server.http(), WebSocket(server)
    line.send(b"/nosuchthing\r\n")
    server.chat.settle()
    assert http.get("/rooms/lobby/bans").status == 401
    assert http.send_json("POST", "/rooms/lobby/messages?name=ci", {"text": ""}).status == 400
    assert socket.answer(type="say", text="", ref="a")["type"] == "error"
    irc = register(server, "ivy", rooms="#lobby")
    irc.ask("TOPIC #lobby :" + "x" * 450)
    irc.ask("JOIN #a*b")
    irc.ask("NOSUCH thing")
    irc.ask("BATCH -nothing")
    irc.ask("NICK root")
    assert Counter(RARE.refusals) - before == {
        "unknown-command": 1,
        "no-session": 1,
        "bad-text": 2,
        "text-too-long": 1,
        "bad-name": 1,
        "irc-403": 1,
        "irc-421": 1,
        "irc-invalid-reftag": 1,
    }
    assert metrics(server)['chatd_refused_total{code="bad-text"}'] >= 2


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json", "text/plain"])
def test_gaps_are_counted_once_for_each_reader(accept: str) -> None:
    """Whichever way it reads."""
    server = MemoryServer(history=10)
    first = server.say("first")
    server.stored(*map(str, range(30)))
    before = RARE.gaps
    for _ in range(2):
        reading(server, accept, f"/rooms/lobby/events?since={first}")
    assert RARE.gaps - before == 2


def test_the_first_expiry_of_each_endpoint_with_tls_is_told(
    server: MemoryServer, tmp_path: Path
) -> None:
    """By its number and its door; the names in the certificates are not."""
    authority = Authority()
    days = {"a.example": 60, "b.example": 30}
    for name, left in days.items():
        Certbot(tmp_path, name, authority).renew(days=left)
    door = DoorCertificates("http", Directory(tmp_path / "live"))
    clock = server.chat.clock
    made = ServerMetrics(
        server.chat.service, Connections(clock), server.peers, LoopLag(clock), [door]
    )
    page = made.collect().decode()
    (value,) = re.findall(
        r'^chatd_tls_certificate_expiry_timestamp_seconds{endpoint="1 http"} (\S+)$', page, re.M
    )
    assert float(value) == min(one.expires for one in door.certificates).timestamp()
    assert "example" not in page


def test_no_metric_names_a_person_or_a_room(server: MemoryServer) -> None:
    """Not even by a reader that ignores a person."""
    line = server.line()
    for command in ("/nick sue-secret", "/join secret-room", "/ignore bob-secret", "hello"):
        line.send(f"{command}\r\n".encode())
        server.chat.settle()
    server.say("hello", room="secret-room", name="bob-secret")
    body = server.admin().get("/metrics").body
    assert b"secret" not in body
    assert b"192.0.2" not in body


def test_the_page_of_metrics_lists_all_of_them(server: MemoryServer) -> None:
    """With their types."""
    page = (DOCS / "metrics.md").read_text()
    told = re.findall(r"^\| `(\w+)(?:\{\w+\})?` \| (\w+) \|", page, re.M)
    assert dict(told) == families(server)


@pytest.mark.parametrize("file", ["dashboard.json", "alerts.yml"])
def test_dashboard_and_alerts_use_metrics_that_exist(server: MemoryServer, file: str) -> None:
    """By their full names."""
    text = (DOCS / "monitoring" / file).read_text()
    known = families(server)
    used = set(re.findall(r"\b(?:chatd|process|python)_\w+", text))
    assert len(used) > 5
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in used} <= known.keys()


def test_the_dashboard_shows_every_metric(server: MemoryServer) -> None:
    """And is JSON."""
    text = (DOCS / "monitoring" / "dashboard.json").read_text()
    assert json.loads(text)["title"] == "chatd"
    assert all(name in text for name in families(server))
