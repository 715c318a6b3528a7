"""The table of doors (`chatd.server.doors`)."""

from __future__ import annotations

import pytest

from chatd.model.errors import Unavailable
from chatd.server.doors import DOORS, DoorKind

from ..kit.server import MemoryServer


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_door_takes_clients_and_turns_them_away(server: MemoryServer, door: DoorKind) -> None:
    """Its factory makes a protocol for a client, and tells one that is not let in why."""
    factory = door.make(server.context())
    assert factory.buildProtocol(None) is not None
    assert b"too many" in factory.turn_away(Unavailable("too many are connected"))
