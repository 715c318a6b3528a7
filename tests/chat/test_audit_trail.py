"""The audit trail: what is kept of it, and how it is shortened (`chatd.chat.audit_trail`).

That it has what moderators did is in `test_moderation.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs

from chatd.chat import audit_trail
from chatd.chat.audit_trail import AT_ONCE, SHORTEN, TrailBounds
from chatd.chat.person import Person
from chatd.model.audit import Record, recorded
from chatd.model.moderation import Ban, BanFromServer
from chatd.model.units import AUDIT, ROOM_AUDIT, Unit
from chatd.store.retained import TIDY_SECONDS
from chatd.testing import InMemoryChat

from ..kit.chat import audit, settled, with_account
from ..kit.file_chat import FileChat
from ..kit.redis_chat import RedisChats

DAY_SECONDS = 86_400.0


@pytest.fixture(autouse=True)
def started(chat: InMemoryChat) -> None:
    """The server runs."""
    chat.service.startService()


def bounded(chat: InMemoryChat, **bounds: Any) -> None:
    """Keep so much of the trail from now on."""
    chat.service.audit_trail.bounds = TrailBounds(**bounds)


def filled(chat: InMemoryChat, count: int, *, admin: bool = False) -> None:
    """Many records, of an op in a room or of an administrator: `0` is the oldest."""
    trail = [
        recorded(f"{n:016x}", Record("ban", "mallory", target=str(n)), admin=admin)
        for n in range(count)
    ]
    settled(chat, chat.store.append([Unit((), trail)]))


def targets(chat: InMemoryChat) -> list[str]:
    """The targets of the records, the oldest first."""
    return [record.target for record in audit(chat)]


def test_the_oldest_records_beyond_a_number_are_deleted_within_a_minute(
    chat: InMemoryChat,
) -> None:
    """The newest stay; what is not beyond it stays as it is."""
    bounded(chat, records=3)
    filled(chat, 5)
    chat.advance(TIDY_SECONDS)
    assert targets(chat) == ["2", "3", "4"]
    chat.advance(TIDY_SECONDS)
    assert targets(chat) == ["2", "3", "4"]
    bounded(chat, records=0)
    filled(chat, 5)
    chat.advance(TIDY_SECONDS)
    assert len(targets(chat)) == 5, "0 is no limit"


def test_an_op_who_floods_the_trail_pushes_out_no_record_of_an_administrator(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """Not even of what the administrator did in the op's own room: each kind has its own bound."""
    root = with_account(chat, "ruth", admin=True)
    bounded(chat, records=2)
    chat.perform(root, BanFromServer("eve"))
    chat.perform(root, Ban("dev", "guy"))
    for n in range(4):
        chat.advance(1)
        chat.perform(ada, Ban("dev", f"zoe{n}"))
    chat.advance(TIDY_SECONDS)
    assert targets(chat) == ["eve", "guy", "zoe2", "zoe3"]


def test_records_that_are_too_old_are_deleted(chat: InMemoryChat, ada: Person) -> None:
    """Of both kinds.  The key of a record tells its age."""
    root = with_account(chat, "ruth", admin=True)
    chat.perform(root, BanFromServer("eve"))
    chat.perform(ada, Ban("dev", "old"))
    bounded(chat, days=2)
    chat.advance(DAY_SECONDS)
    chat.perform(ada, Ban("dev", "new"))
    chat.advance(DAY_SECONDS - TIDY_SECONDS)
    assert targets(chat) == ["eve", "old", "new"]
    chat.advance(2 * TIDY_SECONDS)
    assert targets(chat) == ["new"]
    bounded(chat, days=0.1)
    chat.advance(TIDY_SECONDS)
    assert targets(chat) == [], "a changed bound holds for what is there"


def test_the_trail_is_shortened_in_units_of_a_bounded_size(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other commands are stored between two of them."""
    filled(chat, 3 * AT_ONCE)
    bounded(chat, records=10)
    sizes: list[int] = []
    append = chat.store.append

    def watched(units: Sequence[Unit]) -> Any:
        sizes.extend(len(unit.changes) for unit in units)
        return append(units)

    monkeypatch.setattr(chat.store, "append", watched)
    chat.advance(TIDY_SECONDS)
    assert sizes == [AT_ONCE, AT_ONCE, AT_ONCE - 10]
    assert len(targets(chat)) == 10


def test_a_trail_within_its_bounds_is_counted_and_not_read(
    chat: InMemoryChat, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys of the oldest records are remembered: a table in Redis has no order."""
    chat.perform(ada, Ban("dev", "eve"))
    bounded(chat, days=2, records=10)
    chat.advance(TIDY_SECONDS)

    def read(*_: object, **__: object) -> Any:
        raise AssertionError("the table was read")

    with monkeypatch.context() as patched:
        patched.setattr(chat.store, "cells", read)
        chat.advance(DAY_SECONDS)
    chat.advance(DAY_SECONDS)
    assert targets(chat) == []


def test_a_flooded_trail_is_read_once_for_many_units(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Because each reading in Redis is a scan of the whole table."""
    filled(chat, 4 * AT_ONCE)
    bounded(chat, records=AT_ONCE)
    readings: list[int] = []
    cells = chat.store.cells

    def watched(table: str, place: str | None, limit: int, *, down: bool = False) -> Any:
        readings.append(limit)
        return cells(table, place, limit, down=down)

    with monkeypatch.context() as patched:
        patched.setattr(chat.store, "cells", watched)
        chat.advance(TIDY_SECONDS)
        assert len(readings) == 1
        bounded(chat, records=AT_ONCE - 3)
        chat.advance(TIDY_SECONDS)
        assert len(readings) == 1, "the keys that are left are still known"
    assert len(targets(chat)) == AT_ONCE - 3


def test_more_records_than_are_known_at_once_are_deleted(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is read again when all that were known are deleted."""
    monkeypatch.setattr(audit_trail, "KNOWN", 4)
    monkeypatch.setattr(audit_trail, "AT_ONCE", 3)
    filled(chat, 20)
    bounded(chat, records=2)
    chat.advance(TIDY_SECONDS)
    assert targets(chat) == ["18", "19"]


@pytest.mark.parametrize("failing", ["refusing", "unreadable"])
def test_a_store_that_fails_is_asked_again_and_that_is_logged_once(
    chat: InMemoryChat, failing: str, logged_errors: list[str]
) -> None:
    """A minute later; it is logged when it begins to fail, and when it works again."""
    filled(chat, 5)
    bounded(chat, records=3)
    setattr(chat.store, failing, True)
    with capturedLogs() as logs:
        chat.advance(TIDY_SECONDS)
        chat.advance(TIDY_SECONDS)
    assert [log["what"] for log in logs if "what" in log] == [SHORTEN]
    assert len(logged_errors) == 1
    logged_errors.clear()
    setattr(chat.store, failing, False)
    assert len(targets(chat)) == 5
    with capturedLogs() as logs:
        chat.advance(TIDY_SECONDS)
    assert [log["what"] for log in logs if "what" in log] == [SHORTEN]
    assert targets(chat) == ["2", "3", "4"]


def test_a_file_is_shortened_for_good(tmp_path: Path) -> None:
    """After a restart the deleted records are still gone."""
    before = FileChat(tmp_path / "chat.db")
    before.service.startService()
    filled(before, AT_ONCE + 5, admin=True)
    bounded(before, records=2)
    before.advance(TIDY_SECONDS)
    before.stop()
    after = FileChat(tmp_path / "chat.db")
    assert targets(after) == [str(AT_ONCE + 3), str(AT_ONCE + 4)]
    after.stop()


def test_nodes_that_shorten_one_trail_at_once_delete_no_record_too_many(
    chats: RedisChats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None deletes what is no longer too many, because another node was faster."""
    monkeypatch.setattr(audit_trail, "AT_ONCE", 4)
    one, *_ = chats.chats
    trail = [recorded(f"{n:016x}", Record("ban", "mallory"), admin=False) for n in range(10)]
    chats.answered(one.node.store.append([Unit((), trail)]))
    for chat in chats.chats:
        chat.service.audit_trail.bounds = TrailBounds(records=3)
    for done in [chat.service.audit_trail.shorten() for chat in chats.chats]:
        chats.answered(done)
    left = chats.answered(one.node.store.cells(ROOM_AUDIT, None, 100))
    assert [key for key, _ in left] == [f"{n:016x}" for n in (7, 8, 9)]
    assert chats.answered(one.node.store.size(AUDIT)) == 0
