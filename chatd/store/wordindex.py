"""The word index of the SQLite file: which messages of a room contain a word.

1. Events of a room are indexed in blocks of `BLOCK`, in their order.  The newest events of a room,
   fewer than a block, are not indexed: a search scans them.  When retention deletes the first
   events of a block, the block is dropped; a search scans its remaining events.
2. `search_blocks` has the ids of a block's events.  `search_words` has the words of a block, in
   `BUCKETS` rows, with the places of the events that contain them.  So indexing a block writes a
   few pages, and a search reads one row per word of each block, from the newest block on.
3. The words of a redacted event are removed from the index in the transaction that redacts it, so
   that the file contains none of them afterwards.  SQLite's FTS5 can do that only since SQLite
   3.42, and it would order the matches of all rooms together.
4. `state.words` is the version of the rules by which texts were cut into words
   (`chatd.model.search.SCHEME`); an index made by other rules is rebuilt.

The functions take a connection; those that change the index need an open transaction.  They raise
`sqlite3.Error`.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import Struct, pack, unpack
from zlib import crc32

import msgspec

from ..model.events import MESSAGES, Kept
from ..model.search import SCHEME, words_of

BLOCK = 1024
"""Events in a block.  Indexing a block takes about 20 ms; scanning as many events takes 5 ms."""
MOST_DECODED = 3000
"""Rows of words that a search decodes: 50 ms.  For six words that nearly every block has, and no
message together, all rows would take 100 ms in a room of a million events."""
BUCKETS = 256
"""Rows for the words of a block, some twenty words in each, so that several rows share a page."""

Indexed = tuple[int, int, str | bytes]
"""An event: id, number of its room, JSON."""
Places = dict[str, list[int]]
"""Words, and the places of the events of a block that contain them, in order."""

_event = msgspec.json.Decoder(Kept).decode
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Places).decode
_decode_some = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode
_id_at = Struct("<q")
_decode_places = msgspec.msgpack.Decoder(list[int]).decode


class Unfinished(Exception):
    """A search has looked through `MOST_DECODED` rows, and there may be more."""

    def __init__(self, below: int) -> None:
        self.below = below
        """The id below which the search has to go on."""
        super().__init__(below)


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the index was made by the present rules."""
    (scheme,) = connection.execute("SELECT words FROM state").fetchone()
    return bool(scheme == SCHEME)


def begin_anew(connection: sqlite3.Connection) -> None:
    """Empty the index, so that it is rebuilt by the present rules."""
    connection.execute("DELETE FROM search_words")
    connection.execute("DELETE FROM search_blocks")
    connection.execute("UPDATE state SET words = ?", (SCHEME,))


def indexed_up_to(connection: sqlite3.Connection, room: int) -> int:
    """The id of the newest indexed event of a room; 0 if no event is indexed."""
    (last,) = connection.execute(
        "SELECT max(last) FROM search_blocks WHERE room = ?", (room,)
    ).fetchone()
    return last or 0


def indexed_from(connection: sqlite3.Connection, room: int) -> int:
    """The id of the oldest indexed event of a room; 0 if no event is indexed."""
    oldest = _oldest(connection, room)
    return oldest[1] if oldest else 0


def add_block(connection: sqlite3.Connection, room: int) -> bool:
    """Index the next block of a room, if it is complete.  Returns whether it was."""
    after = indexed_up_to(connection, room)
    full = connection.execute(
        "SELECT id FROM events WHERE room = ? AND id > ? ORDER BY id LIMIT 1 OFFSET ?",
        (room, after, BLOCK - 1),
    ).fetchone()
    if full is None:
        return False
    rows = connection.execute(
        "SELECT id, CAST(event AS BLOB) FROM events WHERE room = ? AND id > ? ORDER BY id LIMIT ?",
        (room, after, BLOCK),
    ).fetchall()
    places: dict[str, list[int]] = defaultdict(list)
    for place, (_, event) in enumerate(rows):
        for word in set(_words(event)):
            places[word].append(place)
    ids = [id_ for id_, _ in rows]
    (number,) = connection.execute(
        "SELECT ifnull(max(block), 0) + 1 FROM search_blocks WHERE room = ?", (room,)
    ).fetchone()
    connection.execute(
        "INSERT INTO search_blocks VALUES (?, ?, ?, ?, ?)",
        (room, number, ids[0], ids[-1], pack(f"<{len(ids)}q", *ids)),
    )
    buckets: list[Places] = [{} for _ in range(BUCKETS)]
    for word, found in places.items():
        buckets[_bucket(word)][word] = found
    connection.executemany(
        "INSERT INTO search_words VALUES (?, ?, ?, ?)",
        [(room, number, at, _encode(words)) for at, words in enumerate(buckets) if words],
    )
    return True


def unindex(connection: sqlite3.Connection, events: Iterable[Indexed]) -> None:
    """Remove the words of these events from the index; `events` are as they were indexed."""

    def remove(places: list[int], place: int) -> None:
        if place in places:
            places.remove(place)

    _change(connection, events, remove)


def reindex(connection: sqlite3.Connection, events: Iterable[Indexed]) -> None:
    """Undo an `unindex` of events that were not deleted."""

    def add(places: list[int], place: int) -> None:
        if place not in places:
            places.insert(bisect_left(places, place), place)

    _change(connection, events, add)


def drop_blocks(connection: sqlite3.Connection, room: int, up_to: int) -> None:
    """Drop the blocks of a room that begin at or below the id `up_to`, because the events up to
    that id are deleted.
    """
    while True:
        oldest = _oldest(connection, room)
        if oldest is None or oldest[1] > up_to:
            return
        for table in ("search_words", "search_blocks"):
            connection.execute(
                f"DELETE FROM {table} WHERE room = ? AND block = ?", (room, oldest[0])
            )


def drop_room(connection: sqlite3.Connection, room: int) -> None:
    """Drop the index of a room that has no event any more."""
    connection.execute("DELETE FROM search_words WHERE room = ?", (room,))
    connection.execute("DELETE FROM search_blocks WHERE room = ?", (room,))


def ids_with(
    connection: sqlite3.Connection, room: int, words: Iterable[str], below: int
) -> Iterator[int]:
    """The ids below `below` of the indexed messages of a room that have all the words, the newest
    first.  Raises `Unfinished` after `MOST_DECODED` rows.
    """
    # SQLite looks for the blocks that have all the words, without Python and its lock.  The longest
    # word is probably the rarest: the others are looked up where it is.
    ordered = sorted(words, key=len, reverse=True)
    rows = connection.execute(
        _having(len(ordered)),
        (
            *(value for word in ordered for value in (_bucket(word), _encode(word))),
            *(room, _end_of_block(connection, room, below)),
        ),
    )
    left = MOST_DECODED
    for block, *buckets in rows:
        common = _common(zip(buckets, ordered, strict=True))
        if common:
            (blob,) = connection.execute(
                "SELECT ids FROM search_blocks WHERE room = ? AND block = ?", (room, block)
            ).fetchone()
            for place in sorted(common, reverse=True):
                (id_,) = _id_at.unpack_from(blob, place * _id_at.size)
                if id_ < below:
                    yield id_
        left -= len(ordered)
        if left <= 0:
            (first,) = connection.execute(
                "SELECT first FROM search_blocks WHERE room = ? AND block = ?", (room, block)
            ).fetchone()
            raise Unfinished(first)


# -- blocks and words ------------------------------------------------------------------------------


def _words(event: str | bytes) -> Sequence[str]:
    """The words of an event, from its JSON; none if it is no message."""
    happened = _event(event)
    return words_of(happened.text) if isinstance(happened, MESSAGES) else ()


def _bucket(word: str) -> int:
    """The bucket of a word."""
    return crc32(word.encode()) % BUCKETS


def _oldest(connection: sqlite3.Connection, room: int) -> tuple[int, int] | None:
    """The number of a room's oldest block, and the id of its first event."""
    found: tuple[int, int] | None = connection.execute(
        "SELECT block, first FROM search_blocks WHERE room = ? ORDER BY block LIMIT 1", (room,)
    ).fetchone()
    return found


def _end_of_block(connection: sqlite3.Connection, room: int, below: int) -> int:
    """The id of the last event in the newest of a room's blocks that may have ids below `below`."""
    found = connection.execute(
        "SELECT first, last FROM search_blocks WHERE room = ? AND last >= ? ORDER BY last LIMIT 1",
        (room, below),
    ).fetchone()
    return int(found[1]) if found and found[0] < below else below - 1


def _change(
    connection: sqlite3.Connection,
    events: Iterable[Indexed],
    change: Callable[[list[int], int], None],
) -> None:
    """Change the places of the words of these events, as far as the events are indexed."""
    for id_, room, event in events:
        found = connection.execute(
            "SELECT block, ids FROM search_blocks WHERE room = ? AND last >= ?"
            " ORDER BY last LIMIT 1",
            (room, id_),
        ).fetchone()
        if found is None:
            continue
        block, ids = found[0], _ids(found[1])
        place = bisect_left(ids, id_)
        if ids[place] != id_:
            continue
        for word in set(_words(event)):
            words = _places(connection, room, block, word)
            change(words.setdefault(word, []), place)
            if not words[word]:
                del words[word]
            connection.execute(
                "REPLACE INTO search_words VALUES (?, ?, ?, ?)",
                (room, block, _bucket(word), _encode(words)),
            )


def _having(words: int) -> str:
    """The query for the blocks that have so many words, the newest first, with the rows of the
    words.  A row that has a word contains its encoding; it may contain that by chance, too.
    """
    numbers = range(words)
    rows = "".join(
        f" CROSS JOIN search_words w{n} ON w{n}.room = blocks.room AND w{n}.block = blocks.block"
        f" AND w{n}.bucket = ? AND instr(w{n}.words, ?)"
        for n in numbers
    )
    return (
        f"SELECT blocks.block, {', '.join(f'w{n}.words' for n in numbers)}"
        f" FROM search_blocks blocks INDEXED BY search_blocks_by_last{rows}"
        " WHERE blocks.room = ? AND blocks.last <= ? ORDER BY blocks.last DESC"
    )


def _common(rows: Iterable[tuple[bytes, str]]) -> set[int]:
    """The places that all the words have in common, each word with the row that has its places."""
    found = [_decode_some(words).get(word) for words, word in rows]
    places = sorted([raw for raw in found if raw is not None], key=len)
    if len(places) < len(found):  # a row had the encoding by chance
        return set()
    common = set(_decode_places(places[0]))
    for more in places[1:]:
        if not common:
            break
        common.intersection_update(_decode_places(more))
    return common


def _places(connection: sqlite3.Connection, room: int, block: int, word: str) -> Places:
    """The words in the bucket of a word, with their places in a block."""
    row = connection.execute(
        "SELECT words FROM search_words WHERE room = ? AND block = ? AND bucket = ?",
        (room, block, _bucket(word)),
    ).fetchone()
    return _decode(row[0]) if row else {}


def _ids(blob: bytes) -> tuple[int, ...]:
    return unpack(f"<{len(blob) // 8}q", blob)
