"""Calls to functions of the page's modules, which need no nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from .server import Server


class Modules:
    """The scripts of the page, without the page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def call(self, module: str, function: str, *arguments: Any) -> Any:
        """What a function returns; what it throws is raised."""
        return self._page.evaluate(
            f"async given => (await import('/{module}')).{function}(...given)", arguments
        )


@contextmanager
def modules(browser: Browser, house: Server) -> Iterator[Modules]:
    """The modules that the server serves."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{house.url}healthz")
        yield Modules(page)
