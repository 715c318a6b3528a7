"""Objects that are left in memory: rooms, and reference cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from chatd.testing import InMemoryChat


def existing_rooms(chat: InMemoryChat) -> set[int]:
    """The chat's rooms that are in memory, whatever refers to them; the chat itself does so
    weakly.
    """
    gc.collect()
    return {id(room) for room in chat.service.rooms}


@contextmanager
def no_garbage() -> Iterator[None]:
    """Check that no object of chatd that is released in the block is left in a reference cycle."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)  # the collector keeps what it finds in gc.garbage
    try:
        yield
        gc.collect()
        assert [it for it in gc.garbage if type(it).__module__.startswith("chatd.")] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
