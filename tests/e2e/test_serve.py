"""`chatd serve`: a server in the foreground, and what it prints."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from ..kit.processes import HERE, PATIENCE, Netcat, Program
from ..kit.redis import RedisServer
from .conftest import Start

CHATD = (sys.executable, "-m", "chatd")
DOORS = ("--line", f"tcp:0:{HERE}", "--http", f"tcp:0:{HERE}", "--irc", f"tcp:0:{HERE}")
GREETING = r"open http://localhost:(\d+) · rlwrap nc localhost (\d+) · irc://localhost:\d+\n"


def failed(directory: Path, *words: str) -> str:
    """The one line with which a failing start ends."""
    done = subprocess.run(
        [*CHATD, "serve", *words],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_notices_say_how_to_connect_and_no_log_is_shown(start: Start) -> None:
    """They also say how to become the administrator; Ctrl-C drains the server and ends it."""
    server = start(*CHATD, "serve", *DOORS)
    http, line = server.expect(GREETING).groups()
    server.expect(r"^no administrator yet: open http://127\.0\.0\.1:\d+/#claim=\S+ to become it$")
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/healthz", timeout=PATIENCE) as answer:
        assert answer.status == 200
    client = Netcat(int(line))
    client.hear("welcome")
    client.say("hello")
    server.signal(signal.SIGINT)
    client.hear("> hello")
    assert server.wait() in (-signal.SIGINT, 128 + signal.SIGINT)
    client.close()
    *_, last = server.output.splitlines()
    assert last == "graceful shutdown: draining 1 connection"
    assert len(server.output.splitlines()) == 3


def test_logfile_names_where_the_log_goes(start: Start, tmp_path: Path) -> None:
    """To a file, besides the notices on the terminal; or to standard output, instead of them."""
    server = start(*CHATD, "serve", *DOORS, "--logfile", "log")
    server.expect(GREETING)
    server.signal(signal.SIGTERM)
    assert server.wait() in (0, -signal.SIGTERM)
    log = (tmp_path / "log").read_text()
    assert re.search(r"\[chatd\.server\.startup\.Door#info\] http door listening on ", log)
    server = start(*CHATD, "serve", *DOORS, "--logfile=-")
    server.expect(r"#info\] http door listening on ")
    server.kill()
    server = start(*CHATD, "serve", *DOORS, "--log-format=json")
    server.expect(r'^\{"time": .*"message": "http door listening on ')
    server.kill()


def test_its_settings_come_from_a_file_too(start: Start, tmp_path: Path) -> None:
    """As with twistd."""
    (tmp_path / "chatd.toml").write_text(
        f'http = "tcp:0:{HERE}"\nline = "none"\nirc = "none"\nstore = "memory:"\n'
    )
    server = start(*CHATD, "serve", "--config", "chatd.toml")
    server.expect(r"^open http://localhost:\d+\n")
    server.kill()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--histroy", "3"], "there is no option --histroy; did you mean --history?"),
        (["--history", "0"], "--history '0' is not a number from 1"),
        (["--history"], "expected one argument"),
        (["--line", "tcp:80x"], "'tcp:80x' is no endpoint"),
        (["--store", "nowhere:"], "'nowhere:' is no store"),
        (["--config", "nowhere.toml"], "cannot read the configuration nowhere.toml"),
        (["--line=none", "--http=none", "--irc=none"], "every door is closed"),
        (["--logfile", "no/log"], "cannot write no/log"),
        (["--workers", "2"], "--workers 2 needs a store that processes share"),
    ],
)
def test_a_start_that_cannot_work_ends_with_one_line(
    tmp_path: Path, words: list[str], why: str
) -> None:
    """And exit status 1; nothing is left behind."""
    line = failed(tmp_path, *words)
    assert line.startswith("chatd")
    assert why in line
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_ends_the_start_with_one_line(tmp_path: Path) -> None:
    """The line names the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = f"tcp:{listening.getsockname()[1]}:{HERE}"
        line = failed(tmp_path, "--store=memory:", "--line", endpoint, "--http=none")
    assert line.startswith(f"chatd: cannot listen on {endpoint}: ")


def test_workers_greet_once(start: Start) -> None:
    """One greeting for all workers; the workers end with their supervisor."""
    redis = RedisServer(tcp=True).start()
    try:
        store = f"redis://127.0.0.1:{redis.port}"
        server: Program = start(*CHATD, "serve", *DOORS, "--store", store, "--workers", "2")
        server.expect(GREETING)
        server.expect("^no administrator yet")
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        assert len(children) == 2
        os.kill(server.pid, signal.SIGTERM)
        server.wait()
        assert server.output.count("open http://localhost") == 1
        assert "#info" not in server.output
    finally:
        redis.remove()
