"""MODE, of channels and of oneself."""

from __future__ import annotations

from ....kit.irc import register, source
from ....kit.server import MemoryServer


def test_the_flags_of_a_channel_are_told(server: MemoryServer) -> None:
    ada = register(server, "ada", rooms="#dev")
    flags, created = ada.ask("MODE #dev")
    assert flags == "324 ada #dev +"
    assert created.startswith("329 ada #dev 1")
    assert ada.ask("MODE #dev b") == ["368 ada #dev :end of the ban list"]
    assert ada.ask("MODE #dev +b") == ["368 ada #dev :end of the ban list"]


def test_own_modes_are_changed_and_told(server: MemoryServer) -> None:
    ada = register(server, "ada")
    assert ada.ask("MODE ada") == ["221 ada +i"]
    assert ada.ask("MODE ADA +B-i") == [f":{source(server, 'ada')} MODE ada +B-i"]
    assert ada.ask("MODE ada") == ["221 ada +B"]
    assert ada.commands("MODE ada +Z") == ["501"]
    assert ada.commands("MODE ada +B") == []


def test_the_modes_of_others_are_not_ones_own(server: MemoryServer) -> None:
    ada = register(server, "ada")
    register(server, "bob")
    assert ada.commands("MODE bob", "MODE nobody +i") == ["502", "401"]


def test_nobody_makes_themselves_an_operator(server: MemoryServer) -> None:
    ada = register(server, "ada")
    assert ada.commands("MODE ada +o") == []
    assert ada.ask("MODE ada") == ["221 ada +i"]
