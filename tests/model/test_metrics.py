"""Histograms, and counts of rare occurrences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatd.model.errors import Muted, NotFound
from chatd.model.metrics import Histogram, Rare


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 5))))
def test_a_histogram_counts_each_value_in_the_bucket_of_the_next_bound(
    values: list[tuple[float, int]],
) -> None:
    """A value that equals a bound is in the bound's bucket."""
    bounds = (1.0, 10.0)
    histogram = Histogram(bounds)
    for value, times in values:
        histogram.observe(value, times)
    assert histogram.counts == [
        sum(times for value, times in values if value <= 1),
        sum(times for value, times in values if 1 < value <= 10),
        sum(times for value, times in values if value > 10),
    ]
    assert abs(histogram.sum - sum(value * times for value, times in values)) < 1e-6


def test_refusals_are_counted_by_their_codes() -> None:
    """Without their messages, which may name a person or a room."""
    rare = Rare()
    for error in (NotFound("no #dev"), NotFound("no #ops"), Muted("not now")):
        rare.refused(error)
    assert rare.refusals == {"not-found": 2, "muted": 1}
