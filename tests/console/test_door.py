"""The console's socket."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred

from chatd.console.door import ASK_SECONDS, ConsoleDoor, ConsoleFactory, console_path
from chatd.console.tasks import AddAccount, ListAccounts, written
from chatd.testing import FakeConnection, InMemoryChat

from ..kit.chat import PASSWORD


def asked(chat: InMemoryChat, *packets: bytes) -> tuple[FakeConnection, Any]:
    """A client of the console that sends these bytes; and the answer, None if there is none."""
    wire = chat.connect(ConsoleFactory(chat.service))
    wire.send(*packets)
    chat.settle()
    data = wire.received()
    return wire, json.loads(data) if data else None


def test_a_task_is_answered_and_the_connection_closes(chat: InMemoryChat) -> None:
    """However it was cut."""
    task = written(AddAccount(name="ada", password=PASSWORD)) + b"\n"
    wire, answer = asked(chat, *(task[n : n + 1] for n in range(len(task))))
    assert answer == {"lines": ["ada has an account"]}
    assert wire.lost


def test_a_second_task_is_not_carried_out(chat: InMemoryChat) -> None:
    """One to a connection."""
    first = written(ListAccounts()) + b"\n"
    second = written(AddAccount(name="ada", password=PASSWORD)) + b"\n"
    _, answer = asked(chat, first + second)
    assert answer == {"lines": ["no accounts"]}
    assert asked(chat, first)[1] == {"lines": ["no accounts"]}


def test_a_refusal_says_why(chat: InMemoryChat) -> None:
    """As over HTTP."""
    wire, answer = asked(chat, b"hello\n")
    assert answer["error"]["code"] == "malformed"
    assert wire.lost
    task = AddAccount(name="ada", password="short")
    assert asked(chat, written(task) + b"\n")[1]["error"]["code"] == "bad-password"


def test_a_task_that_is_too_long_is_refused(chat: InMemoryChat) -> None:
    """And not kept."""
    wire, answer = asked(chat, b"x" * 100_000)
    assert answer["error"]["code"] == "malformed"
    assert wire.lost


def test_a_client_that_sends_nothing_is_cut_off(chat: InMemoryChat) -> None:
    """After a while."""
    wire, _ = asked(chat, b"{")
    chat.advance(ASK_SECONDS)
    assert wire.lost


def test_a_closed_connection_leaves_no_timer(chat: InMemoryChat) -> None:
    """No timer either."""
    wire, _ = asked(chat)
    wire.hang_up()
    assert not chat.clock.getDelayedCalls()


@pytest.mark.parametrize(
    ("store", "path"),
    [
        ("sqlite:chatd.sqlite", "here/chatd.sqlite-console"),
        ("sqlite:/var/lib/chat.db", "/var/lib/chat.db-console"),
        ("memory:", "here/chatd-console"),
        ("redis://localhost", "here/chatd-console"),
    ],
)
def test_the_socket_is_beside_the_store(store: str, path: str) -> None:
    """Of a store without a file, in the server's directory."""
    assert console_path(store, Path("here")) == Path(path)


def opened(chat: InMemoryChat, path: Path) -> ConsoleDoor:
    door = ConsoleDoor(reactor, chat.service, path)
    door.startService()
    return door


@pytest_twisted.ensureDeferred
async def test_only_its_owner_can_open_the_socket(chat: InMemoryChat, tmp_path: Path) -> None:
    """And it is gone with the server."""
    path = tmp_path / "console"
    door = opened(chat, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await door.stopService()
    assert not path.exists()


@pytest_twisted.ensureDeferred
async def test_a_socket_that_a_killed_server_has_left_is_replaced(
    chat: InMemoryChat, tmp_path: Path
) -> None:
    """Nobody listens at it."""
    path = tmp_path / "console"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    door = opened(chat, path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    await door.stopService()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("what", ["another server", "a file", "a long path"])
async def test_a_socket_that_cannot_be_opened_does_not_hinder_the_server(
    chat: InMemoryChat, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged that there is no console, and what is there is left alone."""
    told: list[str] = []
    path = tmp_path / ("x" * 120 if what == "a long path" else "console")
    other = None
    if what == "another server":
        other = opened(chat, path)
    elif what == "a file":
        path.write_text("mine")
    door = ConsoleDoor(reactor, chat.service, path)
    log = type("Log", (), {"warn": lambda self, text, **words: told.append(text.format(**words))})()
    monkeypatch.setattr(door, "_log", log)
    door.startService()
    await maybeDeferred(door.stopService)
    (line,) = told
    assert line.startswith(f"there is no console: its socket {path} cannot be opened: ")
    if other is not None:
        assert path.is_socket()
        await other.stopService()
    elif what == "a file":
        assert path.read_text() == "mine"
