"""What the tests of the doors share."""

import pytest

from .house import House, Http


@pytest.fixture
def house() -> House:
    """Every door of one chat, on a clock that stands still."""
    return House()


@pytest.fixture
def http(house: House) -> Http:
    """A connection to the HTTP door, without a session."""
    return house.http()


@pytest.fixture
def ada(house: House) -> Http:
    """A connection to the HTTP door, in ada's session."""
    connection = house.http()
    connection.enter("ada")
    return connection
