"""Redacted events and erased rooms: the contract of all stores, and what SQLite leaves in
its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd.model.commands import Join, Say
from chatd.model.events import Said
from chatd.model.moderation import Redact
from chatd.model.units import Change, Expect, Redaction, Unit, is_kept
from chatd.store.memory import MemoryStore

from ..kit.file_chat import FileChat
from ..kit.stores import ENGINES, EngineUnderTest, StoreUnderTest, said, saying, texts

SECRET = "xyzzy-plugh"


@pytest.fixture(params=ENGINES)
def kept(request: pytest.FixtureRequest) -> Iterator[StoreUnderTest]:
    with StoreUnderTest(EngineUnderTest(request.param)) as kept:
        yield kept


def redaction_of(id_: int, room: str = "lobby") -> Redaction:
    """A redaction of that event."""
    return Redaction(id_, Said(room, "ada", "", redacted=True))


def test_the_text_of_a_redacted_event_cannot_be_read(kept: StoreUnderTest) -> None:
    """Its id and sender stay, and so do the events around it."""
    first, id_, last = (kept.stored(said(text))[0] for text in ("1", SECRET, "3"))
    kept.stored(said("told"), redacts=(redaction_of(id_),))
    pages = [
        kept.read("lobby").entries,
        kept.read("lobby", after=first, limit=1).entries,
        kept.read("lobby", before=last).entries,
        kept.load("lobby").entries,
    ]
    for entries in pages:
        assert SECRET not in texts(entries)
        assert [entry.id for entry in entries if entry.id == id_] == [id_]
    (entry,) = pages[1]
    assert entry.event == Said("lobby", "ada", "", redacted=True)
    assert texts(kept.read("lobby").entries) == ["1", "", "3", "told"]


def test_the_follower_is_shown_redactions(kept: StoreUnderTest) -> None:
    """So it removes the text from its logs."""
    (id_,) = kept.stored(said(SECRET))
    kept.stored(redacts=(redaction_of(id_),))
    assert kept.follower.units[-1].redacts == (redaction_of(id_),)


def test_a_redaction_of_a_missing_event_changes_nothing(kept: StoreUnderTest) -> None:
    """An event that was deleted, or is in another room."""
    (id_,) = kept.stored(said("1"))
    kept.stored(redacts=(redaction_of(id_ + 1), redaction_of(7), redaction_of(id_, "dev")))
    assert texts(kept.read("lobby").entries) == ["1"]


def test_a_stale_unit_redacts_nothing(kept: StoreUnderTest) -> None:
    """A unit is stored whole or not at all."""
    (id_,) = kept.stored(said("1"))
    stale = Unit(redacts=(redaction_of(id_),), expects=[Expect("rooms", "lobby", 7)])
    kept.appended(stale)
    assert texts(kept.read("lobby").entries) == ["1"]


@pytest.mark.parametrize("engine", ["sqlite", "redis"])
def test_a_redaction_survives_a_restart(engine: str) -> None:
    """A unit of only a redaction is durable."""
    assert is_kept(Unit(redacts=(redaction_of(1),)))
    with StoreUnderTest(EngineUnderTest(engine)) as kept:
        (id_,) = kept.stored(said(SECRET))
        kept.stored(redacts=(redaction_of(id_),))
        kept.again()
        assert texts(kept.read("lobby").entries) == [""]


def test_a_redacted_message_keeps_its_request_key(kept: StoreUnderTest) -> None:
    """A repeated request is answered as before, and does not say the text again."""
    unit = saying(SECRET, request_key=b"k" * 16)
    (id_,) = kept.appended(unit)
    assert isinstance(id_, int)
    kept.stored(redacts=(redaction_of(id_),))
    assert kept.appended(unit) == [id_]
    assert texts(kept.read("lobby").entries) == [""]


def test_the_memory_engine_keeps_the_text_nowhere() -> None:
    """Not in its logs, nor in the queues of its stores."""
    with StoreUnderTest(EngineUnderTest("memory")) as kept:
        (id_,) = kept.stored(said(SECRET))
        kept.stored(redacts=(redaction_of(id_),))
        assert isinstance(kept.store, MemoryStore)
        assert SECRET not in repr([log.entries for log in kept.engine.logs.values()])


@pytest.mark.parametrize("size", [1, 2000], ids=["short", "over several pages"])
def test_the_file_holds_nothing_of_a_redacted_text(tmp_path: Path, size: int) -> None:
    """Neither the database nor its write-ahead log, while the server runs."""
    chat = FileChat(tmp_path / "chatd.sqlite")
    ada = chat.enter("ada")
    chat.perform(ada, Say("lobby", "before"))
    id_ = chat.perform(ada, Say("lobby", " ".join([SECRET] * size)[:4000]))
    chat.perform(ada, Say("lobby", "behind"))
    assert id_
    assert holds(tmp_path, SECRET)
    chat.perform(ada, Redact("lobby", id_))
    assert not holds(tmp_path, SECRET)
    assert holds(tmp_path, "before")
    chat.stop()
    assert not holds(tmp_path, SECRET)
    again = FileChat(tmp_path / "chatd.sqlite")
    assert again.texts("lobby") == ["before", "", "behind"]
    again.stop()


def test_the_events_of_an_erased_room_cannot_be_read(kept: StoreUnderTest) -> None:
    """No gap is reported for them; the events of other rooms stay."""
    floor = kept.read("lobby").floor
    ids = [kept.stored(said(SECRET))[0] for _ in range(3)]
    kept.stored(said("elsewhere", "dev"))
    kept.erase("lobby")
    assert kept.follower.firsts["lobby"] is None
    for page in (kept.read("lobby"), kept.read("lobby", after=ids[0])):
        assert (page.entries, page.floor) == ([], floor)
    assert kept.load("lobby").entries == []
    assert texts(kept.read("dev").entries) == ["elsewhere"]
    kept.stored(said("again"))
    assert texts(kept.read("lobby").entries) == ["again"]


def test_a_room_without_events_can_be_erased(kept: StoreUnderTest) -> None:
    """Nothing changes."""
    kept.erase("dev")
    assert kept.read("dev").entries == []


def test_cells_of_an_erased_room_stay(kept: StoreUnderTest) -> None:
    """Erasing a room's history keeps its settings."""
    kept.stored(said("1"), changes=[Change("rooms", "lobby", b"{}")])
    kept.erase("lobby")
    assert "lobby" in kept.table("rooms")


def test_the_file_holds_nothing_of_an_erased_room(tmp_path: Path) -> None:
    """However many slices the erasing takes, and over a restart."""
    chat = FileChat(tmp_path / "chatd.sqlite")
    ada = chat.enter("ada")
    chat.perform(ada, Say("lobby", "elsewhere"))
    chat.perform(ada, Join("dev"))
    for turn in range(60):
        for number in range(20):
            chat.service.perform(ada, Say("dev", f"{SECRET} {turn} {number}"))
        chat.advance(60)
    assert holds(tmp_path, SECRET)
    chat.service._store.erase("dev")
    chat.settle()
    assert not holds(tmp_path, SECRET)
    assert chat.texts("lobby") == ["elsewhere"]
    chat.stop()
    again = FileChat(tmp_path / "chatd.sqlite")
    assert again.texts("dev") == []
    again.stop()


def holds(folder: Path, text: str) -> bool:
    """Whether any file in the folder holds the text."""
    return any(text.encode() in path.read_bytes() for path in folder.iterdir())
