"""Checks for every test, and fixtures that many tests use."""

import gc
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from twisted.internet import reactor
from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from zope.interface import implementer

from chatd.testing import InMemoryChat

pytest_plugins = ["tests.kit.fixtures"]

settings.register_profile(
    "chatd",
    deadline=None,  # tests must not fail on a slow machine
    derandomize=True,  # a failure in CI comes from the change, not from random input
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("chatd")


@pytest.fixture(autouse=True, scope="module")
def _freeze_older_objects() -> None:
    """Freeze the objects that are there before a module's tests, so that the collection after each
    test does not scan them: all collections together would take half of a run.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _handle_sigint() -> None:
    """Restore SIGINT if this run is a background job, which ignores it, so that child processes can
    be interrupted.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def logged_errors() -> Iterator[list[str]]:
    """Fail the test on logged errors, unhandled Deferreds and leftover delayed calls.

    trial does so; pytest does not.  An unhandled Deferred logs its error when it is collected.  A
    test that expects an error checks the list, and clears it.
    """
    errors: list[str] = []

    @implementer(ILogObserver)
    def observe(event: dict[str, Any]) -> None:
        if event.get("log_level", LogLevel.info) >= LogLevel.error or event.get("isError"):
            failure = event.get("log_failure")
            errors.append(failure.getTraceback() if failure else str(event.get("log_format")))

    globalLogPublisher.addObserver(observe)
    before = set(reactor.getDelayedCalls())
    yield errors
    gc.collect()
    globalLogPublisher.removeObserver(observe)
    left = [call for call in reactor.getDelayedCalls() if call not in before]
    for call in left:  # else each repeats itself, and the next tests fail by it
        call.cancel()
    assert not errors, "errors were logged:\n" + "\n".join(errors)
    assert not left, f"delayed calls were left behind: {[str(call) for call in left]}"


@pytest.fixture
def logged_warnings() -> Iterator[list[str]]:
    """The messages logged as warnings."""
    lines: list[str] = []

    @implementer(ILogObserver)
    def observe(event: dict[str, Any]) -> None:
        if event.get("log_level") is LogLevel.warn:
            lines.append(event["log_format"].format(**event))

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


@pytest.fixture
def chat() -> InMemoryChat:
    """A chat without a network, on a clock that stands still."""
    return InMemoryChat()
