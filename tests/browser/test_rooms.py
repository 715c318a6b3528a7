"""Finding and sharing rooms: the list of all rooms, Ctrl+K, ways in, notifications by room."""

import re

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import BrowserContext, expect

from .people import NARROW, People
from .server import Server
from .test_page import NOTIFICATIONS


def test_list_of_all_rooms_is_searched_and_joined(people: People, shared_server: Server):
    """The list shows topic, people, and the user's rooms, which can be left from there, too."""
    bob = people.come(shared_server.url, "bob", room="gardening")
    bob.say("/topic tomatoes and beans")
    expect(bob.page.locator("#topic")).to_have_text("tomatoes and beans")
    ada = people.come(shared_server.url, "ada", room="start")
    ada.is_connected_over("websocket")
    ada.page.get_by_role("button", name="All rooms…").click()
    dialog = ada.page.get_by_role("dialog", name="All rooms")
    dialog.get_by_label("Search by name or topic").fill("beans")
    rows = dialog.locator(".directory li")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("#gardening")
    expect(rows).to_contain_text("1 person")
    dialog.get_by_role("button", name="Join: #gardening").click()
    ada.is_in("#gardening")
    ada.page.get_by_role("button", name="All rooms…").click()
    dialog.get_by_label("Search by name or topic").fill("gardening")
    expect(rows).to_contain_text("joined")
    dialog.get_by_role("button", name="Leave: #gardening").click()
    expect(dialog.get_by_role("button", name="Join: #gardening")).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.is_in("#lobby")


def test_ctrl_k_goes_to_rooms_and_people(people: People, shared_server: Server):
    """By some letters; a name that does not exist yet is offered as a new room."""
    people.come(shared_server.url, "zoltan", room="kay")
    ada = people.come(shared_server.url, "ada", room="kay")
    ada.is_connected_over("websocket")
    expect(ada.page.locator("#people")).to_contain_text("zoltan")
    keys = ada.page.keyboard
    keys.press("Control+k")
    expect(ada.page.get_by_role("combobox", name="Name of a room or a person")).to_be_focused()
    keys.type("zolt")
    expect(ada.page.get_by_role("option").first).to_contain_text("zoltan")
    keys.press("Enter")
    ada.is_in("zoltan")
    keys.press("Control+k")
    keys.type("brand new")
    expect(ada.page.get_by_role("option")).to_have_text(["#brand-newa new room"])
    keys.press("Enter")
    ada.is_in("#brand-new")
    keys.press("Control+k")
    keys.type("kay")
    keys.press("Enter")
    ada.is_in("#kay")


def test_invite_dialog_of_an_open_room_has_all_ways_in(people: People, shared_server: Server):
    """A link, its QR code, and lines for a terminal, IRC and curl, each of which can be copied."""
    ada = people.come(shared_server.url, "ada", room="ways", bypass_csp=True, size=NARROW)
    ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.is_connected_over("websocket")
    ada.chooses("This place", "Invite people…")
    dialog = ada.page.get_by_role("dialog", name="Invite people to #ways")
    expect(dialog.get_by_role("img", name="QR code of the link")).to_be_visible()
    codes = dialog.locator("code")
    expect(codes.first).to_have_text(f"{shared_server.url}#ways")
    line = f"(echo /join ways; cat) | nc 127.0.0.1 {shared_server.line}"
    expect(codes.nth(1)).to_have_text(line)
    expect(codes.last).to_contain_text("curl -d 'hello'")
    dialog.get_by_role("button", name="Copy: In a terminal").click()
    assert ada.page.evaluate("navigator.clipboard.readText()") == line
    assert ada.fits()
    found = Axe().run(ada.page)
    assert found.violations_count == 0, found.generate_report()
    people.shoot(ada, "invite")


def test_notifications_are_chosen_for_each_room(people: People, shared_server: Server):
    """For every message, for mentions and private messages, or for none."""

    def prepare(context: BrowserContext) -> None:
        context.add_init_script(NOTIFICATIONS)

    ada = people.come(shared_server.url, "ada", room="levels", prepare=prepare)
    bob = people.come(shared_server.url, "bob", room="levels")

    def choose(level: str) -> None:
        ada.page.evaluate("look(false)")
        ada.chooses("This place", "Notify me of…")
        dialog = ada.page.get_by_role("dialog", name="Notifications of #levels")
        dialog.get_by_label("Notify me of").select_option(level)
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_have_count(0)
        ada.page.evaluate("look(true)")

    choose("Every message")
    expect(ada.page.get_by_role("button", name="Notify me when")).to_have_attribute(
        "aria-pressed", "true"
    )
    bob.say("to nobody")
    expect(ada.page).to_have_title("(1) #levels")
    choose("Nothing")
    bob.say("ada, look")
    expect(ada.page).to_have_title(re.compile(r"\(1\)"))
    assert ada.page.evaluate("notified") == [["bob in #levels", "to nobody"]]
