"""The recipes in CONTRIBUTING.md work as written: their code runs, and their tests pass."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from inspect import signature
from pathlib import Path
from textwrap import dedent, indent
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest
from twisted.logger import capturedLogs

from chatd.chat import judge_messages, speech
from chatd.codecs.commandlines import CommandTable, nothing
from chatd.codecs.json import JSON
from chatd.doors.api import rooms
from chatd.doors.line.commands import COMMANDS, past, talking
from chatd.doors.line.shell import Shell
from chatd.doors.push_door import PushFactory
from chatd.model import commands, events, policy
from chatd.model.identity import Identity
from chatd.model.policy import RoomView
from chatd.model.restrictions import Restrictions
from chatd.server import doors, settings
from chatd.server.option import METADATA
from chatd.stream.eventlog import Entry
from chatd.testing import InMemoryChat

from .kit.server import MemoryServer
from .kit.stores import StoreUnderTest, said
from .kit.terminal import Terminal

PAGE = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text()
EVENT = "Add an event type and a command that others see"


def code(title: str, start: str) -> str:
    """The code block under a heading that begins with `start`."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = re.findall(r"^   ```\w*\n(.*?)^   ```$", section, re.S | re.M)
    (piece,) = [piece for piece in map(dedent, found) if piece.startswith(start)]
    return piece


def run(source: str, names: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Run code with these names defined; return all names defined then."""
    namespace = {**names, **more}
    source = f"from __future__ import annotations\n{source}"
    exec(compile(source, "CONTRIBUTING.md", "exec"), namespace)
    return namespace


def load(monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> dict[str, Any]:
    """Import code as the module of that name."""
    module = ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(source, name, "exec"), vars(module))
    return vars(module)


def run_tests(namespace: Mapping[str, Any]) -> None:
    """Run the tests among these names, each with a server of its own."""
    tests = [value for name, value in namespace.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        server = MemoryServer()
        ada = server.http()
        ada.enter("ada")
        fixtures = {"server": server, "http": server.http(), "ada": ada}
        test(**{name: fixtures[name] for name in signature(test).parameters})


def test_an_option_is_one_field() -> None:
    """With its default, its help and its bounds."""
    source = indent(code("Add an option", "gc_objects"), "    ")
    source = f"@dataclass(frozen=True)\nclass More(Settings):\n{source}"
    more = run(source, vars(settings), dataclass=dataclass)["More"]
    (added,) = [field for field in fields(more) if field.name == "gc_objects"]
    assert added.default == 10_000
    with pytest.raises(ValueError, match="'699' is not a number from 700"):
        added.metadata[METADATA].read("699")


def test_a_command_of_the_line_door_is_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its test passes."""
    title = "Add a command of the line door"
    last = run(code(title, "@command"), vars(past), nothing=nothing)["last"]
    monkeypatch.setattr(Shell, "commands", CommandTable([*COMMANDS, last]))
    names = run(code(title, "def test_last"), globals())
    test = names["test_last_shows_the_id_of_the_newest_event"]
    server = MemoryServer()
    test(server, Terminal(server, "/nick ada"))


def test_an_endpoint_is_a_resource_and_a_line_in_the_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tests pass."""
    title = "Add an HTTP endpoint"
    names = load(monkeypatch, "chatd.doors.api.count", code(title, '"""`/rooms/{room}/count`'))
    row = code(title, 'b"count"')
    line = run(f"line = {{{row}}}", names)["line"]
    monkeypatch.setitem(rooms.IN_ROOM, b"count", line[b"count"])
    run_tests(load(monkeypatch, "tests.doors.api.test_count", code(title, '"""`GET /rooms')))


def test_an_event_is_a_class_a_judgement_and_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stored, and encoded with its type; the command of the line door gives it."""
    rolled = run(code(EVENT, "class Rolled"), vars(events))["Rolled"]
    roll = run(code(EVENT, "class Roll("), vars(commands))["Roll"]
    action = SimpleNamespace(ROLL="roll")
    row = code(EVENT, "Action.ROLL: Rule")
    rules = run(f"rules = {{{row}}}", vars(policy), Action=action)["rules"]

    def may(who: Identity, what: Any, room: RoomView) -> None:
        policy.decide(rules, who, what, room, 0, Restrictions())

    judged = run(
        code(EVENT, "def roll(policy"), vars(judge_messages), Rolled=rolled, Action=action
    )["roll"]
    carry_out = run(
        code(EVENT, "def roll(self"),
        vars(speech),
        Roll=roll,
        Action=action,
        randint=lambda least, most: 4,
        judge_messages=SimpleNamespace(
            roll=lambda _, *rest: judged(SimpleNamespace(may=may), *rest)
        ),
    )["roll"]
    typed = run(code(EVENT, '@command("/roll"'), vars(talking), Roll=roll, nothing=nothing)["roll"]
    chat = InMemoryChat()
    ada = chat.enter("ada")
    chat.service._commands[roll] = lambda *given: carry_out(chat.service._speech, *given)
    chat.perform(ada, roll("lobby"))
    (entry,) = chat.entries("lobby")[-1:]
    assert msgspec.json.decode(JSON.encode(entry))["number"] == 4
    assert typed.name == "roll"


def test_a_door_is_a_codec_a_connection_and_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tests pass, and the row makes its factory."""
    title = "Add a door"
    names = load(monkeypatch, "chatd.doors.ticker", code(title, '"""The ticker door: what'))
    run_tests(load(monkeypatch, "tests.doors.test_ticker", code(title, '"""The ticker door."""')))
    row = row_of("ticker", names)
    factory = row.make(MemoryServer().context())
    assert isinstance(factory.buildProtocol(None), names["TickerConnection"])


def test_a_door_at_which_people_speak_is_two_short_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tests pass, and the row makes its factory."""
    title = "Add a door"
    load(monkeypatch, "chatd.codecs.talk", code(title, '"""What is said, as lines'))
    names = load(monkeypatch, "chatd.doors.talk", code(title, '"""The talk door: each'))
    run_tests(load(monkeypatch, "tests.doors.test_talk", code(title, '"""The talk door."""')))
    factory = row_of("talk", names).make(MemoryServer().context())
    assert isinstance(factory.buildProtocol(None), names["TalkConnection"])


def test_a_deleted_message_is_shown_as_deleted_by_the_recipe_s_codec(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its text is empty, so it must not be shown as a message."""
    talk = load(monkeypatch, "chatd.codecs.talk", code("Add a door", '"""What is said, as lines'))
    deleted = Entry(1, events.Said("lobby", "ada", "", redacted=True))
    assert talk["TALK"].encode(deleted) == b"-- a message of ada was deleted\r\n"


def row_of(name: str, names: Mapping[str, Any]) -> doors.DoorKind:
    """The row of the table of doors that makes the door of that name."""
    listed = code("Add a door", f'DoorKind(\n    "{name}"')
    known = {**vars(doors), "PushFactory": PushFactory, **names}
    row: doors.DoorKind
    (row,) = run(f"rows = [\n{listed}]", known)["rows"]
    return row


def test_a_store_is_a_class_with_the_methods_of_the_contract(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It stores, and logs what it is asked to."""
    names = load(monkeypatch, "chatd.store.traced", code("Add a store", '"""A store in memory'))
    with capturedLogs() as logged, StoreUnderTest(names["TracedStore"]) as store:
        (id_,) = store.stored(said("hi"))
    assert id_ > 0
    assert [event["log_namespace"] for event in logged] == ["chatd.store.traced.TracedStore"]
