"""MONITOR."""

from __future__ import annotations

from ....kit.irc import register, source
from ....kit.server import MemoryServer


def test_monitor_reports_a_person_s_arrival_and_departure(server: MemoryServer) -> None:
    """In the spelling of the person, whatever the case of the request."""
    ada = register(server, "ada")
    assert ada.ask("MONITOR + bob,cy") == ["731 ada :bob,cy"]
    bob = register(server, "Bob")
    assert ada.read() == [f"730 ada :{source(server, 'Bob')}"]
    assert ada.ask("MONITOR S") == [f"730 ada :{source(server, 'Bob')}", "731 ada :cy"]
    bob.ask("QUIT")
    assert ada.read() == ["731 ada :Bob"]


def test_monitor_reports_a_change_of_name_as_both(server: MemoryServer) -> None:
    """Another case of the same name is no change."""
    ada, bob = register(server, "ada"), register(server, "bob")
    ada.ask("MONITOR + bob,rob")
    bob.ask("NICK Bob")
    assert ada.read() == []
    bob.ask("NICK rob")
    assert sorted(line.split()[0] for line in ada.read()) == ["730", "731"]


def test_the_monitor_list_is_shown_and_cleared(server: MemoryServer) -> None:
    """A cleared list reports nothing."""
    ada = register(server, "ada")
    ada.ask("MONITOR + bob,cy", "MONITOR - cy")
    assert ada.ask("MONITOR L") == ["732 ada :bob", "733 ada :end of MONITOR list"]
    ada.ask("MONITOR C")
    assert ada.ask("MONITOR L") == ["733 ada :end of MONITOR list"]
    register(server, "bob")
    assert ada.read() == []


def test_the_monitor_list_has_a_limit(server: MemoryServer) -> None:
    """The one that `005` tells."""
    ada = register(server, "ada")
    ada.ask(*(f"MONITOR + n{number}" for number in range(100)))
    server.chat.advance(60)
    ada.read()
    assert ada.commands("MONITOR + more") == ["734"]


def test_a_closed_client_leaves_the_monitors(server: MemoryServer) -> None:
    """No reference to it is kept."""
    ada = register(server, "ada")
    ada.ask("MONITOR + bob")
    ada.wire.hang_up()
    server.chat.settle()
    register(server, "bob")
    assert server.irc.monitors.of("bob") == []
