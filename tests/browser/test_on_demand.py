"""Scripts that are loaded when they are first wanted."""

from playwright.sync_api import BrowserContext, Page, Route, expect

from .people import People
from .server import Server

FAILED = "This part of the page could not be loaded"


class Away:
    """Some of the server's files cannot be loaded until it is back."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.asked = 0
        self._back = False

    def prepare(self, context: BrowserContext) -> None:
        context.route(self._pattern, self._answer)

    def come_back(self) -> None:
        self._back = True

    def _answer(self, route: Route) -> None:
        self.asked += 1
        if self._back:
            route.continue_()
        else:
            route.abort("connectionrefused")


def is_told(page: Page) -> None:
    expect(page.locator("#problem")).to_contain_text(FAILED)


def test_user_is_told_that_a_menu_cannot_be_loaded_and_may_try_again(
    people: People, shared_server: Server
):
    """With a button, and by the same click; what is typed stays."""
    away = Away("**/dialog.js")
    ada = people.come(shared_server.url, "ada", room="demand", prepare=away.prepare)
    ada.is_connected_over("websocket")
    ada.box.fill("half a mess")
    assert not away.asked
    ada.page.locator("#account").click()
    is_told(ada.page)
    expect(ada.page.get_by_role("menu")).to_have_count(0)
    ada.page.locator("#problem").get_by_role("button", name="Try again").click()
    is_told(ada.page)
    away.come_back()
    ada.page.locator("#problem").get_by_role("button", name="Try again").click()
    expect(ada.page.get_by_role("menu", name="You")).to_be_visible()
    expect(ada.page.locator("#problem")).to_be_hidden()
    expect(ada.box).to_have_value("half a mess")
    ada.page.keyboard.press("Escape")
    expect(ada.page.locator("#account")).to_be_focused()


def test_user_is_told_that_a_dialog_cannot_be_loaded(people: People, shared_server: Server):
    """A script that only one item of a menu needs, and the style sheet of the menus."""
    away = Away("**/{searching.js,menus.css}")
    ada = people.come(shared_server.url, "ada2", room="demand2", prepare=away.prepare)
    ada.is_connected_over("websocket")
    ada.page.keyboard.press("Control+k")
    is_told(ada.page)
    away.come_back()
    ada.page.keyboard.press("Control+k")
    expect(ada.page.get_by_role("dialog")).to_be_visible()


def test_names_of_emoji_become_emoji_when_the_table_is_there(people: People, shared_server: Server):
    """It is loaded with the first name; the text stays as it was written."""
    ada = people.come(shared_server.url, "ada3", room="demand3")
    ada.is_connected_over("websocket")
    assert not ada.page.evaluate(
        "performance.getEntriesByType('resource').some(one => one.name.includes('emoji'))"
    )
    ada.say(":tada:")
    expect(ada.log.locator(".emoji")).to_have_attribute("data-emoji", "🎉")
    expect(ada.log.locator(".text.large")).to_have_text(":tada:")


def test_page_of_an_older_server_asks_to_be_reloaded(people: People, shared_server: Server):
    """A script that does not fit the others is of a newer server."""

    def newer(route: Route) -> None:
        route.fulfill(
            body='import { none } from "./nodes.js"; export { none };',
            content_type="text/javascript",
        )

    ada = people.come(
        shared_server.url,
        "ada4",
        room="demand4",
        prepare=lambda context: context.route("**/menus.js", newer),
    )
    ada.is_connected_over("websocket")
    ada.page.locator("#find").click()
    expect(ada.page.locator("#problem")).to_contain_text("The server has a newer page")
    with ada.begins_anew():
        ada.page.locator("#problem").get_by_role("button", name="Reload").click()
    ada.is_connected_over("websocket")
