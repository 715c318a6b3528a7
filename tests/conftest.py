"""What every test is held to, and what most of them need."""

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
    deadline=None,  # a slow machine is no failure
    derandomize=True,  # CI tells of the change, not of the dice
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("chatd")


@pytest.fixture(autouse=True, scope="session")
def _collect_quickly() -> None:
    """What is imported by now stays: looking through it after each test would take minutes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """Programs that are started here hear an interrupt, also when this run is one of a shell's
    background jobs, which are deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def logged_errors() -> Iterator[list[str]]:
    """Fail the test on logged errors, unhandled Deferreds and leftover delayed calls.

    trial would; pytest does not look.  An unhandled Deferred tells of itself in the log when it is
    collected.  A test that is about an error looks at the list, and clears it.
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
    left = [str(call) for call in set(reactor.getDelayedCalls()) - before]
    assert not errors, "errors were logged:\n" + "\n".join(errors)
    assert not left, f"delayed calls were left behind: {left}"


@pytest.fixture
def logged_warnings() -> Iterator[list[str]]:
    """What is logged as worth a look."""
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
