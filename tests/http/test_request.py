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
    """The limit counts bytes."""
    body = '{"text":"hello"}'.ljust(MAX_BODY)
    assert http.request("POST", MESSAGES, body, JSON).status == 201
    assert server.chat.texts("lobby") == ["hello"]


def test_an_overlong_content_length_is_refused_before_the_body_arrives(http: HttpClient) -> None:
    """With 413; then the connection is closed."""
    http.send_raw(head("POST", MESSAGES, f"Content-Length: {MAX_BODY + 1}"), "POST")
    response = http.response()
    assert response.refusal == (413, "too-large")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("size", [0, 1000], ids=["at-once", "in-parts"])
def test_a_chunked_body_is_refused_when_it_exceeds_the_limit(
    server: MemoryServer, http: HttpClient, size: int
) -> None:
    """Its length is not known before; no part of it is said."""
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
def test_an_overlong_chunk_size_is_refused_before_the_chunk_arrives(
    http: HttpClient, length: int
) -> None:
    """With 413."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: text/plain")
    http.send_raw(data + b"%x\r\nhello" % length, "POST")
    assert http.response().refusal == (413, "too-large")


def test_a_body_in_very_many_chunks_is_refused(http: HttpClient) -> None:
    """Each chunk costs more than its single byte."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: text/plain")
    http.send_raw(data + b"1\r\nx\r\n" * (MAX_CHUNKS + 1), "POST")
    assert http.response().refusal == (413, "too-large")


def test_a_chunked_body_within_the_limit_is_accepted(
    server: MemoryServer, http: HttpClient
) -> None:
    """Chunked encoding alone is no reason to refuse."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: application/json")
    http.send_raw(data + b'8\r\n{"text":\r\n8\r\n"hello"}\r\n0\r\n\r\n', "POST")
    server.chat.settle()
    assert http.response().status == 201
    assert server.chat.texts("lobby") == ["hello"]


def test_expect_100_continue_is_answered(server: MemoryServer, http: HttpClient) -> None:
    """As curl sends it before a long body."""
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
def test_expect_100_continue_with_an_overlong_body_is_refused(
    http: HttpClient, length: int
) -> None:
    """With 413, and without 100."""
    http.send_raw(
        head("POST", MESSAGES, "Expect: 100-continue", f"Content-Length: {length}"), "POST"
    )
    assert http.response().refusal == (413, "too-large")
    assert http.informed == []
