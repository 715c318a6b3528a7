"""Metrics in Prometheus' text format."""

from __future__ import annotations

from chatd.codecs.prometheus import Exposition
from chatd.model.metrics import Histogram


def test_metrics_have_help_type_and_values() -> None:
    """In the order in which they were added; the values of a label in alphabetical order."""
    page = Exposition()
    page.gauge("here", "People.", 3)
    page.counter("lost_total", "Lost.", {"b": 2, "a": 0.5}, "why")
    assert page.encode() == (
        b"# HELP here People.\n# TYPE here gauge\nhere 3\n"
        b"# HELP lost_total Lost.\n# TYPE lost_total counter\n"
        b'lost_total{why="a"} 0.5\nlost_total{why="b"} 2\n'
    )


def test_a_histogram_has_cumulative_buckets() -> None:
    """The last one has no bound, and equals the count."""
    histogram = Histogram((0.5, 1.0))
    for value in (0.1, 0.7, 0.7, 9.0):
        histogram.observe(value)
    page = Exposition()
    page.histogram("took_seconds", "Time.", histogram)
    assert page.encode().decode().splitlines()[2:] == [
        'took_seconds_bucket{le="0.5"} 1',
        'took_seconds_bucket{le="1.0"} 3',
        'took_seconds_bucket{le="+Inf"} 4',
        "took_seconds_sum 10.5",
        "took_seconds_count 4",
    ]


def test_values_of_labels_are_escaped() -> None:
    """Backslash, quote and line break."""
    page = Exposition()
    page.gauge("x", "X.", {'a"b\\c\nd': 1}, "word")
    assert page.encode().decode().splitlines()[2:] == ['x{word="a\\"b\\\\c\\nd"} 1']
