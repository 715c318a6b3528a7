"""The size of a request's body, checked while it is received (`chatd.http.request`)."""

from __future__ import annotations

import pytest

from chatd.http.bounds import MAX_BODY
from chatd.http.request import MAX_CHUNKS
from chatd.net.connections import LINGER_SECONDS

from ..kit.http import HttpClient, head
from ..kit.server import MemoryServer

MESSAGES = "/rooms/lobby/messages?name=ada"
JSON = {"Content-Type": "application/json"}


def test_a_body_may_be_as_long_as_the_limit(server: MemoryServer, http: HttpClient) -> None:
    """Counted in bytes, whatever is in them."""
    body = '{"text":"hello"}'.ljust(MAX_BODY)
    assert http.request("POST", MESSAGES, body, JSON).status == 201
    assert server.chat.texts("lobby") == ["hello"]


def test_a_body_that_says_it_is_longer_is_refused_before_it_comes(http: HttpClient) -> None:
    """And the connection closes."""
    http.send_raw(head("POST", MESSAGES, f"Content-Length: {MAX_BODY + 1}"), "POST")
    response = http.response()
    assert response.refusal == (413, "too-large")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("size", [0, 1000], ids=["at-once", "in-parts"])
def test_a_chunked_body_is_refused_when_it_has_become_too_long(
    server: MemoryServer, http: HttpClient, size: int
) -> None:
    """Nobody knew before; nothing of it is said."""
    chunks = b"%x\r\n%b\r\n" % (1000, b'{"text":"hello"}'.ljust(1000)) * (MAX_BODY // 1000 + 1)
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: application/json")
    http.send_raw(data, "POST")
    for start in range(0, len(chunks), size or len(chunks)):
        http.wire.send(chunks[start : start + (size or len(chunks))])
    http.wire.send(b"0\r\n\r\n")
    server.chat.advance(LINGER_SECONDS)
    assert http.response().refusal == (413, "too-large")
    assert server.chat.texts("lobby") == []
    assert http.closed


@pytest.mark.parametrize("length", [2 * MAX_BODY, 10**12, 2**64])
def test_a_chunk_that_says_it_is_too_long_is_refused_at_once(http: HttpClient, length: int) -> None:
    """Before its bytes have come."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: text/plain")
    http.send_raw(data + b"%x\r\nhello" % length, "POST")
    assert http.response().refusal == (413, "too-large")


def test_a_body_in_very_many_chunks_is_refused(http: HttpClient) -> None:
    """Each costs more than its byte."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: text/plain")
    http.send_raw(data + b"1\r\nx\r\n" * (MAX_CHUNKS + 1), "POST")
    assert http.response().refusal == (413, "too-large")


def test_a_chunked_body_within_the_limit_is_taken(server: MemoryServer, http: HttpClient) -> None:
    """Chunked is no reason to refuse."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: application/json")
    http.send_raw(data + b'8\r\n{"text":\r\n8\r\n"hello"}\r\n0\r\n\r\n', "POST")
    server.chat.settle()
    assert http.response().status == 201
    assert server.chat.texts("lobby") == ["hello"]


def test_a_client_that_asks_first_is_told_to_go_on(server: MemoryServer, http: HttpClient) -> None:
    """`Expect: 100-continue`: curl does so before a long body."""
    body = b'{"text":"hello"}'
    asks = head(
        "POST",
        MESSAGES,
        "Expect: 100-continue",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    http.send_raw(asks, "POST")
    assert http.responses() == []
    assert http.informed == [100]
    http.wire.send(body)
    server.chat.settle()
    assert http.response().status == 201


@pytest.mark.parametrize("length", [MAX_BODY + 1, 10**12, 10**17])
def test_a_client_that_asks_first_with_too_long_a_body_is_not(
    http: HttpClient, length: int
) -> None:
    """It is refused, and that is all it hears."""
    http.send_raw(
        head("POST", MESSAGES, "Expect: 100-continue", f"Content-Length: {length}"), "POST"
    )
    assert http.response().refusal == (413, "too-large")
    assert http.informed == []
