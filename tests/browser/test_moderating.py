"""Moderation from the page's menus, and what the person concerned sees."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, expect

from .modules import modules
from .people import NARROW, People, Person
from .server import Server

PASSWORD = "correct horse battery"


def owner(
    people: People, shared_server: Server, name: str, room: str, *, bypass_csp: bool = False
) -> Person:
    """Open the page as a person with an account, who creates the room and so owns it."""

    def registered(context: BrowserContext) -> None:
        account = {"name": name, "password": PASSWORD}
        assert context.request.post(f"{shared_server.url}accounts", data=account).status == 201

    person = people.come(shared_server.url, room=room, prepare=registered, bypass_csp=bypass_csp)
    expect(person.box).to_have_attribute("placeholder", re.compile("^Message #"))
    entry = person.page.get_by_role("list", name="1 here").get_by_role("listitem")
    expect(entry).to_contain_text("owner")
    return person


def choose_for_person(person: Person, name: str, deed: str) -> None:
    """Choose an item from the menu of a person in the list of people."""
    entry = person.page.locator("#people li").filter(has_text=name)
    entry.hover()
    entry.get_by_role("button", name="More").click()
    person.page.get_by_role("menuitem", name=deed, exact=True).click()


def choose_for_message(person: Person, text: str, deed: str) -> None:
    """Choose an item from the menu of a message."""
    person.said(text).hover()
    person.page.get_by_role("button", name=re.compile("^Menu of the message")).click()
    person.page.get_by_role("menuitem", name=deed, exact=True).click()


def test_private_room_is_joined_by_its_invite_link(people: People, shared_server: Server):
    """Created by a button; a person with the link registers and is in the room."""
    teacher = owner(people, shared_server, "tina", "staff")
    teacher.page.get_by_role("button", name="New private room…").click()
    dialog = teacher.page.get_by_role("dialog", name="New private room")
    dialog.get_by_label("Name of the room").fill("class 7b")
    dialog.get_by_role("button", name="Make the room").click()
    expect(dialog.get_by_role("alert")).to_contain_text("one word")
    dialog.get_by_label("Name of the room").fill("class-7b")
    dialog.get_by_label("Topic").fill("Maths at nine")
    dialog.get_by_role("button", name="Make the room").click()
    invites = teacher.page.get_by_role("dialog", name="Invite people to #class-7b")
    invites.get_by_role("button", name="New link…").click()
    teacher.page.get_by_role("button", name="Make the link").click()
    link = teacher.page.get_by_role("dialog", name="Invite people to #class-7b").locator("code")
    url = link.inner_text()
    teacher.page.keyboard.press("Escape")
    expect(invites.get_by_role("listitem")).to_contain_text("one more person")
    teacher.page.keyboard.press("Escape")
    expect(teacher.page.locator("#topic")).to_have_text("Maths at nine")
    stranger = people.come(shared_server.url, "stan", room="lobby")
    stranger.say("/join class-7b")
    expect(stranger.page.get_by_role("alert")).to_contain_text("not for you")
    stranger.is_in("#lobby")

    pupil = people.come(url.partition("#")[0], room=url.partition("#")[2], expecting="#lobby")
    dialog = pupil.page.get_by_role("dialog", name="Make an account")
    expect(dialog).to_contain_text("invited")
    dialog.get_by_label("Name").fill("pia")
    dialog.get_by_label("Password").fill(PASSWORD)
    with pupil.begins_anew():
        dialog.get_by_role("button", name="Make the account").click()
    pupil.is_in("#class-7b")
    pupil.say("good morning")
    teacher.sees("good morning")
    teacher.chooses("This place", "Members…")
    members = teacher.page.get_by_role("dialog", name="Members of #class-7b")
    expect(members.get_by_role("listitem")).to_have_count(2)
    members.get_by_role("button", name="Remove: pia").click()
    expect(members.get_by_role("listitem")).to_have_count(1)
    expect(pupil.page.get_by_role("alert")).to_contain_text("only its members may")
    expect(pupil.box).to_have_attribute("placeholder", "You are out of #class-7b")


def test_kicked_person_is_told_why_and_may_come_back(people: People, shared_server: Server):
    """The page names the moderator and the reason, and marks the room."""
    ada = owner(people, shared_server, "olga", "trouble")
    bob = people.come(shared_server.url, "bob", room="trouble")
    bob.say("spam")
    ada.sees("spam")
    choose_for_person(ada, "bob", "Put bob out…")
    ada.page.get_by_label("Why").fill("enough of that")
    ada.page.get_by_role("button", name="Put out", exact=True).click()
    expect(ada.log).to_contain_text("olga put bob out of the room: enough of that")
    problem = bob.page.get_by_role("alert")
    expect(problem).to_contain_text("You were put out of #trouble by olga: enough of that")
    expect(bob.box).to_have_attribute("placeholder", "You are out of #trouble")
    rooms = bob.page.get_by_role("navigation", name="Rooms")
    expect(rooms.get_by_role("link", name="#trouble")).to_contain_text("out")
    problem.get_by_role("button", name="Come back").click()
    expect(bob.box).to_have_attribute("placeholder", "Message #trouble · /help")
    bob.say("sorry")
    ada.sees("sorry")


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_kicked_person_is_told_over_every_transport(
    people: People, shared_server: Server, transport: str
):
    """At once, with the reason; the page stays connected."""
    room = f"out-{transport}"
    ada = owner(people, shared_server, f"o-{transport}", room)
    bob = people.come(shared_server.url, "bob", room=room, transport=transport)
    bob.is_connected_over(transport)
    expect(ada.page.locator("#people")).to_contain_text("bob")
    choose_for_person(ada, "bob", "Ban bob…")
    ada.page.get_by_label("Why").fill("spam")
    ada.page.get_by_role("button", name="Ban", exact=True).click()
    expect(bob.page.get_by_role("alert")).to_contain_text("spam")
    expect(bob.box).to_have_attribute("placeholder", f"You are out of #{room}")
    bob.is_connected_over(transport)
    bob.goes_to("lobby")
    bob.say(f"still here, {transport}")
    bob.sees(f"still here, {transport}")


def test_ban_keeps_out_until_it_is_lifted(people: People, shared_server: Server):
    """The room's menu lists bans with their reasons, and lifts them."""
    ada = owner(people, shared_server, "berta", "banned")
    bob = people.come(shared_server.url, "bob", room="banned")
    bob.say("spam")
    choose_for_message(ada, "spam", "Ban bob…")
    dialog = ada.page.get_by_role("dialog", name="Ban bob from #banned")
    dialog.get_by_label("For how long").select_option("7 days")
    dialog.get_by_label("Why").fill("advertising")
    dialog.get_by_role("button", name="Ban", exact=True).click()
    expect(bob.page.get_by_role("alert")).to_contain_text("advertising")
    expect(ada.log).to_contain_text("berta banned bob until")
    bob.goes_to("lobby")
    bob.say("/join banned")
    expect(bob.page.get_by_role("alert")).to_contain_text("banned")
    bob.is_in("#lobby")
    ada.chooses("This place", "Banned and muted people…")
    bans = ada.page.get_by_role("dialog", name="Banned and muted in #banned")
    expect(bans.get_by_role("listitem")).to_contain_text("advertising")
    bans.get_by_role("button", name="Lift the ban: bob").click()
    expect(bans).to_contain_text("Nobody is")
    bob.say("/join banned")
    bob.is_in("#banned")


def test_deleted_message_disappears_from_all_pages(people: People, shared_server: Server):
    """At once, and after a reload."""
    ada = owner(people, shared_server, "della", "deleted")
    bob = people.come(shared_server.url, "bob", room="deleted")
    bob.say("a secret")
    bob.say("stays")
    ada.sees("a secret")
    choose_for_message(ada, "a secret", "Delete the message…")
    ada.page.get_by_role("button", name="Delete", exact=True).click()
    for person in (ada, bob):
        person.sees("This message was deleted.")
        expect(person.log.get_by_text("a secret")).to_have_count(0)
    bob.page.reload()
    bob.sees("stays")
    bob.sees("This message was deleted.")
    expect(bob.log.get_by_text("a secret")).to_have_count(0)


def test_muted_person_is_told_and_can_still_read(people: People, shared_server: Server):
    """A refused text stays below the conversation; the menu unmutes the person."""
    ada = owner(people, shared_server, "mara", "muted")
    bob = people.come(shared_server.url, "bob", room="muted")
    expect(ada.page.locator("#people")).to_contain_text("bob")
    choose_for_person(ada, "bob", "Mute bob…")
    ada.page.get_by_role("button", name="Mute", exact=True).click()
    expect(bob.log).to_contain_text("mara muted bob until")
    bob.say("hey")
    expect(bob.page.get_by_role("alert")).to_contain_text("muted")
    failed = bob.page.locator("#pending .failed")
    expect(failed).to_contain_text("Not sent: ")
    expect(bob.box).to_have_value("")
    ada.say("listen")
    bob.sees("listen")
    choose_for_person(ada, "bob", "Let bob speak again")
    expect(bob.log).to_contain_text("mara lets bob speak again")
    failed.get_by_role("button", name="Try again").click()
    ada.sees("hey")
    expect(failed).to_have_count(0)


def test_roles_and_room_settings_are_changed_from_the_menus(people: People, shared_server: Server):
    """The list of people shows roles; menus offer only what the person may do."""
    ada = owner(people, shared_server, "rosa", "roles")
    bob = people.come(shared_server.url, "bob", room="roles")
    expect(ada.page.locator("#people")).to_contain_text("bob")
    bob.page.locator("#room-menu").click()
    expect(bob.page.get_by_role("menuitem", name="Settings of the room…")).to_have_count(0)
    bob.page.keyboard.press("Escape")
    expect(bob.page.locator("#room-menu")).to_be_focused()
    choose_for_person(ada, "bob", "Make bob an op")
    expect(bob.page.locator("#people .self")).to_contain_text("op")
    ada.chooses("This place", "Settings of the room…")
    dialog = ada.page.get_by_role("dialog", name="Settings of #roles")
    dialog.get_by_label("Who may speak").select_option("Voices, ops and owners")
    dialog.get_by_role("button", name="Save").click()
    expect(bob.log).to_contain_text("rosa changed the room: only voices, ops and owners may speak")
    eve = people.come(shared_server.url, "eve", room="roles")
    eve.say("may I?")
    expect(eve.page.get_by_role("alert")).to_be_visible()
    choose_for_person(bob, "eve", "Give eve a voice")
    expect(eve.log).to_contain_text("bob made eve a voice here")
    eve.page.get_by_role("button", name="Try again").click()
    ada.sees("may I?")


TYPED = (
    ("/op typebob", "typeada made typebob an op here"),
    ("/deop @typebob", "typeada took the role of typebob away"),
    ("/mute typebob 10m too loud", "typeada muted typebob until"),
    ("/unmute typebob", "typeada lets typebob speak again"),
    ("/slow 5", "typeada changed the room: one message every 5 s each"),
    ("/posting voices", "typeada changed the room: only voices, ops and owners may speak"),
    ("/delete", "This message was deleted."),
    ("/kick typebob", "typeada put typebob out of the room"),
    ("/ban typebob spam and more", "typeada banned typebob: spam and more"),
    ("/unban typebob", "typeada lifted the ban of typebob"),
)
"""What an owner types, and what the room is told."""
WRONG = (
    ("/kick", "Say whom: /kick NAME [TEXT]"),
    ("/mute typebob 5.5", "5.5 is no duration: /mute NAME [30m|12h|7d] [TEXT]"),
    ("/op a b", "A name is one word; it has no spaces: /op NAME"),
    ("/posting ops", "Who may speak: /posting everyone|accounts|voices"),
    ("/slow down", "Seconds between two messages of one person: /slow 0…"),
    ("/delete it", "An id is a number: /delete [ID]"),
    ("/bans all", "Nothing follows it: /bans"),
    ("/op nobody-here", "Nobody of that name is here"),
)
"""What nobody can do, and why; the text stays in the box."""


def test_what_menus_do_can_be_typed(people: People, shared_server: Server):
    """With the commands of the line door; a mistake changes nothing and stays in the box."""
    ada = owner(people, shared_server, "typeada", "typed")
    bob = people.come(shared_server.url, "typebob", room="typed")
    expect(ada.page.locator("#people")).to_contain_text("typebob")
    ada.say("to be deleted")
    ada.sees("to be deleted")
    problem = ada.page.get_by_role("alert")
    for text, words in WRONG:
        ada.say(text)
        expect(problem).to_contain_text(words)
        expect(ada.box).to_have_value(text)
    for text, words in TYPED:
        ada.say(text)
        expect(ada.log).to_contain_text(words)
        expect(ada.box).to_have_value("")
    expect(ada.said("to be deleted")).to_have_count(0)
    ada.say("/posting voices")
    expect(ada.log.locator(".remark").last).to_contain_text("Nothing has changed by that.")
    ada.say("/bans")
    dialog = ada.page.get_by_role("dialog", name="Banned and muted in #typed")
    expect(dialog).to_contain_text("Nobody is.")
    ada.page.keyboard.press("Escape")
    ada.say("/help")
    expect(ada.log.locator(".help")).to_contain_text("/ban NAME [30m|12h|7d] [TEXT]")
    bob.goes_to("lobby")
    bob.say("/slow 7")
    expect(bob.page.get_by_role("alert")).to_contain_text("op")
    expect(bob.box).to_have_value("/slow 7")
    bob.say("/settings")
    expect(bob.page.get_by_role("alert")).to_have_text("Your menus do not offer that here")


def test_messages_of_an_ignored_person_are_hidden(people: People, shared_server: Server):
    """In rooms and privately, until the person is no longer ignored."""
    ada = people.come(shared_server.url, "ada", room="ignored")
    bob = people.come(shared_server.url, "bob", room="ignored")
    bob.say("buy this")
    choose_for_message(ada, "buy this", "Ignore bob")
    expect(ada.said("buy this")).to_have_count(0)
    bob.say("and that")
    bob.say("/msg ada psst")
    ada.say("hello")
    ada.sees("hello")
    expect(ada.said("and that")).to_have_count(0)
    expect(ada.page.get_by_role("navigation", name="Private messages")).to_be_hidden()
    ada.page.reload()
    ada.sees("hello")
    expect(ada.said("and that")).to_have_count(0)
    ada.chooses("You", "People whom you ignore…")
    ada.page.get_by_role("button", name="Hear again: bob").click()
    ada.page.keyboard.press("Escape")
    bob.goes_to("ignored")
    bob.say("me again")
    ada.sees("me again")


def test_message_menus_work_by_keyboard(people: People, shared_server: Server):
    """From the empty box, Shift and the arrow keys select a message; Enter opens its menu."""
    ada = owner(people, shared_server, "kaya", "menukeys")
    ada.say("one")
    ada.say("two")
    ada.sees("two")
    ada.box.press("Shift+ArrowUp")
    button = ada.page.locator("#row-menu")
    expect(button).to_be_focused()
    expect(button).to_have_accessible_name(re.compile("two$"))
    ada.page.keyboard.press("ArrowUp")
    expect(button).to_have_accessible_name(re.compile("one$"))
    ada.page.keyboard.press("Enter")
    expect(ada.page.get_by_role("menuitem", name="Reply")).to_be_focused()
    ada.page.keyboard.press("d")
    ada.page.keyboard.press("Enter")
    expect(ada.page.get_by_role("dialog", name="Delete a message of kaya")).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(button).to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(ada.box).to_be_focused()


def test_menus_and_dialogs_are_accessible(people: People, shared_server: Server):
    """axe-core finds no violation, wide and narrow, light and dark."""
    ada = owner(people, shared_server, "axa", "axe-menus", bypass_csp=True)
    bob = people.come(shared_server.url, "bob", room="axe-menus")
    bob.say("hello")
    ada.sees("hello")

    def check() -> None:
        found = Axe().run(ada.page)
        assert found.violations_count == 0, found.generate_report()
        assert ada.fits()

    ada.said("hello").hover()
    ada.page.locator("#row-menu").click()
    check()
    ada.page.keyboard.press("Escape")
    ada.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    ada.page.emulate_media(color_scheme="dark")
    for menu, item in (
        ("This place", "Settings of the room…"),
        ("This place", "Invite people…"),
        ("You", "Where you are signed in…"),
        ("You", "Change the password…"),
    ):
        ada.chooses(menu, item)
        expect(ada.page.get_by_role("dialog")).to_be_visible()
        check()
        people.shoot(ada, re.sub(r"\W+", "-", item))
        ada.page.keyboard.press("Escape")
        expect(ada.page.get_by_role("dialog")).to_have_count(0)


def test_moderation_events_are_described_in_sentences(browser: Browser, shared_server: Server):
    """Also if optional fields are missing."""
    by = {"from": "ada", "target": "bob"}
    wanted = {
        "ada put bob out of the room: spam": {**by, "type": "kick", "text": "spam"},
        "ada put bob out of the room": {**by, "type": "kick", "text": ""},
        "ada banned an address": {"from": "ada", "target": "an address", "type": "ban", "text": ""},
        "ada lifted the ban of bob": {**by, "type": "unban"},
        "ada muted bob: noise": {**by, "type": "mute", "text": "noise"},
        "ada lets bob speak again": {**by, "type": "unmute"},
        "ada made bob an op here": {**by, "type": "role", "role": "op"},
        "ada took the role of bob away": {**by, "type": "role", "role": None},
        "ada made bob a member": {**by, "type": "invite"},
        "ada changed the room: one message every 5 s each": {
            "from": "ada",
            "type": "settings",
            "slow": 5,
        },
    }
    with modules(browser, shared_server) as scripts:
        for words, event in wanted.items():
            parts = scripts.call("happened.js", "told", event)
            told = "".join(part if isinstance(part, str) else part["name"] for part in parts)
            assert told == words
