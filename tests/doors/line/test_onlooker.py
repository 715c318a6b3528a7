"""The line door where guests may not come in, or only read."""

from __future__ import annotations

import pytest

from chatd.chat.administration import console
from chatd.chat.person import Person
from chatd.chat.rules import Guests, Registering, Rules
from chatd.model.moderation import BanFromServer
from chatd.testing import InMemoryChat

from ...kit.chat import PASSWORD, settled
from ...kit.server import MemoryServer
from ...kit.terminal import Terminal

NEAR = "127.0.0.1"


def served(guests: Guests, register: Registering = "open") -> MemoryServer:
    """A server where guests may that, with the account ada, in whose rooms something was said."""
    chat = InMemoryChat(rules=Rules(guests=guests, register=register))
    server = MemoryServer(chat=chat)
    settled(chat, chat.service.administration.add(_admin(server), "ada", PASSWORD))
    return server


@pytest.mark.parametrize(
    ("guests", "register", "greeting"),
    [
        (
            "none",
            "closed",
            [
                "== this server is for people with an account; /quit to leave",
                "== /login NAME PASSWORD to sign in",
            ],
        ),
        (
            "none",
            "open",
            [
                "== this server is for people with an account; /quit to leave",
                "== /login NAME PASSWORD to sign in",
                "== /register NAME PASSWORD to make one",
            ],
        ),
        (
            "read",
            "invite",
            [
                "== you may read here, and speak with an account; /quit to leave",
                "== /login NAME PASSWORD to sign in",
                "== /register NAME PASSWORD #invite=CODE to make one by an invite",
            ],
        ),
    ],
)
def test_a_client_is_told_how_to_come_in(
    guests: Guests, register: Registering, greeting: list[str]
) -> None:
    """And nobody is present."""
    server = served(guests, register)
    assert "\n".join(greeting) in "\n".join(Terminal(server, host=NEAR).greeting)
    assert server.here == []


@pytest.mark.parametrize("guests", ["none", "read"])
def test_signing_in_makes_the_client_the_accounts_person(guests: Guests) -> None:
    """In the account's rooms, where it may speak; and signing out makes it nobody again."""
    server = served(guests)
    ada = Terminal(server, host=NEAR)
    assert "== you are signed in as ada" in ada.type(f"/login ada {PASSWORD}")
    assert server.here == ["ada"]
    assert ada.type("hello") == ["<ada> hello"]
    assert "== you are signed out" in ada.type("/logout")
    assert server.here == []
    assert ada.type("hello")[0].startswith("!! ")
    assert "== you are signed in as ada" in ada.type(f"/login ada {PASSWORD}")


@pytest.mark.parametrize("guests", ["none", "read"])
def test_a_wrong_password_leaves_the_client_as_it_is(guests: Guests) -> None:
    """It may try again."""
    ada = Terminal(served(guests), host=NEAR)
    assert ada.type("/login ada wrong horse battery") == [
        "!! name and password do not belong together; check both"
    ]
    assert "== you are signed in as ada" in ada.type(f"/login ada {PASSWORD}")


COMMANDS = (
    "hello",
    "/me waves",
    "/nick eve",
    "/msg ada psst",
    "/topic hello",
    "/invite",
    "/kick ada",
    "/ban ada",
    "/access members",
    "/register",
)


@pytest.mark.parametrize("guests", ["none", "read"])
@pytest.mark.parametrize("line", COMMANDS)
def test_an_onlooker_does_nothing_that_others_see(guests: Guests, line: str) -> None:
    """Each is refused, and says what it takes."""
    server = served(guests)
    before = server.chat.service.horizon
    terminal = Terminal(server, host=NEAR)
    (told,) = terminal.type(line)
    assert told.startswith("!! "), told
    assert server.chat.texts("lobby") == []
    assert server.chat.service.horizon == before
    assert "== you are signed in as ada" in terminal.type(f"/login ada {PASSWORD}")


@pytest.mark.parametrize(
    ("register", "way"),
    [
        ("open", ", or /register NAME PASSWORD"),
        ("invite", ", or /register NAME PASSWORD #invite=CODE"),
        ("closed", ""),
    ],
)
@pytest.mark.parametrize("guests", ["none", "read"])
def test_a_refused_onlooker_is_told_how_to_sign_in(
    guests: Guests, register: Registering, way: str
) -> None:
    """As the rules allow it; not to join a room, which is refused, or to choose a name."""
    server = served(guests, register)
    Terminal(server, f"/login ada {PASSWORD}", host=NEAR)
    refusal = [f"!! sign in first: /login NAME PASSWORD{way}"]
    lines = ["hello", "/me waves", "/msg ada hi", "/msg zoe hi", "/r hi", "/nick zoe", "/topic hi"]
    lines += ["/delete", "/kick ada", "/slow 5", "/password correct horse"]
    if guests == "none":
        lines += ["/who", "/topic", "/history", "/since 0", "/leave", "/bans"]
    for line in lines:
        assert Terminal(server).type(line) == refusal, line


def test_where_guests_may_do_nothing_an_onlooker_sees_nothing() -> None:
    """No room, no list, no people."""
    server = served("none")
    ada = Terminal(server, host=NEAR)
    ada.type(f"/login ada {PASSWORD}", "secret")
    eve = Terminal(server)
    assert not any("secret" in line for line in eve.greeting)
    for line in ("/rooms", "/who", "/who lobby", "/join lobby", "/history", "/since 0"):
        (told,) = eve.type(line)
        assert told.startswith("!! "), line
    ada.type("secret too")
    assert eve.heard() == []


def test_where_guests_may_read_an_onlooker_reads_open_rooms() -> None:
    """Live, and what was said before; a room that closes is taken away."""
    server = served("read")
    ada = Terminal(server, host=NEAR)
    ada.type(f"/login ada {PASSWORD}", "first", "/join dev", "in dev")
    eve = Terminal(server)
    assert any("<ada> first" in line for line in eve.greeting)
    assert any("in dev" in line for line in eve.type("/join dev"))
    ada.type("more", "/room lobby", "again")
    assert eve.heard() == ["<ada> more", "#lobby <ada> again"]
    assert eve.type("/who") == ["== 1 here: ada"]
    assert any("more" in line for line in eve.type("/history"))
    assert "== you are in #lobby" in eve.type("/leave dev")
    ada.type("/room dev", "unread")
    assert eve.heard() == []
    eve.type("/join dev")
    ada.type("/access members")
    assert any(line.startswith("!! ") for line in eve.heard())
    ada.type("closed")
    assert eve.heard() == []
    (told,) = eve.type("/join dev")
    assert told.startswith("!! there is no such room")
    assert server.here == ["ada"]


def test_an_onlooker_who_leaves_leaves_nothing() -> None:
    """No announcement, and no room that it read."""
    server = served("read")
    ada = Terminal(server, host=NEAR)
    ada.type(f"/login ada {PASSWORD}")
    eve = Terminal(server)
    eve.type("/join nowhere")
    eve.type("/quit")
    assert eve.wire.lost
    assert ada.heard() == []
    assert "nowhere" not in server.chat.service.rooms.index


@pytest.mark.parametrize("turns", range(6))
def test_an_onlooker_who_hangs_up_at_once_leaves_nothing(turns: int) -> None:
    """Whenever that happens, also while it signs in."""
    server = served("read")
    wire = server.chat.connect(server.line_door)
    wire.send(f"/login ada {PASSWORD}\r\n".encode())
    for _ in range(turns):
        server.chat.clock.advance(0)
    wire.hang_up()
    server.chat.settle()
    assert server.here == []


def test_an_onlooker_registers_with_a_name() -> None:
    """Where everybody may; the name comes before the password."""
    server = served("none")
    bob = Terminal(server, host=NEAR)
    assert bob.type(f"/register bob {PASSWORD}")[0] == "== you are signed in as bob"
    assert bob.type("hello") == ["<bob> hello"]
    cy = Terminal(server, host=NEAR)
    assert cy.type("/register") == ["!! the name is missing; type /register NAME PASSWORD"]
    assert cy.type("/register cy") == ["!! the password is missing; type /register NAME PASSWORD"]
    assert cy.type(f"/register bob {PASSWORD}")[0].startswith("!! the name bob is registered")


@pytest.mark.parametrize("link", ["#invite={}", "https://chat.example/#invite={}"])
def test_an_invite_lets_somebody_register(link: str) -> None:
    """Its link, or what stands behind the address; each code once, and only with a good one."""
    server = served("none", "invite")
    service = server.chat.service
    code = settled(server.chat, service.invites.make(_admin(server), "lobby")).code
    bob = Terminal(server, host=NEAR)
    for words in (PASSWORD, f"{PASSWORD} {link.format('wrong')}"):
        (told,) = bob.type(f"/register bob {words}")
        assert told.startswith("!! it takes an invite")
    assert bob.type(f"/register bob {PASSWORD} {link.format(code)}")[0] == (
        "== you are signed in as bob"
    )
    cy = Terminal(server, host=NEAR)
    (told,) = cy.type(f"/register cy {PASSWORD} {link.format(code)}")
    assert told.startswith("!! it takes an invite")


def test_a_guest_registers_with_an_invite() -> None:
    """Under its own name, in its rooms."""
    chat = InMemoryChat(rules=Rules(register="invite"))
    server = MemoryServer(chat=chat)
    code = settled(chat, chat.service.invites.make(_admin(server), "lobby")).code
    bob = Terminal(server, "/nick bob", host=NEAR)
    assert bob.type(f"/register {PASSWORD} #invite={code}")[-1] == (
        "== bob is registered, and you are signed in"
    )


def test_a_telnet_client_is_asked_for_the_password() -> None:
    """Of a new account too; the invite has been given."""
    server = served("none", "invite")
    code = settled(server.chat, server.chat.service.invites.make(_admin(server), "lobby")).code
    bob = Terminal(server, host=NEAR)
    bob.wire.send(b"\xff\xfb\x18")  # IAC WILL TERMINAL-TYPE
    bob.wire.received()
    bob.wire.send(f"/register bob #invite={code}\r\n".encode())
    server.chat.settle()
    assert bob.wire.received().startswith(b"password: ")
    bob.wire.send(f"{PASSWORD}\r\n".encode())
    server.chat.settle()
    assert b"== you are signed in as bob\r\n" in bob.wire.received()


def test_somebody_who_is_banned_from_the_server_is_turned_away() -> None:
    """Before anything is shown."""
    server = served("none")
    service = server.chat.service
    settled(server.chat, service.perform(_admin(server), BanFromServer("192.0.2.0/24")))
    eve = Terminal(server)
    assert eve.wire.lost
    assert eve.greeting[0].startswith("!! you are banned from the server")


def _admin(server: MemoryServer) -> Person:
    return console(server.chat.service.admission.bucket())
