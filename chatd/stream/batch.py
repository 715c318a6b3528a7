"""Batches: what one delivery hands to an outlet, and how several sources are merged into one.

1. A batch covers the events between two cursors.  After its delivery the reader's cursor is
   `Batch.cursor`, and the reader has missed no events but those reported in `Batch.gaps`.
2. Entries are merged in the order of their ids.  A batch never goes beyond the lowest cursor up to
   which the entries of every source are known (`Stretch.until`).
3. A gap is reported once: in the batch in which the missing events end, so that the gap has its
   place between the events; or at once, if a later batch could not know of the gap (`Tell`).
4. A batch has at most `limit` entries and `BATCH_BYTES`.  A single entry of more bytes is a batch
   of its own.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from msgspec import Struct, field

from .eventlog import Codec, Entry, encoded
from .pages import MOST_BYTES, MOST_ENTRIES

PUSH_LIMIT = MOST_ENTRIES
"""Entries in one batch at most, and so in one write to a reader that resumes."""
BATCH_BYTES = MOST_BYTES
"""Bytes of encoded entries in one batch at most: more than any burst of messages needs, and little
enough that a thousand readers can catch up at once."""


class Gap(NamedTuple):
    """Events that a reader never gets, because neither memory nor the store can give them."""

    source: str
    """The room's name."""
    missed: int | None
    """How many events are missing; None if the server does not know."""


class Batch(Struct, eq=False):
    """The encoded entries between two cursors: the argument of one `Outlet.deliver`."""

    chunk: bytes
    count: int
    """Entries in the chunk; 0 in a batch that only reports a gap."""
    cursor: int
    """The reader's cursor after this batch."""
    gaps: tuple[Gap, ...] = ()
    """The gaps *before* the chunk."""
    end: bool = False
    """Whether this batch reaches the end of all logs."""
    _forms: dict[Hashable, tuple[int, bytes]] = field(default_factory=dict)

    def cached(self, form: Hashable, make: Callable[[Batch], bytes], age: int = 0) -> bytes:
        """The result of `make(self)`, cached under `form` so that all readers share it.

        A cached result of another `age` is replaced.
        """
        made = self._forms.get(form)
        if made is None or made[0] != age:
            made = self._forms[form] = age, make(self)
        return made[1]


class Tell(Enum):
    """When a gap is reported."""

    PASSED = auto()
    """In the batch in which the missing events end; each batch before it finds the gap again."""
    NOW = auto()
    """In this batch: the events could not be read now, but the next batch might read them."""
    NEVER = auto()
    """An earlier batch has reported the gap."""


class Stretch(Struct, frozen=True):
    """The known entries of one source after a reader's place in it."""

    source: str
    codec: Codec
    entries: Sequence[Entry]
    """The entries after the place, oldest first."""
    floor: int | None = None
    """Between the place and this cursor some events are missing; None: none are."""
    until: int | None = None
    """The cursor up to which `entries` is complete; None: up to the newest event."""
    tell: Tell = Tell.PASSED


def merge(
    stretches: Sequence[Stretch], cursor: int, limit: int, skip: Collection[int] = ()
) -> Batch:
    """The entries after `cursor` of all sources, in the order of the ids, without those in `skip`.

    The batch's cursor is after the last entry examined, and never before `cursor`.
    """
    if len(stretches) == 1 and not skip and (whole := _whole(stretches[0], limit)):
        return whole
    runs: list[Iterable[tuple[int, Entry, Codec]]] = []
    holes: list[tuple[int, str, Tell]] = []
    known: int | None = None
    codec = None
    for stretch in stretches:
        codec, until = stretch.codec, stretch.until
        if stretch.floor is not None:
            holes.append((stretch.floor, stretch.source, stretch.tell))
        if until is not None:
            known = until if known is None else min(known, until)
        runs.append(_numbered(stretch.entries, codec))
    chunks: list[bytes] = []
    size = 0
    end = known is None
    # The merge is lazy: of the thousands of entries of fifty rooms it reads the first few hundred.
    for id_, entry, its_codec in runs[0] if len(runs) == 1 else heapq.merge(*runs, key=_by_id):
        if known is not None and id_ > known:
            cursor = known
            break
        if id_ in skip:
            cursor = id_
            continue
        data = entry.encoded(its_codec)
        size += len(data) + 1  # 1 for the separator before the next entry
        if len(chunks) >= limit or (chunks and size > BATCH_BYTES):
            end = False
            break
        cursor = id_
        chunks.append(data)
    else:
        reached = [floor for floor, *_ in holes if known is None or floor <= known]
        cursor = max(cursor, known or 0, *reached)
    gaps = tuple(
        Gap(source, None)
        for floor, source, tell in holes
        if tell is Tell.NOW or (tell is Tell.PASSED and floor <= cursor)
    )
    return Batch(codec.join(chunks) if codec else b"", len(chunks), cursor, gaps, end=end)


def _whole(stretch: Stretch, limit: int) -> Batch | None:
    """The batch of a stretch that has no gap, reaches the newest event, and fits into one batch;
    None for any other stretch.
    """
    entries, codec = stretch.entries, stretch.codec
    count = len(entries)
    if stretch.floor is not None or stretch.until is not None or not 0 < count <= limit:
        return None
    chunks = encoded(entries, codec)
    if count > 1 and sum(map(len, chunks)) + count > BATCH_BYTES:
        return None
    return Batch(codec.join(chunks), count, entries[-1].id, end=True)


def _numbered(entries: Sequence[Entry], codec: Codec) -> Iterator[tuple[int, Entry, Codec]]:
    return ((entry.id, entry, codec) for entry in entries)


def _by_id(found: tuple[int, Entry, Codec]) -> int:
    return found[0]
