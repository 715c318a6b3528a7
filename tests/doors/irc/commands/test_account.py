"""Accounts on IRC."""

from __future__ import annotations

import base64

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse

from chatd.chat.accounts import Proof
from chatd.chat.rules import Rules
from chatd.testing import result_of

from ....kit.chat import administrator, set_account
from ....kit.irc import IrcWire, of_account, register, signing_in, source
from ....kit.server import MemoryServer

LOCAL = "127.0.0.1"
PASSWORD = "correct horse battery"


def have_account(server: MemoryServer, name: str) -> None:
    """Register an account with that name."""
    made = server.chat.service.sign_in.register(name, PASSWORD, LOCAL)  # type: ignore[arg-type]
    server.chat.settle()
    result_of(made)


def plain(name: str, password: str = PASSWORD) -> str:
    """The answer of SASL PLAIN."""
    return base64.b64encode(f"{name}\0{name}\0{password}".encode()).decode()


def sign_in(server: MemoryServer, name: str, *rooms: str) -> IrcWire:
    """A client on this machine that is signed in, and is in these channels."""
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
    """Or left: the client then comes in as a guest."""
    have_account(server, "ada")
    client = IrcWire(server, LOCAL)
    client.ask("CAP REQ :sasl")
    commands = client.commands(*lines)
    assert [command for command in commands if command != "AUTHENTICATE"] == numerics
    assert client.commands("NICK eve", "USER e 0 * :E", "CAP END")[0] == "001"


def test_passwords_are_refused_on_unencrypted_remote_connections(server: MemoryServer) -> None:
    """By SASL, PASS and OPER; `sasl` is not even offered there."""
    client = IrcWire(server)
    assert client.ask("CAP REQ :sasl") == ["CAP * NAK :sasl"]
    assert client.commands("AUTHENTICATE PLAIN") == ["904"]
    assert "sasl" not in " ".join(client.ask("CAP LS 302"))
    other = IrcWire(server)
    assert other.commands("PASS :ada:secret") == ["464", "ERROR"]
    assert other.closed
    assert register(server, "bob").commands("OPER ada secret") == ["464"]


def test_a_password_may_come_with_pass(server: MemoryServer) -> None:
    """A PASS of another form is ignored, because many clients send one to every server."""
    have_account(server, "ada")
    client = IrcWire(server, LOCAL)
    lines = client.ask(f"PASS :ada:{PASSWORD}", "NICK x", "USER x 0 * :X")
    assert lines[0].startswith("001 ada ")
    wrong = IrcWire(server, LOCAL)
    assert wrong.commands("PASS :ada:wrong") == ["464", "ERROR"]
    other = IrcWire(server, LOCAL)
    assert other.commands("PASS serverpassword", "NICK y", "USER y 0 * :Y")[0] == "001"


def test_a_guest_cannot_take_a_registered_name(server: MemoryServer) -> None:
    """Whether its account is here or not."""
    have_account(server, "ada")
    client = IrcWire(server, LOCAL)
    assert client.commands("NICK ada", "USER x 0 * :X") == ["433"]


def test_two_clients_of_one_account_are_one_person(server: MemoryServer) -> None:
    """Its rooms and what it says reach both; it quits with the last of them."""
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


def test_a_join_shows_the_real_name_of_an_account(server: MemoryServer) -> None:
    """As USER gives it; that of a later session is told as a change."""
    have_account(server, "ada")
    bob = register(server, "bob", "extended-join", "setname", rooms="#lobby")
    of_account(server, "ada")
    (line,) = bob.read()
    assert line.endswith(" JOIN #lobby ada :X")
    phone = IrcWire(server, LOCAL)
    phone.ask(*[line.replace(":X", ":Ada") for line in signing_in("ada")])
    (line,) = bob.read()
    assert line.endswith(" SETNAME :Ada")
    of_account(server, "ada").ask("WHOIS ada")
    assert bob.read()[0].endswith(" SETNAME :X")
    of_account(server, "ada")
    assert bob.read() == []


def test_a_guest_becomes_an_account(server: MemoryServer) -> None:
    """By REGISTER, under the nick that it holds, and only once."""
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


def test_others_are_notified_when_a_guest_registers(server: MemoryServer) -> None:
    """Once, however many channels they share; on whichever door it registers."""
    bob = register(server, "bob", "account-notify", "chghost", rooms="#a,#b")
    cy = register(server, "cy", "account-notify", rooms="#a")
    client = register(server, "ada", "account-notify", "chghost", host=LOCAL, rooms="#a,#b")
    before = source(server, "ada")
    bob.read()
    cy.read()
    lines = client.ask(f"REGISTER * * :{PASSWORD}")
    host = source(server, "ada").rpartition("@")[2]
    told = [f":{before} ACCOUNT ada", f":{before} CHGHOST account {host}"]
    assert bob.read() == told
    assert cy.read() == told[:1]
    assert told[0] in lines
    assert told[1] in lines


def test_an_account_that_a_checker_knows_is_put_into_no_channel() -> None:
    """Only JOIN brings an IRC client into a channel."""
    known = InMemoryUsernamePasswordDatabaseDontUse(ada=b"pw")
    server = MemoryServer(rules=Rules(checkers=(known,)))
    client = IrcWire(server, LOCAL)
    client.ask("CAP REQ :sasl", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('ada', 'pw')}")
    commands = client.commands("NICK x", "USER x 0 * :X", "CAP END")
    assert commands[0] == "001"
    assert "JOIN" not in commands


def test_oper_is_refused_to_accounts_that_are_not_administrators(server: MemoryServer) -> None:
    """And without OPER nobody may use KILL or WALLOPS."""
    have_account(server, "ada")
    client = register(server, "bob", host=LOCAL)
    assert client.commands(f"OPER ada :{PASSWORD}") == ["491"]
    assert client.commands("OPER ada :wrong password") == ["464"]
    assert client.commands("KILL ada", "WALLOPS :x") == ["481", "481"]


def oper(server: MemoryServer, nick: str, *rooms: str) -> tuple[IrcWire, Proof]:
    """A guest who acts as the administrator ruth, and the proof of that account."""
    proof = administrator(server.chat, "ruth")
    client = register(server, nick, host=LOCAL, rooms=",".join(rooms))
    lines = client.ask(f"OPER ruth :{PASSWORD}")
    assert lines[0].startswith(f"381 {nick} ")
    assert lines[1].endswith(f"MODE {nick} +o")
    return client, proof


def test_oper_gives_rights_to_one_connection_only(server: MemoryServer) -> None:
    """What it changes is changed, and shown, as done by the administrator's account."""
    bob = register(server, "bob", rooms="#dev")
    ada, _ = oper(server, "ada", "#dev")
    bob.read()
    assert ada.ask("MODE #dev +o ada")
    (line,) = bob.read()
    assert line.startswith(":ruth!account@")
    assert line.endswith(" MODE #dev +o ada")
    person = server.chat.service.people.own("ada")
    assert person is not None
    assert not person.admin
    assert server.chat.service.people.own("ruth") is None


@pytest.mark.parametrize("how", ["MODE -o", "rights", "password"])
def test_oper_rights_end(server: MemoryServer, how: str) -> None:
    """By one's own wish, and when the account has them no more."""
    bob = register(server, "bob", rooms="#dev")
    ada, proof = oper(server, "ada", "#dev")
    if how == "MODE -o":
        assert ada.ask("MODE ada -o")[0].endswith("MODE ada -o")
    else:
        set_account(server.chat, proof, **({"admin": False} if how == "rights" else {"epoch": 9}))
        assert "OP" not in bob.ask("WHOIS ada")[-2]
        assert ada.ask("PING x")[0].endswith("MODE ada -o")
    assert ada.commands("KILL bob", "WALLOPS :x", "KICK #dev bob") == ["481", "481", "482"]
    assert not any(line.startswith("313 ") for line in bob.ask("WHOIS ada"))
    assert not bob.closed


def test_kill_disconnects_a_person_on_every_door(server: MemoryServer) -> None:
    """And others read who did it, and why."""
    bob = register(server, "bob", rooms="#dev")
    telnet = server.line()
    telnet.send(b"/nick tom\r\n/join dev\r\n")
    server.chat.settle()
    ada, _ = oper(server, "ada", "#dev")
    ada.ask("KILL bob :spam", "KILL tom")
    assert bob.read()[-1] == "ERROR :closing link: killed by ruth: spam"
    assert bob.closed
    assert telnet.lost
    assert server.chat.service.people.own("tom") is None
    assert ada.commands("KILL nobody") == ["401"]
    assert ada.commands("WHOIS bob")[0] == "401"
