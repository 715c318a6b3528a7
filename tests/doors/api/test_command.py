"""Commands over HTTP: idempotency keys, rate limits, and refusals of the store."""

from __future__ import annotations

import pytest

from chatd.chat.limits import REMEMBERED_SECONDS

from ...kit.http import HttpClient
from ...kit.server import MemoryServer

MESSAGES = "/rooms/lobby/messages"
TEXT = {"Content-Type": "text/plain"}


def test_repeat_with_an_idempotency_key_gets_the_first_id(
    server: MemoryServer, ada: HttpClient
) -> None:
    """The message is stored once."""
    first = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    server.chat.advance(50)
    again = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    assert again.status == first.status == 201
    assert again.json == first.json
    assert server.chat.texts("lobby") == ["hello"]


def test_idempotency_key_expires_after_five_minutes(server: MemoryServer, http: HttpClient) -> None:
    """Then a request with it is a new one."""
    target = f"{MESSAGES}?name=ada"
    first = http.post(target, {"text": "hello"}, Idempotency_Key="k").json
    server.chat.advance(REMEMBERED_SECONDS - 1)
    http = server.http()
    assert http.post(target, {"text": "hello"}, Idempotency_Key="k").json == first
    server.chat.advance(2)
    http = server.http()
    assert http.post(target, {"text": "hello"}, Idempotency_Key="k").json != first
    assert server.chat.texts("lobby") == ["hello"] * 2


def test_idempotency_keys_belong_to_one_person(
    server: MemoryServer, ada: HttpClient, http: HttpClient
) -> None:
    """Sessions and visitors may all use the same key."""
    bob = server.http()
    bob.enter("bob")
    for connection, query in ((ada, ""), (bob, ""), (http, "?name=cy"), (http, "?name=di")):
        assert connection.post(MESSAGES + query, {"text": "hi"}, Idempotency_Key="k").status == 201
    assert server.chat.texts("lobby") == ["hi"] * 4


def test_idempotency_key_survives_a_name_change(server: MemoryServer, ada: HttpClient) -> None:
    """It belongs to the session, not to the name."""
    first = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    assert ada.send_json("PATCH", "/session", {"name": "eve"}).status == 200
    assert ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1").json == first.json
    assert server.chat.texts("lobby") == ["hello"]


def test_repeat_that_comes_before_the_first_answer_waits_for_it(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Both requests are answered with one id."""
    server.hold_appends()
    other = server.http()
    other.headers = ada.headers
    for connection in (ada, other):
        connection.send("POST", MESSAGES, "hello", {**TEXT, "Idempotency-Key": "k"})
    server.chat.settle()
    assert (ada.responses(), other.responses()) == ([], [])
    server.release_appends()
    assert ada.response().json == other.response().json
    assert server.chat.texts("lobby") == ["hello"]


def test_refused_request_can_be_retried_with_its_key(server: MemoryServer, ada: HttpClient) -> None:
    """Whether the store refused it or the text was invalid."""
    server.chat.store.refusing = True
    assert ada.post(MESSAGES, {"text": "hi"}, Idempotency_Key="k").refusal == (503, "unavailable")
    server.chat.store.refusing = False
    assert ada.post(MESSAGES, {"text": " "}, Idempotency_Key="k").refusal == (400, "bad-text")
    assert ada.post(MESSAGES, {"text": "hi"}, Idempotency_Key="k").status == 201
    assert server.chat.texts("lobby") == ["hi"]


@pytest.mark.parametrize("key", ["", "two words", "é", "x" * 201])
def test_invalid_idempotency_key_is_refused(
    server: MemoryServer, ada: HttpClient, key: str
) -> None:
    """Ignoring it would make a repeat a second message."""
    ada.send_raw(
        b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\nContent-Type: text/plain\r\n"
        b"Idempotency-Key: %b\r\nContent-Length: 2\r\n\r\nhi"
        % (MESSAGES.encode(), ada.headers["Authorization"].encode(), key.encode()),
        "POST",
    )
    server.chat.settle()
    assert ada.response().refusal == (400, "malformed")
    assert server.chat.texts("lobby") == []


@pytest.mark.parametrize("how", ["session", "visitor"])
def test_message_over_the_rate_is_refused_with_retry_after(how: str) -> None:
    """429; after the time in `Retry-After` it is accepted."""
    server = MemoryServer(message_rate=0.5)
    http = server.http()
    target = MESSAGES if how == "session" else f"{MESSAGES}?name=ada"
    if how == "session":
        http.enter("ada")
    for _ in range(2):
        assert http.post(target, {"text": "hi"}).status == 201
    response = http.post(target, {"text": "hi"})
    assert response.refusal == (429, "rate-limited")
    wait = int(response.headers["retry-after"])
    assert 1 <= wait <= 3
    server.chat.advance(wait)
    assert http.post(target, {"text": "hi"}).status == 201
    assert server.chat.texts("lobby") == ["hi"] * 3


def test_visitors_share_the_rate_of_their_address() -> None:
    """Another name does not raise the limit."""
    server = MemoryServer(message_rate=0.5)
    statuses = [
        server.http().post(f"{MESSAGES}?name=n{number}", {"text": "hi"}).status
        for number in range(3)
    ]
    assert statuses == [201, 201, 429]


def test_refusal_of_the_store_is_503_with_retry_after(
    server: MemoryServer, ada: HttpClient
) -> None:
    """No reader gets the event."""
    server.chat.store.refusing = True
    for method, target in (("POST", MESSAGES), ("PUT", "/rooms/lobby/topic")):
        response = ada.send_json(method, target, {"text": "hi"})
        assert response.refusal == (503, "unavailable")
        assert int(response.headers["retry-after"]) >= 1
    assert server.kinds() == ["Joined"]
