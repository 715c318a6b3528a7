"""Sends a task to the running server, or carries it out on the store if no server runs."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..server.settings import Settings
from ..server.sources import BadSetting, settled
from . import offline
from .door import console_path
from .link import ask
from .parser import place
from .refused import Refused
from .status import DONE
from .tasks import Task


def settings_at(given: Namespace) -> Settings:
    """The settings of the server that `add_place` names.  Raises `Refused`."""
    try:
        return settled(place(given), os.environ, given.config)
    except BadSetting as problem:
        raise Refused(str(problem)) from None


def carry_out(given: Namespace, task: Task) -> int:
    """Carry out a task, and print the lines of its answer.  Returns the exit status.

    Raises `Refused`, `ChatError`.
    """
    show(answered(given, task))
    return DONE


def answered(given: Namespace, task: Task) -> Sequence[str]:
    """The lines with which a task is answered.  Raises `Refused`, `ChatError`."""
    settings = settings_at(given)
    lines = ask(console_path(settings.store, Path()), task)
    return offline.run(task, settings, Path()) if lines is None else lines


def show(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
