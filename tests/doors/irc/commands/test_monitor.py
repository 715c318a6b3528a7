"""MONITOR."""

from __future__ import annotations

from ....kit.irc import register, source
from ....kit.server import MemoryServer


def test_somebody_who_is_watched_is_told_to_come_and_go(server: MemoryServer) -> None:
    ada = register(server, "ada")
    assert ada.ask("MONITOR + bob,cy") == ["731 ada :bob,cy"]
    bob = register(server, "Bob")
    assert ada.read() == [f"730 ada :{source(server, 'Bob')}"]
    assert ada.ask("MONITOR S") == [f"730 ada :{source(server, 'Bob')}", "731 ada :cy"]
    bob.ask("QUIT")
    assert ada.read() == ["731 ada :Bob"]


def test_a_change_of_name_is_a_going_and_a_coming(server: MemoryServer) -> None:
    ada, bob = register(server, "ada"), register(server, "bob")
    ada.ask("MONITOR + bob,rob")
    bob.ask("NICK Bob")
    assert ada.read() == []
    bob.ask("NICK rob")
    assert sorted(line.split()[0] for line in ada.read()) == ["730", "731"]


def test_the_list_is_told_and_cleared(server: MemoryServer) -> None:
    ada = register(server, "ada")
    ada.ask("MONITOR + bob,cy", "MONITOR - cy")
    assert ada.ask("MONITOR L") == ["732 ada :bob", "733 ada :end of MONITOR list"]
    ada.ask("MONITOR C")
    assert ada.ask("MONITOR L") == ["733 ada :end of MONITOR list"]
    register(server, "bob")
    assert ada.read() == []


def test_a_list_has_an_end(server: MemoryServer) -> None:
    ada = register(server, "ada")
    ada.ask(*(f"MONITOR + n{number}" for number in range(100)))
    server.chat.advance(60)
    ada.read()
    assert ada.commands("MONITOR + more") == ["734"]


def test_a_client_that_has_gone_watches_nobody(server: MemoryServer) -> None:
    ada = register(server, "ada")
    ada.ask("MONITOR + bob")
    ada.wire.hang_up()
    server.chat.settle()
    register(server, "bob")
    assert server.irc.monitors.of("bob") == []
