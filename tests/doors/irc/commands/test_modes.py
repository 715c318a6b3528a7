"""MODE, of channels and of oneself."""

from __future__ import annotations

import re

import pytest

from chatd.model.moderation import Ban
from chatd.model.restrictions import MOST_IN_ROOM

from ....kit.chat import registered, with_account
from ....kit.irc import of_account, register, source
from ....kit.server import MemoryServer


def test_mode_shows_the_flags_of_a_channel(server: MemoryServer) -> None:
    """And when it was made; irssi waits for the end of the list of bans."""
    ada = register(server, "ada", rooms="#dev")
    flags, created = ada.ask("MODE #dev")
    assert flags == "324 ada #dev +"
    assert created.startswith("329 ada #dev 1")
    assert ada.ask("MODE #dev b") == ["368 ada #dev :end of the ban list"]
    assert ada.ask("MODE #dev +b") == ["368 ada #dev :end of the ban list"]


@pytest.mark.parametrize("modes", ["+", "-", "+-", ":"])
def test_a_mode_line_without_a_letter_shows_the_modes(server: MemoryServer, modes: str) -> None:
    """It asks for no list."""
    ada = register(server, "ada", rooms="#dev")
    assert ada.commands(f"MODE #dev {modes}") == ["324", "329"]


def test_a_client_changes_and_sees_its_own_modes(server: MemoryServer) -> None:
    """Only what has changed is answered."""
    ada = register(server, "ada")
    assert ada.ask("MODE ada") == ["221 ada +i"]
    assert ada.ask("MODE ADA +B-i") == [f":{source(server, 'ada')} MODE ada +B-i"]
    assert ada.ask("MODE ada") == ["221 ada +B"]
    assert ada.commands("MODE ada +Z") == ["501"]
    assert ada.commands("MODE ada +B") == []


def test_a_client_cannot_see_or_change_the_modes_of_others(server: MemoryServer) -> None:
    """Of a person, or of nobody."""
    ada = register(server, "ada")
    register(server, "bob")
    assert ada.commands("MODE bob", "MODE nobody +i") == ["502", "401"]


def test_changes_of_own_modes_that_come_too_fast_wait() -> None:
    """Each changes what all nodes know of the person."""
    server = MemoryServer(message_rate=1)
    ada = register(server, "ada")
    server.chat.advance(10)
    told = ada.ask(*(f"MODE ada {sign}B" for sign in "+-+-+-"))
    assert sum(" MODE ada " in line for line in told) == 4
    server.chat.advance(1)
    server.chat.advance(1)
    me = source(server, "ada")
    assert ada.read() == [f":{me} MODE ada +B", f":{me} MODE ada -B"]


def test_a_client_cannot_give_itself_mode_o(server: MemoryServer) -> None:
    """Only OPER does."""
    ada = register(server, "ada")
    assert ada.commands("MODE ada +o") == []
    assert ada.ask("MODE ada") == ["221 ada +i"]


def test_the_creator_of_a_channel_gives_roles(server: MemoryServer) -> None:
    """And takes them; everybody in the channel is shown each change."""
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


def test_the_role_of_a_person_that_joins_is_shown_to_those_inside(server: MemoryServer) -> None:
    """JOIN does not tell it; the person itself, in all its sessions, sees it in NAMES."""
    registered(server.chat, "ada")
    bob = register(server, "bob", rooms="#dev")
    ada, phone = of_account(server, "ada"), of_account(server, "ada", "away-notify")
    ada.ask("JOIN #dev")
    bob.ask("MODE #dev +o ada")
    ada.ask("PART #dev")
    bob.read()
    phone.read()
    words = [line.split("MODE")[-1] for line in ada.ask("JOIN #dev")]
    assert words[1:] == ["353 ada = #dev :@bob @ada", "366 ada #dev :end of NAMES"]
    assert bob.read()[1:] == ["MODE #dev +o ada"]
    assert not any("MODE" in line for line in phone.read())
    bob.ask("MODE #dev -o ada")
    ada.ask("PART #dev")
    bob.read()
    ada.ask("JOIN #dev")
    assert [line.split()[1] for line in bob.read()] == ["JOIN"]


def test_a_role_that_no_line_has_told_is_taken_by_its_letter(server: MemoryServer) -> None:
    """A client knows it from NAMES, for example because the page gave it before."""
    wire, boss = server.line(), server.line()
    boss.send(b"/nick boss\r\n/join dev\r\n")
    server.chat.settle()
    wire.send(b"/nick lin\r\n/join dev\r\n")
    server.chat.settle()
    boss.send(b"/voice lin\r\n")
    ada = register(server, "ada", rooms="#dev")
    boss.send(b"/devoice lin\r\n")
    (line,) = ada.read()
    assert line.endswith(" MODE #dev -v lin")
    ada.ask("PART #dev")
    boss.send(b"/posting accounts\r\n")
    ada.ask("JOIN #dev", "MODE #dev")
    boss.send(b"/posting everyone\r\n")
    (line,) = ada.read()
    assert line.endswith(" MODE #dev -M")


def test_a_lower_role_takes_no_higher_one(server: MemoryServer) -> None:
    """Which has to be taken first, in the same line if need be."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    ada.ask("MODE #dev +o bob")
    bob.read()
    assert ada.ask("MODE #dev +v bob", "MODE #dev +v ada", "MODE #dev -v bob") == []
    assert "353 ada = #dev :@ada @bob" in ada.ask("NAMES #dev")
    ada.ask("MODE #dev -o+v bob bob")
    assert [line.split("MODE ")[1] for line in bob.read()] == ["#dev -o bob", "#dev +v bob"]


def test_roles_take_a_role_and_somebody_who_is_there(server: MemoryServer) -> None:
    """Each refusal has its own numeric."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    register(server, "eve")
    assert bob.commands("MODE #dev +o bob") == ["482"]
    assert ada.commands("MODE #dev +o nobody")[-1] == "401"
    assert ada.commands("MODE #dev +o eve") == ["441"]
    assert ada.commands("MODE #dev +q bob") == ["696"]
    assert ada.commands("MODE #dev +k secret") == ["472"]


def test_flags_are_the_rooms_settings(server: MemoryServer) -> None:
    """They apply on every door, and are shown as one MODE."""
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
    """It is no PART in addition."""
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
    """Each refusal has its own numeric."""
    register(server, "ada", rooms="#dev")
    bob, eve = register(server, "bob", rooms="#dev"), register(server, "eve")
    assert bob.commands("KICK #dev ada", "KICK #dev nobody", "KICK #dev eve") == [
        "482",
        "401",
        "441",
    ]
    assert eve.commands("KICK #dev bob", "KICK #none bob", "KICK x y") == ["442", "403", "403"]


def test_a_ban_is_placed_listed_and_lifted(server: MemoryServer) -> None:
    """In its canonical form, whatever form it was given in."""
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


def test_a_full_list_of_bans_takes_no_more(server: MemoryServer) -> None:
    """`MAXLIST` of `005` says how many there may be, and all of them are listed."""
    ada = register(server, "ada", rooms="#dev")
    person = server.chat.service.people.own("ada")
    assert person is not None
    for number in range(MOST_IN_ROOM):
        server.chat.perform(person, Ban("dev", f"name{number}"))
    ada.read()
    (line,) = ada.ask("MODE #dev +b one.more!*@*")
    assert line.startswith("478 ada #dev b :#dev has 200 bans")
    assert ada.commands("MODE #dev b").count("367") == MOST_IN_ROOM


def test_somebody_who_is_banned_is_put_out_with_a_kick(server: MemoryServer) -> None:
    """Told to others behind the ban, as by its author, and to the one who is banned."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    eve = register(server, "eve", rooms="#dev")
    for client in (ada, bob, eve):
        client.read()
    me = source(server, "ada")
    told = [f":{me} MODE #dev +b bob!*@*", f":{me} KICK #dev bob :ada"]
    assert ada.ask("MODE #dev +b bob") == told
    assert eve.read() == told
    (kick,) = bob.read()
    assert kick.startswith("KICK #dev bob :you are banned from #dev")
    assert ada.commands("KICK #dev bob") == ["441"]


def test_a_ban_with_a_reason_from_another_door_is_the_reason_of_the_kick(
    server: MemoryServer,
) -> None:
    """MODE has no place for it."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    ada.read()
    person = server.chat.service.people.own("ada")
    assert person is not None
    server.chat.perform(person, Ban("dev", "bob", text="spam"))
    assert [line.split(" ", 1)[1] for line in ada.read()] == [
        "MODE #dev +b bob!*@*",
        "KICK #dev bob :spam",
    ]
    assert [line[:13] for line in bob.read()] == ["KICK #dev bob"]


def test_a_banned_network_is_seen_by_administrators_only(server: MemoryServer) -> None:
    """Others see the ban's id in its place, and lift the ban by that."""
    ada = register(server, "ada", rooms="#dev")
    bob = register(server, "bob", host="198.51.100.7", rooms="#dev")
    ada.read()
    root = with_account(server.chat, "ruth", admin=True)
    server.chat.perform(root, Ban("dev", "198.51.100.0/24", text="flood"))
    by = source(server, "ruth")
    ban, kick = ada.read()
    mask = ban.removeprefix(f":{by} MODE #dev +b ")
    assert re.fullmatch(r"\*!\*@~[0-9a-f]{8}\.network", mask)
    assert kick == f":{by} KICK #dev bob :flood"
    assert bob.read()[-1].startswith("KICK #dev bob :you are banned from #dev: flood")
    assert ada.ask("MODE #dev b")[0].startswith(f"367 ada #dev {mask} ruth ")
    assert ada.commands("MODE #dev +b *!*@~00000000.network") == ["696"]
    me = source(server, "ada")
    assert ada.ask(f"MODE #dev -b {mask}") == [f":{me} MODE #dev -b {mask}"]
    assert "JOIN" in bob.commands("JOIN #dev")


def test_people_who_are_no_members_are_put_out_of_a_channel_that_closes(
    server: MemoryServer,
) -> None:
    """Those with a role stay."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    eve = register(server, "eve", rooms="#dev")
    ada.ask("MODE #dev +v eve")
    for client in (ada, bob, eve):
        client.read()
    me = source(server, "ada")
    assert ada.ask("MODE #dev +i") == [f":{me} MODE #dev +i", f":{me} KICK #dev bob :ada"]
    assert eve.read() == [f":{me} MODE #dev +i", f":{me} KICK #dev bob :ada"]
    (kick,) = bob.read()
    assert kick.startswith("KICK #dev bob :")


def test_members_are_invited(server: MemoryServer) -> None:
    """INVITE lets a person into a channel with `+i`, and is listed until it is used."""
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


@pytest.mark.parametrize("gone", ["PART", "KICK"])
def test_an_invitation_lets_a_guest_in_once(server: MemoryServer, gone: str) -> None:
    """A guest who has left a channel with `+i`, or was put out of it, needs another one."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob")
    ada.ask("MODE #dev +i")
    for _ in range(2):
        assert bob.commands("JOIN #dev") == ["473"]
        ada.ask("INVITE bob #dev", "INVITE bob #dev")
        assert "JOIN" in bob.commands("JOIN #dev")
        if gone == "PART":
            assert bob.ask("PART #dev", "JOIN #dev") == [
                f":{source(server, 'bob')} PART #dev",
                "473 bob #dev :it is for members only; ask one of its operators (+i)",
            ]
        else:
            ada.ask("KICK #dev bob :out")
            assert bob.read() == [f":{source(server, 'ada')} KICK #dev bob :out"]
        assert bob.ask("INVITE") == ["337 bob :end of INVITE list"]


def test_an_invitation_makes_an_account_a_member(server: MemoryServer) -> None:
    """Who may leave, and come back."""
    registered(server.chat, "bob")
    ada, bob = register(server, "ada", rooms="#dev"), of_account(server, "bob")
    ada.ask("MODE #dev +i", "INVITE bob #dev")
    for _ in range(2):
        assert "JOIN" in bob.commands("JOIN #dev", "PART #dev")


def test_somebody_without_an_irc_client_is_told_of_an_invitation_by_a_private_notice(
    server: MemoryServer,
) -> None:
    """Which telnet shows; an IRC client gets INVITE alone, and the inviter no copy."""
    ada = register(server, "ada", "echo-message", rooms="#dev")
    bob = register(server, "bob")
    line = server.line()
    line.send(b"/nick liz\r\n")
    server.chat.settle()
    line.received()
    assert ada.ask("INVITE liz #dev") == ["341 ada liz #dev"]
    assert b"[ada] invites you to #dev; /join #dev takes you there" in line.received()
    assert ada.ask("INVITE bob #dev") == ["341 ada bob #dev"]
    assert bob.read() == [f":{source(server, 'ada')} INVITE bob #dev"]


def test_a_ban_that_does_not_exist_is_lifted_in_silence(server: MemoryServer) -> None:
    """Like any change of a mode that changes nothing."""
    ada = register(server, "ada", rooms="#dev")
    assert ada.ask("MODE #dev -b bob!*@*") == []
