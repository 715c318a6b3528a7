"""Durable units in the file: after a failed COMMIT, after retention, and in another file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chatd.model.errors import Unavailable
from chatd.model.events import Told
from chatd.model.units import (
    NAMES,
    ROOMS,
    Cell,
    Change,
    Expect,
    Stale,
    Unit,
)
from chatd.store import RoomSummary
from chatd.store.durable import SLICE

from ..kit.desk import LATEST, Desk, refused
from ..kit.stores import claim, said, saying

# -- a COMMIT that fails ---------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["lost", "kept"])
def test_a_refused_unit_is_not_in_the_file(desk: Desk, fates: list[str], fate: str) -> None:
    """Not even if the disk had taken it: no event, request key or cell. The next unit gets an id
    that was never used.
    """
    desk.again()  # with a connection that may fail
    changes = [Change(ROOMS, "lobby", b"old"), Change("roles", "ada", b"old")]
    (first,) = desk.store(said("one"), changes=changes, request_key=b"first")
    fates.append(fate)
    lost = [Change(ROOMS, "lobby", b"x"), Change(ROOMS, "dev", b"x"), Change("roles", "ada", None)]
    message = refused(desk, said("two"), said("2"), changes=lost, request_key=b"second")
    assert "disk I/O error" in message
    expects = [Expect("roles", "ada", first), Expect(ROOMS, "dev", 0)]
    (third,) = desk.store(said("three"), expects=[Expect(ROOMS, "lobby", first), *expects])
    assert desk.texts() == ["one", "three"]
    assert third == first + 3
    for _ in range(2):
        assert desk.cells() == {"lobby": Cell(first, b"old")}
        assert desk.cells("roles") == {"ada": Cell(first, b"old")}
        assert desk.restated == []
        desk.again()
    assert desk.rooms == {"lobby": RoomSummary(first, third)}
    assert desk.opened.request_keys == {b"first": first}


@pytest.mark.parametrize("fate", ["lost", "kept"])
def test_a_refused_unit_changes_no_presence(desk: Desk, fates: list[str], fate: str) -> None:
    """Nor versions of rooms, nor request keys: later units are judged as before."""
    desk.again()
    desk.store(said("one"))
    fates.append(fate)
    changes = [Change(NAMES, "ada", b"1"), Change(ROOMS, "dev", b"{}")]
    refused(desk, said("two"), changes=changes, request_key=b"key")
    unit = Unit((), changes[:1], [Expect(NAMES, "ada", 0), Expect(ROOMS, "dev", 0)])
    assert isinstance(desk.append(unit)[0], int)
    assert desk.store(said("two"), request_key=b"key")[0] > desk.opened.last
    assert desk.texts() == ["one", "two"]


def test_a_cell_changed_twice_by_a_refused_unit_is_restored(desk: Desk, fates: list[str]) -> None:
    """To its value before both changes."""
    desk.again()
    version = desk.set("lobby", b"old")
    fates.append("kept")
    refused(desk, changes=[Change(ROOMS, "lobby", b"new"), Change(ROOMS, "lobby", b"newest")])
    desk.store(said("hi"))
    assert desk.cells() == {"lobby": Cell(version, b"old")}


def test_a_refused_unit_is_removed_by_the_next_successful_commit(
    desk: Desk, fates: list[str]
) -> None:
    """Also if the removal fails at first, and while presence changes in between."""
    desk.again()
    desk.store(said("one"))
    fates += ["kept", "lost"]
    refused(desk, said("two"))
    desk.set("ada", b"1", NAMES)
    refused(desk, said("three"))
    desk.set("bob", b"1", NAMES)
    desk.store(said("four"))
    assert desk.texts() == ["one", "four"]


def test_a_refused_unit_is_removed_when_the_store_closes(desk: Desk, fates: list[str]) -> None:
    """If no commit came in between."""
    desk.again()
    desk.store(said("one"))
    fates.append("kept")
    refused(desk, said("two"))
    desk.again()
    assert desk.texts() == ["one"]


def test_an_encoding_error_stores_nothing(desk: Desk) -> None:
    """No transaction is left open, so the next unit is stored."""
    with pytest.raises(UnicodeEncodeError):
        desk.store(said("one"), said("\ud800"))
    desk.store(said("two"))
    assert desk.texts() == ["two"]


# -- retention -------------------------------------------------------------------------------------


def test_retention_by_age_removes_the_oldest_events(desk: Desk) -> None:
    """In every room; the floor is the id up to which events are missing."""
    old = desk.store(said("one"), said("two", "dev"))
    desk.wall += 10
    new = desk.store(said("three"))
    assert desk.writer.forget(new[0], None) == ({"lobby": new[0], "dev": None}, False)
    assert (desk.texts(), desk.texts("dev")) == (["three"], [])
    assert desk.floor() == old[-1]


def test_retention_by_number_removes_the_oldest_events(desk: Desk) -> None:
    """Over all rooms together; the count stays right over failures."""
    desk.store(*(said(str(n), "dev" if n % 2 else "lobby") for n in range(10)))
    desk.writer.forget(0, 6)
    assert (desk.texts(), desk.texts("dev")) == (["4", "6", "8"], ["5", "7", "9"])
    desk.store(said("10"), Told("ada", "bob", "psst"))
    desk.writer.forget(0, 6)
    desk.writer.close()
    desk.store(said("11", "dev"))
    desk.writer.forget(0, 6)
    assert (desk.texts(), desk.texts("dev")) == (["6", "8", "10"], ["7", "9", "11"])


def test_retention_removes_events_in_slices(desk: Desk) -> None:
    """A commit waits for one slice at most."""
    desk.store(*(said(str(n)) for n in range(2 * SLICE + 10)))
    more = [desk.writer.forget(LATEST, None).more for _ in range(3)]
    assert more == [True, True, False]
    assert desk.texts() == []


def test_a_room_emptied_by_retention_returns_with_its_next_message(desk: Desk) -> None:
    """Its summary then starts at that message."""
    desk.store(said("one"), said("two", "dev"))
    desk.writer.forget(LATEST, None)
    (id_,) = desk.store(said("three", "dev"))
    assert desk.texts("dev") == ["three"]
    desk.again()
    assert desk.rooms == {"dev": RoomSummary(id_, id_)}


def test_a_room_emptied_by_retention_keeps_its_cell(desk: Desk) -> None:
    """Retention removes events, not settings."""
    version = desk.set("dev", b"{}")
    desk.store(said("one", "dev"))
    desk.writer.forget(LATEST, None)
    desk.again()
    assert (desk.rooms, desk.cells()) == ({}, {"dev": Cell(version, b"{}")})
    assert desk.append(claim(ROOMS, "dev", b"x", version)) != [Stale(Expect(ROOMS, "dev", version))]


def test_a_failed_retention_removes_nothing(desk: Desk, fates: list[str]) -> None:
    """It is done the next time."""
    desk.again()
    desk.store(said("one"), said("two"))
    fates.append("lost")
    with pytest.raises(Unavailable):
        desk.writer.forget(LATEST, None)
    assert desk.texts() == ["one", "two"]
    desk.writer.forget(LATEST, None)
    assert desk.texts() == []


def test_a_retention_that_only_seemed_to_fail_is_reported_the_next_time(
    desk: Desk, fates: list[str]
) -> None:
    """The disk had done it, so the rooms' first ids are reported then."""
    desk.again()
    ids = desk.store(said("one"), said("two", "dev"), said("three"))
    fates.append("kept")
    with pytest.raises(Unavailable):
        desk.writer.forget(ids[2], None)
    assert desk.writer.forget(ids[2], None).firsts == {"lobby": ids[2], "dev": None}
    assert desk.writer.forget(ids[2], None).firsts == {}


# -- another file ----------------------------------------------------------------------------------


def test_cells_of_another_file_are_shown_as_changes(
    desk: Desk, tmp_path: Path, logged_errors: list[str]
) -> None:
    """If the file is replaced while the server runs, the follower is shown how its cells differ
    before any unit is judged by them.
    """
    spare = Desk(tmp_path / "spare.db")
    spare.set("lobby", b"theirs")
    spare.set("there", b"{}")
    spare.end()
    desk.wall += 1
    version = desk.set("lobby", b"ours")
    desk.set("here", b"{}")
    last = desk.store(said("one"))[-1]
    os.replace(spare.path, desk.path)
    stale = Expect(ROOMS, "lobby", version)
    assert desk.append(saying("two", expects=[stale])) == [Stale(stale)]
    (restated,) = desk.restated
    assert restated.id == last + 1
    assert set(restated.changes) == {
        Change(ROOMS, "lobby", b"theirs"),
        Change(ROOMS, "there", b"{}"),
        Change(ROOMS, "here", None),
    }
    assert desk.cells() == {key: Cell(last + 1, v) for _, key, v in restated.changes if v}
    expects = [Expect(ROOMS, "lobby", last + 1), Expect(ROOMS, "here", 0)]
    assert desk.store(said("two"), expects=expects) == [last + 2]
    desk.again()
    assert (desk.cells()["there"].version, desk.restated) == (last + 1, [])
    logged_errors.clear()
