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
def test_a_percentile_is_the_least_value_with_enough_at_or_below_it(
    share: float, value: int
) -> None:
    """Nearest rank, over counts: half of ten values are the first five."""
    assert percentile([(10, 5), (20, 4), (30, 1)], share) == value


def test_of_nothing_there_is_no_percentile_and_no_median() -> None:
    """A server that never started leaves a blank, not a crash."""
    assert percentile([], 0.5) == 0
    assert NOTHING.latency(0.5) is None
    assert middle([]) is None
    assert ratio(None, 2.0) is None
    assert ratio(1.0, 0.0) is None


def test_the_median_and_the_ratio_are_the_usual_ones() -> None:
    """One round that went wrong does not move the figure."""
    assert middle([1.0, 100.0, 3.0]) == 3.0
    assert ratio(3.0, 2.0) == 1.5


def test_events_are_counted_against_the_servers_time_not_the_clocks() -> None:
    """Half a second of CPU for a thousand deliveries is two thousand a second."""
    measured = replace(NOTHING, delivered=1000, seconds=9.0, cpu=0.5)
    assert measured.events_per_cpu_second == 2000
    assert replace(measured, cpu=0.0).events_per_cpu_second == 0


def test_latencies_are_told_in_milliseconds() -> None:
    """The load counts nanoseconds."""
    assert replace(NOTHING, latencies=[(1_500_000, 1)]).latency(0.99) == 1.5


def test_what_makes_a_figure_doubtful_is_said() -> None:
    """Lost and doubled deliveries, and refused connections, are never averaged away."""
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
def test_a_number_is_shown_with_the_figures_that_count(value: float | None, text: str) -> None:
    """Nobody reads a digit that the next run changes."""
    assert shown(value) == text


def test_a_table_is_markdown_that_lines_up() -> None:
    """It is read in a terminal, and pasted into a page."""
    assert table(["poll", "events"], [["chatd", 1200], ["a peer", None]]).splitlines() == [
        "| poll   | events |",
        "| ------ | -----: |",
        "| chatd  |  1,200 |",
        "| a peer |        |",
    ]
    assert times(1.5) == "1.50×"
    assert times(None) == ""


def test_a_servers_ports_are_read_in_their_order() -> None:
    """Also while its output is only half there."""
    told = "... door listening on 127.0.0.1:81\nnoise\n... door listening on 127.0.0.1:80\n"
    listening = r"door listening on 127\.0\.0\.1:(\d+)$"
    assert told_ports(told, listening) == [81, 80]
    assert told_ports("", listening) == []


def test_a_server_that_refuses_has_the_last_word() -> None:
    """Its own line is the reason that is told."""
    assert last_word("starting\nchatd: no such store\n\n") == "chatd: no such store"
    assert last_word("\n") == ""


def test_a_websocket_message_has_the_length_of_its_text_in_it() -> None:
    """RFC 6455, section 5.2: 7 bits, or 126 and 16 bits."""
    assert websocket_saying(1, "/", 64, "ab", "c").before[:2] == bytes([0x81, 0x80 | 67])
    assert websocket_saying(1, "/", 300, "", "").before[:4] == b"\x81\xfe\x01\x2c"
    with pytest.raises(LeftOut):
        websocket_saying(1, "/", 70_000, "", "")


def test_a_list_has_commas_and_refuses_what_is_no_number() -> None:
    """A misspelt option ends with a line, before anything is measured."""
    assert listed(int)("1000, 5000,") == [1000, 5000]
    for words in (
        ["--readers", "many"],
        ["--doors", "window"],
        ["--rounds", "0"],
        ["--seconds", "nan"],
    ):
        with pytest.raises(SystemExit):
            options().parse_args(words)


def test_the_processor_is_named_where_the_system_knows_it() -> None:
    """ARM's /proc/cpuinfo has no model name."""
    assert processor("processor\t: 0\nmodel name\t: A Chip 9\n") == "A Chip 9"
    assert processor("processor\t: 0\n") != ""


def test_progress_is_a_line_a_step_where_there_is_no_terminal() -> None:
    """A log keeps what was done."""
    out = io.StringIO()
    progress = Progress(2, out)
    progress.step("one")
    progress.step("two")
    progress.end()
    first, second = out.getvalue().splitlines()
    assert first == "[1/2] one"
    assert second.startswith("[2/2] two (")
    assert minutes(61) == "1 min 1 s"
