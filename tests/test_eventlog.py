"""The log: bounded, numbered, and honest about what it no longer holds."""

from hypothesis import given
from hypothesis import strategies as st

from chatd.eventlog import Entry, EventLog
from chatd.events import Said

ids = st.lists(st.integers(1, 10_000), unique=True, max_size=60).map(sorted)


def filled(numbers: list[int], capacity: int) -> EventLog:
    log = EventLog(capacity)
    for number in numbers:
        log.append(Entry(number, Said("lobby", "ada", str(number))))
    return log


@given(ids, st.integers(1, 20), st.integers(0, 10_001))
def test_since_answers_exactly_the_suffix_or_says_that_it_cannot(
    numbers: list[int], capacity: int, cursor: int
) -> None:
    """What is complete is the whole suffix; what is not has lost its head only."""
    entries, complete = filled(numbers, capacity).since(cursor)
    wanted = [number for number in numbers if number > cursor]
    got = [entry.id for entry in entries]
    assert got == wanted[len(wanted) - len(got) :]
    assert complete or len(got) == capacity
    if complete:
        assert got == wanted
