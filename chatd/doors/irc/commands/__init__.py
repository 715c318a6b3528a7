"""The commands of the IRC door, in modules by subject.

To add a command, decorate a function with `command` in the module of its subject.  To add a module,
name it in `_MODULES`.
"""

from __future__ import annotations

from . import (
    account,
    channels,
    deletion,
    history,
    lists,
    modes,
    monitor,
    names,
    people,
    registration,
    server,
    talking,
)
from .row import IrcCommand

_MODULES = (
    registration,
    account,
    channels,
    names,
    talking,
    people,
    lists,
    history,
    modes,
    deletion,
    monitor,
    server,
)

COMMANDS = {
    row.name: row
    for module in _MODULES
    for row in vars(module).values()
    if isinstance(row, IrcCommand)
}
"""All commands, by name."""
