"""NAMES, and the names that JOIN shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatd.chat.elsewhere import Elsewhere
from chatd.chat.person import Person
from chatd.codecs.irc.message import parse
from chatd.model.commands import Join, Leave, Rename, Say
from chatd.model.moderation import Ban, GiveRole
from chatd.model.policy import Action
from chatd.testing.policies import DenyIf

from ....kit.chat import with_account
from ....kit.irc import IrcWire, register
from ....kit.server import MemoryServer


def test_hundreds_of_names_are_listed_in_lines_that_fit(server: MemoryServer) -> None:
    """Each person once."""
    for number in range(300):
        server.chat.perform(server.chat.enter(f"person-{number:03}"), Say("lobby", "hi"))
    ada = register(server, "ada", "draft/chathistory")
    lines = ada.ask("JOIN #lobby")
    names = [
        name for line in lines if line.startswith("353") for name in line.split(":")[1].split()
    ]
    assert len(names) == 301
    assert all(len(line) + len(":irc.example ") <= 510 for line in lines)


def test_names_leave_out_people_who_leave_while_the_answer_is_made(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that has been shown their leave would list them for good."""
    monkeypatch.setattr("chatd.doors.irc.request.LINES_A_TURN", 1)
    crowd = [server.chat.enter(f"person-{number:03}") for number in range(120)]
    for person in crowd:
        server.chat.perform(person, Join("dev"))
    ada = register(server, "ada", "draft/chathistory", "userhost-in-names", rooms="#dev")
    ada.send("NAMES #dev")
    server.chat.perform(crowd[-1], Leave("dev"))
    lines = ada.read()
    assert any("PART #dev" in line for line in lines)
    names = [line for line in lines if line.startswith("353")]
    assert sum(line.count("!") for line in names) == 120
    assert not any("person-119!" in line for line in names)


def test_each_name_of_a_crowd_is_looked_up_without_normalisation(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names in a room are known by their keys; normalising ten thousand delays all others."""
    for number in range(20):
        server.chat.perform(server.chat.enter(f"person-{number:03}"), Join("dev"))
    ada = register(server, "ada", "userhost-in-names", rooms="#dev")
    found: list[str] = []
    people = server.chat.service.people
    find = people.find

    def noted(name: str) -> Person | Elsewhere | None:
        found.append(name)
        return find(name)

    monkeypatch.setattr(people, "find", noted)
    assert "353" in ada.commands("NAMES #dev")
    assert not [name for name in found if name.startswith("person-")]


def test_the_rest_of_names_is_left_out_if_the_policy_forbids_it(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long answer is made in several turns; the policy is asked in each."""
    monkeypatch.setattr("chatd.doors.irc.request.LINES_A_TURN", 1)
    for number in range(120):
        server.chat.perform(server.chat.enter(f"person-{number:03}"), Join("dev"))
    ada = register(server, "ada", "draft/chathistory", rooms="#dev")
    assert ada.commands("NAMES #dev") == ["353"] * 3 + ["366"]
    forbidden: set[Action] = set()
    server.chat.service.readers.policy = DenyIf(lambda who, what, room: what in forbidden)
    ada.send("NAMES #dev")
    forbidden.add(Action.READ)
    assert ada.commands() == ["353", "366"]


def crowd(server: MemoryServer, monkeypatch: pytest.MonkeyPatch, number: int) -> list[Person]:
    """People in #dev and #den, whose names are answered in several turns, one line in each."""
    monkeypatch.setattr("chatd.doors.irc.request.LINES_A_TURN", 1)
    people = [server.chat.enter(f"person-{at:03}") for at in range(number)]
    for person in people:
        server.chat.perform(person, Join("dev"))
        server.chat.perform(person, Join("den"))
    return people


def turns(server: MemoryServer, client: IrcWire) -> Iterator[str]:
    """What each call of the reactor writes to a client, until nothing more is to be done now."""
    clock = server.chat.clock
    while clock.calls and clock.calls[0].getTime() <= clock.seconds():
        call = clock.calls.pop(0)
        call.called = 1
        call.func(*call.args, **call.kw)
        yield client.wire.received().decode()


@pytest.mark.parametrize("label", ["", "@label=7 "])
def test_the_names_of_a_crowd_are_made_in_several_turns_for_a_join(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    """As for NAMES: nobody else waits for them.  With a label they are one batch."""
    crowd(server, monkeypatch, 120)
    caps = ("userhost-in-names", "labeled-response", "batch", "draft/chathistory")
    ada = register(server, "ada", *caps)
    ada.send(f"{label}JOIN #dev,#new", "PING :all")
    written = list(turns(server, ada))
    assert max(text.count(" 353 ") for text in written) == 1
    lines = "".join(written).split("\r\n")
    commands = [message.command for line in lines if (message := parse(line))]
    names = ["353"] * commands.count("353")
    shown = ["JOIN", *names[1:], "366", "JOIN", "353", "366"]
    if label:
        assert lines[0].startswith("@label=7 ")
        assert all(line.startswith("@batch=") for line in lines[1 : len(shown) + 1])
        shown = ["BATCH", *shown, "BATCH"]
    assert commands == [*shown, "PONG"]
    assert sum(line.count("!") for line in lines if " 353 " in line) == 122


def test_names_show_what_has_changed_while_they_are_made(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new name with its role, a new role and a new person; who has left is left out."""
    people = crowd(server, monkeypatch, 120)
    root = with_account(server.chat, "ruth", admin=True)
    late = server.chat.enter("person-late")
    ada = register(server, "ada", "draft/chathistory", "userhost-in-names", rooms="#dev")
    perform = server.chat.service.perform
    perform(root, GiveRole("dev", "person-119", "op"))
    server.chat.settle()
    ada.send("NAMES #dev")
    perform(people[-1], Rename("person-new"))
    perform(people[-2], Leave("dev"))
    perform(root, GiveRole("dev", "person-117", "voice"))
    perform(late, Join("dev"))
    lines = [line.split(":")[-1] for line in ada.read() if line.startswith("353")]
    named = {word.split("!")[0] for line in lines for word in line.split()}
    assert {"@person-new", "+person-117", "person-late"} < named
    assert not {"@person-119", "person-118", "person-117"} & named


def test_what_is_said_during_a_long_join_is_shown_once(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the JOIN, in its order."""
    people = crowd(server, monkeypatch, 60)
    ada = register(server, "ada", "draft/chathistory", "userhost-in-names")
    ada.send("JOIN #dev")
    assert " JOIN " in next(text for text in turns(server, ada) if text)
    for text in ("one", "two"):
        server.chat.service.perform(people[0], Say("dev", text))
    lines = ada.read()
    assert lines[-1].startswith("366")
    assert [line.split(":")[-1] for line in lines if "PRIVMSG" in line] == ["one", "two"]


def test_a_client_that_is_banned_during_a_long_join_is_shown_no_more_names(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is put out, and that is the last it sees of the channel."""
    crowd(server, monkeypatch, 240)
    root = with_account(server.chat, "ruth", admin=True)
    ada = register(server, "ada", "draft/chathistory", "userhost-in-names")
    ada.send("JOIN #dev")
    next(text for text in turns(server, ada) if " 353 " in text)
    server.chat.service.perform(root, Ban("dev", "ada"))
    commands = ada.commands()
    assert 1 <= commands.count("353") < ada.commands("NAMES #den").count("353")
    assert commands[-1] == "KICK"
