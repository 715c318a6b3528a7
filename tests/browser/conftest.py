"""Fixtures of the browser tests: a browser, a server, and people with pages open. Playwright's
synchronous API runs its event loop in the thread of the reactor that pytest-twisted keeps; that
works as long as no test here waits for a Deferred.

1. A test that fails shows what its pages asked of the server.
2. It runs once more, on a server of its own, and the summary counts it as a rerun: three browsers
   share two cores here, and no test waits for ever. Look into a rerun: it may show a fault.
"""

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from _pytest._code.code import ExceptionChainRepr
from playwright.sync_api import Browser, Playwright, sync_playwright

from .people import People
from .server import Server

HERE = Path(__file__).parent
SHOTS = ".pytest_cache/screenshots"
PAGES = pytest.StashKey[People]()
"""The people of a test."""
FAILED = pytest.StashKey[bool]()
"""Whether a test has failed."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a test of this folder once more if it fails."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the pages asked of the server."""
    report = yield
    if report.failed and PAGES in item.stash:
        item.stash[FAILED] = True
        if isinstance(report.longrepr, ExceptionChainRepr):
            report.longrepr.addsection("what the pages asked", item.stash[PAGES].asked)
    return report


def launched(playwright: Playwright, command: str) -> Browser:
    """A browser, for many people: each has a profile of their own."""
    chromium = shutil.which(command)
    if chromium is None:
        pytest.fail(f"these tests need Chromium: apt-get install {command}")
    # Chromium has no sandbox as root, and /dev/shm is small in a container.
    options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    return playwright.chromium.launch(executable_path=chromium, args=options)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What launches browsers."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for all tests, without windows: those would take as long as the pages."""
    browser = launched(playwright, "chromium-headless-shell")
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def whole_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium with its windows, for a file whose own `browser` it is."""
    browser = launched(playwright, "chromium")
    yield browser
    browser.close()


class SharedServer:
    """The server that tests share.  A test that fails gets another one: names are taken there."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._servers: list[Server] = []
        self._used_up = True

    def __call__(self) -> Server:
        """The server, which is started if there is none yet."""
        if self._used_up:
            self._servers.append(Server(self._folders.mktemp("shared")))
            self._used_up = False
        return self._servers[-1]

    def replace(self) -> None:
        """Start another one for the next test.  This one stays: a module may be loaded from it."""
        self._used_up = True

    def kill(self) -> None:
        """Kill all of them."""
        for server in self._servers:
            server.kill()


@pytest.fixture(scope="session")
def server_to_share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServer]:
    """The shared server's place."""
    shared = SharedServer(tmp_path_factory)
    yield shared
    shared.kill()


@pytest.fixture(scope="module")
def modules_server(server_to_share: SharedServer) -> Server:
    """The server that a file loads the page's modules from."""
    return server_to_share()


@pytest.fixture
def shared_server(
    server_to_share: SharedServer, request: pytest.FixtureRequest
) -> Iterator[Server]:
    """One server for all tests, each of which uses a room of its own."""
    yield server_to_share()
    if request.node.stash.get(FAILED, False):
        server_to_share.replace()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test, which may kill it."""
    server = Server(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def people(browser: Browser, request: pytest.FixtureRequest) -> Iterator[People]:
    """The people of a test. If it fails, their last view is kept as a screenshot; it fails too if a
    page logs an error.
    """
    shots = request.config.rootpath / SHOTS
    people = request.node.stash[PAGES] = People(browser, shots, request.node.name)
    request.node.stash[FAILED] = False
    yield people
    problems = people.leave(shot=request.node.stash[FAILED])
    assert not problems, problems
