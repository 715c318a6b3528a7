"""Tickets in the URLs of streams: what stands for a session where no header can be set."""

from __future__ import annotations

import pytest

from chatd.chat.sessions import GRACE_SECONDS
from chatd.chat.tickets import TICKET_SECONDS

from ..kit.echo import HANDSHAKE
from ..kit.http import HttpClient
from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
STREAMS = {"websocket": HANDSHAKE, "sse": {"Accept": "text/event-stream"}}


def ticket(http: HttpClient, **headers: str) -> str:
    """A new ticket for the connection's session."""
    response = http.request("POST", "/session/ticket", headers=headers)
    assert (response.status, response.json.keys()) == (201, {"ticket"})
    return str(response.json["ticket"])


def opened(server: MemoryServer, query: str, how: str) -> bool:
    """Whether a stream opens with that query."""
    http = server.http()
    http.send("GET", f"{EVENTS}?{query}", headers=STREAMS[how])
    server.chat.settle()
    data = http.wire.received()
    if not data.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 200 ")):
        assert b'"code":"bad-token"' in data
        return False
    return True


@pytest.mark.parametrize("how", STREAMS)
def test_a_ticket_opens_a_stream_of_its_session_once(
    server: MemoryServer, ada: HttpClient, how: str
) -> None:
    """Which it then holds, as a stream that says the token does."""
    query = f"ticket={ticket(ada)}"
    assert opened(server, query, how)
    assert not opened(server, query, how)
    server.chat.advance(GRACE_SECONDS + 1)
    assert server.here == ["ada"]


def test_a_ticket_is_good_for_half_a_minute(server: MemoryServer, ada: HttpClient) -> None:
    """Whoever finds it in a log comes too late."""
    good = [ticket(ada) for _ in range(2)]
    server.chat.advance(TICKET_SECONDS - 1)
    assert opened(server, f"ticket={good[0]}", "websocket")
    server.chat.advance(1)
    assert not opened(server, f"ticket={good[1]}", "websocket")


def test_a_ticket_ends_with_its_session(server: MemoryServer, ada: HttpClient) -> None:
    """It opens nothing in the name of somebody who has left."""
    left = ticket(ada)
    assert ada.request("DELETE", "/session").status == 204
    assert not opened(server, f"ticket={left}", "sse")


def test_tickets_are_for_sessions_only(http: HttpClient) -> None:
    """Reading without one needs no ticket either."""
    assert http.request("POST", "/session/ticket").refusal == (401, "no-session")
    assert http.get("/session/ticket").refusal == (405, "method-not-allowed")


def test_a_key_answers_no_ticket_again(ada: HttpClient) -> None:
    """It is a secret, whoever sends the request again."""
    assert ticket(ada, **{"Idempotency-Key": "k"}) != ticket(ada, **{"Idempotency-Key": "k"})


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/plain"}])
def test_a_poll_takes_no_ticket(
    server: MemoryServer, ada: HttpClient, headers: dict[str, str]
) -> None:
    """It would be asked again with the same words; the refusal says what to send instead."""
    unused = ticket(ada)
    response = server.http().request("GET", f"{EVENTS}?ticket={unused}&since=0", headers=headers)
    assert response.refusal == (400, "malformed")
    assert "Authorization" in response.json["error"]["message"]
    assert opened(server, f"ticket={unused}", "sse")


BAD = {
    "rooms": ("GET", "/events?rooms=&", {}),
    "since": ("GET", f"{EVENTS}?since=x&", {}),
    "last-event-id": ("GET", f"{EVENTS}?", {"Last-Event-ID": "x"}),
    "before": ("GET", f"{EVENTS}?before=5&", {}),
    "handshake": ("GET", f"{EVENTS}?", {**HANDSHAKE, "Sec-WebSocket-Version": "1"}),
    "head-websocket": ("HEAD", f"{EVENTS}?", HANDSHAKE),
}
"""Requests behind which no stream opens."""


@pytest.mark.parametrize(("method", "target", "headers"), BAD.values(), ids=BAD)
def test_a_request_that_is_refused_uses_no_ticket_up(
    server: MemoryServer, ada: HttpClient, method: str, target: str, headers: dict[str, str]
) -> None:
    """The client puts its request right and sends it again."""
    unused = ticket(ada)
    headers = {**STREAMS["sse"], **headers}
    response = server.http().request(method, f"{target}ticket={unused}", headers=headers)
    assert response.status == 400
    assert opened(server, f"ticket={unused}", "sse")


def test_asking_for_the_head_of_a_stream_uses_no_ticket_up(
    server: MemoryServer, ada: HttpClient
) -> None:
    """No stream follows."""
    unused = ticket(ada)
    response = server.http().request("HEAD", f"{EVENTS}?ticket={unused}", headers=STREAMS["sse"])
    assert response.status == 200
    assert opened(server, f"ticket={unused}", "sse")


def test_a_stream_that_is_refused_for_load_uses_no_ticket_up() -> None:
    """It comes back with the same address, as an `EventSource` does."""
    server = MemoryServer(readers_per_session=1)
    ada = server.http()
    ada.enter("ada")
    first, second = ticket(ada), ticket(ada)
    http = server.http()
    http.send("GET", f"{EVENTS}?ticket={first}", headers=STREAMS["sse"])
    refused = server.http().request("GET", f"{EVENTS}?ticket={second}", headers=STREAMS["sse"])
    assert b"close one first" in refused.body
    http.wire.hang_up()
    assert opened(server, f"ticket={second}", "sse")


def test_a_ticket_and_a_token_are_one_too_many(server: MemoryServer, ada: HttpClient) -> None:
    """Which of them counts would be a guess."""
    token = ada.headers["Authorization"].removeprefix("Bearer ")
    target = f"{EVENTS}?ticket={ticket(ada)}&access_token={token}"
    response = server.http().request("GET", target, headers=STREAMS["sse"])
    assert response.refusal == (400, "malformed")


def test_a_request_s_name_in_a_log_has_no_token(server: MemoryServer, ada: HttpClient) -> None:
    """Twisted names requests in some of its messages."""
    ada.send("GET", f"{EVENTS}?access_token=secret-token&since=0&wait=30")
    ada.send("GET", f"{EVENTS}?wait=30")
    for request in ada.wire.protocol.requests:
        assert "secret-token" not in repr(request)
        assert "lobby" in repr(request)
