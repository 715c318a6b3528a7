"""The writer: ids and rooms over a restart, and units that do not touch the file."""

from __future__ import annotations

import pytest

from chatd.model.errors import Unavailable
from chatd.model.events import Told
from chatd.model.units import (
    MEMBERS,
    NAMES,
    ROOMS,
    Change,
    Expect,
    Stale,
    Unit,
    room_table,
)
from chatd.store import RoomSummary

from ..kit.desk import LATEST, YEAR, Desk, queried
from ..kit.file_faults import locked
from ..kit.stores import claim, said

LOBBY = room_table(MEMBERS, "lobby")


# -- ids and rooms over a restart ------------------------------------------------------------------


def test_ids_continue_above_the_highest_id_after_a_restart(desk: Desk) -> None:
    """With the clock set back a year, and if the highest id was a private message's."""
    desk.store(said("hi"))
    (private,) = desk.store(Told("ada", "bob", "psst"))
    desk.wall -= YEAR
    desk.again()
    assert desk.writer.last == private
    assert desk.store(said("ho")) == [private + 1]


def test_ids_continue_above_those_given_before_a_crash(desk: Desk) -> None:
    """Also if the last units left nothing in the file: ids start at the current time, so a cursor
    after them is not in the future.
    """
    desk.store(said("hi"))
    desk.wall += 1
    private = [desk.store(Told("ada", "bob", "psst"))[0], desk.set("ada", b"1", NAMES)]
    desk.wall += 1
    desk.killed()
    assert desk.opened.last > max(private)
    assert desk.store(said("ho")) == [desk.opened.last + 1]


def test_ids_continue_after_retention_removed_all_events(desk: Desk) -> None:
    """An id never names two events, not even a deleted one."""
    *_, last = desk.store(*(said(str(n)) for n in range(5)))
    desk.writer.forget(LATEST, None)
    desk.wall -= YEAR
    desk.again()
    assert (desk.rooms, desk.texts()) == ({}, [])
    assert desk.store(said("ho")) == [last + 1]


def test_room_summaries_survive_a_restart(desk: Desk) -> None:
    """The oldest and the newest id of each room."""
    ids = desk.store(said("one"), said("x", "dev"), said("two"), said("y", "dev"))
    desk.again()
    assert desk.rooms == {
        "lobby": RoomSummary(ids[0], ids[2]),
        "dev": RoomSummary(ids[1], ids[3]),
    }


# -- units that do not touch the file --------------------------------------------------------------


def test_presence_and_private_messages_execute_no_sql(desk: Desk, statements: list[str]) -> None:
    """They still get ids in order."""
    desk.again()
    (before,) = desk.store(said("before"))
    statements.clear()
    first = desk.set("ada", b"1", NAMES)
    answers = desk.append(
        claim(NAMES, "ada", b"2", first),
        claim(LOBBY, "ada", b"Ada", 0),
        Unit([Told("ada", "bob", "psst")], expects=[Expect(ROOMS, "lobby", 0)]),
        claim(NAMES, "ada", b"3", first),
    )
    assert statements == []
    assert [first, *answers[:3]] == [before + n for n in (1, 2, 3, 4)]
    assert answers[3] == Stale(Expect(NAMES, "ada", first))
    assert desk.store(said("after")) == [before + 5]
    assert statements != []
    assert queried(desk.path, "SELECT count(*) FROM cells") == [(0,)]
    assert queried(desk.path, "SELECT last FROM state") == [(before + 5,)]


def test_judging_a_message_reads_nothing_from_the_file(desk: Desk, statements: list[str]) -> None:
    """Neither its room's cell nor its sender's name."""
    version = desk.set("lobby", b"{}")
    name = desk.set("ada", b"1", NAMES)
    desk.again()
    name = desk.set("ada", b"1", NAMES)
    expects = [Expect(ROOMS, "lobby", version), Expect(NAMES, "ada", name)]
    desk.store(said("makes the room"), expects=expects)
    statements.clear()
    desk.store(said("hi"), expects=expects)
    assert [sql.split()[0] for sql in statements] == ["BEGIN", "INSERT", "UPDATE", "COMMIT"]


@pytest.mark.parametrize("fate", [None, "lost", "kept"])
def test_tidy_stores_the_last_id_of_presence(
    desk: Desk, fates: list[str], fate: str | None
) -> None:
    """So after a kill and a clock set back, cursors from before are not in the future."""
    desk.again()
    id_ = desk.set("ada", b"1", NAMES)
    if fate:
        fates.append(fate)
        with pytest.raises(Unavailable):
            desk.writer.tidy()
    desk.writer.tidy()
    assert desk.restated == []
    desk.wall -= 3600
    desk.killed()
    assert desk.opened.last == id_
    assert desk.set("ada", b"1", NAMES) == id_ + 1


def test_tidy_writes_nothing_if_nothing_changed(desk: Desk, statements: list[str]) -> None:
    """It runs once a minute."""
    desk.again()
    desk.set("ada", b"1", NAMES)
    for updates in (1, 0):
        statements.clear()
        desk.writer.tidy()
        assert [sql.split()[0] for sql in statements].count("UPDATE") == updates


def test_presence_can_change_while_the_file_is_locked(desk: Desk) -> None:
    """It needs no write."""
    version = desk.set("lobby", b"{}")
    desk.writer.close()
    with locked(desk.path):
        (answer,) = desk.append(
            Unit((), [Change(NAMES, "ada", b"1")], [Expect(ROOMS, "lobby", version)])
        )
    assert isinstance(answer, int)


def test_units_are_judged_by_earlier_groups_not_shown_yet(desk: Desk) -> None:
    """A slow reactor shows them later."""
    groups = [
        [claim(NAMES, "ada", b"1", 0)],
        [claim(NAMES, "ada", b"2", 0), claim(NAMES, "bob", b"3", 0)],
        [claim(NAMES, "bob", b"4", 0)],
    ]
    stored = [desk.writer.store([units], desk.shown).appends[0] for units in groups]
    ids = [judged.batch[0].id if judged.batch else None for judged in stored]
    assert [judged.answers for judged in stored] == [
        [ids[0]],
        [Stale(Expect(NAMES, "ada", 0)), ids[1]],
        [Stale(Expect(NAMES, "bob", 0))],
    ]
    (gone,) = desk.writer.store([[claim(NAMES, "ada", None, ids[0] or 0)]], desk.shown).appends
    assert isinstance(gone.answers[0], int)
    for judged in [*stored, gone]:
        desk.show(judged.batch)
    assert isinstance(desk.append(claim(NAMES, "ada", b"5", 0))[0], int)
    assert isinstance(desk.append(claim(NAMES, "bob", b"6", ids[1] or 0))[0], int)
