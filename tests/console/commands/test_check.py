"""`chatd check`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chatd.console.commands import check
from chatd.console.main import main
from chatd.store.file import OwnFile

WRONG = """\
max-romos = 4
history = 0
line = "tcp:80x"
motd = "nowhere.txt"

http = ["tcp:0", "ssl:8443x:privateKey=k.pem:certKey=c.pem"]
store = "redis:x"
keep = [1]
log-people = "yes"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_mistake_is_told_with_its_place(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in the file with its line, others with the variable or the option."""
    (here / "chatd.toml").write_text(WRONG)
    monkeypatch.setenv("CHATD_IDLE", "long")
    monkeypatch.setenv("CHATD_MAX_ROMS", "3")
    assert main(["check", "--config=chatd.toml", "--workers=0", "--host=http://x"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    for line, mistake in zip(
        told.err.splitlines(),
        [
            "chatd.toml, line 1: max-romos is no setting; did you mean max-rooms?",
            "chatd.toml, line 2: history '0' is not a number from 1",
            "chatd.toml, line 3: line 'tcp:80x' is no endpoint",
            "chatd.toml, line 4: motd 'nowhere.txt' cannot be read: No such file",
            "chatd.toml, line 6: http 'ssl:8443x:privateKey=k.pem:certKey=c.pem' is no endpoint",
            "chatd.toml, line 7: store 'redis:x' is no store",
            "chatd.toml, line 8: keep takes one value, not a list",
            "chatd.toml, line 9: log-people takes true or false",
            "CHATD_IDLE 'long' is not a number",
            "--workers '0' is not a number",
            "--host 'http://x' is no host name",
            "CHATD_MAX_ROMS is no setting; did you mean CHATD_MAX_ROOMS?",
        ],
        strict=True,
    ):
        assert line.startswith(f"chatd: {mistake}")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--config", "nowhere.toml"], "cannot read the configuration nowhere.toml"),
        (["--workers", "2"], "--workers 2 needs a store that processes share"),
        (["--line=none", "--http=none"], "every door is closed"),
        (["--max-connections", "999999999"], "needs a limit of"),
        (["--line=tcp:1", "--http=tcp:1"], "--http tcp:1: another door has this port"),
        (["--store=sqlite:."], "'sqlite:.' is no store"),
        (["--store=sqlite:/"], "'sqlite:/' is no store"),
        (["--store=sqlite:/usr"], "cannot use /usr: it is no file"),
        (["--store=sqlite:no/c.sqlite"], "/no does not exist"),
    ],
)
def test_a_conflict_between_valid_settings_is_reported(
    capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    """In the words with which a start would fail."""
    assert main(["check", *words]) == 1
    assert told in capsys.readouterr().err


def test_a_store_in_a_directory_that_cannot_be_written_to_is_reported(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the place of the setting, and without writing anything there."""
    (here / "chatd.toml").write_text('\nstore = "sqlite:chat.sqlite"\n')
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != here)
    assert main(["check", "--config", "chatd.toml"]) == 1
    assert capsys.readouterr().err == (
        f"chatd: --store: cannot use {here}/chat.sqlite: its directory cannot be written to "
        "(store: chatd.toml, line 2)\n"
    )
    assert [path.name for path in here.iterdir()] == ["chatd.toml"]


def test_the_store_of_a_running_server_is_no_mistake(here: Path) -> None:
    """A configuration is checked before a restart, too."""
    server = OwnFile(here / "chatd.sqlite")
    server.take()
    try:
        assert main(["check"]) == 0
    finally:
        server.release()


def test_a_valid_configuration_is_summed_up(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other programs' variables are no mistake; the command opens no port and no file."""
    (here / "chatd.toml").write_text('store = "sqlite:chat.db"\nhttp = "none"\n')
    monkeypatch.setenv("CHATD_CONFIG", "chatd.toml")
    monkeypatch.setenv("CHATD_XYZZY", "3")
    assert main(["check", "--line", "tcp:1", "--irc", "none"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "line door at tcp:1",
        "history in sqlite:chat.db",
        "the configuration is valid",
    ]
    assert [path.name for path in here.iterdir()] == ["chatd.toml"]


@pytest.mark.parametrize("word", ["--histroy=3", "extra"])
def test_a_wrong_command_line_is_a_mistake_too(
    capsys: pytest.CaptureFixture[str], word: str
) -> None:
    """With the same exit status."""
    with pytest.raises(SystemExit) as ended:
        main(["check", word])
    assert ended.value.code == 1
    assert word.partition("=")[0] in capsys.readouterr().err


def test_the_example_is_valid_with_and_without_comments(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So every line of it can be used as it is."""
    assert main(["check", "--example"]) == 0
    text = capsys.readouterr().out
    (here / "chatd.toml").write_text(text)
    assert main(["check", "--config", "chatd.toml"]) == 0
    (here / "motd.txt").write_text("welcome\n")
    (here / "passwd").write_text("ada:pw\n")
    uncommented = "\n".join(
        line if line.startswith("# ") else line.removeprefix("#") for line in text.splitlines()
    )
    (here / "chatd.toml").write_text(uncommented)
    assert main(["check", "--config", "chatd.toml"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("named", ["chatd", "other", None])
def test_a_directory_that_systemd_makes_need_not_be_there(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    named: str | None,
) -> None:
    """If a unit of chatd names it; any other that is missing is a mistake."""
    state, units = here / "lib", here / "units"
    state.mkdir()
    units.mkdir()
    monkeypatch.setattr(check, "STATE", state)
    monkeypatch.setattr(check, "UNITS", (here / "nowhere", units))
    if named:
        unit = f"[Service]\nExecStart=/usr/bin/chatd serve\nStateDirectory={named} more\n"
        (units / "talk.service").write_text(unit)
    store = state / "chatd" / "chatd.sqlite"
    assert main(["check", f"--store=sqlite:{store}"]) == (0 if named == "chatd" else 1)
    told = capsys.readouterr()
    if named == "chatd":
        assert f"{state}/chatd is made by systemd, at the first start" in told.out
    else:
        assert f"its directory {state}/chatd does not exist" in told.err
