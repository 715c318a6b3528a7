"""Lines with times, and a line for each day."""

from __future__ import annotations

from datetime import date

from chatd.codecs.timed import TIMED, Days, moment_of, written
from chatd.model.events import Said
from chatd.stream.eventlog import Entry

UTC, ELSEWHERE = TIMED["utc"]
DAY = 86_400_000_000
AFTERNOON = 1_764_425_039_000_000  # 29 November 2025, 14:03:59 UTC


def said(id_: int, text: str = "hi") -> bytes:
    return UTC.encode(Entry(id_, Said("dev", "ada", text)))


def test_every_line_of_an_event_has_its_time() -> None:
    """To the minute."""
    lines = Days().dated(said(AFTERNOON, "one\ntwo"))
    assert lines == b"14:03 <ada> one\r\n14:03 <ada> two\r\n"


def test_the_room_s_name_follows_the_time() -> None:
    """If it is not the current room."""
    line = Days().dated(ELSEWHERE.encode(Entry(AFTERNOON, Said("dev", "ada", "hi"))))
    assert line == b"14:03 #dev <ada> hi\r\n"


def test_a_date_line_is_shown_once_per_day() -> None:
    """For each reader separately, although readers share bytes."""
    chunk = UTC.join([said(AFTERNOON), said(AFTERNOON + 1), said(AFTERNOON + DAY)])
    first, second = b"== Saturday, 29 November 2025\r\n", b"== Sunday, 30 November 2025\r\n"
    hi = b"14:03 <ada> hi\r\n"
    today = moment_of(AFTERNOON, utc=True).toordinal()
    assert Days(0).dated(chunk) == first + hi + hi + second + hi
    assert Days(today).dated(chunk) == hi + hi + second + hi
    assert Days().dated(chunk) == hi + hi + second + hi, "nothing was seen before"


def test_a_date_is_written_in_words() -> None:
    """Its day has no leading zero."""
    assert written(date(2026, 11, 1)) == "Sunday, 1 November 2026"
