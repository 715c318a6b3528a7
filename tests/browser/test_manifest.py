"""The page as an app: its manifest."""

import json

import pytest
from playwright.sync_api import Browser

from .people import People
from .server import Server


@pytest.fixture(scope="module")
def browser(whole_browser: Browser) -> Browser:
    """The headless shell would find every page installable."""
    return whole_browser


def test_browser_finds_the_page_installable(people: People, shared_server: Server):
    """Chromium reads the manifest without an error."""
    ada = people.come(shared_server.url, room="installed")
    chromium = ada.page.context.new_cdp_session(ada.page)
    found = chromium.send("Page.getAppManifest")
    assert found["errors"] == []
    assert json.loads(found["data"])["display"] == "standalone"
    assert chromium.send("Page.getInstallabilityErrors")["installabilityErrors"] in (
        [],
        [{"errorId": "in-incognito", "errorArguments": []}],
    )
