"""Fixtures of this package's tests."""

from __future__ import annotations

import pytest

from ...kit.server import MemoryServer
from ...kit.terminal import Terminal


@pytest.fixture
def ada(server: MemoryServer, bob: Terminal) -> Terminal:
    """Somebody who has just come, and whose coming was noticed."""
    ada = Terminal(server, "/nick ada")
    bob.heard()
    return ada


@pytest.fixture
def bob(server: MemoryServer) -> Terminal:
    """Somebody who is there already."""
    return Terminal(server, "/nick bob")
