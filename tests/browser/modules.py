"""Calls to functions of the page's modules that need no DOM."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from .server import Server


class Modules:
    """The page's modules, loaded without the page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def call(self, module: str, function: str, *arguments: Any) -> Any:
        """Call a function; return its result, or raise its error."""
        return self._page.evaluate(
            f"async given => (await import('/{module}')).{function}(...given)", arguments
        )


@contextmanager
def modules(browser: Browser, server: Server) -> Iterator[Modules]:
    """The modules as the server serves them."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.url}healthz")
        page.evaluate(
            """async () => (await import("/words.js")).speak(
              "en", (await import("/words-en.js")).WORDS)"""
        )
        yield Modules(page)
