"""telnet, nc, curl, and treq as the long-poller, in one room of one real server."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.web.client import Agent, HTTPConnectionPool

from ..kit.processes import Daemon, Program
from .conftest import Start


@pytest.fixture
def treq() -> HTTPClient:
    """treq, without connections that are kept behind the test."""
    return HTTPClient(Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False)))


@pytest.fixture
def telnet(start: Start, daemon: Daemon) -> Program:
    """Ada, in telnet."""
    program = start("telnet", "127.0.0.1", str(daemon.line))
    program.expect(r"^== welcome, guest-\d+")
    program.type("/nick ada\n")
    program.expect(r"^-- ada joined #lobby")
    return program


@pytest.fixture
def netcat(start: Start, daemon: Daemon, telnet: Program) -> Program:
    """Bob, in netcat."""
    program = start("nc", "-N", "127.0.0.1", str(daemon.line))
    program.expect(r"^== welcome, guest-\d+")
    program.type("/nick bob\n")
    program.expect(r"^-- bob joined #lobby")
    telnet.expect(r"^-- bob joined #lobby")
    return program


async def polled(treq: HTTPClient, url: str, cursor: int) -> AsyncIterator[dict[str, Any]]:
    """The events after a cursor, by long-polls."""
    while True:
        response = await treq.get(f"{url}/rooms/lobby/events", params={"since": str(cursor)})
        assert response.code == 200
        answer = await response.json()
        assert answer["gap"] is False
        cursor = answer["next"]
        for event in answer["events"]:
            yield event


@pytest_twisted.ensureDeferred
async def test_telnet_netcat_curl_and_a_poller_are_in_one_room(
    daemon: Daemon, start: Start, telnet: Program, netcat: Program, treq: HTTPClient
) -> None:
    """What each of them says, all of them see, in the same order and once."""
    now = await (await treq.get(f"{daemon.url}/rooms/lobby/events?wait=0")).json()
    events = polled(treq, daemon.url, now["next"])
    curl = start(
        "curl", "-sS", "-H", "Accept: text/plain",
        f"{daemon.url}/rooms/lobby/events?since={now['next']}",
    )  # fmt: skip
    telnet.type("from telnet\n")
    assert curl.wait() == 0
    assert curl.output == "<ada> from telnet\n"
    netcat.expect(r"^<ada> from telnet\r$")
    netcat.type("from netcat\n")
    telnet.expect(r"^<bob> from netcat\r?$")
    said = start(
        "curl", "-sS", "-d", "text=from curl", f"{daemon.url}/rooms/lobby/messages?name=cy"
    )
    assert said.wait() == 0
    response = await treq.post(
        f"{daemon.url}/rooms/lobby/messages", params={"name": "di"}, json={"text": "from treq"}
    )
    assert response.code == 201
    last = (await response.json())["id"]
    seen = []
    async for event in events:
        seen.append((event["from"], event["text"]))
        if event["id"] == last:
            break
    assert seen == [
        ("ada", "from telnet"),
        ("bob", "from netcat"),
        ("cy", "from curl"),
        ("di", "from treq"),
    ]
    assert json.loads(said.output)["id"] < last
    for program in (telnet, netcat):
        program.expect(r"^<di> from treq\r?$")
        lines = program.output.splitlines()
        assert [line for line in lines if line.startswith("<")] == [
            f"<{name}> {text}" for name, text in seen
        ]


@pytest_twisted.ensureDeferred
async def test_a_poll_is_woken_by_the_line_that_it_waits_for(
    daemon: Daemon, telnet: Program, treq: HTTPClient
) -> None:
    """A held poll and a telnet user, several times over."""
    now = await (await treq.get(f"{daemon.url}/rooms/lobby/events?wait=0")).json()
    cursor = now["next"]
    for number in range(5):
        poll = treq.get(f"{daemon.url}/rooms/lobby/events", params={"since": str(cursor)})
        telnet.type(f"line {number}\n")
        answer = await (await poll).json()
        assert [event["text"] for event in answer["events"]] == [f"line {number}"]
        cursor = answer["next"]


@pytest.mark.parametrize("end", ["\n", "", "\r\n"], ids=["lf", "none", "crlf"])
def test_printf_into_netcat_says_hello(daemon: Daemon, start: Start, end: str) -> None:
    """The echo arrives before the connection closes, whether the last line is ended or not."""
    netcat = start("nc", "-N", "127.0.0.1", str(daemon.line))
    netcat.type(f"hello{end}")
    netcat.end_input()
    assert netcat.wait() == 0
    assert netcat.output.endswith("<guest-0001> hello\r\n")


def test_a_file_piped_into_netcat_is_said_line_by_line(daemon: Daemon, start: Start) -> None:
    """As many as may be said at once."""
    netcat = start("nc", "-N", "127.0.0.1", str(daemon.line))
    netcat.type("".join(f"line {number}\n" for number in range(20)))
    netcat.end_input()
    assert netcat.wait() == 0
    assert [line for line in netcat.output.split("\r\n") if line.startswith("<")] == [
        f"<guest-0001> line {number}" for number in range(20)
    ]


def test_telnet_sees_text_only(daemon: Daemon, telnet: Program) -> None:
    """And ends when it is told goodbye."""
    telnet.type("/quit see you\n")
    telnet.expect(r"^== goodbye")
    telnet.wait()
    assert "\ufffd" not in telnet.output
    assert "\x1b" not in telnet.output


def test_curl_posts_what_a_poll_of_curl_shows(daemon: Daemon, start: Start) -> None:
    """In a session by cookie, and with a problem it exits non-zero under --fail."""
    jar = "cookies.txt"
    entered = start("curl", "-sS", "-c", jar, "-d", "name=ada", f"{daemon.url}/session")
    assert entered.wait() == 0
    assert json.loads(entered.output)["name"] == "ada"
    messages = f"{daemon.url}/rooms/lobby/messages"
    said = start("curl", "-sS", "-b", jar, "--data-urlencode", "text=fish & chips", messages)
    assert said.wait() == 0
    shown = start("curl", "-sS", "-H", "Accept: text/plain", f"{daemon.url}/rooms/lobby/events")
    assert shown.wait() == 0
    assert shown.output == "-- ada joined #lobby\n<ada> fish & chips\n"
    refused = start("curl", "-sS", "--fail", "-d", "text=fish & chips", messages)
    assert refused.wait() == 22


def test_the_end_comes_promptly(daemon: Daemon, start: Start, telnet: Program) -> None:
    """SIGTERM, with a telnet user and a held poll: both are let go, and all is well."""
    poll = start("curl", "-sS", f"{daemon.url}/rooms/quiet/events?wait=60")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert "Traceback" not in daemon.output
    telnet.expect("^!! the server is going down; come back in a moment")
    telnet.expect("Connection closed by foreign host")
    poll.wait()
