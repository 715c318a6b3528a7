"""Places: the cursors at which a new reader begins."""

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


def source(name: str, *ids: int, floor: int = 0, incomplete: bool = False) -> Source:
    """A source whose log holds these entries."""
    log = EventLog(1000, floor, incomplete=incomplete)
    for id_ in ids:
        log.append(Entry(id_, Said(name, "ada", f"{id_}")))
    return Source(name, log)


def read(place: Place, *sources: Source) -> tuple[list[str], list[int]]:
    """The sources whose gaps a reader at a place is told of, and the ids that it gets."""
    outlet = FakeOutlet()
    feeds = [source.feed(JSON) for source in sources]
    Subscriber(outlet, feeds, place.cursor, places=place.logs, gaps=place.gaps).start()
    gaps = [gap.source for batch in outlet.batches for gap in batch.gaps]
    ids = [e.id for s in sources for e in s.log.since(0).entries]
    return gaps, [id_ for id_ in sorted(ids) if b'"id":%d,' % id_ in outlet.data]


def test_reading_from_the_oldest_kept_entry_reports_no_gap() -> None:
    """Also if earlier entries were deleted, in each source at another id."""
    sources = [
        source("a", 100, 200, floor=50),
        source("b", 150, 250, floor=120),
        source("c", floor=180),
        source("", 170),
    ]
    firsts = {"a": 100, "b": 150}
    place = oldest(sources, lambda source: firsts.get(source.name))
    assert read(place, *sources) == ([], [100, 150, 170, 200, 250])


def test_the_oldest_place_in_one_log_is_a_plain_cursor() -> None:
    """So its batches are shared with other readers."""
    assert oldest([source("a", 100, floor=50)], lambda _: 100) == Place(50)
    assert oldest([source("a", floor=50)], lambda _: None) == Place(50)


@pytest.mark.parametrize("how", ["older", "incomplete"])
def test_kept_entries_that_cannot_be_delivered_are_a_gap(how: str) -> None:
    """Either the log does not reach back that far, or the store could not be read."""
    one = source("a", 100, floor=50, incomplete=how == "incomplete")
    other = source("b", 110, floor=60)
    firsts = {"a": 10 if how == "older" else 100, "b": 110}
    assert read(oldest([one], lambda source: firsts.get(source.name)), one) == (["a"], [100])
    assert read(oldest([one, other], lambda source: firsts.get(source.name)), one, other) == (
        ["a"],
        [100, 110],
    )


def test_an_unknown_cursor_is_a_gap_then_the_newest_entries() -> None:
    """One gap per room; none for private messages, which are not kept."""
    ids = range(100, 100 + 2 * DEFAULT_LATEST)
    one, other, inbox = source("a", *ids), source("b", *(id_ + 1000 for id_ in ids)), source("")
    assert lost([one]).gaps == (Gap("a", None),)
    assert read(lost([one]), one) == (["a"], [*ids][DEFAULT_LATEST:])
    gaps, found = read(lost([one, other, inbox]), one, other, inbox)
    assert (gaps, found) == (["a", "b"], [id_ + 1000 for id_ in ids][DEFAULT_LATEST:])


def test_an_unknown_cursor_is_one_gap_in_an_empty_or_incomplete_room() -> None:
    """An incomplete log does not add a second gap."""
    assert read(lost([source("a")]), source("a")) == (["a"], [])
    incomplete = source("a", 100, floor=50, incomplete=True)
    assert read(lost([incomplete]), incomplete) == (["a"], [100])


def test_latest_begins_before_the_last_entries_but_not_below_a_floor() -> None:
    """The entries are counted over all logs together."""
    sources = [source("a", 100, 200, floor=50), source("b", 150, floor=120)]
    assert latest(sources, 2) == Place(149)
    assert latest(sources, 9) == Place(120)
    assert latest([source("a", floor=50)], 9) == Place(50)
