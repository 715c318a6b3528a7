"""Accounts in the browser: one person on every device, whatever pages, tabs and servers do."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from .people import People, Person
from .server import Server

PASSWORD = "correct horse battery"


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Server]:
    """A server whose store is a file."""
    server = Server(tmp_path, "sqlite:chat.sqlite")
    yield server
    server.kill()


def has_account(server: Server, name: str) -> None:
    """Make an account, from elsewhere."""
    server.post("accounts", {"name": name, "password": PASSWORD})


def signs_in(person: Person, name: str) -> None:
    """Sign in by the button in the head of the page."""
    person.chooses("You", "Sign in…")
    dialog = person.page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    is_in(person, name)


def is_in(person: Person, name: str) -> None:
    """Wait until the page is signed in as that."""
    expect(person.page.locator("#account")).to_have_attribute("title", f"{name}: your account")
    expect(person.box).to_have_attribute("placeholder", re.compile("^Message #"))


def test_guest_registers_and_stays_in_the_conversation(people: People, house: Server):
    """A guest makes an account of the own name from the page's menu, and is the same person."""
    bob = people.come(house.url, "bob", room="register")
    guest = people.come(house.url, "rita", room="register")
    guest.say("as a guest")
    bob.sees("as a guest")
    guest.chooses("You", "Make an account of rita…")
    dialog = guest.page.get_by_role("dialog", name="Make an account")
    expect(dialog.get_by_label("Name")).to_have_value("rita")
    expect(dialog.get_by_label("Password")).to_be_focused()
    dialog.get_by_label("Password").fill("short")
    dialog.get_by_role("button", name="Make the account").click()
    expect(dialog.get_by_role("alert")).to_contain_text("8")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_label("Password").press("Enter")
    is_in(guest, "rita")
    expect(guest.page.get_by_role("heading", name="#register")).to_be_visible()
    guest.say("with an account")
    bob.sees("with an account")
    expect(bob.log.get_by_text("rita left")).to_have_count(0)


def test_reload_second_tab_and_reopened_tab_are_the_same_person(people: People, house: Server):
    """The browser's cookie is the session, no script can read it, and every tab has it."""
    has_account(house, "tessa")
    tessa = people.come(house.url, room="tabs")
    signs_in(tessa, "tessa")
    assert tessa.token == "cookie:tessa"
    tessa.page.reload()
    is_in(tessa, "tessa")
    second = people.open_tab(tessa, house.url, room="tabs")
    is_in(second, "tessa")
    second.say("from the second tab")
    tessa.sees("from the second tab")
    second.page.close()
    tessa.page.close()
    again = people.open_tab(tessa, house.url, room="tabs")
    is_in(again, "tessa")
    again.say("and still here")
    again.sees("and still here")


def test_cookie_alone_signs_the_page_in(people: People, house: Server):
    """A browser that has forgotten all but its cookies is signed in at once."""
    url = house.url

    def registered(context: BrowserContext) -> None:
        account = {"name": "cora", "password": PASSWORD}
        answer = context.request.post(f"{url}accounts", data=account)
        assert answer.status == 201, answer.text()

    cora = people.come(house.url, room="cookie", prepare=registered)
    is_in(cora, "cora")
    cora.page.evaluate("localStorage.clear()")
    cora.page.reload()
    is_in(cora, "cora")


def test_account_outlasts_a_restart_of_the_server(people: People, lasting: Server):
    """The page goes on as the same person, in the same rooms, without asking for anything."""
    has_account(lasting, "ada")
    ada = people.come(lasting.url, room="lobby")
    signs_in(ada, "ada")
    ada.say("/join kept")
    expect(ada.page.get_by_role("heading", name="#kept")).to_be_visible()
    ada.say("before")
    ada.sees("before")
    lasting.kill()
    lasting.start()
    ada.say("after")
    ada.sees("after", seconds=40)
    ada.page.reload()
    is_in(ada, "ada")
    for text in ("before", "after"):
        ada.sees(text)
    rooms = ada.page.get_by_role("navigation", name="Rooms").get_by_role("link")
    expect(rooms).to_have_text(["#lobby", "#kept"])


def test_other_device_has_rooms_and_what_was_read(people: People, house: Server):
    """Rooms, unread counts and read marks are the account's, not the browser's."""
    has_account(house, "dora")
    phone = people.come(house.url, room="lobby")
    signs_in(phone, "dora")
    phone.say("/join synced")
    expect(phone.page.get_by_role("heading", name="#synced")).to_be_visible()
    phone.goes_to("lobby")
    bob = people.come(house.url, "bob", room="synced")
    bob.say("one")
    bob.say("two")
    rooms = phone.page.get_by_role("navigation", name="Rooms")
    expect(rooms.get_by_role("link", name="#synced 2 new")).to_be_visible()
    laptop = people.come(house.url, room="lobby")
    signs_in(laptop, "dora")
    rooms_there = laptop.page.get_by_role("navigation", name="Rooms")
    expect(rooms_there.get_by_role("link", name="#synced 2 new")).to_be_visible()
    laptop.page.bring_to_front()
    laptop.goes_to("synced")
    laptop.sees("two")
    expect(rooms.get_by_role("link", name="#synced", exact=True)).to_be_visible()


def test_device_is_signed_out_from_elsewhere(people: People, house: Server):
    """The list of devices ends one, which says so and is nobody any more."""
    has_account(house, "dina")
    phone = people.come(house.url, room="devices")
    signs_in(phone, "dina")
    laptop = people.come(house.url, room="devices")
    signs_in(laptop, "dina")
    laptop.chooses("You", "Where you are signed in…")
    dialog = laptop.page.get_by_role("dialog", name="Where you are signed in")
    browsers = dialog.get_by_role("listitem").filter(has_text="on Linux")
    expect(browsers).to_have_count(2)
    expect(browsers.filter(has_text="this one").get_by_role("button")).to_have_count(0)
    browsers.get_by_role("button").click()
    expect(browsers).to_have_count(1)
    expect(phone.page.get_by_role("alert")).to_contain_text("signed out")
    expect(phone.page.locator("#account")).to_have_text("Sign in")


def test_token_is_shown_once_and_can_be_revoked(people: People, house: Server):
    """A token for a program is made, used and revoked from the menu."""
    has_account(house, "toni")
    toni = people.come(house.url, room="tokens")
    signs_in(toni, "toni")
    toni.chooses("You", "Tokens for programs…")
    toni.page.get_by_role("button", name="New token…").click()
    toni.page.get_by_label("What is it for?").fill("builds")
    toni.page.get_by_role("button", name="Make the token").click()
    shown = toni.page.get_by_role("textbox", name="Your new token")
    token = shown.input_value()
    assert len(token) > 30
    made = toni.page.get_by_role("dialog", name="Your new token")
    made.get_by_role("button", name="Close").click()
    dialog = toni.page.get_by_role("dialog", name="Tokens for programs")
    expect(dialog.get_by_role("listitem")).to_contain_text("builds")
    assert token not in toni.page.content()
    bearer = {"Authorization": f"Bearer {token}"}
    house.post("rooms/tokens/messages", {"text": "it builds"}, bearer)
    toni.sees("it builds")
    dialog.get_by_role("button", name="Revoke: builds").click()
    expect(dialog).to_contain_text("You have none")


def test_registered_name_leads_to_the_sign_in(people: People, house: Server):
    """Who takes a name that is an account's is told whose it is, and what to do."""
    has_account(house, "rana")
    guest = people.come(house.url, room="registered")
    guest.name_box.fill("rana")
    guest.name_box.press("Enter")
    problem = guest.page.get_by_role("alert")
    expect(problem).to_contain_text("belongs to an account")
    problem.get_by_role("button", name="Sign in").click()
    dialog = guest.page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Name").fill("rana")
    dialog.get_by_label("Password").fill("not the password")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("alert")).to_contain_text("do not belong together")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    is_in(guest, "rana")


def test_password_is_changed_and_account_deleted(people: People, house: Server):
    """Both ask for the password; a deleted account is signed out at once."""
    has_account(house, "paula")
    paula = people.come(house.url, room="password")
    signs_in(paula, "paula")
    paula.chooses("You", "Change the password…")
    dialog = paula.page.get_by_role("dialog", name="Change the password")
    dialog.get_by_label("Password until now").fill(PASSWORD)
    dialog.get_by_label("New password").fill("another horse battery")
    dialog.get_by_role("button", name="Change the password").click()
    expect(dialog).to_have_count(0)
    paula.page.reload()
    is_in(paula, "paula")
    paula.chooses("You", "Delete the account…")
    dialog = paula.page.get_by_role("dialog", name="Delete the account")
    dialog.get_by_label("Password").fill("another horse battery")
    dialog.get_by_role("button", name="Delete the account").click()
    expect(paula.page.locator("#account")).to_have_text("Sign in")


def test_signing_out_ends_all_tabs(people: People, house: Server):
    """The session is over in the browser, and no tab goes on in it."""
    has_account(house, "sven")
    first = people.come(house.url, room="leaving")
    signs_in(first, "sven")
    second = people.open_tab(first, house.url, room="leaving")
    is_in(second, "sven")
    first.chooses("You", "Sign out")
    for tab in (first, second):
        expect(tab.page.locator("#account")).to_have_text("Sign in")
    assert first.page.context.request.get(f"{house.url}session").status == 401


def test_guest_keeps_the_name_over_a_reload_and_a_closed_tab(people: People, house: Server):
    """Within the grace of its session, a guest is the same person in the same browser."""
    gil = people.come(house.url, "gil", room="guest")
    gil.page.reload()
    expect(gil.page.locator("#account")).to_have_text("gil")
    gil.page.close()
    again = people.open_tab(gil, house.url, room="guest")
    expect(again.page.locator("#account")).to_have_text("gil")
    again.say("still gil")
    again.sees("still gil")


def test_first_administrator_comes_by_the_claim_link(people: People, lasting: Server):
    """The link in the log leads to a dialog that makes the account an administrator's."""
    code = lasting.claim
    root = people.come(lasting.url, room=f"claim={code}", expecting="#lobby")
    dialog = root.page.get_by_role("dialog", name="Make an account")
    expect(dialog).to_contain_text("administrator")
    assert code not in root.page.url
    dialog.get_by_label("Name").fill("rooty")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Make the account").click()
    is_in(root, "rooty")
    session = root.page.context.request.get(f"{lasting.url}session").json()
    assert session["admin"] is True
