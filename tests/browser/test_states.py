"""The page in every state: accessible, and fitting a phone in Arabic, and an enlarged window."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from .accessibility import violations
from .people import People, Person
from .server import Server
from .test_page import post_many

PHONE = (390, 844)
ENLARGED = (640, 400)
"""A window of 1280 by 800 at 200 %."""
LOOKS: dict[str, dict[str, Any]] = {
    "phone": {"size": PHONE, "dark": True, "locale": "ar", "has_touch": True, "is_mobile": True},
    "enlarged": {"size": ENLARGED, "device_scale_factor": 2},
}
TEXT = """# see `make all`
> quoted **words**, _more_ and https://example.com/a/rather/long/address/that/has/to/be/broken
```
def f():
    return "a line that is longer than the window of a phone is wide, by far"
```
:tada: سلام hello"""
DIALOGS = {"#account": 3, "#room-menu": 5}
"""Items of the menus that open dialogs."""


class States:
    """A page that is looked at in one state after another."""

    def __init__(self, people: People, person: Person) -> None:
        self.person = person
        self._people = people
        self._faults: dict[str, Any] = {}

    def look(self, state: str, within: str = "") -> None:
        """Note what is wrong with the page as it is now."""
        found = violations(self.person.page, within)
        if not self.person.fits():
            found.append(["does not fit"])
        if found:
            self._faults[state] = found
        self._people.shoot(self.person, state)

    @contextmanager
    def dialog(self, state: str, open_it: Callable[[], object]) -> Iterator[None]:
        """Open a dialog, look at it, and close it."""
        page = self.person.page
        open_it()
        expect(page.locator("dialog[open]")).to_be_visible()
        yield
        self.look(state, "dialog[open]")
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)

    def check(self) -> None:
        """No state may have faults."""
        assert not self._faults, self._faults


@pytest.mark.parametrize("look", LOOKS)
def test_every_state_of_the_page_is_accessible_and_fits(
    people: People, shared_server: Server, look: str
):
    """A stranger's view, a guest's, menus, dialogs, suggestions, an error, and an outage."""
    room = f"states-{look}"
    post_many(shared_server, room, [f"{TEXT} {n}" for n in range(3)])
    ada = people.come(shared_server.url, room=room, bypass_csp=True, **LOOKS[look])
    page = ada.page
    states = States(people, ada)
    expect(page.locator("#state[data-state=online]")).to_be_attached()
    expect(ada.log.locator(".message").first).to_be_visible()
    states.look("stranger")
    page.locator("#name").fill("sara" if look == "phone" else "stan")
    page.locator("#name").press("Enter")
    expect(page.locator("#who")).to_be_hidden()
    expect(page.locator("#people li")).to_have_count(1)
    for state, opens in (("hints", "/"), ("emoji", ":sm"), ("rooms", "#states")):
        page.locator("#message").fill("")
        page.locator("#message").press_sequentially(opens)
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.press("ArrowDown")
        states.look(state, "#form")
    page.locator("#message").fill("/nope")
    page.locator("#message").press("Control+Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    states.look("error")
    page.locator("#message").fill("")
    for menu, dialogs in DIALOGS.items():
        page.locator(menu).click()
        expect(page.get_by_role("menuitem").first).to_be_focused()
        states.look(menu.removeprefix("#"), ".popup")
        page.keyboard.press("Escape")
        for item in range(dialogs):

            def choose(menu: str = menu, item: int = item) -> None:
                page.locator(menu).click()
                page.get_by_role("menuitem").nth(item).click()

            with states.dialog(f"{menu.removeprefix('#')}-{item}", choose):
                pass
    page.locator("#message").press("Shift+ArrowUp")
    page.locator("#row-menu").click()
    expect(page.get_by_role("menuitem").first).to_be_focused()
    states.look("message", ".popup")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    with states.dialog("switcher", lambda: page.keyboard.press("Control+k")):
        page.keyboard.type("states")
        expect(page.get_by_role("option").first).to_be_visible()
    page.locator("#menu").click()
    expect(page.locator("#rooms")).to_be_visible()
    states.look("side")
    with states.dialog("directory", page.locator("#all-rooms-button").click):
        expect(page.locator(".directory li").first).to_be_visible()
    with states.dialog("search", lambda: page.evaluate("document.querySelector('#find').click()")):
        page.keyboard.type("quoted")
        page.keyboard.press("Enter")
        # With the focus in its box, Escape clears that box first.
        page.locator(".found button").first.focus()

    def refuse(route: Route) -> None:
        route.abort()

    page.route("**/messages", refuse)
    page.locator("#message").fill("not said")
    page.locator("#send").click()
    page.context.set_offline(True)
    expect(page.locator("#state:not([data-state=online])")).to_be_attached()
    expect(page.locator(".waiting").first).to_be_visible()
    states.look("offline")
    page.context.set_offline(False)
    expect(page.locator("#state[data-state=online]")).to_be_attached()
    states.check()
