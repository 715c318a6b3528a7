"""Tasks without a running server: opens the store, carries out one task, and closes the store."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..model.errors import ChatError
from ..server.assembly import chat_of
from ..server.settings import Settings
from ..store.engines import default_node, node_name, store_at
from ..store.wallclock import WallClock
from .refused import Refused
from .tasks import AddAccount, Task


async def carry_out(task: Task, settings: Settings, directory: Path, clock: Any) -> Sequence[str]:
    """Carry out a task on the store that the settings name; `clock` is the reactor.

    Raises `ChatError`.
    """
    now = WallClock()
    # A node name of its own: with the server's name it would replace the server among the nodes.
    node = node_name(settings.store, f"console-{default_node()}")
    store = store_at(settings.store, clock, now, settings.history, directory=directory, node=node)
    chat = chat_of(settings, clock, store, node, now)
    await chat.open()
    try:
        return await task.run(chat)
    finally:
        await chat.drain()
        await chat.stopService()


def run(task: Task, settings: Settings, directory: Path) -> Sequence[str]:
    """Carry out a task in a reactor of its own; returns its lines.  Raises `Refused`, also if the
    task needs a database and there is none.
    """
    if settings.store.partition(":")[0] == "memory":
        raise Refused(
            "no server runs here, and memory: keeps nothing without one; start the server first"
        )
    new = check_database(task, settings, directory)
    from twisted.internet import reactor

    clock: Any = reactor
    clock.seconds = time.monotonic
    outcome: list[Any] = []

    def begin() -> None:
        done = Deferred.fromCoroutine(carry_out(task, settings, directory, clock))
        done.addBoth(outcome.append).addCallback(lambda _: clock.stop())

    clock.callWhenRunning(begin)
    clock.run(installSignalHandlers=True)
    if not outcome:
        raise Refused("interrupted; check whether the command was carried out")
    (result,) = outcome
    if not isinstance(result, Failure):
        lines: Sequence[str] = result
        if new:
            notice = f"there was no database {settings.store.partition(':')[2]}: a new one was made"
            sys.stderr.write(f"chatd: {notice}\n")
        return lines
    if isinstance(result.value, ChatError):
        raise Refused(result.value.message)
    result.raiseException()


def check_database(task: Task, settings: Settings, directory: Path) -> bool:
    """Whether the store is a file that is not there, which a new account may make.

    Raises `Refused` for any other task, because a mistyped path would make an empty database.
    """
    scheme, _, path = settings.store.partition(":")
    missing = scheme == "sqlite" and not os.path.lexists(directory / path)
    if missing and not isinstance(task, AddAccount):
        raise Refused(
            f"there is no database {path}, and no server runs beside it; --store sqlite:PATH or "
            "--config FILE says which server's it is"
        )
    return missing
