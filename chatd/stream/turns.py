"""Calls at the end of a reactor turn, after all that was read in it.

Work that is done once for everything that a turn brings (a batch for the store, the fan-out of what
was stored) is asked for with `at_turn_end`.  chatd's own reactor (`chatd.net.reactor`) calls it
before it waits again; with any other reactor or clock it is called in the next turn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

Schedule = Callable[[Callable[[], object]], object]
"""Has a function called once, after the current one has returned."""


class Turning(Protocol):
    """A reactor, or a double of one (`twisted.internet.interfaces.IReactorTime`)."""

    def callLater(self, delay: float, call: Callable[[], object], /) -> Any:  # noqa: N802
        """Call `call` after `delay` seconds, and never in this turn."""


def at_turn_end(clock: Turning) -> Schedule:
    """How to have a function called at the end of a turn of `clock`."""
    own: Schedule | None = getattr(clock, "at_turn_end", None)
    return own or partial(clock.callLater, 0)
