"""Questions about the server."""

from __future__ import annotations

import pytest

from chatd.doors.irc.commands import COMMANDS
from chatd.doors.irc.door import Told

from ....kit.irc import IrcWire, register
from ....kit.server import MemoryServer


@pytest.mark.parametrize(
    ("line", "numerics"),
    [
        ("VERSION", ["351", "005", "005"]),
        ("TIME", ["391"]),
        ("INFO", ["371", "371", "374"]),
        ("ADMIN", ["256", "257", "258", "259"]),
        ("LINKS", ["365"]),
        ("MOTD", ["422"]),
        ("LUSERS", ["251", "252", "253", "254", "255", "265", "266"]),
        ("HELP nonsense", ["524"]),
        ("HELP join", ["704", "705", "706"]),
    ],
)
def test_a_question_is_answered(server: MemoryServer, line: str, numerics: list[str]) -> None:
    """With the numerics that clients wait for."""
    assert register(server, "ada").commands(line) == numerics


def test_help_lists_every_command(server: MemoryServer) -> None:
    """From the same table by which commands are found."""
    lines = register(server, "ada").ask("HELP")
    told = {line.split(":", 1)[1].split()[0].rstrip(":") for line in lines if line[:3] == "705"}
    assert told == set(COMMANDS)
    assert all(row.help for row in COMMANDS.values())


def test_motd_shows_the_message_of_the_day(server: MemoryServer) -> None:
    """Without one, clients are told that there is none."""
    server.irc.told = Told("irc.example", "test", ["tea at four"])
    assert "372 ada :- tea at four" in register(server, "ada").ask("MOTD")


def test_people_of_all_doors_are_counted(server: MemoryServer) -> None:
    """And connections that have not registered."""
    server.line()
    ada = register(server, "ada")
    IrcWire(server)
    lines = ada.ask("LUSERS")
    assert lines[0] == "251 ada :there are 1 users and 1 invisible on 1 server"
    assert lines[2] == "253 ada 1 :connections not registered yet"
