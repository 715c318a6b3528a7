"""Tickets in the URLs of streams: one-time credentials for clients that cannot set a header."""

from __future__ import annotations

import pytest

from chatd.chat.sessions import GRACE_SECONDS, LastingSession
from chatd.chat.tickets import TICKET_SECONDS
from chatd.doors.access import key_owner
from chatd.model.addresses import LOCAL
from chatd.model.commands import Rename
from chatd.testing import InMemoryChat

from ..kit.chat import settled
from ..kit.echo import HANDSHAKE
from ..kit.http import HttpClient
from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
STREAMS = {"websocket": HANDSHAKE, "sse": {"Accept": "text/event-stream"}}


def new_ticket(http: HttpClient, **headers: str) -> str:
    """A new ticket for the connection's session."""
    response = http.request("POST", "/session/ticket", headers=headers)
    assert (response.status, response.json.keys()) == (201, {"ticket"})
    return str(response.json["ticket"])


def opens(server: MemoryServer, query: str, how: str) -> bool:
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
def test_ticket_opens_one_stream_of_its_session(
    server: MemoryServer, ada: HttpClient, how: str
) -> None:
    """The stream keeps the session, as one that was opened with the token does."""
    query = f"ticket={new_ticket(ada)}"
    assert opens(server, query, how)
    assert not opens(server, query, how)
    server.chat.advance(GRACE_SECONDS + 1)
    assert server.here == ["ada"]


def test_ticket_expires_after_half_a_minute(server: MemoryServer, ada: HttpClient) -> None:
    """So a ticket that is found in a log is useless."""
    good = [new_ticket(ada) for _ in range(2)]
    server.chat.advance(TICKET_SECONDS - 1)
    assert opens(server, f"ticket={good[0]}", "websocket")
    server.chat.advance(1)
    assert not opens(server, f"ticket={good[1]}", "websocket")


def test_ticket_is_invalid_when_its_session_has_ended(
    server: MemoryServer, ada: HttpClient
) -> None:
    """It opens no stream for a person who has left."""
    left = new_ticket(ada)
    assert ada.request("DELETE", "/session").status == 204
    assert not opens(server, f"ticket={left}", "sse")


def test_ticket_needs_a_session(http: HttpClient) -> None:
    """A stream without a session needs no ticket."""
    assert http.request("POST", "/session/ticket").refusal == (401, "no-session")
    assert http.get("/session/ticket").refusal == (405, "method-not-allowed")


def test_idempotency_key_never_returns_the_same_ticket(ada: HttpClient) -> None:
    """A key does not prove who sends the request."""
    assert new_ticket(ada, **{"Idempotency-Key": "k"}) != new_ticket(
        ada, **{"Idempotency-Key": "k"}
    )


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/plain"}])
def test_poll_with_a_ticket_is_refused(
    server: MemoryServer, ada: HttpClient, headers: dict[str, str]
) -> None:
    """A client repeats a poll, and a ticket holds once; the error says what to send in its
    place.
    """
    unused = new_ticket(ada)
    response = server.http().request("GET", f"{EVENTS}?ticket={unused}&since=0", headers=headers)
    assert response.refusal == (400, "malformed")
    assert "Authorization" in response.json["error"]["message"]
    assert opens(server, f"ticket={unused}", "sse")


BAD = {
    "rooms": ("GET", "/events?rooms=&", {}),
    "since": ("GET", f"{EVENTS}?since=x&", {}),
    "last-event-id": ("GET", f"{EVENTS}?", {"Last-Event-ID": "x"}),
    "before": ("GET", f"{EVENTS}?before=5&", {}),
    "handshake": ("GET", f"{EVENTS}?", {**HANDSHAKE, "Sec-WebSocket-Version": "1"}),
    "head-websocket": ("HEAD", f"{EVENTS}?", HANDSHAKE),
}
"""Requests that are refused before a stream opens."""


@pytest.mark.parametrize(("method", "target", "headers"), BAD.values(), ids=BAD)
def test_refused_request_does_not_use_up_its_ticket(
    server: MemoryServer, ada: HttpClient, method: str, target: str, headers: dict[str, str]
) -> None:
    """The client can correct the request and send it again."""
    unused = new_ticket(ada)
    headers = {**STREAMS["sse"], **headers}
    response = server.http().request(method, f"{target}ticket={unused}", headers=headers)
    assert response.status == 400
    assert opens(server, f"ticket={unused}", "sse")


def test_head_of_a_stream_does_not_use_up_its_ticket(server: MemoryServer, ada: HttpClient) -> None:
    """No stream opens."""
    unused = new_ticket(ada)
    response = server.http().request("HEAD", f"{EVENTS}?ticket={unused}", headers=STREAMS["sse"])
    assert response.status == 200
    assert opens(server, f"ticket={unused}", "sse")


def test_stream_refused_for_load_does_not_use_up_its_ticket() -> None:
    """An `EventSource` tries again with the same URL."""
    server = MemoryServer(readers_per_session=1)
    ada = server.http()
    ada.enter("ada")
    first, second = new_ticket(ada), new_ticket(ada)
    http = server.http()
    http.send("GET", f"{EVENTS}?ticket={first}", headers=STREAMS["sse"])
    refused = server.http().request("GET", f"{EVENTS}?ticket={second}", headers=STREAMS["sse"])
    assert b"close one first" in refused.body
    http.wire.hang_up()
    assert opens(server, f"ticket={second}", "sse")


def test_ticket_and_token_together_are_refused(server: MemoryServer, ada: HttpClient) -> None:
    """The server would have to guess which one counts."""
    token = ada.headers["Authorization"].removeprefix("Bearer ")
    target = f"{EVENTS}?ticket={new_ticket(ada)}&access_token={token}"
    response = server.http().request("GET", target, headers=STREAMS["sse"])
    assert response.refusal == (400, "malformed")


def test_repr_of_a_request_has_no_token(server: MemoryServer, ada: HttpClient) -> None:
    """Twisted logs it in some messages."""
    ada.send("GET", f"{EVENTS}?access_token=secret-token&since=0&wait=30")
    ada.send("GET", f"{EVENTS}?wait=30")
    for request in ada.wire.protocol.requests:
        assert "secret-token" not in repr(request)
        assert "lobby" in repr(request)


def nodes_with(name: str) -> tuple[InMemoryChat, InMemoryChat, LastingSession]:
    """Two nodes, and a guest's session that began on the first."""
    one = InMemoryChat()
    return one, InMemoryChat(node=one), settled(one, one.service.sessions.open(name))


def adopted(chat: InMemoryChat, token: str) -> LastingSession:
    """The session of that token on a node."""
    session: LastingSession = settled(chat, chat.service.sessions.adopt(token, LOCAL))
    return session


@pytest.mark.parametrize("name", ["ada", ""])
@pytest.mark.parametrize("when", ["before", "after"])
def test_request_keys_of_a_session_have_one_scope_on_all_nodes_and_under_all_names(
    name: str, when: str
) -> None:
    """A request is repeated on another node after a rename; whether that node knew the session."""
    one, two, session = nodes_with(name)
    there = adopted(two, session.token) if when == "before" else None
    first = key_owner(session)
    for new in ("eve", "eva"):
        one.perform(session.person, Rename(new))
    there = there or adopted(two, session.token)
    assert key_owner(session) == first
    if name or when == "after":
        assert key_owner(there) == first
    restarted = InMemoryChat(node=two)
    assert key_owner(adopted(restarted, session.token)) == first


def test_request_keys_hold_for_the_next_session_of_a_name() -> None:
    """A client that was away for too long begins another session, and repeats its request."""
    one, two, session = nodes_with("ada")
    first = key_owner(session)
    settled(one, one.service.sessions.close(session))
    again = settled(two, two.service.sessions.open("ada"))
    assert key_owner(again) == first
