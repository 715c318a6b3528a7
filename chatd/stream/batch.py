"""Batches: what one delivery hands to an outlet, and how several sources are merged into one.

1. A batch stands between two cursors.  A reader that has been given the batch stands at
   `Batch.cursor`, and has missed nothing but what `Batch.gaps` tells.
2. Entries are merged in the order of their ids.  A batch never goes beyond the lowest cursor up to
   which every source is known (`Stretch.until`).
3. A gap is told once: by the batch in which the missing events end, so that it stands in its place
   between the events; or at once, if a later batch could not know of it (`Tell`).
4. A batch has at most `limit` entries and `BATCH_BYTES`; a single longer entry is a batch of its
   own.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from .eventlog import Codec, Entry, encoded
from .pages import MOST_BYTES, MOST_ENTRIES

PUSH_LIMIT = MOST_ENTRIES
"""Entries in one batch at most: what a reader that resumes gets in one write."""
BATCH_BYTES = MOST_BYTES
"""Bytes of encoded entries in one batch at most: far above a burst, and small enough for a thousand
readers that catch up at once."""


class Gap(NamedTuple):
    """Events that a reader is never given, because they are kept nowhere."""

    source: str
    """The room."""
    missed: int | None
    """How many events are missing; None if the server does not know."""


class Batch:
    """Entries between two cursors as bytes: what one `deliver` hands over."""

    __slots__ = ("_forms", "chunk", "count", "cursor", "end", "gaps")

    def __init__(
        self,
        chunk: bytes,
        count: int,
        cursor: int,
        gaps: tuple[Gap, ...] = (),
        *,
        end: bool = False,
    ) -> None:
        self.chunk = chunk
        self.count = count
        """Entries in the chunk; 0 in a batch that only tells a gap."""
        self.cursor = cursor
        """The reader's cursor behind this batch."""
        self.gaps = gaps
        """What is missing *before* the chunk."""
        self.end = end
        """Whether this batch reaches the end of all logs."""
        self._forms: dict[Hashable, tuple[int, bytes]] = {}

    def cached(self, form: Hashable, make: Callable[[Batch], bytes], age: int = 0) -> bytes:
        """The result of `make` for this batch, made for its first reader and shared by the others.

        It is made anew when it is asked for at another `age`.
        """
        made = self._forms.get(form)
        if made is None or made[0] != age:
            made = self._forms[form] = age, make(self)
        return made[1]


class Tell(Enum):
    """When a gap is told."""

    PASSED = auto()
    """By the batch in which the missing events end; until then, each batch finds the gap again."""
    NOW = auto()
    """By this batch: for events that could not be read now, but might be when the next is made."""
    NEVER = auto()
    """It was told."""


class Stretch(NamedTuple):
    """What is known of one source behind a reader's place in it."""

    source: str
    codec: Codec
    entries: Sequence[Entry]
    """Those behind the place, oldest first."""
    floor: int | None = None
    """Between the place and this cursor some events are kept nowhere; None: none are missing."""
    until: int | None = None
    """The cursor up to which `entries` are all there are; None: up to now."""
    tell: Tell = Tell.PASSED


def merge(
    stretches: Sequence[Stretch], cursor: int, limit: int, skip: Collection[int] = ()
) -> Batch:
    """What follows `cursor` in all sources, in the order of the ids, without the ids in `skip`.

    The batch's cursor lies behind the last entry looked at, and not before `cursor`.
    """
    if len(stretches) == 1 and not skip and (whole := _whole(stretches[0], limit)):
        return whole
    runs: list[Iterable[tuple[int, Entry, Codec]]] = []
    holes: list[tuple[int, str, Tell]] = []
    known: int | None = None
    codec = None
    for source, codec, entries, floor, until, tell in stretches:
        if floor is not None:
            holes.append((floor, source, tell))
        if until is not None:
            known = until if known is None else min(known, until)
        runs.append(_numbered(entries, codec))
    chunks: list[bytes] = []
    size = 0
    end = known is None
    # Of fifty rooms' thousands of entries only the first few hundred are looked at.
    for id_, entry, its_codec in runs[0] if len(runs) == 1 else heapq.merge(*runs, key=_by_id):
        if known is not None and id_ > known:
            cursor = known
            break
        if id_ in skip:
            cursor = id_
            continue
        data = entry.encoded(its_codec)
        size += len(data) + 1  # and what separates it from the next one
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
    """The batch of a stretch that has no gap, reaches up to now, and fits into one batch; None for
    any other stretch.
    """
    _, codec, entries, floor, until, _ = stretch
    if floor is not None or until is not None or not 0 < len(entries) <= limit:
        return None
    chunks = encoded(entries, codec)
    if len(chunks) > 1 and sum(map(len, chunks)) + len(chunks) > BATCH_BYTES:
        return None
    return Batch(codec.join(chunks), len(chunks), entries[-1].id, end=True)


def _numbered(entries: Sequence[Entry], codec: Codec) -> Iterator[tuple[int, Entry, Codec]]:
    return ((entry.id, entry, codec) for entry in entries)


def _by_id(found: tuple[int, Entry, Codec]) -> int:
    return found[0]
