"""Pages: how many events one answer holds."""

from __future__ import annotations

from collections.abc import Iterable

from ..stream.eventlog import Entry


def take(sized: Iterable[tuple[Entry, int]], limit: int, size: int) -> tuple[list[Entry], bool]:
    """At most the first `limit` entries, as many as fit into `size` bytes, but at least one; and
    whether there are more.

    Each entry comes with its size as JSON, in bytes.
    """
    entries: list[Entry] = []
    for entry, weight in sized:
        size -= weight
        if len(entries) >= limit or (entries and size < 0):
            return entries, True
        entries.append(entry)
    return entries, False
