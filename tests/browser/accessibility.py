"""What axe says about a page."""

from pathlib import Path
from typing import Any

import axe_playwright_python  # type: ignore[import-untyped]
from playwright.sync_api import Page

SOURCE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
RUN = """async within => {
  const { violations } = await axe.run(within || document, { resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 300))]);
}"""


def violations(page: Page, within: str = "") -> Any:
    """
    What breaks a rule, by rule, in a part of the page or all of it.

    The page is opened with `bypass_csp=True`, and gets the script of axe once.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(SOURCE.read_text())
    return page.evaluate(RUN, within)
