"""`chatd say` and `chatd tail` with a running server, and over a restart of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..kit.processes import PATIENCE, Daemon
from .conftest import Start

CHATD = (sys.executable, "-m", "chatd")


def say(server: Daemon, *words: str, typed: str | None = None) -> tuple[int, str]:
    """Run `chatd say`: its exit status, and its error output."""
    done = subprocess.run(
        [*CHATD, "say", server.url, *words],
        input=typed,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_text_is_said_as_it_is(daemon: Daemon, start: Start) -> None:
    """Under a given name; a text that looks like a form or a command is not interpreted."""
    assert say(daemon, "#builds", "1+1=2", "--name", "ci") == (0, "")
    assert say(daemon, "builds", "--name=ci", "--", "/me", "waves  at --all") == (0, "")
    tail = start(*CHATD, "tail", daemon.url, "builds")
    tail.expect(r"^<ci> 1\+1=2\n<ci> /me waves  at --all\n")


def test_sixty_lines_are_few_messages_and_in_order(daemon: Daemon, start: Start) -> None:
    """As sixty messages they would take twelve seconds at the rate limit of five a second."""
    lines = [f"  [{n}/60] compiling" for n in range(60)]
    assert say(daemon, "builds", "--name", "ci", typed="\n".join(lines)) == (0, "")
    tail = start(*CHATD, "tail", daemon.url, "builds", "--format", "json")
    tail.expect(r"59/60\] compiling.*\n")
    said = [json.loads(line) for line in tail.output.splitlines()]
    assert "\n".join(event["text"] for event in said).split("\n") == lines
    assert len(said) <= 4


def test_tail_goes_on_over_a_restart_of_the_server(tmp_path: Path, start: Start) -> None:
    """No message is lost or doubled, and a message that is sent meanwhile is delivered."""
    server = Daemon(tmp_path)
    try:
        say(server, "lobby", "one", "--name", "ci")
        tail = start(*CHATD, "tail", server.url, "lobby", "--format=json")
        tail.expect('"one"')
        server.kill()
        tail.expect("no answer from ")
        saying = start(*CHATD, "say", server.url, "lobby", "two", "--name", "ci")
        saying.expect("no answer from ")
        server.start()
        assert saying.wait() == 0
        tail.expect('"two"')
        tail.signal(signal.SIGINT)
        assert tail.wait() == 130
        assert len(re.findall('"text":"(?:one|two)"', tail.output)) == 2
        assert "Traceback" not in tail.output
    finally:
        server.kill()


def test_tail_ends_with_the_program_that_reads_it(daemon: Daemon) -> None:
    """Even if no further event arrives; silently, and with the exit status of SIGPIPE."""
    say(daemon, "lobby", "hello", "--name", "ci")
    tail = subprocess.Popen(
        [*CHATD, "tail", daemon.url, "lobby"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tail.stdout
    assert tail.stderr
    with tail.stdout, tail.stderr:
        assert tail.stdout.readline() == "<ci> hello\n"
        tail.stdout.close()
        assert tail.wait(PATIENCE) == 141
        assert tail.stderr.read() == ""


def test_a_personal_token_is_read_from_a_file_or_the_environment(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    """The command acts as the token's account, without a session."""
    bearer = ""
    for path, body in [
        ("accounts", {"name": "ada", "password": "correct horse battery"}),
        ("account/tokens", {"label": "ci"}),
    ]:
        done = subprocess.run(
            ["curl", "-sS", f"{daemon.url}/{path}", "-H", "Content-Type: application/json",
             "-H", f"Authorization: Bearer {bearer}" if bearer else "Accept: */*",
             "-d", json.dumps(body)],
            capture_output=True, check=True, timeout=PATIENCE,
        )  # fmt: skip
        bearer = json.loads(done.stdout)["token"]
    (tmp_path / "token").write_text(f"{bearer}\n")
    assert say(daemon, "lobby", "one", "--token-file", str(tmp_path / "token")) == (0, "")
    monkeypatch.setenv("CHATD_TOKEN", bearer)
    assert say(daemon, "lobby", "two") == (0, "")
    start(*CHATD, "tail", daemon.url, "lobby").expect("<ada> one\n<ada> two\n")
    monkeypatch.setenv("CHATD_TOKEN", "nonsense")
    status, told = say(daemon, "lobby", "three")
    assert (status, told.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["say", "localhost:8080", "lobby", "x"], 2, "is no server's URL"),
        (["say", "http://127.0.0.1:1", "lobby", "x", "--patience=0"], 3, "no answer from"),
        (["tail", "http://127.0.0.1:1", "lobby", "--patience=0"], 3, "no answer from"),
        (["tail", "http://127.0.0.1:1", "lobby", "--since", "x"], 2, "'x' is no id"),
        (["tail", "http://127.0.0.1:1", "lobby", "-n", "501"], 2, "not a number from 0 to 500"),
        (["say", "http://127.0.0.1:1", "lobby", "--token-file", "no"], 1, "cannot read the token"),
    ],
)
def test_a_failing_command_ends_with_one_line_and_its_own_exit_status(
    tmp_path: Path, words: list[str], status: int, told: str
) -> None:
    """Scripts can distinguish a wrong command line from a server that does not answer."""
    done = subprocess.run(
        [*CHATD, *words], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == status
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_refused_line_is_reported(daemon: Daemon) -> None:
    """The message counts the lines that were not said."""
    status, told = say(daemon, "lobby", "--name", "a b", typed="one\ntwo\n")
    assert status == 1
    assert "that is no name" in told
    assert "2 lines, and all after them, were not said" in told
