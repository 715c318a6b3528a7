"""Accounts on the line door (`chatd.doors.line.commands.account`)."""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail

from chatd.chat.rules import Rules
from chatd.model.commands import Command
from chatd.model.errors import Unavailable
from chatd.model.moderation import Ban, Dismiss, Kick
from chatd.testing import FakeConnection

from ....kit.chat import PASSWORD
from ....kit.server import MemoryServer
from ....kit.terminal import TODAY, untimed

NEAR = "127.0.0.1"
NEW = "another horse battery"
ECHO_OFF, ECHO_ON = b"\xff\xfb\x01", b"\xff\xfc\x01"
DO_ECHO, DONT_ECHO = b"\xff\xfd\x01", b"\xff\xfe\x01"


class Terminal:
    """A client of the line door, on the server's own machine unless `host` says otherwise."""

    def __init__(self, server: MemoryServer, host: str = NEAR) -> None:
        self._server = server
        self.wire: FakeConnection = server.line(host)
        self.wire.received()

    def types(self, *lines: str) -> list[str]:
        """Send these lines; returns the lines that come back."""
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


def test_guest_registers_its_name_and_stays_in_its_rooms(server: MemoryServer) -> None:
    """Its messages are an account's from then on."""
    ada = registered(server)
    assert ada.types("hello") == ["<ada> hello"]
    (event,) = [e for e in server.chat.entries("lobby") if getattr(e.event, "text", "") == "hello"]
    assert event.event.account is True  # type: ignore[attr-defined]
    assert server.here == ["ada"]


def test_guest_without_a_chosen_name_cannot_register(server: MemoryServer) -> None:
    """The error says to choose one."""
    (told,) = Terminal(server).types(f"/register {PASSWORD}")
    assert told.startswith("!! choose a name first")


def test_signing_in_makes_the_client_a_session_of_the_account(server: MemoryServer) -> None:
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
def test_wrong_password_and_unknown_account_are_refused_alike(
    server: MemoryServer, line: str
) -> None:
    """The client stays a guest."""
    registered(server)
    guest = Terminal(server)
    assert guest.types(line) == ["!! name and password do not belong together; check both"]
    assert guest.types("hi") == ["<guest-0002> hi"]


def test_rooms_are_joined_and_left_by_all_sessions_of_an_account(server: MemoryServer) -> None:
    """One session reads the rooms that another one joins, until any of them leaves."""
    ada = registered(server)
    other = Terminal(server)
    other.types(f"/login ada {PASSWORD}")
    ada.types("/join dev", "hello")
    assert "#dev <ada> hello" in other.shown()
    other.types("/leave dev")
    assert "== you are in #lobby" in ada.shown()
    server.say("unread", room="dev")
    assert "unread" not in " ".join([*ada.shown(), *other.shown()])


@pytest.mark.parametrize("put_out", [Kick("dev", "ada"), Ban("dev", "ada"), Dismiss("dev", "ada")])
def test_a_room_that_another_session_joins_again_is_read_again(
    server: MemoryServer, put_out: Command
) -> None:
    """After the person was put out of it, whatever for.  The client goes into no room by itself."""
    bob = registered(server, "bob")
    bob.types("/join dev")
    ada, other = registered(server), Terminal(server)
    ada.types("/join dev")
    other.types(f"/login ada {PASSWORD}")
    if isinstance(put_out, Dismiss):
        bob.types("/access members")
    owner = server.chat.service.people.own("bob")
    assert owner is not None
    server.chat.perform(owner, put_out)
    assert ada.shown()[-1].startswith("!! ")
    assert ada.types("hello") == [
        "!! you are in no room now; /room lobby goes on there, /join comes into another one"
    ]
    bob.types("/access open", "/unban ada")
    assert "== you are in #dev" in other.types("/join dev")
    bob.types("welcome back")
    assert "#dev <bob> welcome back" in ada.shown()
    assert "== you are in #dev" in ada.types("/room dev")


def test_person_leaves_with_the_last_session_of_the_account(server: MemoryServer) -> None:
    """The account keeps its rooms."""
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


def test_client_that_signs_out_stays_as_a_guest(server: MemoryServer) -> None:
    """A second `/logout` is refused."""
    ada = registered(server)
    assert "== you are signed out, and guest-0002" in ada.types("/logout")
    assert server.here != ["ada"]
    assert ada.types("/logout") == ["!! you are not signed in"]


def test_new_password_ends_the_other_sessions(server: MemoryServer) -> None:
    """At once; the session that changed it stays."""
    ada, other = registered(server), Terminal(server)
    other.types(f"/login ada {PASSWORD}")
    assert ada.types(f"/password {NEW}")[-1].startswith("== your password is another one now")
    assert other.shown() == ["!! you were signed out here; sign in again"]
    assert other.wire.lost
    assert ada.types("hi") == ["<ada> hi"]
    assert Terminal(server).types(f"/login ada {PASSWORD}")[0].startswith("!! name and password")
    assert "== you are signed in as ada" in Terminal(server).types(f"/login ada {NEW}")


def test_line_sessions_are_listed_and_ended_over_http(server: MemoryServer) -> None:
    """So a person can sign out a line session from the page."""
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
def test_password_is_refused_on_an_unencrypted_remote_connection(
    server: MemoryServer, line: str
) -> None:
    """The error says why."""
    far = Terminal(server, "203.0.113.9")
    far.types("/nick bob")
    (told,) = far.types(line)
    assert told.startswith("!! over this connection others may read a password")


def test_plain_passwords_allows_passwords_on_any_connection() -> None:
    """This is what the option `--plain-passwords` is for."""
    server = MemoryServer(rules=Rules(plain_passwords=True))
    far = Terminal(server, "203.0.113.9")
    assert far.types("/nick bob", f"/register {PASSWORD}")[-1].startswith("== bob is registered")


def test_password_prompt_turns_the_echo_of_telnet_off(server: MemoryServer) -> None:
    """For one line; the client's answer to the option is no request."""
    registered(server)
    telnet = Terminal(server)
    telnet.wire.send(b"\xff\xfd\x03")  # shows that it speaks telnet
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


def test_line_typed_at_the_password_prompt_is_never_a_message(server: MemoryServer) -> None:
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


def test_client_without_telnet_options_gets_no_password_prompt(server: MemoryServer) -> None:
    """Its terminal would show the password, so the error says to type it in the command."""
    (told,) = Terminal(server).types("/login ada")
    assert told == "!! the password is missing; type /login NAME PASSWORD"


def test_guest_cannot_take_a_registered_name(server: MemoryServer) -> None:
    """The error says what to do."""
    registered(server)
    (told,) = Terminal(server).types("/nick ADA")
    assert told.startswith("!! the name ADA is registered")


def test_nick_does_not_rename_an_account(server: MemoryServer) -> None:
    """The name of an account is fixed."""
    (told,) = registered(server).types("/nick eve")
    assert told.startswith("!! the name of an account does not change")


def test_connection_lost_while_signing_in_leaves_nothing(
    server: MemoryServer,
) -> None:
    """In whatever turn it is lost."""
    registered(server).types("/quit")
    for turns in range(12):
        terminal = Terminal(server)
        terminal.wire.send(f"/login ada {PASSWORD}\r\n".encode())
        for _ in range(turns):
            server.chat.clock.advance(0)
        terminal.wire.hang_up()
        server.chat.settle()
        assert server.here == []


def test_messages_of_ignored_people_are_hidden(server: MemoryServer) -> None:
    """From a guest until it leaves, from an account for good and in all its sessions."""
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


def signed_in(server: MemoryServer, name: str) -> tuple[Terminal, list[str]]:
    """A client that signs in, and what it is told behind the names of those who are here."""
    terminal = Terminal(server)
    shown = terminal.types(f"/login {name} {PASSWORD}")
    (here,) = [place for place, line in enumerate(shown) if " here: " in line]
    return terminal, shown[here + 1 :]


def test_private_messages_that_came_while_one_was_away_are_shown(server: MemoryServer) -> None:
    """Once: with their times, and how many they are."""
    registered(server, "bob").types("/quit")
    ada = registered(server, "ada")
    ada.types("/msg bob one", "/msg bob two")
    bob, shown = signed_in(server, "bob")
    number, day, *lines = shown
    assert number == "== 2 private messages while you were away"
    assert day == f"== {TODAY}"
    assert untimed(lines) == ["[ada] one", "[ada] two"]
    ada.types("/msg bob three")
    assert bob.shown() == ["[ada] three"]
    bob.types("/quit")
    assert signed_in(server, "bob")[1] == []


def test_one_private_message_is_told_as_one(server: MemoryServer) -> None:
    """What one has sent is not counted, nor what another session has got."""
    registered(server, "bob").types("/quit")
    ada = registered(server, "ada")
    ada.types("/msg bob one")
    bob, shown = signed_in(server, "bob")
    assert shown[0] == "== 1 private message while you were away"
    bob.types("/msg ada mine")
    ada.types("/msg bob two")
    assert signed_in(server, "bob")[1] == []
    bob.types("/quit")


def test_what_came_while_one_was_away_is_answered_with_r(server: MemoryServer) -> None:
    """The newest of it, until another message comes; and only by the account that got it."""
    registered(server, "bob").types("/quit")
    ada, cy = registered(server, "ada"), registered(server, "cy")
    cy.types("/msg bob one")
    ada.types("/msg bob two")
    bob, _ = signed_in(server, "bob")
    assert bob.types("/r three") == ["[to ada] three"]
    cy.types("/msg bob four")
    assert bob.types("/r five")[-1] == "[to cy] five"
    bob.types("/logout")
    assert bob.types("/r six")[-1].startswith("!! nobody has sent you a private message yet")


def test_a_guests_private_messages_to_an_account_that_is_away_are_refused(
    server: MemoryServer,
) -> None:
    """They are delivered or not at all."""
    registered(server, "bob").types("/quit")
    guest = Terminal(server)
    (told,) = guest.types("/msg bob hello")
    assert told == "!! nobody of that name is here; /who lists those who are"


def test_many_messages_are_counted_and_the_newest_are_shown(server: MemoryServer) -> None:
    """As many as fit into one answer."""
    registered(server, "bob").types("/quit")
    ada = registered(server, "ada")
    ada.types(*(f"/msg bob {n}" for n in range(600)))
    shown = signed_in(server, "bob")[1]
    assert shown[0] == "== 600 private messages while you were away; the last 500 are"
    assert untimed(shown[2:])[0] == "[ada] 100"
    assert untimed(shown[2:])[-1] == "[ada] 599"


def test_messages_that_cannot_be_read_do_not_hinder_signing_in(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is told, and they are shown the next time."""
    registered(server, "bob").types("/quit")
    registered(server, "ada").types("/msg bob one")
    with monkeypatch.context() as broken:
        unread = lambda *_: fail(Unavailable("the disk is broken"))  # noqa: E731
        broken.setattr(server.chat.service.letters, "missed", unread)
        bob, shown = signed_in(server, "bob")
    (told,) = shown
    assert told.startswith("!! what came while you were away cannot be read now")
    bob.types("/quit")
    assert signed_in(server, "bob")[1][0] == "== 1 private message while you were away"


def test_delete_takes_back_a_private_message(server: MemoryServer) -> None:
    """The last one to somebody, or that with an id; both are told."""
    ada, bob = registered(server), registered(server, "bob")
    assert ada.types("/msg bob one", "/msg bob two")[-1] == "[to bob] two"
    assert bob.shown() == ["[ada] one", "[ada] two"]
    told = "-- ada deleted a private message to bob"
    assert ada.types("/delete @bob") == [told]
    assert ada.types("/delete @BOB") == [told]
    assert bob.shown() == [told, told]
    assert ada.types("/delete @bob") == [
        "!! you have said nothing to bob lately; type /delete @bob ID"
    ]
    assert ada.types("/delete @bob 17") == ["!! there is no private message of that id with bob"]
    assert ada.types("/delete @") == [
        "!! /delete needs a name directly behind the @; type /delete [@NAME] [ID]"
    ]
    guest = Terminal(server)
    assert guest.types("/delete @bob") == [
        "!! private messages are kept, and deleted, between accounts only"
    ]


def test_messages_that_were_deleted_are_not_shown_at_sign_in(server: MemoryServer) -> None:
    """What came while one was away is shown without them."""
    ada, bob = registered(server), registered(server, "bob")
    bob.wire.hang_up()
    server.chat.settle()
    ada.types("/msg bob one", "/msg bob two", "/delete @bob")
    shown = Terminal(server).types(f"/login bob {PASSWORD}")
    assert "== 1 private message while you were away" in shown
    assert any(line.endswith("[ada] one") for line in shown)
    assert not any("two" in line for line in shown)
