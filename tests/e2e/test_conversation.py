"""telnet, nc, curl, and treq as a long-poller, in one room of one real server."""

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
    """treq without keep-alive, so that no connection outlives the test."""
    return HTTPClient(Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False)))


@pytest.fixture
def telnet(start: Start, daemon: Daemon) -> Program:
    """A telnet process whose user is ada."""
    program = start("telnet", "127.0.0.1", str(daemon.line))
    program.expect(r"^== welcome, guest-\d+")
    program.type("/nick ada\n")
    program.expect(r"^-- ada joined #lobby")
    return program


@pytest.fixture
def netcat(start: Start, daemon: Daemon, telnet: Program) -> Program:
    """A netcat process whose user is bob."""
    program = start("nc", "-N", "127.0.0.1", str(daemon.line))
    program.expect(r"^== welcome, guest-\d+")
    program.type("/nick bob\n")
    program.expect(r"^-- bob joined #lobby")
    telnet.expect(r"^-- bob joined #lobby")
    return program


async def polled(treq: HTTPClient, url: str, cursor: int) -> AsyncIterator[dict[str, Any]]:
    """Yield the events after a cursor, read by long-polls."""
    while True:
        response = await treq.get(f"{url}/rooms/lobby/events", params={"since": str(cursor)})
        assert response.code == 200
        answer = await response.json()
        assert answer["gap"] is False
        cursor = answer["next"]
        for event in answer["events"]:
            yield event


@pytest_twisted.ensureDeferred
async def test_telnet_netcat_curl_and_a_poller_share_a_room(
    daemon: Daemon, start: Start, telnet: Program, netcat: Program, treq: HTTPClient
) -> None:
    """Each message is seen by all of them, in the same order, once."""
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
async def test_a_held_poll_is_answered_by_a_telnet_line(
    daemon: Daemon, telnet: Program, treq: HTTPClient
) -> None:
    """Several times over."""
    now = await (await treq.get(f"{daemon.url}/rooms/lobby/events?wait=0")).json()
    cursor = now["next"]
    for number in range(5):
        poll = treq.get(f"{daemon.url}/rooms/lobby/events", params={"since": str(cursor)})
        telnet.type(f"line {number}\n")
        answer = await (await poll).json()
        assert [event["text"] for event in answer["events"]] == [f"line {number}"]
        cursor = answer["next"]


@pytest.mark.parametrize("end", ["\n", "", "\r\n"], ids=["lf", "none", "crlf"])
def test_printf_into_netcat_sends_a_message(daemon: Daemon, start: Start, end: str) -> None:
    """The echo arrives before the close, whether or not the last line is terminated."""
    netcat = start("nc", "-N", "127.0.0.1", str(daemon.line))
    netcat.type(f"hello{end}")
    netcat.end_input()
    assert netcat.wait() == 0
    assert netcat.output.endswith("<guest-0001> hello\r\n")


def test_a_file_piped_into_netcat_is_sent_line_by_line(daemon: Daemon, start: Start) -> None:
    """Twenty lines are within the rate limit's burst."""
    netcat = start("nc", "-N", "127.0.0.1", str(daemon.line))
    netcat.type("".join(f"line {number}\n" for number in range(20)))
    netcat.end_input()
    assert netcat.wait() == 0
    assert [line for line in netcat.output.split("\r\n") if line.startswith("<")] == [
        f"<guest-0001> line {number}" for number in range(20)
    ]


def test_telnet_shows_text_only(daemon: Daemon, telnet: Program) -> None:
    """And exits after the goodbye."""
    telnet.type("/quit see you\n")
    telnet.expect(r"^== goodbye")
    telnet.wait()
    assert "\ufffd" not in telnet.output
    assert "\x1b" not in telnet.output


def test_curl_can_post_and_read_messages(daemon: Daemon, start: Start) -> None:
    """In a session kept by a cookie; with `--fail` an error gives a non-zero exit status."""
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


def test_sigterm_ends_the_server_cleanly(daemon: Daemon, start: Start, telnet: Program) -> None:
    """The telnet user is told, the held poll is answered, and the exit status is 0."""
    poll = start("curl", "-sS", f"{daemon.url}/rooms/quiet/events?wait=60")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert "Traceback" not in daemon.output
    telnet.expect("^!! the server is going down; come back in a moment")
    telnet.expect("Connection closed by foreign host")
    poll.wait()
