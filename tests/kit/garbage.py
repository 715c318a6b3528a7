"""What is left in memory: rooms, and objects that only a search for cycles would free."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from chatd.chat.room import Room


def existing_rooms() -> set[int]:
    """The rooms in memory."""
    gc.collect()
    return {id(thing) for thing in gc.get_objects() if isinstance(thing, Room)}


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
