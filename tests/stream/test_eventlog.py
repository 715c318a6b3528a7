"""The event log: bounded, ordered by id, and exact about what it has evicted."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.events import MESSAGES, Acted, Joined, Said
from chatd.stream.eventlog import Entry, EventLog

ids = st.lists(st.integers(1, 100), unique=True, max_size=60).map(sorted)
capacities = st.integers(0, 20)
cursors = st.integers(0, 101)


def filled(numbers: Sequence[int], capacity: int, floor: int = 0) -> EventLog:
    log = EventLog(capacity, floor)
    for number in numbers:
        log.append(Entry(number, Said("lobby", "ada", str(number))))
    return log


def numbered(*ids: int) -> list[Entry]:
    """Entries with these ids."""
    return [Entry(id_, Said("lobby", "ada", "x")) for id_ in ids]


def numbers_in(entries: Sequence[Entry]) -> list[int]:
    return [entry.id for entry in entries]


@given(ids, capacities, cursors)
def test_since_returns_the_whole_suffix_or_reports_it_incomplete(
    numbers: list[int], capacity: int, cursor: int
) -> None:
    """An incomplete answer lacks only its oldest entries, and holds as many as the log."""
    found = filled(numbers, capacity).since(cursor)
    wanted = [number for number in numbers if number > cursor]
    kept = wanted if found.complete else wanted[len(wanted) - capacity :]
    assert numbers_in(found.entries) == kept
    assert found.complete == (len(wanted) <= capacity)


@given(ids, capacities, st.integers(1, 50), cursors)
def test_a_log_with_a_floor_is_complete_only_from_its_floor(
    steps: list[int], capacity: int, floor: int, cursor: int
) -> None:
    """It never held the entries before its floor, even when it is empty."""
    numbers = [floor + step for step in steps]
    found = filled(numbers, capacity, floor).since(cursor)
    wanted = [number for number in numbers if number > cursor]
    assert found.complete == (cursor >= floor and len(wanted) <= capacity)
    assert numbers_in(found.entries) == wanted[max(0, len(wanted) - capacity) :]


@given(ids, capacities)
def test_first_last_and_count_cover_evicted_entries(numbers: list[int], capacity: int) -> None:
    """Rooms show `first` and `last`; gaps are measured with `count`."""
    log = filled(numbers, capacity)
    held = numbers[max(0, len(numbers) - capacity) :]
    assert (log.first, log.last) == (held[0] if held else None, numbers[-1] if numbers else 0)
    assert (len(log), log.count) == (len(held), len(numbers))


@given(ids, capacities, cursors)
def test_the_ordinal_of_a_cursor_counts_the_entries_up_to_it(
    numbers: list[int], capacity: int, cursor: int
) -> None:
    """Exact as long as the log is complete from that cursor."""
    log = filled(numbers, capacity)
    if log.since(cursor).complete:
        assert log.ordinal(cursor) == len([number for number in numbers if number <= cursor])


@given(ids, capacities, st.integers(1, 25))
def test_evicting_returns_the_newest_id_that_new_entries_would_evict(
    numbers: list[int], capacity: int, more: int
) -> None:
    """A reader that has read up to this id loses nothing."""
    log = filled(numbers, capacity)
    held = numbers_in(log.since(0).entries)
    newest = log.evicting(more)
    log.extend([Entry(number, Said("lobby", "ada", "")) for number in range(201, 201 + more)])
    left = numbers_in(log.since(0).entries)
    assert newest == max([number for number in held if number not in left], default=0)


@given(ids, capacities, st.integers(0, 25))
def test_extend_equals_repeated_append(numbers: list[int], capacity: int, more: int) -> None:
    """The log is the same as if the entries were added one by one."""
    together, singly = filled(numbers, capacity), filled(numbers, capacity)
    new = [Entry(number, Said("lobby", "ada", "")) for number in range(201, 201 + more)]
    together.extend(new)
    for entry in new:
        singly.append(entry)
    assert numbers_in(together.since(0).entries) == numbers_in(singly.since(0).entries)
    assert (together.floor, together.last, together.count) == (
        singly.floor,
        singly.last,
        singly.count,
    )


@given(
    st.lists(st.sampled_from([Said("r", "a", "x"), Acted("r", "a", "x"), Joined("r", "a")])),
    st.integers(0, 10),
)
def test_latest_returns_the_last_events_of_a_kind_oldest_first(
    events: list[Said | Acted | Joined], count: int
) -> None:
    """A newcomer is shown messages, not the joins and leaves between them."""
    log = EventLog(20)
    for number, event in enumerate(events, 1):
        log.append(Entry(number, event))
    held = list(enumerate(events, 1))[-20:]
    wanted = [number for number, event in held if isinstance(event, (Said, Acted))]
    assert numbers_in(log.latest(count, MESSAGES)) == wanted[max(0, len(wanted) - count) :]


class CountingCodec:
    """A codec that counts how often it encodes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.made = 0

    def encode(self, entry: Entry) -> bytes:
        self.made += 1
        return f"{self.name} {entry.id}".encode()

    def join(self, chunks: Sequence[bytes]) -> bytes:
        return b"".join(chunks)


def test_an_entry_is_encoded_once_per_codec() -> None:
    """However many readers there are."""
    entry = Entry(7, Said("lobby", "ada", "hello"))
    one, other = CountingCodec("one"), CountingCodec("other")
    assert [entry.encoded(codec) for codec in (one, other, one, other)] == [
        b"one 7",
        b"other 7",
    ] * 2
    assert (one.made, other.made) == (1, 1)


@pytest.mark.parametrize(
    ("id_", "time"),
    [
        (1_763_819_000_123_456, "2025-11-22T13:43:20.123456Z"),
        (1_763_819_000_000_000, "2025-11-22T13:43:20.000000Z"),
        (4_102_444_799_999_999, "2099-12-31T23:59:59.999999Z"),
    ],
)
def test_the_id_is_the_time_to_the_microsecond(id_: int, time: str) -> None:
    """In UTC, always with six decimal digits."""
    assert Entry(id_, Said("lobby", "ada", "hello")).time == time


@given(ids, ids, st.integers(1, 20), cursors)
def test_prepend_completes_an_incomplete_log(
    past: list[int], since: list[int], capacity: int, cursor: int
) -> None:
    """As far as its capacity allows; the number of evicted entries stays correct."""
    numbers = [*past, *(100 + number for number in since)]
    whole = filled(numbers, capacity)
    partial = EventLog(capacity, 100, incomplete=True)
    for number in since:
        partial.append(Entry(100 + number, Said("lobby", "ada", "")))
    forgotten = partial.count - len(partial)
    held = filled(past, capacity)
    partial.prepend(held.since(0).entries, held.floor)
    assert not partial.incomplete
    for place in (cursor, 100, 100 + cursor):
        found, wanted = partial.since(place), whole.since(place)
        assert numbers_in(found.entries) == numbers_in(wanted.entries)
        assert found.complete == wanted.complete
    assert numbers_in(partial.latest(5)) == numbers_in(whole.latest(5))
    partial.append(Entry(201, Said("lobby", "ada", "")))
    whole.append(Entry(201, Said("lobby", "ada", "")))
    assert partial.floor == whole.floor
    assert partial.count - len(partial) <= forgotten + 1


def test_a_log_that_was_completed_ends_with_its_newest_entry() -> None:
    """Or, if nothing is kept, at its floor: behind that a reader has nothing to look for."""
    log = EventLog(5, floor=100, incomplete=True)
    log.prepend(numbered(60, 70), 50)
    assert (log.floor, log.last) == (50, 70)
    empty = EventLog(5, floor=100, incomplete=True)
    empty.prepend([], 50)
    assert (empty.floor, empty.last) == (50, 50)
    grown = EventLog(5, floor=100, incomplete=True)
    grown.extend(numbered(110))
    grown.prepend(numbered(60), 50)
    assert (grown.floor, grown.last) == (50, 110)
