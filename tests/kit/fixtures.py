"""Fixtures for every test that goes through a door."""

import pytest

from .http import HttpClient
from .server import MemoryServer


@pytest.fixture
def server() -> MemoryServer:
    """Every door of one chat, on a clock that stands still."""
    return MemoryServer()


@pytest.fixture
def http(server: MemoryServer) -> HttpClient:
    """A connection to the HTTP door, without a session."""
    return server.http()


@pytest.fixture
def ada(server: MemoryServer) -> HttpClient:
    """A connection to the HTTP door, in ada's session."""
    connection = server.http()
    connection.enter("ada")
    return connection
