"""Deferreds that failed and have no errback for their error.

A Deferred logs such an error when Python frees it.  To look for them by `gc.collect` after each
test would take half a minute of a run, and nearly all tests leave none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakSet

import pytest
from twisted.internet import defer

_alive: WeakSet[defer.DebugInfo] = WeakSet()


class _WatchedInfo(defer.DebugInfo):
    """What a Deferred has from its first error on; it logs the error, if it still has one, when it
    is collected.
    """

    def __init__(self) -> None:
        _alive.add(self)


@contextmanager
def watching() -> Iterator[None]:
    """Within this context, `some_unhandled` knows of each error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(defer, "DebugInfo", _WatchedInfo)
        yield


def some_unhandled() -> bool:
    """Whether there is a Deferred, in use or in a reference cycle, whose error is not handled."""
    return any(info.failResult is not None for info in _alive)
