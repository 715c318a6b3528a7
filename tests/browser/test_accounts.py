"""Accounts in the browser: one person on every device, over reloads, tabs and restarts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from .people import People, Person
from .server import Server

PASSWORD = "correct horse battery"


@pytest.fixture
def durable_server(tmp_path: Path) -> Iterator[Server]:
    """A server whose store is a file."""
    server = Server(tmp_path, "sqlite:chat.sqlite")
    yield server
    server.kill()


def create_account(server: Server, name: str) -> None:
    """Create an account over HTTP."""
    server.post("accounts", {"name": name, "password": PASSWORD})


def sign_in(person: Person, name: str) -> None:
    """Sign in by the account menu."""
    person.chooses("You", "Sign in…")
    dialog = person.page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Password").fill(PASSWORD)
    with person.begins_anew():
        dialog.get_by_role("button", name="Sign in").click()
    is_signed_in(person, name)


def is_signed_in(person: Person, name: str) -> None:
    """Wait until the page is signed in under this name."""
    expect(person.page.locator("#account")).to_have_attribute("title", f"{name}: your account")
    expect(person.box).to_have_attribute("placeholder", re.compile("^Message #"))


def test_guest_registers_and_stays_in_the_conversation(people: People, shared_server: Server):
    """A guest creates an account of their name from the page's menu, and stays the same person."""
    bob = people.come(shared_server.url, "bob", room="register")
    guest = people.come(shared_server.url, "rita", room="register")
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
    with guest.begins_anew():
        dialog.get_by_label("Password").press("Enter")
    is_signed_in(guest, "rita")
    guest.is_in("#register")
    guest.say("with an account")
    bob.sees("with an account")
    expect(bob.log.get_by_text("rita left")).to_have_count(0)


def test_reload_second_tab_and_reopened_tab_are_the_same_person(
    people: People, shared_server: Server
):
    """The session is a cookie that scripts cannot read, shared by all tabs."""
    create_account(shared_server, "tessa")
    tessa = people.come(shared_server.url, room="tabs")
    sign_in(tessa, "tessa")
    assert tessa.token == "cookie:tessa"
    tessa.page.reload()
    is_signed_in(tessa, "tessa")
    second = people.open_tab(tessa, shared_server.url, room="tabs")
    is_signed_in(second, "tessa")
    second.say("from the second tab")
    tessa.sees("from the second tab")
    second.page.close()
    tessa.page.close()
    again = people.open_tab(tessa, shared_server.url, room="tabs")
    is_signed_in(again, "tessa")
    again.say("and still here")
    again.sees("and still here")


def test_cookie_alone_signs_the_page_in(people: People, shared_server: Server):
    """Even if the browser's local storage was cleared."""
    url = shared_server.url

    def registered(context: BrowserContext) -> None:
        account = {"name": "cora", "password": PASSWORD}
        answer = context.request.post(f"{url}accounts", data=account)
        assert answer.status == 201, answer.text()

    cora = people.come(shared_server.url, room="cookie", prepare=registered)
    is_signed_in(cora, "cora")
    cora.page.evaluate("localStorage.clear()")
    cora.page.reload()
    is_signed_in(cora, "cora")


def test_account_stays_signed_in_over_a_server_restart(people: People, durable_server: Server):
    """As the same person, in the same rooms, without signing in again."""
    create_account(durable_server, "ada")
    ada = people.come(durable_server.url, room="lobby")
    sign_in(ada, "ada")
    ada.say("/join kept")
    ada.is_in("#kept")
    ada.say("before")
    ada.sees("before")
    durable_server.kill()
    durable_server.start()
    ada.say("after")
    ada.sees("after", seconds=40)
    ada.page.reload()
    is_signed_in(ada, "ada")
    for text in ("before", "after"):
        ada.sees(text)
    rooms = ada.page.get_by_role("navigation", name="Rooms").get_by_role("link")
    expect(rooms).to_have_text(["#lobby", "#kept"])


def test_devices_share_rooms_unread_counts_and_read_marks(people: People, shared_server: Server):
    """They belong to the account, not to the browser."""
    create_account(shared_server, "dora")
    phone = people.come(shared_server.url, room="lobby")
    sign_in(phone, "dora")
    phone.say("/join synced")
    phone.is_in("#synced")
    phone.goes_to("lobby")
    bob = people.come(shared_server.url, "bob", room="synced")
    bob.say("one")
    bob.say("two")
    rooms = phone.page.get_by_role("navigation", name="Rooms")
    expect(rooms.get_by_role("link", name="#synced 2 new")).to_be_visible()
    laptop = people.come(shared_server.url, room="lobby")
    sign_in(laptop, "dora")
    rooms_there = laptop.page.get_by_role("navigation", name="Rooms")
    expect(rooms_there.get_by_role("link", name="#synced 2 new")).to_be_visible()
    laptop.page.bring_to_front()
    laptop.goes_to("synced")
    laptop.sees("two")
    expect(rooms.get_by_role("link", name="#synced", exact=True)).to_be_visible()


def test_read_marker_that_the_server_refuses_is_set_again(people: People, shared_server: Server):
    """After a pause, although nothing new is said; so the other devices know what was read."""
    create_account(shared_server, "vanja")
    vanja = people.come(shared_server.url, room="marked")
    sign_in(vanja, "vanja")
    told: list[int] = []

    def answer(route: Route) -> None:
        told.append(json.loads(route.request.post_data or "")["id"])
        if len(told) > 2:
            return route.continue_()
        return route.fulfill(status=503, body="later")

    vanja.page.route("**/rooms/marked/marker", answer)
    bob = people.come(shared_server.url, "bob", room="marked")
    vanja.page.bring_to_front()
    with vanja.page.expect_response(lambda it: it.url.endswith("/marker") and it.ok):
        bob.say("one")
        vanja.sees("one")
    assert told == sorted(told)
    assert len(told) > 2  # what happens in the room afterwards may be read, too
    laptop = people.come(shared_server.url, room="lobby")
    sign_in(laptop, "vanja")
    rooms = laptop.page.get_by_role("navigation", name="Rooms")
    expect(rooms.get_by_role("link", name="#marked", exact=True)).to_be_visible()


def test_device_is_signed_out_from_another_device(people: People, shared_server: Server):
    """It says so, and is a guest without a name afterwards."""
    create_account(shared_server, "dina")
    phone = people.come(shared_server.url, room="devices")
    sign_in(phone, "dina")
    laptop = people.come(shared_server.url, room="devices")
    sign_in(laptop, "dina")
    laptop.chooses("You", "Where you are signed in…")
    dialog = laptop.page.get_by_role("dialog", name="Where you are signed in")
    browsers = dialog.get_by_role("listitem").filter(has_text="on Linux")
    expect(browsers).to_have_count(2)
    expect(browsers.filter(has_text="this one").get_by_role("button")).to_have_count(0)
    browsers.get_by_role("button").click()
    expect(browsers).to_have_count(1)
    expect(phone.page.get_by_role("alert")).to_contain_text("signed out")
    expect(phone.page.locator("#account")).to_have_text("Sign in")


def test_token_is_shown_once_and_can_be_revoked(people: People, shared_server: Server):
    """A token for a program is created, used and revoked from the menu."""
    create_account(shared_server, "toni")
    toni = people.come(shared_server.url, room="tokens")
    sign_in(toni, "toni")
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
    shared_server.post("rooms/tokens/messages", {"text": "it builds"}, bearer)
    toni.sees("it builds")
    dialog.get_by_role("button", name="Revoke: builds").click()
    expect(dialog).to_contain_text("You have none")


def test_taking_a_registered_name_offers_to_sign_in(people: People, shared_server: Server):
    """The page says that the name belongs to an account."""
    create_account(shared_server, "rana")
    guest = people.come(shared_server.url, room="registered")
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
    with guest.begins_anew():
        dialog.get_by_role("button", name="Sign in").click()
    is_signed_in(guest, "rana")


def test_password_is_changed_and_account_deleted(people: People, shared_server: Server):
    """Both need the password; deleting the account signs out at once."""
    create_account(shared_server, "paula")
    paula = people.come(shared_server.url, room="password")
    sign_in(paula, "paula")
    paula.chooses("You", "Change the password…")
    dialog = paula.page.get_by_role("dialog", name="Change the password")
    dialog.get_by_label("Password until now").fill(PASSWORD)
    dialog.get_by_label("New password").fill("another horse battery")
    dialog.get_by_role("button", name="Change the password").click()
    expect(dialog).to_have_count(0)
    paula.page.reload()
    is_signed_in(paula, "paula")
    paula.chooses("You", "Delete the account…")
    dialog = paula.page.get_by_role("dialog", name="Delete the account")
    dialog.get_by_label("Password").fill("another horse battery")
    dialog.get_by_role("button", name="Delete the account").click()
    expect(paula.page.locator("#account")).to_have_text("Sign in")


def test_signing_out_signs_out_all_tabs(people: People, shared_server: Server):
    """The session is ended on the server too."""
    create_account(shared_server, "sven")
    first = people.come(shared_server.url, room="leaving")
    sign_in(first, "sven")
    second = people.open_tab(first, shared_server.url, room="leaving")
    is_signed_in(second, "sven")
    first.chooses("You", "Sign out")
    for tab in (first, second):
        expect(tab.page.locator("#account")).to_have_text("Sign in")
    assert first.page.context.request.get(f"{shared_server.url}session").status == 401


def test_guest_keeps_the_name_over_a_reload_and_a_closed_tab(people: People, shared_server: Server):
    """Within the grace period of the session, in the same browser."""
    gil = people.come(shared_server.url, "gil", room="guest")
    gil.page.reload()
    expect(gil.page.locator("#account")).to_have_text("gil")
    gil.page.close()
    again = people.open_tab(gil, shared_server.url, room="guest")
    expect(again.page.locator("#account")).to_have_text("gil")
    again.say("still gil")
    again.sees("still gil")


def test_claim_link_makes_an_administrator_account(people: People, durable_server: Server):
    """The link in the log opens a dialog for it."""
    code = durable_server.claim
    root = people.come(durable_server.url, room=f"claim={code}", expecting="#lobby")
    dialog = root.page.get_by_role("dialog", name="Make an account")
    expect(dialog).to_contain_text("administrator")
    assert code not in root.page.url
    dialog.get_by_label("Name").fill("rooty")
    dialog.get_by_label("Password").fill(PASSWORD)
    with root.begins_anew():
        dialog.get_by_role("button", name="Make the account").click()
    is_signed_in(root, "rooty")
    session = root.page.context.request.get(f"{durable_server.url}session").json()
    assert session["admin"] is True
