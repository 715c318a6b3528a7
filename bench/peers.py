"""The servers that chatd is compared with; one that is not installed is left out."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from platform import python_implementation, python_version

from .certificate import certify
from .load import Reading, Saying
from .servers import (
    PATIENCE,
    PORT,
    LeftOut,
    Running,
    over_tls,
    poll,
    post,
    process,
    stream,
    told,
    websocket,
    websocket_saying,
)

PEERS = Path(__file__).parent / "peers"
SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
"""PATH, and the directories of servers, which PATH may lack."""


@dataclass(frozen=True)
class PlainTwisted:
    """A straightforward chat in Twisted, without optimisations."""

    name: str = "plain Twisted"
    doors: Sequence[str] = ("line", "poll", "sse")

    def version(self) -> str:
        """See `Server.version`."""
        return f"bench/peers/plain_twisted.py on Twisted {version('twisted')}"

    @contextmanager
    def running(self, home: Path) -> Iterator[Running]:
        """See `Server.running`."""
        command = (sys.executable, PEERS / "plain_twisted.py")
        with process(command, home, PORT, 2) as (pid, (line, http)):
            readings = {
                "line": Reading(line),
                "poll": poll(http, "/?since=", '"next": ', "0"),
                "sse": stream(http, "/"),
            }
            yield Running(pid, readings, dict.fromkeys(self.doors, Saying(line)))


@dataclass(frozen=True)
class Floor:
    """A bare loop in C: the system calls that any server needs, and no more."""

    program: Path | None
    """None where there is no C compiler."""
    name: str = "bare C loop"
    doors: Sequence[str] = ("line", "poll")

    def version(self) -> str:
        """See `Server.version`."""
        if self.program is None:
            raise LeftOut("no C compiler (cc)")
        return (
            f"bench/peers/floor.c, compiled by cc {told('cc', '-dumpfullversion', '-dumpversion')}"
        )

    @contextmanager
    def running(self, home: Path) -> Iterator[Running]:
        """See `Server.running`."""
        with process((self.program,), home, PORT, 2) as started:
            yield _bare(*started)


@dataclass(frozen=True)
class BareLoop:
    """A bare loop in Python: the system calls that any server needs, and no more."""

    name: str = "bare Python loop"
    doors: Sequence[str] = ("line", "poll")

    def version(self) -> str:
        """See `Server.version`."""
        return f"bench/peers/bare_loop.py on {python_implementation()} {python_version()}"

    @contextmanager
    def running(self, home: Path) -> Iterator[Running]:
        """See `Server.running`."""
        command = (sys.executable, PEERS / "bare_loop.py")
        with process(command, home, PORT, 2) as started:
            yield _bare(*started)


def _bare(pid: int, ports: list[int]) -> Running:
    line, http = ports
    readings = {"line": Reading(line), "poll": poll(http, "/?since=", '"next":', "0")}
    return Running(pid, readings, dict.fromkeys(readings, Saying(line)))


@dataclass(frozen=True)
class NodeNet:
    """Lines over node's `net`."""

    name: str = "node net"
    doors: Sequence[str] = ("line",)

    def version(self) -> str:
        """See `Server.version`."""
        return f"node {told('node', '--version')}"

    @contextmanager
    def running(self, home: Path) -> Iterator[Running]:
        """See `Server.running`."""
        with process(("node", PEERS / "node_net.js"), home, PORT, 1) as (pid, (port,)):
            yield Running(pid, {"line": Reading(port)}, {"line": Saying(port)})


@dataclass(frozen=True)
class NodeWs:
    """WebSockets with node's `ws` package."""

    size: int
    name: str = "node ws"
    doors: Sequence[str] = ("websocket",)

    def version(self) -> str:
        """See `Server.version`."""
        node = told("node", "--version")
        with suppress(LeftOut):
            ws = told("node", "-p", "require('ws/package.json').version")
            return f"ws {ws} on node {node}"
        raise LeftOut("node finds no ws package: npm install ws, and set NODE_PATH")

    @contextmanager
    def running(self, home: Path) -> Iterator[Running]:
        """See `Server.running`."""
        with process(("node", PEERS / "node_ws.js"), home, PORT, 1) as (pid, (port,)):
            yield self._running(pid, port)

    @contextmanager
    def running_tls(self, home: Path) -> Iterator[tuple[Running, Running]]:
        """See `SecureServer.running_tls`: node's `https` beside its `http`."""
        certify(home)
        with process(("node", PEERS / "node_ws.js", "tls"), home, PORT, 2) as (pid, ports):
            plain, secure = (self._running(pid, port) for port in ports)
            yield plain, over_tls(plain, secure)

    def _running(self, pid: int, port: int) -> Running:
        saying = websocket_saying(port, "/", self.size, "", "")
        return Running(pid, {"websocket": websocket(port, "/")}, {"websocket": saying})


@dataclass(frozen=True)
class Nchan:
    """nginx, one worker, with nchan."""

    size: int
    files: int
    """Its limit of open files."""
    name: str = "nginx + nchan"
    doors: Sequence[str] = ("poll", "sse", "websocket")

    def version(self) -> str:
        """See `Server.version`."""
        nginx = self._nginx()
        self._module(nginx)
        return told(nginx, "-v").removeprefix("nginx version: ") + " with nchan, one worker"

    @contextmanager
    def running(self, home: Path) -> Iterator[Running]:
        """See `Server.running`."""
        with self._started(home, port := free_port()) as worker:
            yield self._running(worker, port)

    @contextmanager
    def running_tls(self, home: Path) -> Iterator[tuple[Running, Running]]:
        """See `SecureServer.running_tls`."""
        certify(home)
        port, secure = free_port(), free_port()
        listen = (
            f"listen 127.0.0.1:{secure} ssl backlog=4096; ssl_protocols TLSv1.3; "
            "ssl_certificate certificate.pem; ssl_certificate_key key.pem;"
        )
        with self._started(home, port, listen) as worker:
            plain = self._running(worker, port)
            yield plain, over_tls(plain, self._running(worker, secure))

    @contextmanager
    def _started(self, home: Path, port: int, tls: str = "") -> Iterator[int]:
        """The worker process; `tls` is the part of the configuration for TLS."""
        nginx = self._nginx()
        values = {"PORT": port, "FILES": self.files, "LOAD": self._module(nginx), "TLS": tls}
        text = (PEERS / "nginx.conf").read_text()
        for name, value in values.items():
            text = text.replace(f"%{name}%", str(value))
        (home / "nginx.conf").write_text(text)
        command = (nginx, "-e", "error.log", "-p", f"{home}/", "-c", "nginx.conf")
        with process(command, home) as (master, _):
            await_listening(port, home / "output")
            yield awaited_child(master)

    def _running(self, worker: int, port: int) -> Running:
        readings = {
            "poll": poll(port, "/poll?last_event_id=", "\nEtag: ", ""),
            "sse": stream(port, "/sse"),
            "websocket": websocket(port, "/websocket"),
        }
        saying = post(port, "/say", self.size)
        return Running(worker, readings, dict.fromkeys(self.doors, saying))

    def _nginx(self) -> str:
        nginx = shutil.which("nginx", path=SBIN)
        if nginx is None:
            raise LeftOut("no nginx")
        return nginx

    def _module(self, nginx: str) -> str:
        """The line that loads nchan; empty if nchan is built in.  Raises `LeftOut`."""
        built = told("/bin/sh", "-c", '"$0" -V 2>&1', nginx)
        directory = re.search(r"--modules-path=(\S+)", built)
        module = Path(directory[1] if directory else "/nowhere") / "ngx_nchan_module.so"
        if module.exists():
            return f"load_module {module};"
        if "nchan" in built:
            return ""
        raise LeftOut("nginx has no nchan module")


def free_port() -> int:
    """A free port, for a server that cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_listening(port: int, output: Path) -> None:
    """Wait until the server listens at a port.  Raises `LeftOut`."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.02)
    raise LeftOut(output.read_text().strip() or "it does not listen")


def awaited_child(master: int) -> int:
    """The process id of a master process's only child.  Raises `LeftOut`."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.02)
    raise LeftOut("it started no worker")
