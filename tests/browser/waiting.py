"""Waiting for what only a page's script can see.

Playwright's own `wait_for_function` evaluates its text anew at each look, which the page's policy
forbids from the second look on: the wait would end with an error if the first look came too early.
"""

from typing import Any

from playwright.sync_api import Page

from .people import PATIENCE

_PAUSE = 20
"""Milliseconds between two looks."""


def until(page: Page, condition: str, given: Any = None) -> None:
    """Wait until a JavaScript function, which may be asynchronous, returns what is true.

    Raises Playwright's `Error` if it has not done so in `PATIENCE` milliseconds, or raises itself.
    """
    page.evaluate(
        f"""async given => {{
          const holds = {condition};
          const end = performance.now() + {PATIENCE};
          while (!await holds(given)) {{
            if (performance.now() > end) throw new Error("the page did not come to that in time");
            await new Promise(done => setTimeout(done, {_PAUSE}));
          }}
        }}""",
        given,
    )
