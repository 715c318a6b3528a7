"""Questions about people, and being away."""

from __future__ import annotations

import re

import pytest

from chatd.model.commands import Join
from chatd.model.policy import Action
from chatd.testing.policies import DenyIf

from ....kit.chat import registered, signed_in
from ....kit.irc import IrcWire, of_account, register, source
from ....kit.secure import all_secure
from ....kit.server import MemoryServer
from ....kit.terminal import Terminal


def test_who_lists_the_people_in_a_channel(server: MemoryServer) -> None:
    """With away as `G`, and the prefix of a role."""
    register(server, "bob", rooms="#dev").ask("AWAY :tea")
    ada = register(server, "ada", rooms="#dev")
    who = server.irc.who("bob")
    bob, own, end = ada.ask("WHO #DEV")
    assert bob == f"352 ada #dev ~bob {who.host} irc.example bob G@ :0 bob B."
    assert own.startswith("352 ada #dev ~ada ")
    assert own.endswith(" irc.example ada H :0 ada B.")
    assert end == "315 ada #DEV :end of WHO"


def test_who_leaves_out_invisible_people(server: MemoryServer) -> None:
    """By a name always, by a mask only if they are visible or share a channel."""
    ada, bob = register(server, "ada"), register(server, "bob")
    assert ada.commands("WHO bob") == ["352", "315"]
    assert ada.commands("WHO b*") == ["315"]
    bob.ask("MODE bob -i")
    assert ada.commands("WHO b*") == ["352", "315"]
    bob.ask("MODE bob +i", "JOIN #dev")
    ada.ask("JOIN #dev")
    assert ada.commands("WHO b*") == ["352", "315"]


def test_whox_shows_no_address(server: MemoryServer) -> None:
    """The field of the address has a placeholder."""
    ada = register(server, "ada")
    line, _ = ada.ask("WHO ada %tcuihsnfdlaor,42")
    words = line.split(" ")
    assert words[:5] == ["354", "ada", "42", "*", "~ada"]
    assert words[5] == "255.255.255.255"
    assert line.endswith(":ada B.")


def test_whois_describes_a_person(server: MemoryServer) -> None:
    """With channels, bot mode and away message, and without an address."""
    bob = register(server, "bob", rooms="#dev")
    bob.ask("AWAY :tea", "MODE bob +B")
    ada = register(server, "ada", rooms="#dev")
    assert ada.commands("WHOIS bob") == ["311", "319", "312", "317", "335", "301", "318"]
    who = server.irc.who("bob")
    assert ada.ask("WHOIS irc.example bob")[0] == f"311 ada bob ~bob {who.host} * :bob B."
    assert "192.0.2" not in "\n".join(ada.ask("WHOIS bob"))


def test_whois_shows_since_when_a_person_is_here_and_says_nothing(server: MemoryServer) -> None:
    """Reading, joining and changing the nick do not count."""
    bob = register(server, "bob")
    came = int(server.chat.clock.rightNow)
    server.chat.clock.advance(60)
    bob.ask("PRIVMSG bob :milk")
    server.chat.clock.advance(25)
    bob.ask("JOIN #dev", "NICK rob")
    assert f"317 ada rob 25 {came} :seconds idle, time of sign-on" in register(server, "ada").ask(
        "WHOIS rob"
    )


def test_whois_leaves_out_what_is_not_known_of_a_person(server: MemoryServer) -> None:
    """A person with a session on another door may have said something there."""
    ada = register(server, "ada")
    Terminal(server, "/nick bob")
    registered(server.chat, "cy")
    of_account(server, "cy").ask("JOIN #dev")
    assert "317" not in ada.commands("WHOIS bob")
    assert "317" in ada.commands("WHOIS cy")
    signed_in(server.chat, "cy")
    assert "317" not in ada.commands("WHOIS cy")


def test_whois_shows_who_uses_tls(server: MemoryServer) -> None:
    """If all connections of the person do."""
    registered(server.chat, "bob")
    ada = register(server, "ada")
    with all_secure():
        of_account(server, "bob")
    assert "671 ada bob :is using a secure connection" in ada.ask("WHOIS bob")
    assert "671" not in ada.commands("WHOIS ada")
    of_account(server, "bob")
    assert "671" not in ada.commands("WHOIS bob")


def test_the_user_name_tells_by_which_door_a_guest_came(server: MemoryServer) -> None:
    """`web` and `line`; the user name that an IRC client gives has a `~` before it."""
    ada = register(server, "ada")
    Terminal(server, "/nick bob")
    server.http().post("/session", {"name": "cy"})
    assert [ada.ask(f"WHOIS {name}")[0].split()[3] for name in ("ada", "bob", "cy")] == [
        "~ada",
        "line",
        "web",
    ]


def test_whois_hides_the_channels_of_invisible_people(server: MemoryServer) -> None:
    """From clients that share no channel with the person."""
    register(server, "bob", rooms="#dev")
    ada = register(server, "ada")
    assert "319" not in ada.commands("WHOIS bob")
    ada.ask("JOIN #dev")
    assert "319" in ada.commands("WHOIS bob")


def test_whowas_shows_people_who_have_left(server: MemoryServer) -> None:
    """The last first, as many as were asked for."""
    for host in ("192.0.2.1", "198.51.100.7"):
        register(server, "bob", host=host).ask("QUIT")
    ada = register(server, "ada")
    assert ada.commands("WHOWAS bob") == ["314", "312", "314", "312", "369"]
    assert ada.commands("WHOWAS bob 1") == ["314", "312", "369"]
    assert ada.commands("WHOWAS eve") == ["406", "369"]


def test_ison_and_userhost_use_the_holder_s_spelling(server: MemoryServer) -> None:
    """And leave out names that nobody holds."""
    register(server, "Bob")
    ada = register(server, "ada")
    assert ada.ask("ISON bob eve") == ["303 ada :Bob"]
    who = server.irc.who("Bob")
    assert ada.ask("USERHOST bob eve") == [f"302 ada :Bob=+~Bob@{who.host}"]


def test_away_is_shown_to_clients_with_away_notify(server: MemoryServer) -> None:
    """Once, however many channels they share."""
    ada = register(server, "ada", rooms="#dev,#lobby")
    bob = register(server, "bob", "away-notify", rooms="#dev,#lobby")
    for client in (ada, bob):
        client.read()
    assert ada.commands("AWAY :tea") == ["306"]
    assert bob.read() == [f":{source(server, 'ada')} AWAY :tea"]
    assert ada.commands("AWAY") == ["305"]
    assert bob.read() == [f":{source(server, 'ada')} AWAY"]


def test_a_join_of_an_away_person_shows_the_away_message(server: MemoryServer) -> None:
    """A client may set one before registration (`draft/pre-away`)."""
    bob = register(server, "bob", "away-notify", rooms="#dev")
    client = IrcWire(server)
    client.ask("CAP REQ draft/pre-away", "AWAY :tea", "NICK ada", "USER ada 0 * :A", "CAP END")
    client.ask("JOIN #dev")
    _, away = bob.read()
    assert away == f":{source(server, 'ada')} AWAY :tea"


@pytest.mark.parametrize("line", ["WHO", "WHO *", "WHO 0", "ISON", "USERHOST x", "WHO #dev %"])
def test_malformed_questions_are_answered(server: MemoryServer, line: str) -> None:
    """Clients wait for an answer, or its end."""
    assert register(server, "ada").commands(line)


def test_a_person_is_away_when_all_sessions_are(server: MemoryServer) -> None:
    """One that comes is not; one that goes does not count any more."""
    registered(server.chat, "ada")
    bob = register(server, "bob", "away-notify", rooms="#dev")
    one, other = of_account(server, "ada"), of_account(server, "ada")
    one.ask("JOIN #dev")
    bob.read()
    assert one.commands("AWAY :tea") == ["306"]
    assert bob.read() == []
    other.ask("AWAY :lunch")
    assert [line.split(" ", 1)[1] for line in bob.read()] == ["AWAY :lunch"]
    third = of_account(server, "ada")
    assert [line.split(" ", 1)[1] for line in bob.read()] == ["AWAY"]
    third.wire.hang_up()
    (line,) = bob.read()
    assert " AWAY :" in line
    assert other.commands("AWAY") == ["305"]
    assert [line.split(" ", 1)[1] for line in bob.read()] == ["AWAY"]


def crowd(server: MemoryServer, number: int) -> None:
    """So many people in #dev."""
    for name in range(number):
        person = server.chat.enter(f"p{name}")
        server.chat.perform(person, Join("dev"))


@pytest.mark.parametrize("asked", ["WHO #dev", "WHO p*", "WHO #dev %tn,7", "@label=1 WHO #dev"])
def test_a_long_answer_is_made_in_parts_and_is_whole(server: MemoryServer, asked: str) -> None:
    """In each turn a part, so that others are not delayed; what the client sends next waits."""
    crowd(server, 250)
    ada = register(server, "ada", "batch", "labeled-response")
    ada.send(asked, "PING x")
    assert ada.wire.value().count(b" 352 ") + ada.wire.value().count(b" 354 ") <= 100
    messages = ada.messages()
    names = [word for one in messages for word in one.params if re.fullmatch(r"p\d+", word)]
    assert names == [f"p{name}" for name in range(250)]
    tail = [one.command for one in messages if one.command != "BATCH"][-2:]
    assert tail == ["315", "PONG"]


def test_the_rest_of_a_long_answer_is_left_out_if_the_policy_forbids_it(
    server: MemoryServer,
) -> None:
    """It is asked for each part."""
    crowd(server, 250)
    ada = register(server, "ada", rooms="#dev")
    forbidden: set[Action] = set()
    server.chat.service.readers.policy = DenyIf(lambda who, what, room: what in forbidden)
    ada.send("WHO #dev")
    forbidden.add(Action.READ)
    commands = ada.commands()
    assert (commands.count("352"), commands[-1]) == (100, "315")
