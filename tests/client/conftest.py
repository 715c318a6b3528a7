"""The in-memory network for the client tests."""

import pytest

from .network import Network


@pytest.fixture
def network() -> Network:
    """A network with one server that has no rate limit."""
    return Network()
