"""Where a reader begins."""

from __future__ import annotations

import pytest

from chatd.codecs.json import JSON
from chatd.model.events import Said
from chatd.stream.batch import Gap
from chatd.stream.eventlog import Entry, EventLog
from chatd.stream.feed import Source
from chatd.stream.places import DEFAULT_LATEST, Place, latest, lost, oldest
from chatd.stream.subscriber import Subscriber
from chatd.testing import FakeOutlet


def source(name: str, *ids: int, floor: int = 0, torn: bool = False) -> Source:
    """A source whose log holds these entries."""
    log = EventLog(1000, floor, incomplete=torn)
    for id_ in ids:
        log.append(Entry(id_, Said(name, "ada", f"{id_}")))
    return Source(name, log)


def read(place: Place, *sources: Source) -> tuple[list[str], list[int]]:
    """Whose gaps a reader at a place is told of, and what it is given."""
    outlet = FakeOutlet()
    feeds = [source.feed(JSON) for source in sources]
    Subscriber(outlet, feeds, place.cursor, places=place.logs, gaps=place.gaps).start()
    gaps = [gap.source for batch in outlet.batches for gap in batch.gaps]
    ids = [e.id for s in sources for e in s.log.since(0).entries]
    return gaps, [id_ for id_ in sorted(ids) if b'"id":%d,' % id_ in outlet.data]


def test_the_oldest_entries_kept_begin_without_a_gap() -> None:
    """Also where others were forgotten before them, in each source at another place."""
    sources = [
        source("a", 100, 200, floor=50),
        source("b", 150, 250, floor=120),
        source("c", floor=180),
        source("", 170),
    ]
    firsts = {"a": 100, "b": 150}
    place = oldest(sources, lambda source: firsts.get(source.name))
    assert read(place, *sources) == ([], [100, 150, 170, 200, 250])


def test_going_on_from_the_oldest_needs_no_places_of_its_own_in_one_log() -> None:
    """It is a cursor like any other, so its batches are shared."""
    assert oldest([source("a", 100, floor=50)], lambda _: 100) == Place(50)
    assert oldest([source("a", floor=50)], lambda _: None) == Place(50)


@pytest.mark.parametrize("how", ["older", "torn"])
def test_what_is_kept_and_cannot_be_given_is_a_gap(how: str) -> None:
    """Because memory does not reach that far, or because it could not be read."""
    one = source("a", 100, floor=50, torn=how == "torn")
    other = source("b", 110, floor=60)
    firsts = {"a": 10 if how == "older" else 100, "b": 110}
    assert read(oldest([one], lambda source: firsts.get(source.name)), one) == (["a"], [100])
    assert read(oldest([one, other], lambda source: firsts.get(source.name)), one, other) == (
        ["a"],
        [100, 110],
    )


def test_a_cursor_that_was_never_given_is_a_gap_and_then_the_newest() -> None:
    """Of each room, once; not of private messages, of which none is kept."""
    ids = range(100, 100 + 2 * DEFAULT_LATEST)
    one, other, inbox = source("a", *ids), source("b", *(id_ + 1000 for id_ in ids)), source("")
    assert lost([one]).gaps == (Gap("a", None),)
    assert read(lost([one]), one) == (["a"], [*ids][DEFAULT_LATEST:])
    gaps, found = read(lost([one, other, inbox]), one, other, inbox)
    assert (gaps, found) == (["a", "b"], [id_ + 1000 for id_ in ids][DEFAULT_LATEST:])


def test_a_cursor_that_was_never_given_is_a_gap_where_there_is_nothing() -> None:
    """And where something is missing it is told of that once."""
    assert read(lost([source("a")]), source("a")) == (["a"], [])
    torn = source("a", 100, floor=50, torn=True)
    assert read(lost([torn]), torn) == (["a"], [100])


def test_the_latest_begin_before_so_many_and_not_before_a_floor() -> None:
    """Whichever log they are in."""
    sources = [source("a", 100, 200, floor=50), source("b", 150, floor=120)]
    assert latest(sources, 2) == Place(149)
    assert latest(sources, 9) == Place(120)
    assert latest([source("a", floor=50)], 9) == Place(50)
