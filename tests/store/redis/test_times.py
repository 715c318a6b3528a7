"""The time, as scripts are given it."""

from __future__ import annotations

from chatd.store.redis.times import Times


def test_by_default_scripts_take_the_clock_of_the_server() -> None:
    """So nodes whose clocks differ give ids by one clock."""
    assert Times().both() == ("", "")


def test_the_steady_clock_begins_with_the_wall_clock_and_is_never_set() -> None:
    """A wall clock that is set back changes only the time of day."""
    wall, steady = [1000.0], [5.0]
    times = Times(lambda: wall[0], lambda: steady[0])
    assert times.both() == (1_000_000_000, 1_000_000_000)
    wall[0], steady[0] = 400.0, 6.0
    assert times.both() == (400_000_000, 1_001_000_000)
