"""Requests that must not reach twisted.web."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from chatd.http.request import ChatRequest


@contextmanager
def none_parsed() -> Iterator[None]:
    """No request reaches twisted.web."""

    def fail(request: ChatRequest, *args: bytes) -> None:
        raise AssertionError(f"{args[1]!r} was parsed")

    with patch.object(ChatRequest, "requestReceived", fail):
        yield
