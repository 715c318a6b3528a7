"""`chatd doctor` with real proxies: as they are, as the docs have them, and broken."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from ..kit.processes import PATIENCE, Daemon
from .conftest import Start

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
DOCS = (Path(__file__).parents[2] / "docs/operations.md").read_text()
PAUSE = 0.05
"""Seconds between two attempts to connect to a proxy that starts."""
NGINX = """\
daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""
HAPROXY = """\
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server {timeout}
frontend front
  bind 127.0.0.1:{port}
  default_backend back
backend back
  option forwardfor
  {more}
  server chatd 127.0.0.1:{http}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until something listens at a port."""
    deadline = monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        except ConnectionRefusedError:
            assert monotonic() < deadline
            Event().wait(PAUSE)
        else:
            return


def nginx(directory: Path, start: Start, location: str) -> str:
    """Start nginx; returns the URL at which it serves."""
    port = free_port()
    (directory / "nginx.conf").write_text(NGINX.format(port=port, location=location))
    program = shutil.which("nginx", path=PATH)
    assert program, "nginx is missing: make test installs it"
    start(program, "-p", str(directory), "-c", str(directory / "nginx.conf"))
    wait_for(port)
    return f"http://127.0.0.1:{port}"


def haproxy(directory: Path, start: Start, http: int, timeout: str, more: str = "") -> str:
    """Start HAProxy; returns the URL at which it serves."""
    port = free_port()
    (directory / "haproxy.cfg").write_text(
        HAPROXY.format(port=port, http=http, timeout=timeout, more=more)
    )
    program = shutil.which("haproxy", path=PATH)
    assert program, "haproxy is missing: make test installs it"
    start(program, "-db", "-f", str(directory / "haproxy.cfg"))
    wait_for(port)
    return f"http://127.0.0.1:{port}"


def doctor(url: str, *words: str) -> tuple[int, dict[str, str], str]:
    """Run `chatd doctor`: its exit status, the verdict on each feature, and its whole output."""
    done = subprocess.run(
        [sys.executable, "-m", "chatd", "doctor", url, *(words or ("--wait=1",))],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    verdicts = {line.split(None, 1)[1].partition(":")[0]: line.split()[0] for line in lines}
    return done.returncode, verdicts, done.stdout + done.stderr


def faults(verdicts: dict[str, str]) -> set[str]:
    return {what for what, verdict in verdicts.items() if verdict == "FAULT"}


def test_nothing_is_wrong_without_a_proxy(daemon: Daemon) -> None:
    """All features are examined; with `--idle`, an idle stream, too."""
    status, verdicts, told = doctor(daemon.url, "--wait=1", "--idle=1")
    assert status == 0, told
    assert verdicts.keys() == {
        *("TLS", "Host", "held poll", "event stream", "WebSocket", "clock", "idle stream")
    }


def test_unconfigured_nginx_loses_the_host_and_websockets(
    daemon: Daemon, start: Start, tmp_path: Path
) -> None:
    """The remedies shown are those for nginx."""
    location = f"location / {{ proxy_pass http://127.0.0.1:{daemon.http}; }}"
    status, verdicts, told = doctor(nginx(tmp_path, start, location))
    assert (status, faults(verdicts)) == (1, {"Host", "WebSocket"}), told
    assert "nginx: proxy_set_header Host $http_host;" in told
    assert "nginx: proxy_http_version 1.1; proxy_set_header Upgrade" in told
    assert "HAProxy" not in told


def test_nginx_as_the_docs_have_it_passes(daemon: Daemon, start: Start, tmp_path: Path) -> None:
    """The configuration is that of docs/operations.md, to the letter."""
    block = DOCS.split("```nginx\n")[1].split("```")[0]
    location = block.replace("127.0.0.1:8080", f"127.0.0.1:{daemon.http}")
    status, verdicts, told = doctor(nginx(tmp_path, start, location))
    assert (status, faults(verdicts)) == (0, set()), told


@pytest.mark.parametrize("how", ["a short timeout", "buffering"])
def test_a_broken_nginx_is_told(daemon: Daemon, start: Start, tmp_path: Path, how: str) -> None:
    """With the line that mends it."""
    wrong, words = {
        "a short timeout": ("proxy_read_timeout 1s;", ("--wait=4", "--idle=4")),
        "buffering": ("proxy_ignore_headers X-Accel-Buffering;", ("--wait=1",)),
    }[how]
    location = f"location / {{ proxy_pass http://127.0.0.1:{daemon.http}; {wrong} }}"
    _, verdicts, told = doctor(nginx(tmp_path, start, location), *words)
    if how == "buffering":
        assert "event stream" in faults(verdicts), told
        assert "nginx: proxy_buffering off;" in told
    else:
        assert {"held poll", "idle stream"} <= faults(verdicts), told
        assert "nginx: proxy_read_timeout 75s;" in told


def test_haproxy_passes_with_long_timeouts(daemon: Daemon, start: Start, tmp_path: Path) -> None:
    """As the docs have it."""
    status, verdicts, told = doctor(haproxy(tmp_path, start, daemon.http, "75s"))
    assert (status, faults(verdicts)) == (0, set()), told


def test_a_broken_haproxy_is_told(daemon: Daemon, start: Start, tmp_path: Path) -> None:
    """HAProxy does not name itself, so the remedies for all proxies are shown."""
    url = haproxy(tmp_path, start, daemon.http, "1s", "http-request del-header Upgrade")
    status, verdicts, told = doctor(url, "--wait=4")
    assert status == 1
    assert {"held poll", "WebSocket"} <= faults(verdicts), told
    assert "HAProxy: timeout server 75s" in told
    assert "Caddy: " in told


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["http://127.0.0.1:1"], 3, "no answer from http://127.0.0.1:1"),
        (["localhost:8080"], 2, "is no server's URL"),
        (["http://127.0.0.1:1", "--idle", "3601"], 2, "is not a number of seconds up to 3600"),
    ],
)
def test_an_impossible_examination_is_reported(words: list[str], status: int, told: str) -> None:
    """The exit status distinguishes a server that does not answer."""
    assert doctor(*words)[0] == status
    assert told in doctor(*words)[2]


def test_a_proxy_without_its_server_is_told(start: Start, tmp_path: Path) -> None:
    """The message says that no chatd runs, instead of blaming the proxy's configuration."""
    location = f"location / {{ proxy_pass http://127.0.0.1:{free_port()}; }}"
    status, _, told = doctor(nginx(tmp_path, start, location))
    assert status == 3
    assert "reaches no chatd (status 502)" in told
