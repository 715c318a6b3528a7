"""What is left in memory: rooms, and objects that only a search for cycles would free."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from chatd.testing import InMemoryChat


def existing_rooms(chat: InMemoryChat) -> set[int]:
    """The chat's rooms that are in memory, whatever holds them: the chat itself does so weakly."""
    gc.collect()
    return {id(room) for room in chat.service.rooms}


@contextmanager
def no_garbage() -> Iterator[None]:
    """Whatever goes meanwhile goes at once: nothing of chatd's is left for a search for cycles."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)  # what is found is kept in gc.garbage
    try:
        yield
        gc.collect()
        assert [it for it in gc.garbage if type(it).__module__.startswith("chatd.")] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
