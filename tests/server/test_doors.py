"""The table of doors (`chatd.server.doors`)."""

from __future__ import annotations

import pytest

from chatd.model.errors import Unavailable
from chatd.server.doors import DOORS, DoorKind

from ..kit.server import MemoryServer


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_door_accepts_and_refuses_clients(server: MemoryServer, door: DoorKind) -> None:
    """Its factory makes a protocol for a client, and an error message for a refused one."""
    factory = door.make(server.context())
    assert factory.buildProtocol(None) is not None
    assert b"too many" in factory.rejection(Unavailable("too many are connected"))
