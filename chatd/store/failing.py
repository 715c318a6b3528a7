"""What a store cannot do now: each failure is logged once, and so is its end."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import FirstError
from twisted.logger import Logger
from twisted.python.failure import Failure

T = TypeVar("T")


class Failing:
    """The kinds of work that have failed last time."""

    _log = Logger()

    def __init__(self) -> None:
        self._failing: set[str] = set()

    def has_failed(self, what: str, problem: object) -> None:
        """Log that some work (`store`, say) has failed; with a full disk every message would log a
        line.
        """
        if what not in self._failing:
            self._failing.add(what)
            self._log.error("the store cannot {what}: {problem}", what=what, problem=problem)

    def worked(self, what: str, result: T) -> T:
        """Log that it works again, if it has failed; returns the result."""
        if what in self._failing:
            self._failing.discard(what)
            self._log.warn("the store can {what} again", what=what)
        return result


def first_error(failure: Failure) -> Failure:
    """The failure that made a `gatherResults` fail."""
    assert isinstance(failure.value, FirstError)
    return failure.value.subFailure
