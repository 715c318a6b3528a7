"""The commands of the line door, in modules by subject.

To add a command, decorate a function with `command` in the module of its subject.  To add a module,
name it in `_MODULES`: `/help` lists the modules in that order, and the commands of each as they
stand in it.
"""

from __future__ import annotations

from ....codecs.commandlines import CommandTable
from . import account, moderation, past, people, rooms, session, talking
from .row import LineCommand

_MODULES = (people, account, rooms, talking, past, moderation, session)

COMMANDS = CommandTable(
    row for module in _MODULES for row in vars(module).values() if isinstance(row, LineCommand)
)
"""All commands."""
