"""Fixtures of the tests of HTTP."""

from __future__ import annotations

import pytest

from ..kit.echo import EchoConnection


@pytest.fixture
def wire() -> EchoConnection:
    """A connection to the echo server."""
    return EchoConnection()
