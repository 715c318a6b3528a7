"""The command `chatd` beside a server that runs, and without one."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

from ..kit.processes import PATIENCE, Daemon

PASSWORD = "correct horse battery"


def chatd(directory: Path, *words: str, typed: str = "") -> tuple[int, str]:
    """Carry out a command line in a directory; answers the exit status and what was written."""
    done = subprocess.run(
        [sys.executable, "-m", "chatd", *words],
        cwd=directory,
        input=typed,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def sign_in(server: Daemon) -> int:
    """The status of signing in as ada."""
    body = json.dumps({"name": "ada", "password": PASSWORD}).encode()
    asked = urllib.request.Request(
        f"{server.url}/session", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
        status: int = answer.status
        return status


def test_the_console_works_beside_a_server_and_without_one(tmp_path: Path) -> None:
    """On the same accounts; its socket is its owner's alone, and is gone with the server."""
    added = chatd(tmp_path, "account", "add", "--admin", "ada", typed=f"{PASSWORD}\n")
    made = "chatd: there was no database chatd.sqlite: a new one was made\n"
    assert added == (0, f"ada (administrator) has an account\n{made}")
    server = Daemon(tmp_path)
    try:
        server.expect("console listening on ")
        socket = tmp_path / "chatd.sqlite-console"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert "#claim=" not in server.output
        assert sign_in(server) == 201
        status, listed = chatd(tmp_path, "account", "list")
        assert (status, listed.startswith("ada (administrator), since 20")) == (0, True)
        assert listed.endswith(", here\n")
        assert chatd(tmp_path, "account", "end", "ada") == (0, "1 ended\n")
        assert chatd(tmp_path, "ban", "eve", "7d") == (0, "eve is banned from the server\n")
        assert chatd(tmp_path, "unban", "bob")[0] == 1
        server.signal(signal.SIGTERM)
        server.wait()
        assert not socket.exists()
    finally:
        server.kill()
    status, refused = chatd(tmp_path, "account", "remove", "--yes", "ada")
    assert (status, "only administrator" in refused) == (1, True)
    assert chatd(tmp_path, "account", "add", "bob", typed=f"{PASSWORD}\n")[0] == 0
    assert chatd(tmp_path, "account", "remove", "--yes", "bob")[0] == 0
    assert chatd(tmp_path, "account", "list")[1].count("\n") == 1
    assert "account-remove bob" in chatd(tmp_path, "audit")[1]


def test_the_socket_of_a_killed_server_is_no_hindrance(tmp_path: Path) -> None:
    """Neither for the console on the store, nor for the next server."""
    server = Daemon(tmp_path)
    server.expect("console listening on ")
    server.kill()
    assert (tmp_path / "chatd.sqlite-console").is_socket()
    assert chatd(tmp_path, "account", "add", "ada", typed=f"{PASSWORD}\n")[0] == 0
    server = Daemon(tmp_path)
    try:
        server.expect("console listening on ")
        assert chatd(tmp_path, "account", "list")[1].startswith("ada, since")
    finally:
        server.kill()


def test_a_backup_is_made_beside_a_server_and_can_be_started_from(tmp_path: Path) -> None:
    """The command refuses a store without a file, and does not overwrite an existing file."""
    server = Daemon(tmp_path)
    try:
        urllib.request.urlopen(
            f"{server.url}/rooms/lobby/messages?name=ci", b"hello", PATIENCE
        ).close()
        status, told = chatd(tmp_path, "backup", "copy.sqlite")
        assert status == 0
        assert told.startswith("copy.sqlite: 0.")
        assert ", 1 events, the newest of 20" in told
        again = chatd(tmp_path, "backup", "copy.sqlite")
        assert again == (1, "chatd: copy.sqlite exists already; --force replaces it\n")
        assert chatd(tmp_path, "backup", "--force", "copy.sqlite")[0] == 0
        status, told = chatd(tmp_path, "backup", "x", "--store", "memory:")
        assert (status, "keeps nothing" in told) == (1, True)
        assert chatd(tmp_path, "backup", "x", "--store", "redis://localhost")[0] == 1
    finally:
        server.kill()
    restored = Daemon(tmp_path, "--store", "sqlite:copy.sqlite")
    try:
        with urllib.request.urlopen(
            f"{restored.url}/rooms/lobby/events", timeout=PATIENCE
        ) as answer:
            assert b'"text":"hello"' in answer.read()
    finally:
        restored.kill()
