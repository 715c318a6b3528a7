"""Request keys in memory, and the ids that they answer.

1. A key is known for `REMEMBERED_SECONDS`, by a monotonic clock: setting the wall clock does not
   change the age of a key.
2. At most `MOST_KEYS` are known; beyond that the oldest are forgotten first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..model.units import REMEMBERED_SECONDS

MOST_KEYS = 100_000
"""Request keys known at a time: enough for 333 requests with a key per second."""


class RequestKeys:
    """The request keys of the last `REMEMBERED_SECONDS`."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """`seconds` is a monotonic clock."""
        self._seconds = seconds
        self._known: dict[bytes, tuple[int, float]] = {}
        """The id that each key answers, and the time at which it was added, oldest first."""

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: bytes) -> int | None:
        """The id that a request key answers; None if the key is not known."""
        known = self._known.get(key)
        if known is None or known[1] <= self._seconds() - REMEMBERED_SECONDS:
            return None
        return known[0]

    def add(self, answers: Mapping[bytes, int]) -> None:
        """Remember request keys, and forget those that are too old or too many."""
        now = self._seconds()
        for key, answer in answers.items():
            self._known.pop(key, None)  # an old one would stay at its place
            self._known[key] = answer, now
        self.forget()

    def forget(self) -> None:
        """Forget the keys that are too old or too many."""
        oldest = self._seconds() - REMEMBERED_SECONDS
        while self._known:
            key = next(iter(self._known))
            if self._known[key][1] > oldest and len(self._known) <= MOST_KEYS:
                break
            del self._known[key]

    def answers(self) -> dict[bytes, int]:
        """A copy: all keys that are known, and the ids that they answer."""
        self.forget()
        return {key: answer for key, (answer, _) in self._known.items()}
