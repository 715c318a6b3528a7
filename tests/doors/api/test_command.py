"""Commands over HTTP: idempotency keys, rate limits, and refusals of the store."""

from __future__ import annotations

import pytest

from chatd.chat.limits import REMEMBERED_SECONDS

from ...kit.http import HttpClient
from ...kit.server import MemoryServer

MESSAGES = "/rooms/lobby/messages"
TEXT = {"Content-Type": "text/plain"}


def test_a_repeat_with_its_key_is_answered_and_not_said_again(
    server: MemoryServer, ada: HttpClient
) -> None:
    """With the first id, whatever it says and wherever it is sent, for five minutes."""
    first = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    server.chat.advance(50)
    again = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    assert again.status == first.status == 201
    assert again.json == first.json
    assert server.chat.texts("lobby") == ["hello"]


def test_a_key_is_good_for_five_minutes(server: MemoryServer, http: HttpClient) -> None:
    """Then it is a key like any other."""
    target = f"{MESSAGES}?name=ada"
    first = http.post(target, {"text": "hello"}, Idempotency_Key="k").json
    server.chat.advance(REMEMBERED_SECONDS - 1)
    http = server.http()
    assert http.post(target, {"text": "hello"}, Idempotency_Key="k").json == first
    server.chat.advance(2)
    http = server.http()
    assert http.post(target, {"text": "hello"}, Idempotency_Key="k").json != first
    assert server.chat.texts("lobby") == ["hello"] * 2


def test_keys_of_different_people_have_nothing_to_do_with_each_other(
    server: MemoryServer, ada: HttpClient, http: HttpClient
) -> None:
    """Sessions and visitors alike."""
    bob = server.http()
    bob.enter("bob")
    for connection, query in ((ada, ""), (bob, ""), (http, "?name=cy"), (http, "?name=di")):
        assert connection.post(MESSAGES + query, {"text": "hi"}, Idempotency_Key="k").status == 201
    assert server.chat.texts("lobby") == ["hi"] * 4


def test_a_key_is_its_session_s_under_another_name_too(
    server: MemoryServer, ada: HttpClient
) -> None:
    """A change of name is no new person."""
    first = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    assert ada.send_json("PATCH", "/session", {"name": "eve"}).status == 200
    assert ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1").json == first.json
    assert server.chat.texts("lobby") == ["hello"]


def test_a_repeat_that_comes_before_the_answer_waits_for_it(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Both are answered with the one id."""
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


def test_what_failed_may_be_tried_again_with_its_key(server: MemoryServer, ada: HttpClient) -> None:
    """Whether the store refused it or the text was bad."""
    server.chat.store.refusing = True
    assert ada.post(MESSAGES, {"text": "hi"}, Idempotency_Key="k").refusal == (503, "unavailable")
    server.chat.store.refusing = False
    assert ada.post(MESSAGES, {"text": " "}, Idempotency_Key="k").refusal == (400, "bad-text")
    assert ada.post(MESSAGES, {"text": "hi"}, Idempotency_Key="k").status == 201
    assert server.chat.texts("lobby") == ["hi"]


@pytest.mark.parametrize("key", ["", "two words", "é", "x" * 201])
def test_a_key_that_is_none_is_refused(server: MemoryServer, ada: HttpClient, key: str) -> None:
    """It could not do what it is for."""
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
def test_who_says_too_much_is_told_when_to_come_again(how: str) -> None:
    """429, and after the time that `Retry-After` gives it is taken."""
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


def test_visitors_cannot_say_more_by_changing_their_names() -> None:
    """They are measured by their address."""
    server = MemoryServer(message_rate=0.5)
    statuses = [
        server.http().post(f"{MESSAGES}?name=n{number}", {"text": "hi"}).status
        for number in range(3)
    ]
    assert statuses == [201, 201, 429]


def test_what_the_store_refuses_is_told_with_when_to_try_again(
    server: MemoryServer, ada: HttpClient
) -> None:
    """503, and nobody saw it."""
    server.chat.store.refusing = True
    for method, target in (("POST", MESSAGES), ("PUT", "/rooms/lobby/topic")):
        response = ada.send_json(method, target, {"text": "hi"})
        assert response.refusal == (503, "unavailable")
        assert int(response.headers["retry-after"]) >= 1
    assert server.kinds() == ["Joined"]
