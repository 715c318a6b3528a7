"""Fixtures of the tests of TLS connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..kit.tls import OneContext, TlsPair, server_context


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> OneContext:
    """The server's context, with a certificate of its own."""
    return server_context(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def pair(contexts: OneContext) -> Iterator[TlsPair]:
    """A connection whose handshake has not begun."""
    pair = TlsPair(contexts)
    yield pair
    pair.close()
