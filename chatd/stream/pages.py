"""Portions: how much of a log one answer holds.

1. Whatever is read, and however it is asked for, one answer holds at most `MOST_BYTES`: a batch, a
   page of history, `/since`, `/history`, the replay on joining.  A reader that does not read costs
   the server no more than one of them.
2. A portion that was cut short is not `whole`; its door says where to go on.
3. A single entry that is longer is a portion of its own: a reader has to get past it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .eventlog import Codec, Entry

MOST_BYTES = 255 * 1024
"""Bytes of encoded entries in one answer.  With what an answer puts around them it stays below
256 KiB, unless it names fifty rooms whose names are as long as names may be."""
MOST_ENTRIES = 500
"""Entries in one answer."""


class Portion(NamedTuple):
    """Neighbouring entries of a log, oldest first, and their bytes."""

    entries: Sequence[Entry]
    chunk: bytes
    whole: bool
    """Whether these are all the entries that there were to choose from."""


def oldest_first(entries: Sequence[Entry], codec: Codec, limit: int = MOST_ENTRIES) -> Portion:
    """The first of the entries, as many as one answer holds: to go on behind the last of them."""
    chunks = _fitting(entries, codec, limit)
    taken = entries[: len(chunks)]
    return Portion(taken, codec.join(chunks), len(taken) == len(entries))


def newest(entries: Sequence[Entry], codec: Codec, limit: int = MOST_ENTRIES) -> Portion:
    """The last of the entries, as many as one answer holds: to go on before the first of them."""
    chunks = _fitting(reversed(entries), codec, limit)[::-1]
    taken = entries[len(entries) - len(chunks) :]
    return Portion(taken, codec.join(chunks), len(taken) == len(entries))


def _fitting(entries: Iterable[Entry], codec: Codec, limit: int) -> list[bytes]:
    """The encoded entries, one after the other, until the next one would be too much."""
    chunks: list[bytes] = []
    size = 0
    for entry in entries:
        data = entry.encoded(codec)
        size += len(data) + 1  # and what separates it from the next one
        if len(chunks) >= limit or (chunks and size > MOST_BYTES):
            break
        chunks.append(data)
    return chunks
