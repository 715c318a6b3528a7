"""A browser, a server, and people who look at one with the other.

Playwright's synchronous API would run its event loop in the thread of the reactor that
pytest-twisted keeps; it does not mind, as long as nothing here waits for a Deferred.
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
    # As root there is no sandbox; in a container /dev/shm is small.
    options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests; each has a room to itself."""
    server = Server(tmp_path_factory.mktemp("house"))
    yield server
    server.kill()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server to be killed."""
    server = Server(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def people(browser: Browser, request: pytest.FixtureRequest) -> Iterator[People]:
    """Who looks at pages; what they saw last is kept as a picture, and no page may complain."""
    shots = request.config.rootpath / SHOTS
    people = People(browser, shots, request.node.name)
    yield people
    complaints = people.leave()
    assert not complaints, complaints
