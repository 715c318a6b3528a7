"""What came while an account was away, as IRC clients are shown it."""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail

from chatd.model.commands import Tell
from chatd.model.errors import Unavailable

from ...kit.chat import PASSWORD, registered, settled
from ...kit.irc import NEAR, IrcWire, of_account, signing_in
from ...kit.server import MemoryServer


def away(server: MemoryServer, *texts: str) -> None:
    """Bob says something to ada's account, which is not here."""
    for name in ("ada", "bob"):
        registered(server.chat, name)
    bob = of_account(server, "bob")
    for text in texts:
        bob.ask(f"PRIVMSG ada :{text}")


def sign_in(server: MemoryServer, *capabilities: str) -> list[str]:
    """What a client of ada's account is shown after its welcome to the server and to #lobby."""
    client = IrcWire(server, NEAR)
    lines = client.ask(*signing_in("ada", *capabilities))
    client.ask("QUIT")
    return lines[lines.index("366 ada #lobby :end of NAMES") + 1 :]


def test_a_client_without_times_is_shown_what_it_missed_as_notices_once(
    server: MemoryServer,
) -> None:
    """A later sign-in, on IRC or on the line door, does not show it again."""
    away(server, "hello", "are you there?")
    head, first, second = sign_in(server)
    assert head == "NOTICE ada :2 private messages while you were away:"
    assert first.startswith("NOTICE ada :[20")
    assert first.endswith("] <bob> hello")
    assert second.endswith("] <bob> are you there?")
    assert sign_in(server) == []
    line = server.line(NEAR)
    line.send(f"/login ada {PASSWORD}\r\n".encode())
    server.chat.settle()
    told = line.received()
    assert b"you are signed in as ada" in told
    assert b"while you were away" not in told


def test_a_client_with_times_is_shown_what_it_missed_as_it_was(server: MemoryServer) -> None:
    """Between two notices."""
    away(server, "hello")
    head, message, end = sign_in(server, "server-time", "message-tags")
    assert head.endswith("NOTICE ada :1 private message while you were away:")
    assert message.startswith("@")
    assert message.endswith(" PRIVMSG ada :hello")
    assert end.endswith("NOTICE ada :end of those messages")


def test_a_client_that_asks_for_history_is_shown_nothing_unasked(server: MemoryServer) -> None:
    """And what it has not asked for is shown to the next client that cannot."""
    away(server, "hello")
    assert sign_in(server, "batch", "draft/chathistory") == []
    assert len(sign_in(server)) == 2


def test_what_a_session_was_given_is_not_missed(server: MemoryServer) -> None:
    """However the session ended."""
    for name in ("ada", "bob"):
        registered(server.chat, name)
    ada = of_account(server, "ada")
    of_account(server, "bob").ask("PRIVMSG ada :hello")
    assert ada.read()
    assert sign_in(server) == []


def test_what_is_said_by_somebody_ignored_since_is_not_shown(server: MemoryServer) -> None:
    """The list of ignored people counts when the message is shown."""
    away(server, "hello")
    ada = of_account(server, "ada", "draft/chathistory")
    person = server.chat.service.people.own("ada")
    assert person is not None
    settled(server.chat, server.chat.service.ignores.ignore(person, "bob"))
    ada.ask("QUIT")
    assert sign_in(server) == []


def test_what_was_missed_and_cannot_be_read_is_shown_another_time(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is told so, and nothing is marked as shown."""
    away(server, "hello")
    unread = lambda *_: fail(Unavailable("not now"))  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(server.chat.service.letters, "missed", unread)
        (line,) = sign_in(server)
    text = "what came while you were away cannot be read now; sign in again later"
    assert line == f"NOTICE ada :{text}"
    assert len(sign_in(server)) == 2


def test_a_long_message_between_long_names_fits_into_lines(server: MemoryServer) -> None:
    """As notices that have 512 bytes at most, and nothing of it is lost."""
    by, to = "д" * 32, "ж" * 32
    for name in (by, to):
        registered(server.chat, name)
    of_account(server, by)
    sender = server.chat.service.people.own(by)
    assert sender is not None
    words = [f"{number:03}" for number in range(500)]
    server.chat.perform(sender, Tell(to, " ".join(words)))
    client = IrcWire(server, NEAR)
    client.send(*signing_in(to))
    server.chat.settle()
    lines = client.wire.received().split(b"\r\n")
    assert max(map(len, lines)) <= 510
    said = [line.decode().partition(f"<{by}> ")[2] for line in lines if b"] <" in line]
    assert " ".join(said).split() == words
