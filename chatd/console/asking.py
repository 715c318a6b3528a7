"""Has the running server carry out a task, or carries it out on the store if no server runs."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

from ..server.sources import settled
from . import offline
from .door import console_path
from .link import ask
from .parser import place
from .status import DONE
from .tasks import Task


def carry_out(given: Namespace, task: Task) -> int:
    """Carry out a task, and print its lines.  Returns the exit status.

    Raises `BadSetting`, `Refused`, `ChatError`.
    """
    settings = settled(place(given), os.environ, given.config)
    lines = ask(console_path(settings.store, Path()), task)
    if lines is None:
        lines = offline.run(task, settings, Path())
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return DONE
