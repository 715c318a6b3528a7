"""Checks for every test, and fixtures that many tests use."""

import gc
import importlib.metadata
import signal
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from twisted.internet import reactor
from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from zope.interface import implementer

from chatd.testing import InMemoryChat

from .kit.deferreds import some_unhandled, watching

pytest_plugins = ["tests.kit.fixtures"]

settings.register_profile(
    "chatd",
    deadline=None,  # tests must not fail on a slow machine
    derandomize=True,  # a failure in CI comes from the change, not from random input
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("chatd")

HERE = Path(__file__).parent
WAITING = ("bench", "browser", "client", "e2e", "soak", "store/redis")
"""Folders of tests that mostly wait: for browsers, processes and timers."""
WAITED = 0.8
"""The part of a run in which their files begin, so that none of them ends it alone."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a run of several workers (`make test`), spread the files that wait evenly over those that
    compute, so that the workers together neither idle nor crowd the cores.
    """
    if not hasattr(config, "workerinput"):
        return
    piles: dict[str, dict[Path, list[pytest.Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        within = (folder for folder in WAITING if item.path.is_relative_to(HERE / folder))
        piles[next(within, "")][item.path].append(item)
    places: list[tuple[float, list[pytest.Item]]] = []
    for folder, files in piles.items():
        largest_first = sorted(files.values(), key=len, reverse=True)
        # What computes takes time by its tests; what waits is spread by its files.
        ends = list(accumulate(1 if folder else len(tests) for tests in largest_first))
        part = (WAITED if folder else 1) / ends[-1]
        places += ((part * end, tests) for end, tests in zip(ends, largest_first, strict=True))
    places.sort(key=lambda placed: placed[0])
    items[:] = [test for _, tests in places for test in tests]


@pytest.fixture(autouse=True, scope="module")
def _freeze_older_objects() -> Iterator[None]:
    """Freeze the objects that are there before a module's tests, so that no collection scans them.
    At the end, collect what the tests have left, so that a file that is still open is theirs.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.collect()


@pytest.fixture(autouse=True, scope="session")
def _watch_deferreds() -> Iterator[None]:
    """Know which errors of Deferreds are not handled yet; see `logged_errors`."""
    with watching():
        yield


@pytest.fixture(autouse=True, scope="session")
def _read_versions_once() -> Iterator[None]:
    """Let pytest, which asks for Twisted's version before each test, read it from its file once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.metadata, "version", cache(importlib.metadata.version))
        yield


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
    if some_unhandled():
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
