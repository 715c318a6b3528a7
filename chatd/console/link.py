"""Client of the console's socket: sends a task to the running server, and reads the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

from .refused import Refused
from .tasks import Task, written

ANSWER_SECONDS = 60.0
"""Seconds to wait for the server's answer."""


def ask(path: Path, task: Task) -> Sequence[str] | None:
    """Have the server at the socket `path` carry out a task; returns the lines of its answer, or
    None if no server listens there.  Raises `Refused`.
    """
    with socket(AF_UNIX) as link:
        link.settimeout(ANSWER_SECONDS)
        try:
            link.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as problem:
            why = problem.strerror or problem
            raise Refused(f"cannot reach the server at {path}: {why}") from None
        try:
            link.sendall(written(task) + b"\n")
            data = b"".join(iter(lambda: link.recv(65536), b""))
        except OSError as problem:
            raise Refused(f"the server at {path} did not answer: {problem}") from None
    return told(data)


def told(data: bytes) -> Sequence[str]:
    """The lines of an answer.  Raises `Refused`."""
    try:
        answer: Any = json.loads(data)
    except ValueError:
        raise Refused(
            "the server ended before it answered; check whether the command was carried out"
        ) from None
    if "error" in answer:
        raise Refused(str(answer["error"]["message"]))
    return [str(line) for line in answer["lines"]]
