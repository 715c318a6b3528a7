"""Accounts on IRC."""

from __future__ import annotations

import base64

import pytest

from chatd.testing import result_of

from ....kit.irc import IrcWire, register
from ....kit.server import MemoryServer

LOCAL = "127.0.0.1"
PASSWORD = "correct horse battery"


def have_account(server: MemoryServer, name: str) -> None:
    made = server.chat.service.sign_in.register(name, PASSWORD, LOCAL)  # type: ignore[arg-type]
    server.chat.settle()
    result_of(made)


def plain(name: str, password: str = PASSWORD) -> str:
    return base64.b64encode(f"{name}\0{name}\0{password}".encode()).decode()


def sign_in(server: MemoryServer, name: str, *rooms: str) -> IrcWire:
    client = IrcWire(server, LOCAL)
    client.ask("CAP REQ :sasl", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain(name)}")
    client.ask("NICK x", "USER x 0 * :X", "CAP END", *(f"JOIN {room}" for room in rooms))
    return client


def test_a_client_signs_in_with_sasl(server: MemoryServer) -> None:
    """And is called as the account, whatever nick it asked for."""
    have_account(server, "ada")
    client = IrcWire(server, LOCAL)
    assert client.ask("CAP REQ :sasl", "AUTHENTICATE PLAIN")[-1] == "AUTHENTICATE +"
    server.irc.ready()
    server.chat.settle()
    host = server.chat.service.cards.of("ada", account=True).host
    told = f"900 * ada!account@{host} ada :you are signed in as ada"
    assert client.ask(f"AUTHENTICATE {plain('ada')}") == [told, "903 * :you are signed in"]
    lines = client.ask("NICK whatever", "USER x 0 * :X", "CAP END")
    assert lines[0] == f"001 ada :welcome to test, ada!account@{host}"
    assert client.commands("NICK other", "AUTHENTICATE PLAIN") == ["400", "462"]


@pytest.mark.parametrize(
    ("lines", "numerics"),
    [
        (["AUTHENTICATE PLAIN", "AUTHENTICATE " + plain("ada", "wrong horse")], ["904"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE " + plain("nobody")], ["904"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE *"], ["906"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE =="], ["904"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 401], ["905"]),
        (["AUTHENTICATE SCRAM"], ["908", "904"]),
    ],
)
def test_a_sign_in_that_fails_may_be_tried_again(
    server: MemoryServer, lines: list[str], numerics: list[str]
) -> None:
    have_account(server, "ada")
    client = IrcWire(server, LOCAL)
    client.ask("CAP REQ :sasl")
    commands = client.commands(*lines)
    assert [command for command in commands if command != "AUTHENTICATE"] == numerics
    assert client.commands("NICK eve", "USER e 0 * :E", "CAP END")[0] == "001"


def test_no_password_is_taken_where_others_may_read_it(server: MemoryServer) -> None:
    client = IrcWire(server)
    assert client.ask("CAP REQ :sasl") == ["CAP * NAK :sasl"]
    assert client.commands("AUTHENTICATE PLAIN") == ["904"]
    assert "sasl" not in " ".join(client.ask("CAP LS 302"))
    other = IrcWire(server)
    assert other.commands("PASS :ada:secret") == ["464", "ERROR"]
    assert other.closed
    assert register(server, "bob").commands("OPER ada secret") == ["464"]


def test_a_password_may_come_with_pass(server: MemoryServer) -> None:
    have_account(server, "ada")
    client = IrcWire(server, LOCAL)
    lines = client.ask(f"PASS :ada:{PASSWORD}", "NICK x", "USER x 0 * :X")
    assert lines[0].startswith("001 ada ")
    wrong = IrcWire(server, LOCAL)
    assert wrong.commands("PASS :ada:wrong") == ["464", "ERROR"]
    other = IrcWire(server, LOCAL)
    assert other.commands("PASS serverpassword", "NICK y", "USER y 0 * :Y")[0] == "001"


def test_a_registered_name_is_its_accounts(server: MemoryServer) -> None:
    have_account(server, "ada")
    client = IrcWire(server, LOCAL)
    assert client.commands("NICK ada", "USER x 0 * :X") == ["433"]


def test_two_clients_of_one_account_are_one_person(server: MemoryServer) -> None:
    have_account(server, "ada")
    one = sign_in(server, "ada", "#dev")
    bob = register(server, "bob", rooms="#dev")
    other = IrcWire(server, LOCAL)
    other.ask("CAP REQ :sasl", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('ada')}")
    commands = other.commands("NICK x", "USER x 0 * :X", "CAP END")
    assert commands[-3:] == ["JOIN", "353", "366"]
    for client in (one, bob, other):
        client.read()
    one.ask("JOIN #two")
    assert [line.split()[1] for line in other.read()] == ["JOIN", "ada", "ada"]
    one.ask("PRIVMSG #dev :hi")
    (line,) = other.read()
    assert line.endswith("PRIVMSG #dev :hi")
    bob.read()
    one.ask("QUIT")
    assert bob.read() == []
    other.ask("QUIT :bye")
    (line,) = bob.read()
    assert " QUIT :bye" in line


def test_a_guest_becomes_an_account(server: MemoryServer) -> None:
    client = register(server, "ada", "standard-replies", host=LOCAL)
    lines = client.ask(f"REGISTER * * :{PASSWORD}")
    assert lines[0].startswith("REGISTER SUCCESS ada :")
    assert lines[1].startswith("900 ada ada!account@")
    (line,) = client.ask(f"REGISTER * * :{PASSWORD}")
    assert line.startswith("FAIL REGISTER ALREADY_AUTHENTICATED * :")
    other = register(server, "bob", "standard-replies", host=LOCAL)
    (line,) = other.ask(f"REGISTER eve * :{PASSWORD}")
    assert line.startswith("FAIL REGISTER ACCOUNT_NAME_MUST_BE_NICK eve :")
    (line,) = other.ask("REGISTER * * short")
    assert line.startswith("FAIL REGISTER WEAK_PASSWORD * :")


def test_nobody_acts_as_an_administrator_who_is_none(server: MemoryServer) -> None:
    have_account(server, "ada")
    client = register(server, "bob", host=LOCAL)
    assert client.commands(f"OPER ada :{PASSWORD}") == ["491"]
    assert client.commands("OPER ada :wrong password") == ["464"]
    assert client.commands("KILL ada", "WALLOPS :x") == ["481", "481"]
