"""The word index: its contents, and that redacted words are removed from it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chatd.model.events import Joined, Said
from chatd.model.search import words_of
from chatd.store import wordindex
from chatd.store.database import MIGRATIONS
from chatd.store.wordindex import (
    add_block,
    begin_anew,
    drop_blocks,
    drop_room,
    ids_with,
    indexed_from,
    indexed_up_to,
    is_current,
    reindex,
    unindex,
)

BLOCK = 8
ROOM = 1


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """A file of the present version, with small blocks."""
    monkeypatch.setattr(wordindex, "BLOCK", BLOCK)
    connection = sqlite3.connect(tmp_path / "chat.db", isolation_level=None)
    for script in MIGRATIONS:
        connection.executescript(script)
    yield connection
    connection.close()


def say(connection: sqlite3.Connection, *texts: str, first: int = 1, room: int = ROOM) -> None:
    """Store messages with the ids from `first` on; an empty text stands for a join."""
    for id_, text in enumerate(texts, first):
        event = Said("lobby", "ada", text) if text else Joined("lobby", "ada")
        row = id_, room, msgspec.json.encode(event).decode()
        connection.execute("INSERT INTO events VALUES (?, ?, ?)", row)


def event(connection: sqlite3.Connection, id_: int) -> tuple[int, int, str]:
    """A stored event."""
    (found,) = connection.execute("SELECT id, room, event FROM events WHERE id = ?", (id_,))
    return found  # type: ignore[no-any-return]


def found(connection: sqlite3.Connection, *words: str, below: int = 1000) -> list[int]:
    return [*ids_with(connection, ROOM, words, below)]


def test_block_is_indexed_when_it_is_complete(connection: sqlite3.Connection) -> None:
    """Joins count as events of a block, but have no words."""
    say(connection, "a b", "", "b c", *"xxxx")
    assert not add_block(connection, ROOM)
    say(connection, "c", first=8)
    assert add_block(connection, ROOM)
    assert not add_block(connection, ROOM)
    assert (indexed_from(connection, ROOM), indexed_up_to(connection, ROOM)) == (1, 8)
    assert [found(connection, "b"), found(connection, "b", "c"), found(connection, "no")] == [
        [3, 1],
        [3],
        [],
    ]
    assert found(connection, "b", below=3) == [1]


def test_ids_are_those_of_the_messages_with_all_words(connection: sqlite3.Connection) -> None:
    """Over many blocks, below any id."""
    dice = random.Random(1)
    texts = [" ".join(dice.choices("abcdef", k=3)) for _ in range(80)]
    say(connection, *texts)
    while add_block(connection, ROOM):
        pass
    for words in (["a"], ["a", "b"], ["a", "b", "c"], ["f", "e"]):
        for below in (1, 5, 8, 9, 41, 81, 1000):
            wanted = [
                id_
                for id_, text in enumerate(texts, 1)
                if set(words) <= set(words_of(text)) and id_ < below
            ]
            assert found(connection, *words, below=below) == wanted[::-1]


def test_words_of_a_redacted_message_are_removed_from_the_file(
    connection: sqlite3.Connection,
) -> None:
    """A word that other messages of the block contain stays for those."""
    say(connection, "secret common", *["common"] * 7)
    add_block(connection, ROOM)
    was = event(connection, 1)
    unindex(connection, [was])
    assert [found(connection, "secret"), found(connection, "common")] == [
        [],
        [8, 7, 6, 5, 4, 3, 2],
    ]
    blobs = [row[0] for row in connection.execute("SELECT words FROM search_words")]
    assert not any(b"secret" in blob for blob in blobs)
    reindex(connection, [was])
    assert found(connection, "secret", "common") == [1]


def test_events_that_are_not_indexed_are_left_alone(connection: sqlite3.Connection) -> None:
    """The index has nothing of them to remove."""
    say(connection, *["a"] * 9)
    add_block(connection, ROOM)
    unindex(connection, [event(connection, 9)])
    assert found(connection, "a") == [8, 7, 6, 5, 4, 3, 2, 1]


def test_blocks_are_dropped_when_their_first_events_are_deleted(
    connection: sqlite3.Connection,
) -> None:
    """Later blocks stay; the index of a room can be dropped as a whole."""
    say(connection, *["a"] * 24)
    while add_block(connection, ROOM):
        pass
    drop_blocks(connection, ROOM, 9)
    assert (indexed_from(connection, ROOM), found(connection, "a")[-1]) == (17, 17)
    drop_room(connection, ROOM)
    assert connection.execute("SELECT count(*) FROM search_words").fetchone() == (0,)
    assert indexed_up_to(connection, ROOM) == 0


def test_index_by_other_rules_is_rebuilt(connection: sqlite3.Connection) -> None:
    """A new file has no index yet."""
    assert not is_current(connection)
    say(connection, *["a"] * 8)
    add_block(connection, ROOM)
    begin_anew(connection)
    assert is_current(connection)
    assert found(connection, "a") == []
