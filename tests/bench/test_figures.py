"""What is made of what was measured."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from bench.__main__ import listed, options
from bench.figures import Connected, Measured, middle, percentile, ratio
from bench.machine import processor
from bench.progress import Progress, minutes
from bench.scenarios import complaints
from bench.servers import LeftOut, last_word, told_ports, websocket_saying
from bench.table import shown, table, times

NOTHING = Measured(
    seconds=1.0,
    cpu=1.0,
    said=0,
    delivered=0,
    answers=0,
    accepted=0,
    lost=0,
    errors=0,
    latencies=[],
)


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 10), (0.51, 20), (0.9, 20), (0.91, 30), (1, 30), (0, 10)]
)
def test_percentile_is_the_nearest_rank(share: float, value: int) -> None:
    """Over counts: half of ten values are the first five."""
    assert percentile([(10, 5), (20, 4), (30, 1)], share) == value


def test_figures_without_measurements_are_blank() -> None:
    """A server that never started does not crash the report."""
    assert percentile([], 0.5) == 0
    assert NOTHING.latency(0.5) is None
    assert middle([]) is None
    assert ratio(None, 2.0) is None
    assert ratio(1.0, 0.0) is None


def test_median_and_ratio() -> None:
    """One bad round does not move the median."""
    assert middle([1.0, 100.0, 3.0]) == 3.0
    assert ratio(3.0, 2.0) == 1.5


def test_throughput_is_per_second_of_server_cpu_time() -> None:
    """Half a second of CPU for a thousand deliveries is two thousand per second."""
    measured = replace(NOTHING, delivered=1000, seconds=9.0, cpu=0.5)
    assert measured.events_per_cpu_second == 2000
    assert replace(measured, cpu=0.0).events_per_cpu_second == 0


def test_latencies_are_in_milliseconds() -> None:
    """The load program counts nanoseconds."""
    assert replace(NOTHING, latencies=[(1_500_000, 1)]).latency(0.99) == 1.5


def test_losses_duplicates_and_errors_are_reported() -> None:
    """They are never averaged away."""
    found: list[Connected | Measured] = [Connected(1, 1, 1, errors=2)]
    found += [replace(NOTHING, lost=3), replace(NOTHING, lost=-1), NOTHING]
    assert list(complaints(found)) == [
        "2 connections closed or answers refused",
        "3 deliveries lost",
        "1 too many",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), ("x", "x"), (0, "0.00"), (1.234, "1.23"), (12.34, "12.3"), (1234567, "1,234,567")],
)
def test_a_number_is_shown_with_significant_digits_only(value: float | None, text: str) -> None:
    """Later digits change with every run."""
    assert shown(value) == text


def test_a_table_is_aligned_markdown() -> None:
    """It is read in a terminal, and pasted into a page."""
    assert table(["poll", "events"], [["chatd", 1200], ["a peer", None]]).splitlines() == [
        "| poll   | events |",
        "| ------ | -----: |",
        "| chatd  |  1,200 |",
        "| a peer |        |",
    ]
    assert times(1.5) == "1.50×"
    assert times(None) == ""


def test_ports_are_read_from_the_server_s_output_in_order() -> None:
    """Also from partial output."""
    told = "... door listening on 127.0.0.1:81\nnoise\n... door listening on 127.0.0.1:80\n"
    listening = r"door listening on 127\.0\.0\.1:(\d+)$"
    assert told_ports(told, listening) == [81, 80]
    assert told_ports("", listening) == []


def test_the_last_line_of_a_failed_server_is_the_reason() -> None:
    """Blank lines do not count."""
    assert last_word("starting\nchatd: no such store\n\n") == "chatd: no such store"
    assert last_word("\n") == ""


def test_a_websocket_frame_has_the_right_length_field() -> None:
    """RFC 6455, section 5.2: 7 bits, or 126 and 16 bits."""
    assert websocket_saying(1, "/", 64, "ab", "c").before[:2] == bytes([0x81, 0x80 | 67])
    assert websocket_saying(1, "/", 300, "", "").before[:4] == b"\x81\xfe\x01\x2c"
    with pytest.raises(LeftOut):
        websocket_saying(1, "/", 70_000, "", "")


def test_invalid_options_end_the_benchmark_at_once() -> None:
    """Before anything is measured."""
    assert listed(int)("1000, 5000,") == [1000, 5000]
    for words in (
        ["--readers", "many"],
        ["--doors", "window"],
        ["--rounds", "0"],
        ["--seconds", "nan"],
        ["--storm", "0"],
    ):
        with pytest.raises(SystemExit):
            options().parse_args(words)


def test_the_processor_s_name_is_found() -> None:
    """ARM's /proc/cpuinfo has no model name."""
    assert processor("processor\t: 0\nmodel name\t: A Chip 9\n") == "A Chip 9"
    assert processor("processor\t: 0\n") != ""


def test_progress_without_a_terminal_is_a_line_per_step() -> None:
    """So a log keeps it."""
    out = io.StringIO()
    progress = Progress(2, out)
    progress.step("one")
    progress.step("two")
    progress.end()
    first, second = out.getvalue().splitlines()
    assert first == "[1/2] one"
    assert second.startswith("[2/2] two (")
    assert minutes(61) == "1 min 1 s"
