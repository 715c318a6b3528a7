"""What owners and ops do from the page's menus, and what those see whom it concerns."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, expect

from .modules import modules
from .people import NARROW, People, Person
from .server import Server

PASSWORD = "correct horse battery"


def owner(
    people: People, house: Server, name: str, room: str, *, bypass_csp: bool = False
) -> Person:
    """Somebody with an account, who brings the room into being."""

    def registered(context: BrowserContext) -> None:
        account = {"name": name, "password": PASSWORD}
        assert context.request.post(f"{house.url}accounts", data=account).status == 201

    person = people.come(house.url, room=room, prepare=registered, bypass_csp=bypass_csp)
    expect(person.box).to_have_attribute("placeholder", re.compile("^Message #"))
    entry = person.page.get_by_role("list", name="1 here").get_by_role("listitem")
    expect(entry).to_contain_text("owner")
    return person


def does(person: Person, name: str, deed: str) -> None:
    """Choose from the menu of somebody in the list of people."""
    entry = person.page.locator("#people li").filter(has_text=name)
    entry.hover()
    entry.get_by_role("button", name="More").click()
    person.page.get_by_role("menuitem", name=deed, exact=True).click()


def of_message(person: Person, text: str, deed: str) -> None:
    """Choose from the menu of a message."""
    person.said(text).hover()
    person.page.get_by_role("button", name=re.compile("^Menu of the message")).click()
    person.page.get_by_role("menuitem", name=deed, exact=True).click()


def test_private_room_is_made_and_a_link_lets_people_in(people: People, house: Server):
    """Made by a button, it has an invite link; whoever has it registers, and is in the room."""
    teacher = owner(people, house, "tina", "staff")
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
    url = teacher.page.get_by_role("textbox", name="Link to the room").input_value()
    teacher.page.keyboard.press("Escape")
    expect(invites.get_by_role("listitem")).to_contain_text("one more person")
    teacher.page.keyboard.press("Escape")
    expect(teacher.page.locator("#topic")).to_have_text("Maths at nine")
    stranger = people.come(house.url, "stan", room="lobby")
    stranger.say("/join class-7b")
    expect(stranger.page.get_by_role("alert")).to_contain_text("not for you")
    expect(stranger.page.get_by_role("heading", name="#lobby")).to_be_visible()

    pupil = people.come(url.partition("#")[0], room=url.partition("#")[2], expecting="#lobby")
    dialog = pupil.page.get_by_role("dialog", name="Make an account")
    expect(dialog).to_contain_text("invited")
    dialog.get_by_label("Name").fill("pia")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Make the account").click()
    expect(pupil.page.get_by_role("heading", name="#class-7b")).to_be_visible()
    pupil.say("good morning")
    teacher.sees("good morning")
    teacher.chooses("This place", "Members…")
    members = teacher.page.get_by_role("dialog", name="Members of #class-7b")
    expect(members.get_by_role("listitem")).to_have_count(2)
    members.get_by_role("button", name="Remove: pia").click()
    expect(members.get_by_role("listitem")).to_have_count(1)
    expect(pupil.page.get_by_role("alert")).to_contain_text("only its members may")
    expect(pupil.box).to_have_attribute("placeholder", "You are out of #class-7b")


def test_troublemaker_is_put_out_and_told_so(people: People, house: Server):
    """Who is put out reads by whom and why, the room is marked, and one may come back."""
    ada = owner(people, house, "olga", "trouble")
    bob = people.come(house.url, "bob", room="trouble")
    bob.say("spam")
    ada.sees("spam")
    does(ada, "bob", "Put bob out…")
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
def test_being_put_out_is_told_over_every_transport(people: People, house: Server, transport: str):
    """Whatever carries the events: at once, with the reason, and the page stays connected."""
    room = f"out-{transport}"
    ada = owner(people, house, f"o-{transport}", room)
    bob = people.come(house.url, "bob", room=room, transport=transport)
    bob.is_over(transport)
    expect(ada.page.locator("#people")).to_contain_text("bob")
    does(ada, "bob", "Ban bob…")
    ada.page.get_by_label("Why").fill("spam")
    ada.page.get_by_role("button", name="Ban", exact=True).click()
    expect(bob.page.get_by_role("alert")).to_contain_text("spam")
    expect(bob.box).to_have_attribute("placeholder", f"You are out of #{room}")
    bob.is_over(transport)
    bob.goes_to("lobby")
    bob.say(f"still here, {transport}")
    bob.sees(f"still here, {transport}")


def test_ban_keeps_out_until_it_is_lifted(people: People, house: Server):
    """It is listed in the menu of the room, with its reason; lifted there, one may come back."""
    ada = owner(people, house, "berta", "banned")
    bob = people.come(house.url, "bob", room="banned")
    bob.say("spam")
    of_message(ada, "spam", "Ban bob…")
    dialog = ada.page.get_by_role("dialog", name="Ban bob from #banned")
    dialog.get_by_label("For how long").select_option("a week")
    dialog.get_by_label("Why").fill("advertising")
    dialog.get_by_role("button", name="Ban", exact=True).click()
    expect(bob.page.get_by_role("alert")).to_contain_text("advertising")
    expect(ada.log).to_contain_text("berta banned bob until")
    bob.goes_to("lobby")
    bob.say("/join banned")
    expect(bob.page.get_by_role("alert")).to_contain_text("banned")
    expect(bob.page.get_by_role("heading", name="#lobby")).to_be_visible()
    ada.chooses("This place", "Banned and muted people…")
    bans = ada.page.get_by_role("dialog", name="Banned and muted in #banned")
    expect(bans.get_by_role("listitem")).to_contain_text("advertising")
    bans.get_by_role("button", name="Lift the ban: bob").click()
    expect(bans).to_contain_text("Nobody is")
    bob.say("/join banned")
    expect(bob.page.get_by_role("heading", name="#banned")).to_be_visible()


def test_deleted_message_is_on_no_page(people: People, house: Server):
    """Its text goes from every page at once, and does not come back with a reload."""
    ada = owner(people, house, "della", "deleted")
    bob = people.come(house.url, "bob", room="deleted")
    bob.say("a secret")
    bob.say("stays")
    ada.sees("a secret")
    of_message(ada, "a secret", "Delete the message…")
    ada.page.get_by_role("button", name="Delete", exact=True).click()
    for person in (ada, bob):
        person.sees("This message was deleted.")
        expect(person.log.get_by_text("a secret")).to_have_count(0)
    bob.page.reload()
    bob.sees("stays")
    bob.sees("This message was deleted.")
    expect(bob.log.get_by_text("a secret")).to_have_count(0)


def test_muted_person_is_told_and_reads_on(people: People, house: Server):
    """What is refused stays in the box, with the reason; and the menu lets them speak again."""
    ada = owner(people, house, "mara", "muted")
    bob = people.come(house.url, "bob", room="muted")
    expect(ada.page.locator("#people")).to_contain_text("bob")
    does(ada, "bob", "Mute bob…")
    ada.page.get_by_role("button", name="Mute", exact=True).click()
    expect(bob.log).to_contain_text("mara muted bob until")
    bob.say("hey")
    expect(bob.page.get_by_role("alert")).to_contain_text("muted")
    expect(bob.box).to_have_value("hey")
    ada.say("listen")
    bob.sees("listen")
    does(ada, "bob", "Let bob speak again")
    expect(bob.log).to_contain_text("mara lets bob speak again")
    bob.box.press("Enter")
    ada.sees("hey")


def test_roles_are_given_and_settings_changed(people: People, house: Server):
    """The list of people shows roles; others have no menu for what they may not do."""
    ada = owner(people, house, "rosa", "roles")
    bob = people.come(house.url, "bob", room="roles")
    expect(ada.page.locator("#people")).to_contain_text("bob")
    bob.page.locator("#room-menu").click()
    expect(bob.page.get_by_role("menuitem", name="Settings of the room…")).to_have_count(0)
    bob.page.keyboard.press("Escape")
    expect(bob.page.locator("#room-menu")).to_be_focused()
    does(ada, "bob", "Make bob an op")
    expect(bob.page.locator("#people .self")).to_contain_text("op")
    ada.chooses("This place", "Settings of the room…")
    dialog = ada.page.get_by_role("dialog", name="Settings of #roles")
    dialog.get_by_label("Who may speak").select_option("Voices, ops and owners")
    dialog.get_by_role("button", name="Save").click()
    expect(bob.log).to_contain_text("rosa changed the room: only voices, ops and owners may speak")
    eve = people.come(house.url, "eve", room="roles")
    eve.say("may I?")
    expect(eve.page.get_by_role("alert")).to_be_visible()
    does(bob, "eve", "Give eve a voice")
    expect(eve.log).to_contain_text("bob made eve a voice here")
    eve.box.press("Enter")
    ada.sees("may I?")


def test_ignored_person_is_heard_no_more(people: People, house: Server):
    """What they say in rooms and privately is hidden, until the own menu lets it come again."""
    ada = people.come(house.url, "ada", room="ignored")
    bob = people.come(house.url, "bob", room="ignored")
    bob.say("buy this")
    of_message(ada, "buy this", "Ignore bob")
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


def test_menus_are_for_keys_as_well(people: People, house: Server):
    """From the empty box, arrow keys go to the messages, and Enter opens the menu of one."""
    ada = owner(people, house, "kaya", "keys")
    ada.say("one")
    ada.say("two")
    ada.sees("two")
    ada.box.press("ArrowUp")
    button = ada.page.locator("#row-menu")
    expect(button).to_be_focused()
    expect(button).to_have_accessible_name(re.compile("two$"))
    ada.page.keyboard.press("ArrowUp")
    expect(button).to_have_accessible_name(re.compile("one$"))
    ada.page.keyboard.press("Enter")
    expect(ada.page.get_by_role("menuitem", name="Copy the text")).to_be_focused()
    ada.page.keyboard.press("ArrowDown")
    ada.page.keyboard.press("Enter")
    expect(ada.page.get_by_role("dialog", name="Delete a message of kaya")).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(button).to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(ada.box).to_be_focused()


def test_menus_and_dialogs_are_accessible(people: People, house: Server):
    """axe-core finds nothing wrong with them, wide and narrow, light and dark."""
    ada = owner(people, house, "axa", "axe-menus", bypass_csp=True)
    bob = people.come(house.url, "bob", room="axe-menus")
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


def test_moderation_is_told_in_plain_words(browser: Browser, house: Server):
    """Each event has a sentence, whatever of it is left out."""
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
    with modules(browser, house) as scripts:
        for words, event in wanted.items():
            parts = scripts.call("happened.js", "told", event)
            told = "".join(part if isinstance(part, str) else part["name"] for part in parts)
            assert told == words
