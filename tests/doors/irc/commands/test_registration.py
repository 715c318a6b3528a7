"""How a client comes in and goes."""

from __future__ import annotations

import pytest

from ....kit.irc import IrcWire, register, source
from ....kit.server import MemoryServer


def test_registration_is_answered_with_the_welcome(server: MemoryServer) -> None:
    """001 to 005, how many people there are, the message of the day, and its modes."""
    commands = IrcWire(server).commands("NICK ada", "USER ada 0 * :Ada L.")
    welcome = ["001", "002", "003", "004", "005", "005"]
    assert commands == [*welcome, "251", "252", "253", "254", "255", "265", "266", "422", "221"]


def test_a_new_client_is_in_no_channel(server: MemoryServer) -> None:
    """The client decides what it joins."""
    register(server, "ada")
    assert server.here == []


def test_registration_waits_for_the_end_of_negotiation(server: MemoryServer) -> None:
    """`CAP LS` begins it, and `CAP END` ends it."""
    client = IrcWire(server)
    assert set(client.commands("CAP LS 302", "NICK ada", "USER ada 0 * :A")) == {"CAP"}
    assert client.commands("CAP END")[0] == "001"


def test_capabilities_are_granted_whole_or_not_at_all(server: MemoryServer) -> None:
    """And may be given back."""
    client = IrcWire(server)
    assert client.ask("CAP REQ :batch nonsense") == ["CAP * NAK :batch nonsense"]
    assert client.ask("CAP REQ :batch echo-message") == ["CAP * ACK :batch echo-message"]
    assert client.ask("CAP REQ :-batch") == ["CAP * ACK :-batch"]
    assert client.ask("CAP LIST") == ["CAP * LIST :echo-message"]
    assert client.ask("CAP WHAT") == ["410 * WHAT :there is no such CAP command"]


@pytest.mark.parametrize("line", ["JOIN #lobby", "PRIVMSG #lobby :hi", "WHO *", "NONSENSE"])
def test_other_commands_wait_for_registration(server: MemoryServer, line: str) -> None:
    """Whether they exist or not."""
    assert IrcWire(server).commands(line) == ["451"]


@pytest.mark.parametrize("nick", ["0", "*", "a!b", "#a", "guest-0007", "😊", "x" * 400])
def test_an_invalid_nick_is_refused(server: MemoryServer, nick: str) -> None:
    """The client may send another one, and is then let in."""
    client = IrcWire(server)
    assert client.commands(f"NICK {nick}", "USER a 0 * :A") == ["432"]
    assert client.commands("NICK ada")[0] == "001"
    assert client.commands(f"NICK {nick}") == ["432"]


def test_a_name_in_use_is_refused_and_another_may_be_taken(server: MemoryServer) -> None:
    """In any case of letters; the nick is judged when registration completes."""
    register(server, "ada")
    client = IrcWire(server)
    assert client.commands("NICK Ada", "USER a 0 * :A") == ["433"]
    assert client.commands("NICK ADA", "NICK bob")[-1] == "221"


def test_only_one_of_two_registrations_gets_a_nick(server: MemoryServer) -> None:
    """It is judged at the end of registration, and taken once."""
    one, other = IrcWire(server), IrcWire(server)
    one.send("NICK ada", "USER a 0 * :A")
    other.send("NICK ada", "USER b 0 * :B")
    firsts = {one.commands()[0], other.commands()[0]}
    assert firsts == {"001", "433"}


def test_a_nick_is_changed_once_for_all_channels(server: MemoryServer) -> None:
    """A client reads it once, however many channels it shares."""
    ada = register(server, "ada", rooms="#lobby,#dev")
    bob = register(server, "bob", rooms="#lobby,#dev")
    before = source(server, "ada")
    ada.read()
    assert ada.ask("NICK lovelace") == [f":{before} NICK lovelace"]
    assert bob.read() == [f":{before} NICK lovelace"]


def test_a_nick_that_cannot_be_had_is_refused_after_registration_too(server: MemoryServer) -> None:
    """Others notice nothing, and the old nick stays."""
    register(server, "ada")
    bob = register(server, "bob", rooms="#dev")
    bob.read()
    assert bob.commands("NICK ada", "NICK ADA", "NICK a!b", "NICK :") == [
        "433",
        "433",
        "432",
        "431",
    ]
    assert bob.read() == []
    assert server.chat.service.people.own("bob") is not None


def test_a_nick_change_without_a_channel_is_told_to_oneself(server: MemoryServer) -> None:
    """A change to the same nick is not told."""
    ada = register(server, "ada")
    before = source(server, "ada")
    assert ada.ask("NICK bob") == [f":{before} NICK bob"]
    assert ada.commands("NICK bob") == []


def test_missing_parameters_are_reported(server: MemoryServer) -> None:
    """USER and PASS are refused after registration."""
    client = IrcWire(server)
    assert client.commands("NICK") == ["431"]
    assert client.commands("USER ada 0 *", "USER ada 0 * :") == ["461", "461"]
    registered = register(server, "ada")
    assert registered.commands("USER a 0 * :A", "PASS x") == ["462", "462"]
    assert registered.commands("JOIN", "PING", "WHOIS") == ["461", "461", "431"]


def test_a_ping_is_answered_before_registration(server: MemoryServer) -> None:
    """Behind the answers to what was sent before it."""
    client = IrcWire(server)
    assert client.commands("REGISTER * * secret", "NICK ada", "PING x") == ["FAIL", "PONG"]


def test_pong_comes_when_all_before_it_was_written_to_others(server: MemoryServer) -> None:
    """So a bot can tell that its message was sent."""
    ada = register(server, "ada", rooms="#lobby")
    bob = register(server, "bob", rooms="#lobby")
    ada.send("PRIVMSG #lobby :hi", "PING x")
    for _ in range(50):
        server.chat.clock.advance(0)
        if b"PONG" in ada.wire.value():
            assert b"PRIVMSG #lobby :hi" in bob.wire.value()
            return
    pytest.fail("there was no PONG")


def test_quit_is_shown_to_others_with_its_reason(server: MemoryServer) -> None:
    """Once, however many channels they share."""
    ada = register(server, "ada", rooms="#lobby,#dev")
    bob = register(server, "bob", rooms="#lobby,#dev")
    gone = source(server, "ada")
    bob.read()
    assert ada.ask("QUIT :tea time")[-1] == "ERROR :closing link: goodbye: tea time"
    assert ada.closed
    assert bob.read() == [f":{gone} QUIT :tea time"]
    assert bob.commands("WHOIS ada") == ["401", "318"]


def test_setname_is_shown_to_clients_with_the_capability(server: MemoryServer) -> None:
    """To the client itself, too."""
    ada = register(server, "ada", "setname", rooms="#lobby")
    bob = register(server, "bob", "setname", rooms="#lobby")
    eve = register(server, "eve", rooms="#lobby")
    for client in (ada, bob, eve):
        client.read()
    line = f":{source(server, 'ada')} SETNAME :Countess"
    assert ada.ask("SETNAME :Countess") == [line]
    assert bob.read() == [line]
    assert eve.read() == []
