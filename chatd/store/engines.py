"""The table of stores: the engine that a URL names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..model.errors import Malformed
from . import Store
from .memory import MemoryStore
from .sqlite import FOR_EVER, Retention, SqliteStore
from .worker import ThreadWorker


def store_at(
    url: str,
    reactor: Any,
    now: Callable[[], float],
    history: int,
    *,
    directory: Path = Path(),
    durability: str = "disk",
    retention: Retention = FOR_EVER,
) -> Store:
    """The store that a URL names: `memory:`, or `sqlite:PATH`.

    `now` is the wall clock in seconds since the Unix epoch; `history` is how many events of a room
    `Store.load` returns.  A relative path starts at `directory`.  Raises `Malformed`.
    """
    scheme, _, path = url.partition(":")
    if scheme == "memory" and not path:
        return MemoryStore(reactor, now, history)
    if scheme == "sqlite" and Path(path).name and "\0" not in path:
        return SqliteStore(
            directory / path,
            reactor,
            now,
            history,
            hire=lambda work: ThreadWorker(reactor, f"chatd, {work}"),
            durability=durability,
            retention=retention,
        )
    raise Malformed(f"unknown store {url!r}; use memory: or sqlite:PATH")
