"""The order of the answers to messages that a client sends at once."""

from __future__ import annotations

import pytest

from ...kit.irc import IrcWire, register
from ...kit.server import MemoryServer

CAPABILITIES = ("echo-message", "labeled-response", "message-tags", "batch")


def answered(client: IrcWire, server: MemoryServer, *lines: str) -> list[str]:
    """The commands of the answers to labelled lines that are stored together, with their labels."""
    server.hold_appends()
    client.send(*(f"@label={label} {line}" for label, line in enumerate(lines, 1)))
    server.chat.settle()
    server.release_appends()
    return [f"{line.command} {line.tags.get('label', '')}".strip() for line in client.messages()]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("PRIVMSG absent :hi", "401"),
        ("PRIVMSG #bobs :hi", "404"),
        ("PRIVMSG #cys :hi", "PRIVMSG"),
        ("PRIVMSG bob :\x01VERSION\x01", "PRIVMSG"),
        ("NOTICE absent :hi", "ACK"),
    ],
)
def test_an_answer_comes_between_the_echoes_of_the_other_messages(
    server: MemoryServer, line: str, answer: str
) -> None:
    """Also if it is known before the messages sent earlier are stored."""
    ada = register(server, "ada", *CAPABILITIES, rooms="#dev")
    register(server, "bob", rooms="#bobs").ask("MODE #bobs +n")
    register(server, "cy", rooms="#cys")
    ada.read()
    got = answered(ada, server, "PRIVMSG #dev :one", line, "PRIVMSG #dev :three")
    assert got == ["PRIVMSG 1", f"{answer} 2", "PRIVMSG 3"]


def test_answers_without_labels_come_in_the_same_order(server: MemoryServer) -> None:
    """Clients without `labeled-response` tell answers apart by their order only."""
    ada = register(server, "ada", "echo-message", rooms="#dev")
    server.hold_appends()
    ada.send("PRIVMSG #dev :one", "PRIVMSG absent :two", "PRIVMSG #dev :three", "PING x")
    server.chat.settle()
    server.release_appends()
    assert ada.commands() == ["PRIVMSG", "401", "PRIVMSG", "PONG"]


def test_the_echo_and_the_away_message_of_the_receiver_are_one_answer(
    server: MemoryServer,
) -> None:
    """A label stands on one answer only: the batch of both."""
    register(server, "bob").ask("AWAY :tea")
    ada = register(server, "ada", *CAPABILITIES)
    opened, echo, away, ended = ada.messages("@label=7 PRIVMSG bob :hi")
    assert (opened.command, opened.tags, opened.params[1]) == (
        "BATCH",
        {"label": "7"},
        "labeled-response",
    )
    assert [echo.command, away.command, ended.command] == ["PRIVMSG", "301", "BATCH"]
    assert echo.tags["batch"] == away.tags["batch"] == opened.params[0][1:]
    assert "label" not in echo.tags


def test_messages_to_rooms_do_not_wait_for_one_another(server: MemoryServer) -> None:
    """Only an answer that is no echo holds up the lines behind it."""
    ada = register(server, "ada", *CAPABILITIES, rooms="#dev")
    server.hold_appends()
    ada.send(*(f"PRIVMSG #dev :{number}" for number in range(20)))
    server.chat.settle()
    assert server.chat.service._journal.unstored == 20
    server.release_appends()
