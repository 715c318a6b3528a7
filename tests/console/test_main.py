"""The command `chatd`: its words, its exit status, and a server or a store at its other end."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from chatd.console import asking, offline
from chatd.console import main as command
from chatd.console.commands import account
from chatd.console.link import ask, told
from chatd.console.refused import Refused
from chatd.console.tasks import (
    AddAccount,
    BanWho,
    EndSessions,
    ListAccounts,
    ListBans,
    ListSessions,
    MakeInvite,
    RemoveAccount,
    SetAdmin,
    SetPassword,
    ShowAudit,
    Task,
    UnbanWho,
)
from chatd.server.settings import Settings
from chatd.store import Store
from chatd.store.memory import MemoryStore
from chatd.testing import START
from chatd.testing.clock import StrictClock


class Desk:
    """What the command was asked to do, and by whom."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, Task]] = []
        self.alone: list[Task] = []
        self.answer: Any = ["done"]

    def ask(self, path: Path, task: Task) -> Sequence[str] | None:
        self.asked.append((path, task))
        if isinstance(self.answer, BaseException):
            raise self.answer
        answer: Sequence[str] | None = self.answer
        return answer

    def run(self, task: Task, settings: object, directory: Path) -> Sequence[str]:
        self.alone.append(task)
        return ["done on the store"]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The command without a server."""
    desk = Desk()
    monkeypatch.setattr(asking, "ask", desk.ask)
    monkeypatch.setattr(offline, "run", desk.run)
    monkeypatch.setattr("sys.stdin", io.StringIO("a long password\n"))
    return desk


@pytest.mark.parametrize(
    ("line", "task"),
    [
        ("account add ada", AddAccount(name="ada", password="a long password")),
        (
            "account add ada --admin",
            AddAccount(name="ada", password="a long password", admin=True),
        ),
        ("account list", ListAccounts()),
        ("account password ada", SetPassword(name="ada", password="a long password")),
        ("account admin ada", SetAdmin(name="ada")),
        ("account admin --no ada", SetAdmin(name="ada", admin=False)),
        ("account remove ada", RemoveAccount(name="ada")),
        ("account remove --yes ada", RemoveAccount(name="ada")),
        ("account sessions ada", ListSessions(name="ada")),
        ("account end ada", EndSessions(name="ada")),
        ("account end ada 1f", EndSessions(name="ada", id="1f")),
        ("invite", MakeInvite()),
        ("invite dev 7d --uses 3", MakeInvite(room="dev", seconds=604_800, uses=3)),
        ("ban eve", BanWho(who="eve")),
        ("ban eve 30m", BanWho(who="eve", seconds=1800)),
        (
            "ban 192.0.2.0/24 7d two words",
            BanWho(who="192.0.2.0/24", seconds=604_800, text="two words"),
        ),
        ("ban eve for good", BanWho(who="eve", text="for good")),
        ("unban eve", UnbanWho(who="eve")),
        ("bans", ListBans()),
        ("audit", ShowAudit()),
        ("audit -n 5", ShowAudit(number=5)),
    ],
)
def test_a_command_line_becomes_a_task(
    desk: Desk, capsys: pytest.CaptureFixture[str], line: str, task: Task
) -> None:
    """Which the server carries out; what it tells is shown."""
    assert command.main(line.split()) == 0
    assert desk.asked == [(Path("chatd.sqlite-console"), task)]
    assert capsys.readouterr().out == "done\n"


def test_where_no_server_runs_the_store_itself_is_worked_on(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the same outcome."""
    desk.answer = None
    assert command.main(["account", "list"]) == 0
    assert desk.alone == [ListAccounts()]
    assert capsys.readouterr().out == "done on the store\n"


def test_the_store_is_that_of_the_server(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it finds it: by its option, in the environment, in its configuration."""
    config = tmp_path / "chatd.toml"
    config.write_text('store = "sqlite:c.db"\n')
    monkeypatch.setenv("CHATD_STORE", "sqlite:b.db")
    command.main(["bans", "--store", "sqlite:a.db"])
    command.main(["bans"])
    monkeypatch.delenv("CHATD_STORE")
    command.main(["bans", "--config", str(config)])
    assert [path for path, _ in desk.asked] == [
        Path("a.db-console"),
        Path("b.db-console"),
        Path("c.db-console"),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("account add", "the following arguments are required: NAME"),
        ("acount list", "there is no command acount; did you mean account?"),
        ("", "required"),
        ("bans --stor memory:", "there is no option --stor; did you mean --store?"),
        ("bans eve", "there is a word too many: eve"),
        ("account lst", "invalid choice"),
        ("invite dev --uses many", "invalid int value"),
    ],
)
def test_a_malformed_command_line_is_reported(
    desk: Desk, capsys: pytest.CaptureFixture[str], line: str, why: str
) -> None:
    """With the exit status 2."""
    with pytest.raises(SystemExit) as ended:
        command.main(line.split())
    assert ended.value.code == 2
    assert why in capsys.readouterr().err
    assert not desk.asked


@pytest.mark.parametrize(
    ("line", "answer", "why"),
    [
        ("bans", Refused("there is none"), "chatd: there is none\n"),
        ("invite dev soon", None, "chatd: soon is no duration; one is 30m, 12h or 7d\n"),
        ("bans --config nowhere.toml", None, "chatd: cannot read the configuration nowhere.toml"),
    ],
)
def test_a_refused_command_is_reported(
    desk: Desk, capsys: pytest.CaptureFixture[str], line: str, answer: Any, why: str
) -> None:
    """In one line, with the exit status 1."""
    desk.answer = answer
    assert command.main(line.split()) == 1
    told = capsys.readouterr().err
    assert told.startswith(why)
    assert told.count("\n") == 1


class Typed(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_password_is_typed_twice_without_an_echo(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is done if the two differ."""
    monkeypatch.setattr("sys.stdin", Typed())
    typed = iter(["one password", "one password", "one password", "another"])
    monkeypatch.setattr(account, "getpass", lambda prompt: next(typed))
    assert command.main(["account", "add", "ada"]) == 0
    assert command.main(["account", "add", "ada"]) == 1
    assert [task for _, task in desk.asked] == [AddAccount(name="ada", password="one password")]
    assert "the two passwords differ" in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "status"), [("ada\n", 0), ("y\n", 1), ("", 1)])
def test_a_person_is_asked_before_an_account_is_removed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    """For its name."""
    monkeypatch.setattr("sys.stdin", Typed(typed))
    assert command.main(["account", "remove", "ada"]) == status
    assert len(desk.asked) == (status == 0)


def test_an_unreachable_server_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    """Only then may the store be worked on."""
    assert ask(tmp_path / "nothing", ListAccounts()) is None
    with pytest.raises(Refused, match="cannot reach the server"):
        ask(tmp_path / ("x" * 200), ListAccounts())


@pytest.mark.parametrize("data", [b"", b'{"lines":'])
def test_a_server_that_ends_before_its_answer_is_reported(data: bytes) -> None:
    """It may have been done."""
    with pytest.raises(Refused, match="check whether the command was carried out"):
        told(data)


def test_memory_has_no_console_without_a_server() -> None:
    """It has nothing to work on."""
    with pytest.raises(Refused, match="memory: keeps nothing"):
        offline.run(ListAccounts(), Settings(store="memory:"), Path())


@pytest.mark.parametrize("task", [ListAccounts(), BanWho(who="eve"), MakeInvite(), ShowAudit()])
def test_a_mistyped_path_makes_no_database(tmp_path: Path, task: Task) -> None:
    """The error names the path, and how to give another one."""
    with pytest.raises(Refused, match=r"there is no database nowhere\.sqlite.*--store"):
        offline.run(task, Settings(store="sqlite:nowhere.sqlite"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_first_account_may_be_made_before_the_first_start(tmp_path: Path) -> None:
    """So a server can be given its administrator before it listens."""
    task = AddAccount(name="ada", password="a long password")
    settings = Settings(store="sqlite:new.sqlite")
    assert offline.check_database(task, settings, tmp_path)
    (tmp_path / "new.sqlite").touch()
    assert not offline.check_database(task, settings, tmp_path)


def test_on_a_shared_store_the_console_does_not_take_the_place_of_a_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is a node of its own, whatever name the settings give the server."""
    names: list[str] = []

    def store_at(*args: Any, node: str, **options: Any) -> Store:
        names.append(node)
        return MemoryStore(StrictClock(), lambda: START, 10)

    monkeypatch.setattr(offline, "store_at", store_at)
    settings = Settings(store="redis://localhost", node="one")
    done = Deferred.fromCoroutine(
        offline.carry_out(ListAccounts(), settings, Path(), StrictClock())
    )
    done.cancel()
    done.addErrback(lambda failure: failure.trap(CancelledError))
    assert names[0].startswith("console-")


@pytest.mark.parametrize("given", ["", "\n", "\r\n"])
def test_an_input_without_a_password_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    """Before anything is asked of the server."""
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    assert command.main(["account", "add", "ada"]) == 1
    assert capsys.readouterr().err == (
        "chatd: no password: give it as the first line of the input, or use a terminal\n"
    )
    assert [*desk.asked, *desk.alone] == []


@pytest.mark.parametrize("words", [["add", "ada"], ["password", "ada"]])
def test_a_password_of_a_megabyte_is_refused(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    """With its bound; the rest of the input is not read."""
    given = io.StringIO("x" * (1 << 20))
    monkeypatch.setattr("sys.stdin", given)
    assert command.main(["account", *words]) == 1
    assert capsys.readouterr().err == (
        "chatd: a password has at most 128 characters; choose a shorter one\n"
    )
    assert given.tell() < 1000
    assert [*desk.asked, *desk.alone] == []


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_an_input_that_is_no_text_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], errors: str
) -> None:
    """However Python was told to read it."""
    given = io.TextIOWrapper(io.BytesIO(b"p\xff\xfessword\n"), "utf-8", errors)
    monkeypatch.setattr("sys.stdin", given)
    assert command.main(["account", "add", "ada"]) == 1
    assert "not valid UTF-8" in capsys.readouterr().err
    assert not desk.asked


def test_a_password_of_the_greatest_length_is_taken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With either end of line."""
    for end in ("\n", "\r\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO("ab" * 64 + end + "more\n"))
        assert command.main(["account", "add", "ada"]) == 0
        (_, task) = desk.asked[-1]
        assert isinstance(task, AddAccount)
        assert task.password == "ab" * 64


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit statuses; `chatd --help` lists all commands."""
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    listed = capsys.readouterr().out
    for row in command.COMMANDS:
        assert f"\n    {row.name}" in listed
        with pytest.raises(SystemExit) as ended:
            command.main([row.name, "--help"])
        assert ended.value.code == 0
        assert "141" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "advised"),
    [("#invite=abc", True), ("https://chat.example/#invite=abc", False)],
)
def test_an_invite_without_an_address_says_what_makes_it_a_link(
    desk: Desk, capsys: pytest.CaptureFixture[str], answer: str, advised: bool
) -> None:
    """On standard error: what a script reads is the invite."""
    desk.answer = [answer]
    assert command.main(["invite"]) == 0
    told = capsys.readouterr()
    assert told.out == f"{answer}\n"
    assert ("--host" in told.err) is advised


def test_an_interrupted_command_says_so(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit status of a shell."""
    desk.answer = KeyboardInterrupt()
    assert command.main(["bans"]) == 130
    assert capsys.readouterr().err == "chatd: interrupted\n"


def test_a_command_is_interrupted_while_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server's modules take a moment."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "import_module", interrupted)
    assert command.main(["serve"]) == 130
    assert capsys.readouterr().err == "chatd: interrupted\n"


def test_a_completion_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown shell is refused."""
    assert command.main(["completion", "bash"]) == 0
    assert "complete -F _chatd chatd" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        command.main(["completion", "tcsh"])
    assert ended.value.code == 2
