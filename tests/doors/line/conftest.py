"""Fixtures of this package's tests."""

from __future__ import annotations

import pytest

from ...kit.server import MemoryServer
from ...kit.terminal import Terminal


@pytest.fixture
def ada(server: MemoryServer, bob: Terminal) -> Terminal:
    """A client that has just taken a name; bob has read the event of it."""
    ada = Terminal(server, "/nick ada")
    bob.heard()
    return ada


@pytest.fixture
def bob(server: MemoryServer) -> Terminal:
    """A client that is in the lobby already."""
    return Terminal(server, "/nick bob")
