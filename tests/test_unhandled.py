"""A test fails if it leaves a failed Deferred without an errback: see `tests/conftest.py`."""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred, fail

from .kit.deferreds import some_unhandled


def failed_in_a_cycle() -> Deferred[Any]:
    """A failed Deferred that is freed by the collector only."""
    failed: Any = fail(ValueError("forgotten"))
    failed.cycle = failed
    deferred: Deferred[Any] = failed
    return deferred


def test_error_that_is_left_in_a_reference_cycle_is_known_and_logged(
    logged_errors: list[str],
) -> None:
    """It is not logged before the collection, which the end of each test makes if there is one."""
    gc.collect()
    gc.disable()
    try:
        failed_in_a_cycle()
        assert some_unhandled()
        assert logged_errors == []
    finally:
        gc.enable()
    gc.collect()
    assert "forgotten" in logged_errors[-1]
    assert not some_unhandled()
    logged_errors.clear()


def test_error_that_is_handled_needs_no_collection() -> None:
    """Whether it is handled at once or later."""
    failed = failed_in_a_cycle()
    failed.addErrback(lambda _: None)
    assert not some_unhandled()
