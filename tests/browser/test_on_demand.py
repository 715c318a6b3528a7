"""Scripts that are loaded when they are first wanted."""

import re
from collections.abc import Callable

import pytest
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


class Late:
    """Some of the server's files are not answered until they are let through."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._waiting: list[Route] = []

    def prepare(self, context: BrowserContext) -> None:
        context.route(self._pattern, self._hold)

    def are_asked_for(self, page: Page, act: Callable[[], object]) -> None:
        """Do something by which one of the files is asked for, and wait until it is."""
        act()
        while not self._waiting:
            page.evaluate("0")  # Playwright calls `_hold` while it waits

    def _hold(self, route: Route) -> None:
        self._waiting.append(route)

    def let_through(self) -> None:
        while self._waiting:
            self._waiting.pop().continue_()

    def fail(self) -> None:
        while self._waiting:
            self._waiting.pop().abort("connectionrefused")


def test_keys_that_are_pressed_before_a_dialog_is_there_are_for_the_dialog(
    people: People, shared_server: Server
):
    """They are neither written into the message box, nor is a message sent by them."""
    late = Late("**/menus.js")
    ada = people.come(shared_server.url, "ada5", room="demand5", prepare=late.prepare)
    ada.is_connected_over("websocket")
    ada.say("/join demand5-other")
    ada.is_in("#demand5-other")
    late.are_asked_for(ada.page, lambda: ada.page.keyboard.press("Control+k"))
    ada.page.keyboard.type("demandx")
    ada.page.keyboard.press("Backspace")
    ada.page.keyboard.type("5")
    expect(ada.box).to_have_value("")
    late.let_through()
    box = ada.page.get_by_role("dialog").get_by_role("combobox")
    expect(box).to_have_value("demand5")
    expect(box).to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    ada.page.keyboard.press("Control+k")
    ada.page.keyboard.type("demand5")
    ada.page.keyboard.press("Enter")
    ada.is_in("#demand5")
    assert ada.texts() == []


def test_keys_open_what_a_menu_that_is_loaded_offers(people: People, shared_server: Server):
    """Through two scripts that are loaded one after the other, and on into the dialog."""
    late = Late("**/{menus,searching}.js")
    ada = people.come(shared_server.url, "ada6", room="demand6", prepare=late.prepare)
    ada.is_connected_over("websocket")
    ada.say("to be found")
    ada.sees("to be found")
    ada.page.locator("#find").focus()
    late.are_asked_for(ada.page, lambda: ada.page.keyboard.press("Enter"))
    ada.page.keyboard.type("found")
    ada.page.keyboard.press("Enter")
    late.are_asked_for(ada.page, late.let_through)
    late.let_through()
    dialog = ada.page.get_by_role("dialog", name="Search")
    expect(dialog.get_by_role("searchbox")).to_have_value("found")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    expect(ada.box).to_have_value("")


def test_keys_for_a_dialog_that_could_not_be_loaded_are_not_sent(
    people: People, shared_server: Server
):
    """What was typed up to Enter stands in the message box; what was meant after it is dropped."""
    late = Late("**/menus.js")
    ada = people.come(shared_server.url, "ada7", room="demand7", prepare=late.prepare)
    ada.is_connected_over("websocket")
    late.are_asked_for(ada.page, lambda: ada.page.keyboard.press("Control+k"))
    ada.page.keyboard.type("secrex")
    ada.page.keyboard.press("Backspace")
    ada.page.keyboard.type("t")
    ada.page.keyboard.press("ArrowUp")
    ada.page.keyboard.press("Enter")
    ada.page.keyboard.type("more")
    late.fail()
    is_told(ada.page)
    expect(ada.box).to_be_focused()
    ada.page.keyboard.type(" after")
    expect(ada.box).to_have_value("secret after")
    assert ada.texts() == []


def test_escape_ends_the_wait_for_a_dialog(people: People, shared_server: Server):
    """It does not open when it is loaded, and what is typed then is for the message box."""
    late = Late("**/menus.js")
    ada = people.come(shared_server.url, "ada8", room="demand8", prepare=late.prepare)
    ada.is_connected_over("websocket")
    late.are_asked_for(ada.page, lambda: ada.page.keyboard.press("Control+k"))
    ada.page.keyboard.type("dropped")
    ada.page.keyboard.press("Escape")
    ada.page.keyboard.type("after")
    expect(ada.box).to_have_value("after")
    late.let_through()
    ada.page.evaluate("import(new URL('menus.js', location.href).href)")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    ada.page.keyboard.press("Control+k")
    expect(ada.page.get_by_role("dialog").get_by_role("combobox")).to_have_value("")
    expect(ada.box).to_have_value("after")


def test_keys_are_for_the_message_box_while_nothing_is_to_open(
    people: People, shared_server: Server
):
    """Such as the list of commands, which appears in the conversation."""
    late = Late("**/help.js")
    ada = people.come(shared_server.url, "ada9", room="demand9", prepare=late.prepare)
    ada.is_connected_over("websocket")
    ada.box.fill("/help")
    late.are_asked_for(ada.page, lambda: ada.page.keyboard.press("Enter"))
    ada.page.keyboard.type("meanwhile")
    expect(ada.box).to_have_value("meanwhile")
    late.let_through()
    expect(ada.log).to_contain_text("/topic")
    expect(ada.box).to_have_value("meanwhile")


@pytest.mark.parametrize("opens", [True, False], ids=["opens", "fails"])
def test_what_an_input_method_composes_before_a_dialog_is_there_is_neither_lost_nor_doubled(
    people: People, shared_server: Server, opens: bool
):
    """It stands in the message box, where its window was; other keys are for the dialog."""
    late = Late("**/menus.js")
    name = "adaime1" if opens else "adaime2"
    ada = people.come(shared_server.url, name, room=f"demand-{name}", prepare=late.prepare)
    ada.is_connected_over("websocket")
    ada.box.focus()
    late.are_asked_for(ada.page, lambda: ada.page.keyboard.press("Control+k"))
    ada.page.keyboard.type("ab")
    chromium = ada.page.context.new_cdp_session(ada.page)
    for text in ("に", "にほ", "にほん"):
        composed = {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        chromium.send("Input.imeSetComposition", composed)
    expect(ada.box).to_have_value("にほん")
    if opens:
        late.let_through()
        expect(ada.page.get_by_role("dialog").get_by_role("combobox")).to_have_value("ab")
        ada.page.keyboard.press("Escape")
        expect(ada.page.get_by_role("dialog")).to_have_count(0)
        expect(ada.box).to_have_value("にほん")
    else:
        late.fail()
        is_told(ada.page)
        chromium.send("Input.insertText", {"text": "日本"})
        expect(ada.box).to_have_value(re.compile("^(ab日本|日本ab|にほんab日本)$"))
    assert ada.texts() == []
