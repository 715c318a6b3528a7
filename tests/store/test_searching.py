"""Searching a SQLite file that is indexed after messages were stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatd.model.errors import Unavailable
from chatd.model.events import Said
from chatd.model.search import parsed
from chatd.model.units import Redaction
from chatd.store import Found, searching, wordindex
from chatd.store.retained import TIDY_SECONDS, Retention
from chatd.store.searching import INDEX_SECONDS, START_SECONDS

from ..kit.stores import StoreUnderTest, said, saying, sqlite_store, texts

BLOCK = 8


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordindex, "BLOCK", BLOCK)
    monkeypatch.setattr(searching, "BLOCK", BLOCK)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


def opened(path: Path, **options: Any) -> StoreUnderTest:
    return StoreUnderTest(lambda *clocks: sqlite_store(path, *clocks, **options))


@pytest.fixture
def kept(path: Path) -> Iterator[StoreUnderTest]:
    with opened(path) as kept:
        yield kept


def index(kept: StoreUnderTest) -> None:
    """Let the store index what it can."""
    for _ in range(20):
        kept.clock.advance(INDEX_SECONDS)
        kept.settle()


def search(kept: StoreUnderTest, words: str, **options: Any) -> Found:
    options = {"limit": 50, **options}
    return kept.answered(kept.store.search("lobby", parsed(words), **options))


def words_in(path: Path) -> bytes:
    """All bytes of the file and its write-ahead log."""
    log = path.with_name(f"{path.name}-wal")
    return path.read_bytes() + (log.read_bytes() if log.exists() else b"")


def test_a_search_finds_indexed_messages_and_newer_ones(kept: StoreUnderTest) -> None:
    """In one order, across the end of the index."""
    kept.appended(*[saying(f"hit {number}") for number in range(20)])
    before = texts(search(kept, "hit").entries)
    index(kept)
    kept.appended(saying("hit 20"))
    assert texts(search(kept, "hit").entries) == ["hit 20", *before]
    assert len(before) == 20


def test_an_existing_file_is_indexed_while_the_server_runs(path: Path) -> None:
    """Not in the first seconds; until then, a search scans the events."""
    with opened(path) as kept:
        kept.appended(*[saying(f"old {number}") for number in range(20)])
    with opened(path) as kept:
        assert len(search(kept, "old").entries) == 20
        kept.clock.advance(START_SECONDS - 1)
        index(kept)
        assert len(search(kept, "old").entries) == 20
        assert len(search(kept, '"old 3"').entries) == 1


def test_a_search_without_matches_ends_and_returns_where_to_continue(
    kept: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So no search takes long; the next search continues from there."""
    monkeypatch.setattr(searching, "MOST_EXAMINED", 5)
    kept.appended(saying("hit"), *[saying("other") for _ in range(7)])
    found = search(kept, "hit")
    assert (found.entries, found.next is None) == ([], False)
    found = search(kept, "hit", before=found.next)
    assert (texts(found.entries), found.next) == (["hit"], None)


def test_a_search_through_many_blocks_goes_on_where_it_ended(
    kept: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its answers tells from where; nothing is left out or found twice."""
    monkeypatch.setattr(wordindex, "MOST_DECODED", 2)
    kept.appended(*[saying(f"hit {number} of {number % 3}") for number in range(20)])
    index(kept)
    found, answers, before = [], 0, None
    while answers == 0 or before is not None:
        answer = search(kept, "hit of", before=before)
        found += texts(answer.entries)
        before, answers = answer.next, answers + 1
    assert found == [f"hit {number} of {number % 3}" for number in reversed(range(20))]
    assert answers > 2


def test_the_words_of_a_redacted_message_are_in_no_file(kept: StoreUnderTest, path: Path) -> None:
    """Although the message was indexed."""
    ids = kept.appended(*[saying(f"xyzzy{number}") for number in range(8)])
    index(kept)
    assert b"xyzzy3" in words_in(path)
    id_ = ids[3]
    assert isinstance(id_, int)
    kept.stored(redacts=[Redaction(id_, Said("lobby", "ada", "", redacted=True))])
    assert b"xyzzy3" not in words_in(path)
    assert search(kept, "xyzzy3") == Found([], None)
    assert len(search(kept, "xyzzy4").entries) == 1


def test_the_words_of_an_erased_room_are_in_no_file(kept: StoreUnderTest, path: Path) -> None:
    """Nor are its messages found when the room gets new ones."""
    kept.appended(*[saying("xyzzy plugh") for _ in range(9)])
    index(kept)
    kept.erase("lobby")
    assert b"xyzzy" not in words_in(path)
    kept.stored(said("plugh"))
    assert texts(search(kept, "plugh").entries) == ["plugh"]


def test_only_events_that_retention_has_deleted_are_not_found(path: Path) -> None:
    """The rest of a block is found when its first events are deleted."""
    with opened(path, retention=Retention(events=10)) as kept:
        kept.appended(*[saying(f"hit {number}") for number in range(20)])
        index(kept)
        kept.clock.advance(TIDY_SECONDS)
        kept.settle()
        kept.clock.advance(TIDY_SECONDS)
        kept.settle()
        wanted = [f"hit {number}" for number in reversed(range(10, 20))]
        assert texts(search(kept, "hit").entries) == wanted


def test_a_closed_store_is_not_searched(path: Path) -> None:
    """The error says that the server is shutting down."""
    kept = opened(path)
    kept.closed()
    with pytest.raises(Unavailable):
        search(kept, "x")
