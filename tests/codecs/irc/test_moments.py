"""Ids as the times that IRC shows, and times as places in the history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.irc import moments

ID = 1_764_425_030_123_456


def test_the_time_of_an_id_is_its_millisecond() -> None:
    """Floored, as ids are microseconds; clock times are UTC."""
    assert moments.server_time(ID) == "2025-11-29T14:03:50.123Z"
    assert moments.clock_time(ID) == "14:03"
    assert moments.date_and_time(ID) == "2025-11-29 14:03"
    assert moments.seconds(ID) == 1_764_425_030


def test_a_selector_is_parsed_as_a_place_in_history() -> None:
    """A timestamp stands for all ids of its millisecond, a msgid for one id; a read marker is a
    timestamp.
    """
    found = moments.selector("timestamp=2025-11-29T14:03:50.123Z")
    assert found == moments.Selector(ID // 1000 * 1000, ID // 1000 * 1000 + 999, by_time=True)
    assert moments.selector(f"msgid={ID}") == moments.Selector(ID, ID, by_time=False)
    assert moments.marker("timestamp=2025-11-29T14:03:50.123Z") == ID // 1000 * 1000 + 999
    assert moments.marker(f"msgid={ID}") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "msgid=",
        "msgid=x",
        "timestamp=",
        "timestamp=2025-13-29T14:03:50.123Z",
        "x=1",
        "123",
    ],
)
def test_a_malformed_selector_is_refused(text: str) -> None:
    """Including a date that no calendar has."""
    assert moments.selector(text) is None


@given(st.integers(0, 4_000_000_000_000_000))
def test_the_time_of_an_id_is_parsed_as_its_millisecond(id_: int) -> None:
    """A client may send back each time that it was shown."""
    assert moments.milliseconds(moments.server_time(id_)) == id_ // 1000
    assert moments.same_millisecond(id_, id_ // 1000 * 1000)
