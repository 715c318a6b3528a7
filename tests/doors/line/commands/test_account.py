"""Signing in on the line door."""

from __future__ import annotations

import pytest

from chatd.chat.rules import Rules
from chatd.testing import FakeConnection

from ....kit.chat import PASSWORD
from ....kit.server import MemoryServer

NEAR = "127.0.0.1"
NEW = "another horse battery"
ECHO_OFF, ECHO_ON = b"\xff\xfb\x01", b"\xff\xfc\x01"
DO_ECHO, DONT_ECHO = b"\xff\xfd\x01", b"\xff\xfe\x01"


class Terminal:
    """A client of the line door, from this machine unless it is said."""

    def __init__(self, server: MemoryServer, host: str = NEAR) -> None:
        self._server = server
        self.wire: FakeConnection = server.line(host)
        self.wire.received()

    def types(self, *lines: str) -> list[str]:
        """What is shown for these lines."""
        for line in lines:
            self.wire.send(line.encode() + b"\r\n")
            self._server.chat.settle()
        return self.shown()

    def shown(self) -> list[str]:
        self._server.chat.settle()
        return self.wire.received().decode(errors="replace").splitlines()


def registered(server: MemoryServer, name: str = "ada") -> Terminal:
    terminal = Terminal(server)
    assert terminal.types(f"/nick {name}", f"/register {PASSWORD}")[-1] == (
        f"== {name} is registered, and you are signed in"
    )
    return terminal


def test_a_guest_registers_its_name_and_goes_on(server: MemoryServer) -> None:
    """In its rooms; what it says is an account's."""
    ada = registered(server)
    assert ada.types("hello") == ["<ada> hello"]
    (event,) = [e for e in server.chat.entries("lobby") if getattr(e.event, "text", "") == "hello"]
    assert event.event.account is True  # type: ignore[attr-defined]
    assert server.here == ["ada"]


def test_a_guest_without_a_name_is_told_to_choose_one(server: MemoryServer) -> None:
    """Nothing is registered."""
    (told,) = Terminal(server).types(f"/register {PASSWORD}")
    assert told.startswith("!! choose a name first")


def test_signing_in_makes_the_client_the_accounts_person(server: MemoryServer) -> None:
    """The guest leaves; the rooms are the account's."""
    ada = registered(server)
    ada.types("/join dev")
    other = Terminal(server)
    shown = other.types(f"/login ADA {PASSWORD}")
    assert "== you are signed in as ada" in shown
    assert "== you are in #lobby" in shown
    assert server.here == ["ada"]
    assert server.chat.room("dev").names == ["ada"]
    assert "#dev <ada> hi" in [*ada.types("/room dev", "hi"), *other.shown()]


@pytest.mark.parametrize("line", ["/login ada wrong horse battery", f"/login nobody {PASSWORD}"])
def test_wrong_credentials_are_refused_alike(server: MemoryServer, line: str) -> None:
    """And the client stays who it is."""
    registered(server)
    guest = Terminal(server)
    assert guest.types(line) == ["!! name and password do not belong together; check both"]
    assert guest.types("hi") == ["<guest-0002> hi"]


def test_rooms_are_joined_and_left_in_all_sessions(server: MemoryServer) -> None:
    """What another session joins is read here from then on, and no longer when it leaves."""
    ada = registered(server)
    other = Terminal(server)
    other.types(f"/login ada {PASSWORD}")
    ada.types("/join dev", "hello")
    assert "#dev <ada> hello" in other.shown()
    other.types("/leave dev")
    assert "== you are in #lobby" in ada.shown()
    server.say("unread", room="dev")
    assert "unread" not in " ".join([*ada.shown(), *other.shown()])


def test_the_last_session_to_go_is_the_one_that_leaves(server: MemoryServer) -> None:
    """And the rooms are kept."""
    ada, other = registered(server), Terminal(server)
    other.types(f"/login ada {PASSWORD}", "/join dev")
    ada.types("/quit")
    assert server.here == ["ada"]
    other.wire.hang_up()
    server.chat.settle()
    assert server.here == []
    again = Terminal(server)
    again.types(f"/login ada {PASSWORD}")
    assert server.chat.room("dev").names == ["ada"]


def test_signing_out_goes_on_as_a_guest(server: MemoryServer) -> None:
    """Others of the account stay."""
    ada = registered(server)
    assert "== you are signed out, and guest-0002" in ada.types("/logout")
    assert server.here != ["ada"]
    assert ada.types("/logout") == ["!! you are not signed in"]


def test_a_new_password_ends_other_sessions(server: MemoryServer) -> None:
    """At once; this one goes on."""
    ada, other = registered(server), Terminal(server)
    other.types(f"/login ada {PASSWORD}")
    assert ada.types(f"/password {NEW}")[-1].startswith("== your password is another one now")
    assert other.shown() == ["!! you were signed out here; sign in again"]
    assert other.wire.lost
    assert ada.types("hi") == ["<ada> hi"]
    assert Terminal(server).types(f"/login ada {PASSWORD}")[0].startswith("!! name and password")
    assert "== you are signed in as ada" in Terminal(server).types(f"/login ada {NEW}")


def test_line_sessions_are_listed_and_can_be_signed_out(server: MemoryServer) -> None:
    """From the page, say."""
    ada = registered(server)
    http = server.http(NEAR)
    token = http.post("/session", {"name": "ada", "password": PASSWORD}).json["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    sessions = http.get("/account/sessions").json["sessions"]
    (line,) = [session for session in sessions if session["label"] == "line"]
    assert http.request("DELETE", f"/account/sessions/{line['id']}").status == 204
    assert ada.shown() == ["!! you were signed out here; sign in again"]
    assert ada.wire.lost
    assert len(http.get("/account/sessions").json["sessions"]) == 1


@pytest.mark.parametrize("line", [f"/register {PASSWORD}", f"/login ada {PASSWORD}", "/login ada"])
def test_no_password_is_taken_where_others_may_read_it(server: MemoryServer, line: str) -> None:
    """It says why."""
    far = Terminal(server, "203.0.113.9")
    far.types("/nick bob")
    (told,) = far.types(line)
    assert told.startswith("!! over this connection others may read a password")


def test_passwords_are_taken_from_anywhere_if_the_operator_says_so() -> None:
    """With --plain-passwords."""
    server = MemoryServer(rules=Rules(plain_passwords=True))
    far = Terminal(server, "203.0.113.9")
    assert far.types("/nick bob", f"/register {PASSWORD}")[-1].startswith("== bob is registered")


def test_telnet_is_asked_for_a_password_that_it_does_not_show(server: MemoryServer) -> None:
    """The echo is off for that line, and what answers it is no request."""
    registered(server)
    telnet = Terminal(server)
    telnet.wire.send(b"\xff\xfd\x03")  # it has shown itself
    telnet.shown()
    telnet.wire.send(b"/login ada\r\n")
    server.chat.settle()
    assert telnet.wire.received() == b"password: " + ECHO_OFF
    telnet.wire.send(DO_ECHO)
    assert telnet.wire.received() == b""
    telnet.wire.send(PASSWORD.encode() + b"\r\n")
    server.chat.settle()
    told = telnet.wire.received()
    assert told.startswith(ECHO_ON + b"\r\n")
    assert b"== you are signed in as ada" in told
    telnet.wire.send(DONT_ECHO)
    assert telnet.wire.received() == b""
    assert server.chat.texts("lobby") == []


def test_a_password_that_was_asked_for_is_never_said(server: MemoryServer) -> None:
    """Whatever it looks like, and however wrong it is."""
    registered(server)
    telnet = Terminal(server)
    telnet.wire.send(b"\xff\xfd\x03")
    telnet.shown()
    for password in ("wrong", "/quit", "//x", "x" * 500):
        telnet.wire.send(b"/login ada\r\n" + password.encode() + b"\r\n")
        server.chat.settle()
        assert b"!! " in telnet.wire.received()
    assert server.chat.texts("lobby") == []
    assert telnet.types("hi") == ["<guest-0002> hi"]


def test_a_client_that_is_no_telnet_is_told_to_type_the_password(server: MemoryServer) -> None:
    """It would show what is typed."""
    (told,) = Terminal(server).types("/login ada")
    assert told == "!! the password is missing; type /login NAME PASSWORD"


def test_a_registered_name_is_refused(server: MemoryServer) -> None:
    """With what to do about it."""
    registered(server)
    (told,) = Terminal(server).types("/nick ADA")
    assert told.startswith("!! the name ADA is registered")


def test_an_accounts_name_does_not_change(server: MemoryServer) -> None:
    """By /nick."""
    (told,) = registered(server).types("/nick eve")
    assert told.startswith("!! the name of an account does not change")


def test_a_connection_that_is_lost_while_it_signs_in_leaves_nobody_behind(
    server: MemoryServer,
) -> None:
    """Whenever that happens."""
    registered(server).types("/quit")
    for turns in range(12):
        terminal = Terminal(server)
        terminal.wire.send(f"/login ada {PASSWORD}\r\n".encode())
        for _ in range(turns):
            server.chat.clock.advance(0)
        terminal.wire.hang_up()
        server.chat.settle()
        assert server.here == []


def test_ignored_people_are_not_heard(server: MemoryServer) -> None:
    """By a guest as long as it is here, by an account for good; what they do is shown."""
    ada, bob = registered(server), Terminal(server)
    bob.types("/nick bob")
    ada.shown()
    assert ada.types("/ignore bob") == ["== you hear no more of bob; /unignore bob ends that"]
    bob.types("hello", "/msg ada psst", "/me waves", "/join dev", "/leave dev")
    assert ada.shown() == []
    again = Terminal(server)
    again.types(f"/login ada {PASSWORD}")
    bob.types("hello again")
    assert (ada.shown(), again.shown()) == ([], [])
    again.types("/unignore bob")
    bob.types("and again")
    assert (ada.shown(), again.shown()) == (["<bob> and again"], ["<bob> and again"])
