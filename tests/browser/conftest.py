"""Fixtures of the browser tests: a browser, a server, and people with pages open. Playwright's
synchronous API runs its event loop in the thread of the reactor that pytest-twisted keeps; that
works as long as no test here waits for a Deferred.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from .people import People
from .server import Server

SHOTS = ".pytest_cache/screenshots"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests; each person in it has a profile of their own."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("these tests need Chromium: apt-get install chromium")
    # Chromium has no sandbox as root, and /dev/shm is small in a container.
    options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests, each of which uses a room of its own."""
    server = Server(tmp_path_factory.mktemp("shared"))
    yield server
    server.kill()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test, which may kill it."""
    server = Server(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def people(browser: Browser, request: pytest.FixtureRequest) -> Iterator[People]:
    """The people of a test. Their last view is kept as a screenshot, and the test fails if a page
    logs an error.
    """
    shots = request.config.rootpath / SHOTS
    people = People(browser, shots, request.node.name)
    yield people
    problems = people.leave()
    assert not problems, problems
