"""The bots in `examples/`, with a running server."""

from __future__ import annotations

import sys
from pathlib import Path

from ..kit.processes import Daemon, Netcat
from .conftest import Start

EXAMPLES = Path(__file__).parents[2] / "examples"


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


def test_python_bot_answers(daemon: Daemon, start: Start) -> None:
    """With the client library."""
    start(sys.executable, str(EXAMPLES / "parrot.py"), daemon.url)
    ada = Netcat(daemon.line)
    until_heard(ada, "hello", "<parrot> guest")
    ada.close()
