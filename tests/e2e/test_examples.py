"""The bots in `examples/`, with a running server."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.request import urlopen

from ..kit.processes import PATIENCE, Daemon, Netcat
from .conftest import Start

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
README = ROOT / "README.md"


def until_heard(ada: Netcat, asked: str, answer: str) -> None:
    """Repeat a question until the bot, which may still be starting, has answered."""
    for _ in range(100):
        ada.say(asked)
        if ada.hears(answer, seconds=0.5):
            return
    raise AssertionError(f"no bot has answered {asked}")


def test_bash_bot_answers(daemon: Daemon, start: Start) -> None:
    """With curl alone."""
    start("bash", str(EXAMPLES / "clock.sh"), f"{daemon.url}/rooms/lobby")
    ada = Netcat(daemon.line)
    until_heard(ada, "!time", "<clock> It is ")
    ada.close()
    daemon.kill()  # else curl would hold the test up


def test_python_bot_answers(daemon: Daemon, start: Start) -> None:
    """With the client library."""
    start(sys.executable, str(EXAMPLES / "parrot.py"), daemon.url)
    ada = Netcat(daemon.line)
    until_heard(ada, "hello", "<parrot> guest")
    ada.close()


def test_one_line_of_bash_follows_a_room_over_a_restart(daemon: Daemon, start: Start) -> None:
    """The one in the README: what is said is told once, whether the line was connected or not."""
    (line,) = re.findall(r"^```bash\n(since=.*)\n```$", README.read_text(), re.M)
    follow = start("bash", "-c", line.replace("localhost:8080", daemon.url))
    follow.expect('"type":"ready"')
    say(daemon, "one")
    follow.expect('"text":"one"')
    daemon.kill()
    daemon.start()
    say(daemon, "two")
    follow.expect('"text":"two"')
    say(daemon, "three")
    follow.expect('"text":"three"')
    assert [follow.output.count(f'"{word}"') for word in ("one", "two", "three")] == [1, 1, 1]
    daemon.kill()  # else curl would hold the test up


def say(daemon: Daemon, text: str) -> None:
    """Say something by a POST."""
    with urlopen(f"{daemon.url}/rooms/lobby/messages?name=ci", text.encode(), PATIENCE) as answer:
        assert answer.status == 201
