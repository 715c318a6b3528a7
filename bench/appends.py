"""A node without clients, which appends messages: `python -m bench.appends PORT TOTAL ROOMS SIZE…`.

It prints a line of JSON for each size of a turn's batch.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from time import monotonic, process_time
from typing import Any

import msgspec

TEXT = "x" * 80
UNDER_WAY = 4
"""Turns under way: a node does not wait for one before the next."""


class Appended(msgspec.Struct):
    """What it took to append."""

    size: int
    """Messages in a turn."""
    total: int
    took: float
    """Seconds."""
    cpu: float
    """Seconds of this process's CPU time."""


async def append(reactor: Any, port: int, total: int, rooms: int, sizes: Sequence[int]) -> None:
    """Append messages, so many in a turn."""
    from chatd.model.events import Said
    from chatd.model.units import Unit
    from chatd.store.redis.dialling import Dialler
    from chatd.store.redis.store import RedisStore
    from chatd.store.redis.url import parse
    from chatd.testing.stores import FakeFollower

    url = parse(f"redis://127.0.0.1:{port}")
    store = RedisStore(reactor, Dialler(reactor, url), 100, node="bench")
    await store.open(FakeFollower())
    for size in sizes:
        began, cpu = monotonic(), process_time()
        turns: deque[Any] = deque()
        for at in range(0, total, size):
            units = [
                Unit([Said(f"room-{n % rooms}", "bench", TEXT)])
                for n in range(at, min(at + size, total))
            ]
            turns.append(store.append(units))
            if len(turns) == UNDER_WAY:
                await turns.popleft()
        for turn in turns:
            await turn
        told = Appended(size, total, monotonic() - began, process_time() - cpu)
        print(msgspec.json.encode(told).decode(), flush=True)
        sys.stdin.readline()
    await store.close()


def main() -> None:
    """With Twisted's reactor."""
    from twisted.internet import task
    from twisted.internet.defer import Deferred

    port, total, rooms, *sizes = map(int, sys.argv[1:])
    task.react(lambda reactor: Deferred.fromCoroutine(append(reactor, port, total, rooms, sizes)))


if __name__ == "__main__":
    main()
