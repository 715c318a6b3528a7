"""Commands of the line door about names."""

from __future__ import annotations

from ....kit.server import MemoryServer
from ....kit.terminal import Terminal


def test_taking_a_first_name_is_announced_as_joining(server: MemoryServer, bob: Terminal) -> None:
    """Until then the person was a guest."""
    guest = Terminal(server)
    assert guest.type("/nick ada") == ["== you are now ada", "-- ada joined #lobby"]
    assert bob.heard() == ["-- ada joined #lobby"]


def test_name_change_is_shown_to_everyone_and_answered(ada: Terminal, bob: Terminal) -> None:
    """Everyone reads the event; its sender gets an answer as well."""
    assert ada.type("/nick eve") == ["== you are now eve", "-- ada is now eve"]
    assert bob.heard() == ["-- ada is now eve"]


def test_name_change_is_shown_in_every_shared_room(ada: Terminal, bob: Terminal) -> None:
    """Bob shares two rooms with ada and reads the event in both."""
    ada.type("/join dev")
    bob.type("/join dev")
    bob.heard()
    ada.type("/nick eve")
    assert bob.heard() == ["#lobby -- ada is now eve", "-- ada is now eve"]
