"""`chatd join` on a terminal, while its reactor runs: the screen or the plain prompt."""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import Namespace
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol

from prompt_toolkit.patch_stdout import patch_stdout
from twisted.internet.defer import CancelledError, Deferred

from ...model.errors import ChatError
from ..answers import Event
from ..chat import ChatClient
from .arguments import INTERRUPTED, wants_colour
from .commands import carry_out
from .live import Live
from .plain import Plain
from .screen import Screen

PATIENCE = 30
"""Seconds after which a request that the server has not answered fails: the first one, and then
each command or message.  Reading goes on trying without an end."""

LEAVING_SECONDS = 10
"""Seconds after which a client whose terminal was closed ends in any case; to leave takes five."""


class Face(Protocol):
    """A user interface of a `Live`."""

    rooms: list[str]
    """The existing rooms, which Tab completes."""

    def changed(self) -> object:
        """The places have changed: draw them again."""

    def called(self, event: Event) -> object:
        """Somebody has mentioned the user, or sent the user a private message."""


async def run(given: Namespace, password: str, reactor: Any) -> int:
    """Run the client until its user leaves.  Returns the exit status.  Raises `ChatError`."""
    client = ChatClient(
        given.url, given.name, reactor=reactor, patience=PATIENCE, password=password
    )
    faces: list[Face] = []
    live = Live(
        client,
        reactor,
        lambda: [face.changed() for face in faces],
        lambda event: [face.called(event) for face in faces],
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):  # the terminal was closed
        loop.add_signal_handler(number, _leave_soon, live, 128 + number)
    try:
        if given.plain:
            plain = Plain(live, _print)
            faces.append(plain)
            return await _prompt(live, plain, given.room)
        sys.stdout.write(f"joining {given.url} …\n")
        await future(live.begin(given.room))
        screen = Screen(live, lambda text: carry_out(live, text), colour=wants_colour(given))
        faces.append(screen)
        live.answer("/help lists the commands and keys; Ctrl+D leaves")
        live.do(learn_rooms(live, screen))
        live.ended.addBoth(lambda status: _exit(screen, status))
        return await screen.application.run_async() or 0
    finally:
        with suppress(CancelledError):
            await future(live.close())


async def _prompt(live: Live, plain: Plain, room: str) -> int:
    """Prompt for lines, and carry them out one after another."""
    # The terminal stays raw between two prompts: otherwise it would echo keys and handle Ctrl+D.
    with patch_stdout(), plain.session.input.raw_mode():
        await future(live.begin(room))
        live.answer("/help lists the commands; Ctrl+D leaves")
        live.do(learn_rooms(live, plain))
        live.ended.addBoth(plain.leave)
        while not live.ended.called:
            try:
                line = await plain.prompt()
            except EOFError:
                break
            except KeyboardInterrupt:
                if live.asking is None:
                    return INTERRUPTED
                live.asking = None
                continue
            await live.do(carry_out(live, line)).asFuture(asyncio.get_running_loop())
    return 0


def _leave_soon(live: Live, status: int) -> None:
    """End the client; by SIGALRM if that takes long, because its terminal is gone."""
    signal.alarm(LEAVING_SECONDS)
    live.end(status)


async def learn_rooms(live: Live, face: Face) -> None:
    """Ask the server for the list of rooms, which Tab completes."""
    with suppress(ChatError):
        face.rooms = [row.room for row in await live.all_rooms()]


def future(work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
    """Run a coroutine that awaits Deferreds, as a future of asyncio."""
    return Deferred.fromCoroutine(work).asFuture(asyncio.get_running_loop())


def _exit(screen: Screen, status: Any) -> None:
    if screen.application.is_running:
        screen.application.exit(result=status if isinstance(status, int) else 1)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
