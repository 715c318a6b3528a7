"""Posts of visitors as bytes, and their answers, taken plainly or parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from chatd.doors.api.posts import PlainPosts
from chatd.model.moderation import Configure
from chatd.testing import FakeConnection

from .http import head
from .server import HOST, MemoryServer, peer

TEXT = "Content-Type: text/plain"
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
HEALTH = head("GET", "/healthz")


def post(
    body: bytes | str = "hello",
    *headers: str,
    room: str = "lobby",
    query: str = "name=ada",
    length: int | str | None = None,
) -> bytes:
    """A post as bytes."""
    data = body.encode() if isinstance(body, str) else body
    size = len(data) if length is None else length
    target = f"/rooms/{room}/messages?{query}"
    return head("POST", target, *headers, f"Content-Length: {size}") + data


@contextmanager
def all_parsed() -> Iterator[None]:
    """No post is plain."""
    with patch.object(PlainPosts, "read", lambda *_, **__: None):
        yield


def connect(server: MemoryServer, host: str = HOST) -> FakeConnection:
    """A new connection."""
    return server.chat.connect(server.http_door, peer(host))


def answer(server: MemoryServer, *packets: bytes, host: str = HOST) -> bytes:
    """What a new connection that sends these packets receives at once, without the dates."""
    wire = connect(server, host)
    wire.send(*packets)
    server.chat.settle()
    return without_date(wire.received())


def without_date(data: bytes) -> bytes:
    """Some answers without their dates, which are those of the real clock."""
    return re.sub(rb"Date: [^\r]*\r\n", b"", data)


def status(data: bytes) -> int:
    """The status of the first answer."""
    return int(data.split(b" ", 2)[1])


def prepared() -> MemoryServer:
    """A server for short texts, with a person, cy, and rooms in which visitors may not speak: quiet
    and hidden.
    """
    server = MemoryServer(max_text=1000)
    cy = server.chat.enter("cy")
    cy.account, cy.admin = "cy", True
    server.chat.perform(cy, Configure("quiet", posting="voices"))
    server.chat.perform(cy, Configure("hidden", access="members"))
    return server
