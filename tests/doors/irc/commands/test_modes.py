"""MODE, of channels and of oneself."""

from __future__ import annotations

from ....kit.irc import register, source
from ....kit.server import MemoryServer


def test_mode_shows_the_flags_of_a_channel(server: MemoryServer) -> None:
    ada = register(server, "ada", rooms="#dev")
    flags, created = ada.ask("MODE #dev")
    assert flags == "324 ada #dev +"
    assert created.startswith("329 ada #dev 1")
    assert ada.ask("MODE #dev b") == ["368 ada #dev :end of the ban list"]
    assert ada.ask("MODE #dev +b") == ["368 ada #dev :end of the ban list"]


def test_a_client_changes_and_sees_its_own_modes(server: MemoryServer) -> None:
    ada = register(server, "ada")
    assert ada.ask("MODE ada") == ["221 ada +i"]
    assert ada.ask("MODE ADA +B-i") == [f":{source(server, 'ada')} MODE ada +B-i"]
    assert ada.ask("MODE ada") == ["221 ada +B"]
    assert ada.commands("MODE ada +Z") == ["501"]
    assert ada.commands("MODE ada +B") == []


def test_a_client_cannot_see_or_change_the_modes_of_others(server: MemoryServer) -> None:
    ada = register(server, "ada")
    register(server, "bob")
    assert ada.commands("MODE bob", "MODE nobody +i") == ["502", "401"]


def test_a_client_cannot_give_itself_mode_o(server: MemoryServer) -> None:
    ada = register(server, "ada")
    assert ada.commands("MODE ada +o") == []
    assert ada.ask("MODE ada") == ["221 ada +i"]


def test_the_creator_of_a_channel_gives_roles(server: MemoryServer) -> None:
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    ada.read()
    me = source(server, "ada")
    for words in ("+o bob", "-o bob", "+v bob"):
        (line,) = ada.ask(f"MODE #dev {words}")
        assert line.startswith(f":{me} MODE #dev {words}")
    assert [line.split("MODE ")[1] for line in bob.read()] == [
        "#dev +o bob",
        "#dev -o bob",
        "#dev +v bob",
    ]
    assert "353 ada = #dev :@ada +bob" in ada.ask("NAMES #dev")


def test_giving_a_role_needs_a_role_and_a_person_in_the_channel(server: MemoryServer) -> None:
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    register(server, "eve")
    assert bob.commands("MODE #dev +o bob") == ["482"]
    assert ada.commands("MODE #dev +o nobody")[-1] == "401"
    assert ada.commands("MODE #dev +o eve") == ["441"]
    assert ada.commands("MODE #dev +q bob") == ["696"]
    assert ada.commands("MODE #dev +k secret") == ["472"]


def test_flags_are_the_rooms_settings(server: MemoryServer) -> None:
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    ada.read()
    bob.read()
    line = f":{source(server, 'ada')} MODE #dev +nst"
    assert ada.ask("MODE #dev +nst") == [line]
    assert bob.read() == [line]
    assert ada.ask("MODE #dev")[0] == "324 ada #dev +nst"
    assert bob.commands("TOPIC #dev :mine") == ["482"]
    assert "353 ada @ #dev :@ada bob" in ada.ask("NAMES #dev")
    assert ada.ask("MODE #dev -nst") == [f":{source(server, 'ada')} MODE #dev -nst"]


def test_a_kick_is_shown_once_and_the_person_may_rejoin(server: MemoryServer) -> None:
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    eve = register(server, "eve", rooms="#dev")
    for client in (ada, bob, eve):
        client.read()
    line = f":{source(server, 'ada')} KICK #dev bob :spam"
    assert ada.ask("KICK #dev bob :spam") == [line]
    assert eve.read() == [line]
    assert bob.read() == [line]
    assert "JOIN" in bob.commands("JOIN #dev")
    bob.ask("PART #dev")
    assert [message.command for message in eve.messages()] == ["JOIN", "PART"]


def test_kick_needs_a_role_and_a_person_in_the_channel(server: MemoryServer) -> None:
    register(server, "ada", rooms="#dev")
    bob, eve = register(server, "bob", rooms="#dev"), register(server, "eve")
    assert bob.commands("KICK #dev ada", "KICK #dev nobody", "KICK #dev eve") == [
        "482",
        "401",
        "441",
    ]
    assert eve.commands("KICK #dev bob", "KICK #none bob", "KICK x y") == ["442", "403", "403"]


def test_a_ban_is_placed_listed_and_lifted(server: MemoryServer) -> None:
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob")
    ada.ask("MODE #dev +b bob")
    ban, end = ada.ask("MODE #dev b")
    assert ban.startswith("367 ada #dev bob!*@* ada 1")
    assert end.startswith("368 ")
    assert bob.commands("JOIN #dev") == ["474"]
    ada.ask("MODE #dev -b bob!*@*")
    assert "JOIN" in bob.commands("JOIN #dev")
    ada.read()
    assert ada.commands("MODE #dev +b *!*@*") == ["696"]


def test_members_are_invited(server: MemoryServer) -> None:
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob")
    ada.ask("MODE #dev +i")
    assert bob.commands("JOIN #dev", "NAMES #dev", "MODE #dev", "TOPIC #dev")[:2] == ["473", "366"]
    assert ada.ask("INVITE bob #dev")[-1] == "341 ada bob #dev"
    assert bob.read() == [f":{source(server, 'ada')} INVITE bob #dev"]
    assert bob.ask("INVITE") == ["336 bob #dev", "337 bob :end of INVITE list"]
    assert "JOIN" in bob.commands("JOIN #dev")
    assert ada.commands("INVITE bob #dev", "INVITE nobody #dev", "INVITE bob")[-3:] == [
        "443",
        "401",
        "461",
    ]


def test_a_message_is_deleted_for_clients_that_understand(server: MemoryServer) -> None:
    caps = ("message-tags", "draft/message-redaction", "standard-replies")
    ada, bob = register(server, "ada", *caps, rooms="#dev"), register(server, "bob", rooms="#dev")
    id_ = server.say("secret", room="dev", name="cy")
    ada.read()
    bob.read()
    line = f":{source(server, 'ada')} REDACT #dev {id_} :rude"
    assert ada.ask(f"REDACT #dev {id_} :rude") == [line]
    assert bob.read() == []
    (line,) = ada.ask("REDACT #dev 17")
    assert line.startswith("FAIL REDACT UNKNOWN_MSGID #dev 17 :")
    assert "secret" not in repr([entry.event for entry in server.chat.entries("dev")])
