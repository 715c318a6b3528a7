"""Refusals reach the client whatever else is wrong with the request."""

from __future__ import annotations

import pytest

from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
MESSAGES = "/rooms/lobby/messages?name=flood"
LONG = {"Accept": "a/b," * 1100 + "text/event-stream"}
"""Longer than `Accept` may be."""
TEXT = {"Content-Type": "text/plain"}


@pytest.fixture
def limited() -> MemoryServer:
    """A server where each address may send few messages at once."""
    return MemoryServer(message_rate=1)


def test_overlong_accept_does_not_break_a_rate_limit_refusal(limited: MemoryServer) -> None:
    """The format of the refusal depends on `Accept`; reading it raises nothing."""
    http = limited.http()
    for _ in range(50):
        response = http.request("POST", MESSAGES, "hi", {**TEXT, **LONG})
    assert response.refusal == (429, "rate-limited")
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_overlong_accept_does_not_break_a_refusal_while_draining(
    server: MemoryServer, method: str
) -> None:
    """Every resource refuses requests then, before it is looked up."""
    http = server.http()
    server.peers.draining = True
    assert http.request(method, EVENTS, headers=LONG).refusal == (503, "unavailable")


def test_overlong_accept_does_not_leave_a_refusal_of_the_store_unanswered(
    server: MemoryServer,
) -> None:
    """It comes later, from a Deferred, where no caller would catch an error."""
    server.chat.store.refusing = True
    response = server.http().request("POST", MESSAGES, "hi", {**TEXT, **LONG})
    assert response.refusal == (503, "unavailable")
    assert server.http().get("/healthz", **LONG).refusal == (503, "unavailable")


def test_overlong_accept_is_refused_where_it_chooses_the_format(server: MemoryServer) -> None:
    """That is where events are read, and nowhere else."""
    assert server.http().get(EVENTS, **LONG).refusal == (400, "malformed")
    assert server.http().get("/rooms", **LONG).status == 200
