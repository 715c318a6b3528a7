#!/usr/bin/env python3
"""Shows that the built wheel works on its own.

Takes the wheel that `make dist` left in dist/, installs it in an empty environment (its
dependencies from requirements.lock), starts the server in an empty directory and chats with it
over both doors. Needs only the standard library, so that nothing else can lend the wheel a hand.
"""

import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from http.client import HTTPConnection
from pathlib import Path

from chatd.doors.api.compact import compact_script

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 30.0  # seconds for any one answer; a slow machine needs a tenth of it
LINE = "hello from the wheel"


def require(condition: object, complaint: str) -> None:
    """End the check with `complaint` unless `condition` holds."""
    if not condition:
        sys.exit(f"check_wheel: {complaint}")


def run(*command: object, cwd: Path) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    output = done.stdout + done.stderr
    require(done.returncode == 0, f"{' '.join(map(str, command))} failed:\n{output}")
    return done.stdout


def check_contents(wheel: Path) -> None:
    """Check which files the wheel holds: all of chatd/ and web/, and one file beside Twisted's."""
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {name for name in names if name.startswith("twisted/")}
    require(ours == {"twisted/plugins/chatd_plugin.py"}, f"the wheel reaches into Twisted: {ours}")
    package = ROOT / "chatd"
    sources = {package / "py.typed", *package.rglob("*.py"), *package.rglob("*.lua")}
    expected = {f"{path.relative_to(ROOT)}" for path in sources}
    page = {path for path in (ROOT / "web").rglob("*") if path.is_file()}
    expected |= {f"chatd/{path.relative_to(ROOT)}" for path in page}
    packed = {name for name in names if name.startswith("chatd/")}
    require(packed == expected, f"the tree and the wheel differ: {packed ^ expected}")
    lock = [name for name in names if name.endswith("/share/chatd/requirements.lock")]
    require(len(lock) == 1, "the wheel lacks requirements.lock")
    tops = {name.split("/")[0].split("-")[0] for name in names}
    require(tops == {"chatd", "twisted"}, f"the wheel holds what is not chatd: {tops}")


def install(wheel: Path, empty: Path) -> Path:
    """Install the wheel in a new environment and return the directory of its commands."""
    venv.create(empty / "venv", with_pip=True)
    commands = empty / "venv" / "bin"
    pip = (commands / "python", "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "install", "--require-hashes", "-r", ROOT / "requirements.lock", cwd=empty)
    run(*pip, "install", "--no-deps", wheel, cwd=empty)
    run(*pip, "check", cwd=empty)

    # The wheel at hand was built from the sdist; one built from the tree must be the same.
    run(*pip, "wheel", "--no-deps", "--wheel-dir", empty, ROOT, cwd=empty)
    names = set(zipfile.ZipFile(empty / wheel.name).namelist())
    difference = names ^ set(zipfile.ZipFile(wheel).namelist())
    require(not difference, f"the sdist's wheel and the tree's differ: {difference}")
    # SOURCE_DATE_EPOCH is set by make.
    same = (empty / wheel.name).read_bytes() == wheel.read_bytes()
    require(same, "two builds of the wheel differ in their bytes")
    return commands


def wait_for_doors(log: Path, server: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Return the ports of the line door and the HTTP door, once the log names both."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        text = log.read_text()
        ports = dict(re.findall(r"(line|http) door listening on 127\.0\.0\.1:(\d+)", text))
        if len(ports) == 2:
            return int(ports["line"]), int(ports["http"])
        require(server.poll() is None, f"the server ended at once:\n{text}")
        time.sleep(0.05)
    sys.exit(f"check_wheel: no doors after {DEADLINE:.0f} s:\n{log.read_text()}")


def say(port: int) -> None:
    """Say a line over the line door and wait for its echo."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as door:
        door.sendall(f"{LINE}\r\n".encode())
        heard = b""
        while f"> {LINE}\r\n".encode() not in heard:
            chunk = door.recv(4096)
            require(chunk, f"the line door closed after {heard!r}")
            heard += chunk


def get(port: int, path: str) -> bytes:
    """Return the body of a GET that must succeed."""
    door = HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    door.request("GET", path)
    answer = door.getresponse()
    body = answer.read()
    door.close()
    require(answer.status == 200, f"GET {path} gave {answer.status}: {body!r}")
    return body


def chat(commands: Path, empty: Path) -> None:
    """Start the installed server, use both of its doors and stop it."""
    log = empty / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                *(commands / "twistd", "--nodaemon", "--pidfile=", "chatd", "--store", "memory:"),
                *("--line", "tcp:0:interface=127.0.0.1", "--http", "tcp:0:interface=127.0.0.1"),
            ],
            cwd=empty,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        line_port, http_port = wait_for_doors(log, server)
        say(line_port)
        page = (ROOT / "web" / "index.html").read_bytes()
        require(get(http_port, "/") == page, "GET / is not web/index.html")
        script = compact_script((ROOT / "web" / "chat.js").read_bytes())
        require(get(http_port, "/chat.js") == script, "GET /chat.js is not web/chat.js")
        events = json.loads(get(http_port, "/rooms/lobby/events"))["events"]
        texts = [event.get("text") for event in events]
        require(LINE in texts, f"the HTTP door has not heard the line: {events}")

        server.terminate()
        status = server.wait(DEADLINE)
        # Twisted 26 stops in good order and then ends by the signal that asked for it.
        require(status in (0, -signal.SIGTERM), f"SIGTERM gave {status}:\n{log.read_text()}")
        require("Traceback" not in log.read_text(), f"an error was logged:\n{log.read_text()}")
    finally:
        server.kill()
        server.wait()


def main() -> None:
    """Check the one wheel in dist/."""
    wheels = list((ROOT / "dist").glob("*.whl"))
    require(len(wheels) == 1, f"expected one wheel in dist/, found {wheels}")
    check_contents(wheels[0])
    with tempfile.TemporaryDirectory() as directory:
        empty = Path(directory)
        commands = install(wheels[0], empty)
        listed = run(commands / "twistd", "--help", cwd=empty)
        require(re.search(r"^\s+chatd\s", listed, re.M), f"twistd does not list chatd:\n{listed}")
        chat(commands, empty)
    print(f"{wheels[0].name}: installs, is listed by twistd, serves both doors")


if __name__ == "__main__":
    main()
