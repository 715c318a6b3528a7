"""Portions: how much of a log one answer holds.

1. Every answer holds at most `MOST_BYTES`: a batch, a page of history, `/since`, `/history`, the
   replay on joining.  A client that does not read costs the server no more memory than one answer.
2. A portion that was cut short is not `whole`; its door tells the client where to continue.
3. A single entry of more than `MOST_BYTES` is a portion of its own, so that a reader gets past it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .eventlog import Codec, Entry

MOST_BYTES = 255 * 1024
"""Bytes of encoded entries in one answer.  With the bytes around the entries, an answer stays below
256 KiB, unless it lists hundreds of rooms whose names have the maximum length."""
MOST_ENTRIES = 500
"""Entries in one answer."""


class Portion(NamedTuple):
    """Neighbouring entries of a log, oldest first, and their bytes."""

    entries: Sequence[Entry]
    chunk: bytes
    whole: bool
    """Whether the portion holds all entries that were available."""


def oldest_first(entries: Sequence[Entry], codec: Codec, limit: int = MOST_ENTRIES) -> Portion:
    """As many of the first entries as one answer holds; the next portion begins after the last."""
    chunks = _fitting(entries, codec, limit)
    taken = entries[: len(chunks)]
    return Portion(taken, codec.join(chunks), len(taken) == len(entries))


def newest(entries: Sequence[Entry], codec: Codec, limit: int = MOST_ENTRIES) -> Portion:
    """As many of the last entries as one answer holds; the next portion ends before the first."""
    chunks = _fitting(reversed(entries), codec, limit)[::-1]
    taken = entries[len(entries) - len(chunks) :]
    return Portion(taken, codec.join(chunks), len(taken) == len(entries))


def _fitting(entries: Iterable[Entry], codec: Codec, limit: int) -> list[bytes]:
    """The encoded entries, up to the one that would exceed `limit` or `MOST_BYTES`."""
    chunks: list[bytes] = []
    size = 0
    for entry in entries:
        data = entry.encoded(codec)
        size += len(data) + 1  # 1 for the separator before the next entry
        if len(chunks) >= limit or (chunks and size > MOST_BYTES):
            break
        chunks.append(data)
    return chunks
