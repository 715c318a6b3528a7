"""The time, as scripts are given it: nothing, so that they take the server's own clock."""

from __future__ import annotations

from collections.abc import Callable

Micros = int | str


class Times:
    """Which clocks the scripts go by: those of the server, or in tests others."""

    def __init__(
        self,
        wall: Callable[[], float] | None = None,
        steady: Callable[[], float] | None = None,
    ) -> None:
        """`wall` is a wall clock, in seconds since the Unix epoch; `steady` one that is never set,
        which begins with what the wall clock says now.
        """
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady() if wall and steady else 0.0

    @property
    def wall(self) -> Micros:
        """The time of day, in microseconds since the Unix epoch; empty: the server's."""
        return "" if self._wall is None else int(self._wall() * 1_000_000)

    @property
    def steady(self) -> Micros:
        """The time that goes by, in microseconds; empty: the server's."""
        if self._steady is None:
            return ""
        return int((self._steady() + self._offset) * 1_000_000)

    def both(self) -> tuple[Micros, Micros]:
        """Both of them."""
        return self.wall, self.steady
