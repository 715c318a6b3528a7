"""Refusals: answered as such, whatever else is wrong with the request."""

from __future__ import annotations

import pytest

from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
MESSAGES = "/rooms/lobby/messages?name=flood"
LONG = {"Accept": "a/b," * 1100 + "text/event-stream"}
"""More than `Accept` may have."""
TEXT = {"Content-Type": "text/plain"}


@pytest.fixture
def limited() -> MemoryServer:
    """A server where each address may say little at once."""
    return MemoryServer(message_rate=1)


def test_an_overlong_accept_does_not_break_a_refusal_for_load(limited: MemoryServer) -> None:
    """The refusal is looked at for who reads it; that raises nothing."""
    http = limited.http()
    for _ in range(50):
        response = http.request("POST", MESSAGES, "hi", {**TEXT, **LONG})
    assert response.refusal == (429, "rate-limited")
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_overlong_accept_does_not_break_a_refusal_while_draining(
    server: MemoryServer, method: str
) -> None:
    """Every resource is refused then, on its way to it."""
    http = server.http()
    server.peers.draining = True
    assert http.request(method, EVENTS, headers=LONG).refusal == (503, "unavailable")


def test_an_overlong_accept_does_not_leave_a_refusal_of_the_store_unanswered(
    server: MemoryServer,
) -> None:
    """It comes later, where nothing is left to catch an error."""
    server.chat.store.refusing = True
    response = server.http().request("POST", MESSAGES, "hi", {**TEXT, **LONG})
    assert response.refusal == (503, "unavailable")
    assert server.http().get("/healthz", **LONG).refusal == (503, "unavailable")


def test_an_overlong_accept_is_refused_where_it_decides_the_answer(server: MemoryServer) -> None:
    """Where events are read; and nowhere else."""
    assert server.http().get(EVENTS, **LONG).refusal == (400, "malformed")
    assert server.http().get("/rooms", **LONG).status == 200
