"""A network for the clients."""

import pytest

from .network import Network


@pytest.fixture
def network() -> Network:
    """One server that takes as much as it is sent, and everything on the way to it."""
    return Network()
