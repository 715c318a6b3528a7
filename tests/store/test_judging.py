"""Compare-and-append: which units are stored, under which ids."""

from __future__ import annotations

from chatd.model.events import Said
from chatd.model.units import Change, Expect, Stale, Unit
from chatd.store.judging import Judging

STORED = {("rooms", "dev"): 5}


def judging(**known: int) -> Judging:
    """A group after the id 10, of a store that knows these request keys."""
    keys = {name.encode(): id_ for name, id_ in known.items()}
    return Judging(10, lambda table, key: STORED.get((table, key), 0), keys.get)


def said(text: str, room: str = "dev") -> Said:
    return Said(room, "ada", text)


def test_each_event_and_each_unit_without_events_gets_an_id() -> None:
    """A unit is answered with its first id."""
    group = judging()
    units = [Unit([said("one"), said("two")]), Unit(), Unit([said("three")])]
    judged = group.judge(units)
    assert judged.answers == [11, 13, 14]
    assert [[entry.id for entry in shown.entries] for shown in judged.batch] == [[11, 12], [], [14]]
    assert (group.first, group.last) == (11, 14)


def test_a_unit_that_expects_another_version_is_stale() -> None:
    """No part of it is staged, and it uses no id."""
    group = judging()
    expect = Expect("rooms", "dev", 4)
    stale = Unit([said("late")], [Change("rooms", "dev", b"x")], [expect])
    judged = group.judge([stale, Unit([said("one")], expects=[Expect("rooms", "dev", 5)])])
    assert judged.answers == [Stale(expect), 11]
    assert [shown.id for shown in judged.batch] == [11]
    assert group.changes == {}


def test_a_unit_is_judged_by_earlier_units_of_its_group() -> None:
    """A name that one unit claims is not free for the next; a name that it frees is."""
    group = judging()
    free, taken = Expect("names", "ada", 0), Expect("names", "ada", 11)
    take = Unit(changes=[Change("names", "ada", b"1")], expects=[free])
    give = Unit(changes=[Change("names", "ada", None)], expects=[taken])
    assert group.judge([take, take]).answers == [11, Stale(free)]
    assert group.judge([give, take]).answers == [12, 13]
    assert group.changes == {("names", "ada"): (13, b"1")}


def test_a_repeated_request_is_answered_without_judging() -> None:
    """The first one may have changed the versions; also within one group."""
    group = judging(known=7)
    again = Unit([said("one")], expects=[Expect("rooms", "dev", 0)], request_key=b"known")
    new = Unit([said("two")], request_key=b"new")
    judged = group.judge([again, new, new])
    assert judged.answers == [7, 11, 11]
    assert len(judged.batch) == 1
    assert group.request_keys == {b"new": 11}
