"""LIST."""

from __future__ import annotations

from ....kit.irc import IrcWire, register
from ....kit.server import MemoryServer


def listed(client: IrcWire, words: str = "") -> list[str]:
    """The channels that LIST shows."""
    first, *rooms, end = client.ask(f"LIST {words}")
    assert (first.split()[0], end.split()[0]) == ("321", "323")
    return [line.split()[2] for line in rooms]


def test_channels_with_people_are_listed(server: MemoryServer) -> None:
    """An empty lobby is not, and nor is a room that has only a past."""
    ada = register(server, "ada")
    assert listed(ada) == []
    server.say("x", room="old", name="cy")
    register(server, "bob", rooms="#dev,#lobby").ask("TOPIC #dev :tea")
    assert listed(ada) == ["#dev", "#lobby"]
    assert ada.ask("LIST #dev")[1] == "322 ada #dev 1 :tea"


def test_channels_are_listed_by_mask_and_people(server: MemoryServer) -> None:
    """Conditions may exclude, too; numbers of people are exclusive bounds."""
    register(server, "bob", rooms="#dev,#lobby")
    ada = register(server, "ada", rooms="#dev")
    assert listed(ada, "*ob*") == ["#lobby"]
    assert listed(ada, "!*ob*") == ["#dev"]
    assert listed(ada, ">1") == ["#dev"]
    assert listed(ada, "<2") == ["#lobby"]
    assert listed(ada, "#nowhere") == []


def test_a_channel_from_which_one_is_banned_is_listed(server: MemoryServer) -> None:
    """As on the other doors: a ban hides what is said there, not that the room exists."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    assert ada.ask("MODE #dev +b bob!*@*")
    assert bob.ask("JOIN #dev")[-1].startswith("474 ")
    assert listed(bob) == ["#dev"]
    ada.ask("MODE #dev +i")
    assert listed(bob) == []
