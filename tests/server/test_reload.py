"""Reloading: changed settings are applied and logged, and a mistake changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent

from chatd.chat.administration import console
from chatd.chat.rules import Rules
from chatd.model.addresses import Address
from chatd.model.errors import ChatError
from chatd.model.identity import Stranger
from chatd.model.policy import Action
from chatd.net.connections import Connections
from chatd.server.live import LIVE, RESTART, Live
from chatd.server.options import Options
from chatd.server.peoplelog import PeopleLog
from chatd.server.reload import Reload, names, value, written
from chatd.server.settings import Settings, options

from ..kit.chat import PASSWORD, settled
from ..kit.server import MemoryServer
from ..kit.terminal import Terminal


class Running:
    """A server in memory that has a configuration file."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.file = directory / "chatd.toml"
        self.file.write_text("message-rate = 5\n")
        self.options = Options()
        self.options.parseOptions(["--config", str(self.file), *arguments])
        settings = self.options.settings
        self.proxies = settings.proxies
        self.server = MemoryServer(
            settings.allow_origin, self.proxies, rules=Rules(), message_rate=5.0
        )
        self.origins = self.server.origins
        self.chat = self.server.chat.service
        self.connections = Connections(self.server.chat.clock, 100)
        self.people_log = PeopleLog(self.chat)
        self.reload = Reload(
            settings,
            self.options.read,
            Live(
                chat=self.chat,
                store=self.server.chat.store,
                connections=self.connections,
                peers=self.server.peers,
                sites=[self.server.http_door],
                hosts=self.server.hosts,
                origins=self.origins,
                proxies=self.proxies,
                strict=self.server.strict,
                irc=self.server.irc,
                people_log=self.people_log,
            ),
        )

    def set(self, text: str) -> list[str]:
        """Write the configuration, reload, and return what was logged."""
        self.file.write_text(text)
        with capturedLogs() as logs:
            self.reload()
        return [formatEvent(event) or "" for event in logs]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """A server that is reloaded."""
    return Running(tmp_path)


def refuses(check: Callable[[], object]) -> bool:
    """Whether the policy refuses that."""
    try:
        check()
    except ChatError:
        return True
    return False


CHANGES: dict[str, tuple[str, Callable[[Running], object], str]] = {
    "message_rate": ("7", lambda it: it.chat.admission.limits.message_rate, "7.0"),
    "address_rate": ("70", lambda it: it.chat.admission.limits.address_rate, "70.0"),
    "max_rooms": ("71", lambda it: it.chat.admission.limits.rooms, "71"),
    "max_rooms_per_address": ("72", lambda it: it.chat.admission.limits.rooms_per_address, "72"),
    "max_rooms_per_session": ("73", lambda it: it.chat.admission.limits.rooms_per_session, "73"),
    "max_sessions": ("74", lambda it: it.chat.admission.limits.sessions, "74"),
    "max_sessions_per_address": (
        "75",
        lambda it: it.chat.admission.limits.sessions_per_address,
        "75",
    ),
    "max_readers": ("76", lambda it: it.chat.admission.limits.readers_per_session, "76"),
    "max_text": ("79", lambda it: it.chat.max_text, "79"),
    "max_body": ("78", lambda it: it.server.http_door.max_body, "78"),
    "stall": ("33", lambda it: it.server.peers.stalls.seconds, "33.0"),
    "keep": ("3", lambda it: it.server.chat.store.retention.days, "3.0"),
    "keep_events": ("300", lambda it: it.server.chat.store.retention.events, "300"),
    "keep_audit": ("30", lambda it: it.chat.audit_trail.bounds.days, "30.0"),
    "keep_audit_records": ("400", lambda it: it.chat.audit_trail.bounds.records, "400"),
    "guests": (
        '"none"',
        lambda it: (
            it.chat.sign_in.rules.guests,
            refuses(lambda: it.chat.readers.check(Stranger(), Action.LIST)),
        ),
        "('none', True)",
    ),
    "auth": ('"memory:ada:secret"', lambda it: len(it.chat.sign_in.rules.checkers), "1"),
    "max_connections": ("77", lambda it: it.connections.most, "77"),
    "max_connections_per_address": ("0", lambda it: it.connections.refusal("192.0.2.1"), "None"),
    "request_time": ("31", lambda it: it.server.http_door.request_seconds, "31.0"),
    "idle": ("32", lambda it: it.server.http_door.idle_seconds, "32.0"),
    "host": ('["new.example"]', lambda it: it.server.hosts.knows("new.example"), "True"),
    "allow_origin": (
        '["https://x.example"]',
        lambda it: "https://x.example" in it.origins and it.server.hosts.knows("x.example"),
        "True",
    ),
    "trust_proxy": (
        '["10.0.0.0/8", "unix"]',
        lambda it: it.proxies.trusts_address(Address("10.1.2.3")),
        "True",
    ),
    "hsts": ("60", lambda it: it.server.strict.seconds, "60"),
    "register": ('"invite"', lambda it: it.chat.sign_in.rules.register, "invite"),
    "plain_passwords": ("true", lambda it: it.chat.sign_in.rules.plain_passwords, "True"),
    "push_text": ("true", lambda it: it.chat.push.notices.text, "True"),
    "log_people": ("true", lambda it: it.people_log.on, "True"),
    "motd": ("MOTD", lambda it: [*it.server.irc.told.motd], "['welcome']"),
}
"""For each live setting a new value, how to read it from the server, and the expected reading."""


def test_each_live_setting_is_tried_here() -> None:
    """So that nobody adds a live setting without a test."""
    assert CHANGES.keys() == LIVE.keys()
    assert set(names()) == {name for name, _ in options()}


def test_each_setting_is_live_or_says_why_it_needs_a_restart() -> None:
    """None is both."""
    assert sorted([*LIVE, *RESTART]) == sorted(names())


@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_is_applied_and_logged(running: Running, tmp_path: Path, name: str) -> None:
    """With its old value; changing it back works, too."""
    text, look, seen = CHANGES[name]
    (tmp_path / "motd").write_text("welcome\n")
    text = text.replace("MOTD", f'"{tmp_path / "motd"}"')
    before = str(look(running))
    option = name.replace("_", "-")
    others = "" if name == "message_rate" else "message-rate = 5\n"
    (told,) = running.set(f"{others}{option} = {text}\n")
    assert str(look(running)) == seen
    assert told.startswith(f"reloaded; {option} is ")
    assert " (was " in told
    (told,) = running.set("message-rate = 5\n")
    assert f"{option} is " in told
    if name not in ("max_connections", "max_connections_per_address"):
        assert str(look(running)) == before


def test_a_reload_without_a_change_says_so(running: Running) -> None:
    """Nothing is reset: people's token buckets keep their level."""
    assert running.set("message-rate = 5\n") == ["reloaded; nothing has changed"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "message-rate = 9\nmax-room = 7\n",
            r"chatd.toml, line 2: max-room is no setting; did",
        ),
        ("message-rate = 9\nidle = 0\n", r"chatd.toml, line 2: idle '0' is not a number from"),
        ("message-rate = 9\nidle\n", r"chatd.toml, line 2: this is no TOML: "),
        (
            'message-rate = 9\nmotd = "nowhere"\n',
            r"line 2: motd .*nowhere.* cannot be read: No such file",
        ),
        ("message-rate = 9\nmax-connections = 999999999\n", r"--max-connections .*ulimit -n"),
    ],
)
def test_a_mistake_changes_nothing(
    running: Running, logged_errors: list[str], text: str, why: str
) -> None:
    """The log says what is wrong, and where."""
    (told,) = running.set(text)
    assert told.startswith("not reloaded, nothing has changed: ")
    assert re.search(why, told), told
    assert running.chat.admission.limits.message_rate == 5
    assert running.set("message-rate = 6\n")[0].startswith("reloaded; message-rate is 6 (was 5)")
    logged_errors.clear()


def test_a_missing_file_changes_nothing(running: Running, logged_errors: list[str]) -> None:
    """As while an editor replaces the file."""
    running.file.unlink()
    with capturedLogs() as logs:
        running.reload()
    assert "cannot read the configuration" in (formatEvent(logs[0]) or "")
    logged_errors.clear()


def test_a_setting_that_needs_a_restart_is_named_and_the_others_take_effect(
    running: Running,
) -> None:
    """Also the endpoints of doors; no value that may hold a password is shown."""
    told = running.set(
        'store = "redis://:secret@h"\nhistory = 7\nhttp = "tcp:1"\nmessage-rate = 6\n'
    )
    assert told == [
        "changed, but applied only at the next start: http (ports are bound at the start, before "
        "the process gives up its privileges), store (another store has another history), history "
        "(rooms in memory have their size already)",
        "reloaded; message-rate is 6 (was 5)",
    ]


def test_the_command_line_beats_the_file(tmp_path: Path) -> None:
    """As at the start."""
    running = Running(tmp_path, "--message-rate", "9")
    assert running.set("message-rate = 6\n") == ["reloaded; nothing has changed"]
    assert running.options.read().message_rate == 9


def test_people_who_are_here_get_the_new_rate(running: Running) -> None:
    """At once; nobody is disconnected."""
    wire = running.server.line()
    (person,) = running.chat.people.local()
    wire.send(b"hi\r\n")
    running.server.chat.settle()
    before = person.bucket
    running.set("message-rate = 1\n")
    wire.send(b"hello\r\n")
    running.server.chat.settle()
    assert person.bucket is not before
    assert running.server.chat.texts("lobby") == ["hi", "hello"]
    assert not wire.lost


def test_guests_who_are_here_keep_to_the_new_rule(running: Running) -> None:
    """With `read` they go on reading, and say nothing; with `none` they read nothing either."""
    ada = Terminal(running.server)
    running.set('guests = "read"\nmessage-rate = 5\n')
    assert any("only people with an account" in line for line in ada.type("hello"))
    chat = running.server.chat
    adding = running.chat.administration.add
    settled(chat, adding(console(running.chat.admission.bucket()), "eve", PASSWORD))
    Terminal(running.server, f"/login eve {PASSWORD}", "read this", host="127.0.0.1")
    assert any("read this" in line for line in ada.heard())
    running.set('guests = "none"\nmessage-rate = 5\n')
    running.server.chat.settle()
    assert any(line.startswith("!!") for line in ada.heard())


def test_an_onlooker_comes_in_by_connecting_again_when_guests_may(running: Running) -> None:
    """It has no name, and so says nothing."""
    running.set('guests = "read"\nmessage-rate = 5\n')
    onlooker = Terminal(running.server)
    running.set("message-rate = 5\n")
    assert any("connect again" in line for line in onlooker.type("hello"))
    assert running.server.chat.texts("lobby") == []
    assert "hi" in " ".join(Terminal(running.server).type("hi"))


def test_a_longer_text_is_taken_by_connections_that_begin_then(running: Running) -> None:
    """Over HTTP by those that there are, too."""
    http = running.server.http()
    target, text = "/rooms/lobby/messages?name=ci", "x" * 5000
    assert http.send_json("POST", target, {"text": text}).status == 413
    running.set("max-text = 6000\nmessage-rate = 5\n")
    assert http.send_json("POST", target, {"text": text}).status == 201
    Terminal(running.server).type(text)
    assert running.server.chat.texts("lobby") == [text, text]


def test_a_checker_that_is_new_lets_its_people_sign_in(running: Running) -> None:
    """And who signed in by one that is gone is still signed in."""
    chat = running.server.chat
    running.set('auth = ["memory:ada:a secret of hers"]\nmessage-rate = 5\n')
    ada = Terminal(running.server, host="127.0.0.1")
    ada.type("/login ada a secret of hers")
    running.set("message-rate = 5\n")
    ada.type("hello")
    assert chat.texts("lobby") == ["hello"]


def test_the_message_of_the_day_is_read_again(running: Running, tmp_path: Path) -> None:
    """If the file has another name, and if it has other contents."""
    motd = tmp_path / "motd"
    motd.write_text("hello\n")
    setting = f'message-rate = 5\nmotd = "{motd}"\n'
    running.set(setting)
    assert running.set(setting) == ["reloaded; nothing has changed"]
    motd.write_text("goodbye\n")
    assert running.set(setting) == ["reloaded; motd: the file"]
    assert running.server.irc.told.motd == ["goodbye"]


def test_a_relative_path_is_that_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although a daemon has changed its working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "motd").write_text("hello\n")
    (tmp_path / "chatd.toml").write_text('motd = "motd"\n')
    options = Options()
    options.parseOptions(["--config", "chatd.toml"])
    monkeypatch.chdir(os.sep)
    assert options.read().motd_lines() == ["hello"]


def test_a_checker_is_no_change(tmp_path: Path) -> None:
    """A reload parses the checker again, and gets the same object."""
    (tmp_path / "passwd").write_text("ada:x\n")
    auth = f'auth = ["file:{tmp_path / "passwd"}"]\n'
    running = Running(tmp_path)
    running.set(auth)
    assert not any("auth" in line for line in running.set(auth))


def test_every_value_is_written_as_people_write_it() -> None:
    """No value of a setting makes a reload fail."""
    settings: Any = Settings()
    for name in names():
        assert written(name, value(settings, name))
    assert written("store", "redis://:secret@h") == "another"
    assert {field.name for field in fields(Settings)} >= set(names()) - set(settings.endpoints)
