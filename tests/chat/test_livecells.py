"""Cells of a table that is not kept in memory whole."""

from __future__ import annotations

import gc

import pytest
from twisted.internet.defer import Deferred

from chatd.chat.livecells import LiveCell, LiveCells
from chatd.model.errors import Unavailable
from chatd.model.units import Change, Unit
from chatd.store import Shown
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import refused


class Followed:
    """A table of a chat's store, and its live cells."""

    def __init__(self, chat: InMemoryChat) -> None:
        self.chat = chat
        self.cells: LiveCells[str] = LiveCells(chat.store, "table", bytes.decode)

    def write(self, key: str, value: bytes | None) -> int:
        appended = self.chat.store.append([Unit(changes=(Change("table", key, value),))])
        self.chat.settle()
        (id_,) = result_of(appended)
        assert isinstance(id_, int)
        self.cells.shown(Change("table", key, value), id_)
        return id_

    def find(self, key: str) -> Deferred[LiveCell[str]]:
        return self.cells.find(key)

    def found(self, key: str) -> LiveCell[str]:
        finding = self.find(key)
        self.chat.settle()
        return result_of(finding)


@pytest.fixture
def followed(chat: InMemoryChat) -> Followed:
    return Followed(chat)


def test_a_cell_is_what_the_store_has(followed: Followed) -> None:
    """Absent ones are known too, as of version 0."""
    id_ = followed.write("a", b"one")
    here, gone = followed.found("a"), followed.found("b")
    assert (here.value, here.version) == ("one", id_)
    assert (gone.value, gone.version) == (None, 0)


def test_a_cell_in_use_follows_what_is_shown(followed: Followed) -> None:
    """It changes, goes, and comes again."""
    cell = followed.found("a")
    for value in (b"one", b"two", None, b"three"):
        id_ = followed.write("a", value)
        assert cell.value == (None if value is None else value.decode())
        assert cell.version == (0 if value is None else id_)
    assert followed.found("a") is cell


def test_what_is_shown_while_a_cell_is_read_wins(followed: Followed, chat: InMemoryChat) -> None:
    """The answer of the store may be older."""
    chat.store.hold("reads")
    finding = followed.find("a")
    id_ = followed.write("a", b"new")
    chat.store.release()
    chat.settle()
    cell = result_of(finding)
    assert (cell.value, cell.version) == ("new", id_)


def test_all_who_ask_for_a_cell_get_the_same_one(followed: Followed, chat: InMemoryChat) -> None:
    """The store is asked once."""
    first, second = followed.find("a"), followed.find("a")
    chat.settle()
    assert (result_of(first) is result_of(second)) is True


def test_a_cell_that_cannot_be_read_is_asked_for_again(
    followed: Followed, chat: InMemoryChat
) -> None:
    """Each who asks is told."""
    chat.store.unreadable = True
    failing = [followed.find("a"), followed.find("a")]
    chat.settle()
    assert [refused(each) for each in failing] == [Unavailable] * 2
    assert refused(followed.cells.find_all(["a", "b"])) is Unavailable
    chat.store.unreadable = False
    assert followed.found("a").version == 0


def test_a_value_that_cannot_be_decoded_is_present(
    followed: Followed, logged_errors: list[str]
) -> None:
    """It counts as present, so no unit can create it; its value is not known."""
    id_ = followed.write("a", b"\xff")
    cell = followed.found("a")
    assert (cell.value, cell.version) == (None, id_)
    assert "cannot be decoded" in logged_errors.pop()


def test_cells_that_are_not_used_are_forgotten(followed: Followed) -> None:
    """But for the last ones."""
    followed.cells._warm.clear()
    for number in range(2000):
        followed.found(str(number))
    gc.collect()
    assert followed.cells.live("0") is None
    assert followed.cells.live("1999") is not None


def test_a_change_of_another_unit_does_not_read(followed: Followed) -> None:
    """Cells that are not in use are not folded."""
    shown = Shown(1, (), (Change("table", "x", b"1"),), None)
    followed.cells.shown(shown.changes[0], shown.id)
    assert followed.cells.live("x") is None
