"""Commands of the line door about names."""

from __future__ import annotations

from ....kit.server import MemoryServer
from ....kit.terminal import Terminal


def test_taking_a_name_is_joining(server: MemoryServer, bob: Terminal) -> None:
    """Until then one was a guest."""
    guest = Terminal(server)
    assert guest.type("/nick ada") == ["== you are now ada", "-- ada joined #lobby"]
    assert bob.heard() == ["-- ada joined #lobby"]


def test_taking_another_name_is_told(ada: Terminal, bob: Terminal) -> None:
    """To everyone, and the sender gets an answer besides."""
    assert ada.type("/nick eve") == ["== you are now eve", "-- ada is now eve"]
    assert bob.heard() == ["-- ada is now eve"]


def test_a_name_change_is_told_in_every_room_at_once(ada: Terminal, bob: Terminal) -> None:
    """Bob shares two rooms with ada and hears of it in both."""
    ada.type("/join dev")
    bob.type("/join dev")
    bob.heard()
    ada.type("/nick eve")
    assert bob.heard() == ["#lobby -- ada is now eve", "-- ada is now eve"]
