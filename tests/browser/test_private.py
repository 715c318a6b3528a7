"""Private messages have their own places, one for each person."""

import re

from playwright.sync_api import BrowserContext, Route, expect

from .people import People, Person
from .server import Server


def test_private_messages_are_in_a_place_of_their_own(people: People, shared_server: Server):
    """They appear in no room, and a reload keeps them in place."""
    bob = people.come(shared_server.url, "bob", room="aside")
    ada = people.come(shared_server.url, "ada", room="aside")
    ada.say("/msg bob psst")
    ada.is_in("bob")
    expect(ada.box).to_have_attribute("placeholder", "Write to bob only")
    ada.say("and more")
    talks = bob.page.get_by_role("navigation", name="Private messages")
    expect(talks.get_by_role("link", name="ada 2 new")).to_be_visible()
    expect(bob.page).to_have_title("(2) #aside")
    expect(bob.log.get_by_text("psst")).to_have_count(0)
    bob.opens_private_messages("ada")
    bob.sees("psst")
    bob.sees("and more")
    bob.say("yes?")
    ada.sees("yes?")
    ada.goes_to("aside")
    expect(ada.log.locator(".text", has_text=re.compile("psst|more|yes"))).to_have_count(0)
    expect(ada.box).to_have_attribute("placeholder", "Message #aside · /help")
    bob.page.reload()
    bob.is_in("ada")
    for text in ("psst", "and more", "yes?"):
        bob.sees(text)
    bob.goes_to("aside")
    expect(bob.log.get_by_text("psst")).to_have_count(0)
    expect(bob.page).to_have_title("#aside")


def test_click_on_a_name_opens_private_messages(people: People, shared_server: Server):
    """Each place keeps its own draft, so no text is sent to the wrong place."""
    bob = people.come(shared_server.url, "bob", room="drawer")
    ada = people.come(shared_server.url, "ada", room="drawer")
    ada.box.fill("for all")
    ada.page.get_by_role("button", name="bob").click()
    expect(ada.box).to_be_focused()
    expect(ada.box).to_have_value("")
    ada.box.fill("for bob")
    ada.goes_to("drawer")
    expect(ada.box).to_have_value("for all")
    ada.opens_private_messages("bob")
    expect(ada.box).to_have_value("for bob")
    ada.box.press("Enter")
    ada.sees("for bob")
    ada.say("/topic x")
    expect(ada.page.get_by_role("alert")).to_contain_text("rooms only")
    expect(ada.box).to_have_value("/topic x")
    ada.say("/leave")
    ada.is_in("#drawer")
    expect(ada.page.get_by_role("navigation", name="Private messages")).to_be_hidden()
    bob.opens_private_messages("ada")
    bob.sees("for bob")


def test_an_earlier_holder_of_a_name_takes_no_conversation_along(
    people: People, shared_server: Server
):
    """Also when the page is reloaded, and reads that rename again from history."""
    earlier = people.come(shared_server.url, "nora", room="earlier")
    earlier.say("/nick norma")
    expect(earlier.page.locator("#account")).to_have_text("norma")
    nora = people.come(shared_server.url, "nora", room="earlier")
    bob = people.come(shared_server.url, "bob", room="earlier")
    nora.say("/msg bob psst")
    bob.opens_private_messages("nora")
    bob.sees("psst")
    bob.page.reload()
    bob.sees("psst")
    bob.is_in("nora")


def test_private_messages_follow_a_rename(people: People, shared_server: Server):
    """The conversation continues under the new name."""
    bob = people.come(shared_server.url, "bob", room="renamed")
    ada = people.come(shared_server.url, "ada", room="renamed")
    ada.say("/msg bob one")
    bob.say("/nick robert")
    ada.is_in("robert")
    ada.sees("one")
    ada.say("two")
    bob.opens_private_messages("ada")
    bob.sees("one")
    bob.sees("two")
    bob.page.reload()
    bob.sees("one")
    bob.sees("two")


def test_text_in_the_box_stays_when_the_place_that_is_shown_is_opened_again(
    people: People, shared_server: Server
):
    """By a click on the partner's name in the list of people."""
    bob = people.come(shared_server.url, "keepbob", room="keptdraft")
    ada = people.come(shared_server.url, "keepada", room="keptdraft")
    ada.page.get_by_role("button", name="keepbob").click()
    ada.is_in("keepbob")
    ada.box.fill("half a mess")
    ada.page.get_by_role("button", name="keepbob").click()
    expect(ada.box).to_be_focused()
    expect(ada.box).to_have_value("half a mess")
    ada.say("whole")
    bob.opens_private_messages("keepada")
    bob.sees("whole")


def test_text_in_the_box_stays_when_the_partner_is_renamed(people: People, shared_server: Server):
    """Also if only the case of the name changes; an older draft does not come back."""
    bob = people.come(shared_server.url, "casebob", room="casedraft")
    ada = people.come(shared_server.url, "caseada", room="casedraft")
    ada.say("/msg casebob psst")
    ada.is_in("casebob")
    ada.box.fill("an older draft")
    ada.goes_to("casedraft")
    ada.opens_private_messages("casebob")
    expect(ada.box).to_have_value("an older draft")
    for name in ("CaseBob", "caserobert"):
        ada.box.fill(f"typed before {name}")
        bob.say(f"/nick {name}")
        ada.is_in(name)
        expect(ada.box).to_have_value(f"typed before {name}")
    ada.goes_to("casedraft")
    expect(ada.box).to_have_value("")
    ada.opens_private_messages("caserobert")
    expect(ada.box).to_have_value("typed before caserobert")


def test_message_to_an_unknown_person_stays_in_the_box(people: People, shared_server: Server):
    """With an error that says what to do on this page."""
    ada = people.come(shared_server.url, "ada", room="stranger")
    ada.say("/msg nobody psst")
    problem = ada.page.get_by_role("alert")
    expect(problem).to_contain_text("list of people")
    expect(problem).not_to_contain_text("/who")
    expect(ada.box).to_have_value("/msg nobody psst")
    ada.is_in("#stranger")


def test_refused_private_text_is_not_put_into_a_room_s_box(people: People, shared_server: Server):
    """It waits as a draft in its own place."""
    ada = people.come(shared_server.url, "ada", room="leak")
    bob = people.come(shared_server.url, "bob", room="leak")
    ada.page.get_by_role("button", name="bob").click()
    held: list[Route] = []
    ada.page.route("**/people/**", lambda route: held.append(route))
    ada.say("a secret")
    expect(ada.page.get_by_text("Not sent yet")).to_be_visible()
    ada.goes_to("leak")
    expect(ada.page.get_by_text("Not sent yet")).to_be_hidden()
    bob.leave()
    held[0].continue_()
    expect(ada.page.get_by_role("alert")).to_contain_text("Nobody of that name")
    expect(ada.box).to_have_value("")
    ada.opens_private_messages("bob")
    expect(ada.page.locator("#pending .failed")).to_contain_text("a secret")
    ada.page.get_by_role("button", name="Edit").click()
    expect(ada.box).to_have_value("a secret")


def test_text_typed_behind_a_private_message_is_never_said_in_the_room(
    people: People, shared_server: Server
):
    """The page waits for `/msg` and sends the text where it led, or gives back both."""
    ada = people.come(shared_server.url, "ada", room="typedahead")
    bob = people.come(shared_server.url, "bob", room="typedahead")
    held: list[Route] = []
    for name in ("bob", "nobody"):
        ada.page.route("**/people/**", lambda route: held.append(route), times=1)
        ada.say(f"/msg {name} first")
        expect(ada.page.get_by_text("Not sent yet")).to_be_visible()
        ada.say("and second")
        held.pop().continue_()
        if name == "bob":
            ada.sees("and second")
            bob.opens_private_messages("ada")
            bob.sees("first")
            bob.sees("and second")
            ada.goes_to("typedahead")
    expect(ada.box).to_have_value("/msg nobody first\nand second")
    bob.goes_to("typedahead")
    ada.box.fill("only this")
    ada.box.press("Enter")
    bob.sees("only this")
    expect(bob.said("and second")).to_have_count(0)


def test_deleted_private_message_disappears_on_both_sides(people: People, shared_server: Server):
    """At once, and after a reload; what was read on one device is read on the others."""
    ada, bob = account(people, shared_server, "ursa"), account(people, shared_server, "vito")
    ada.say("/msg vito a secret")
    ada.is_in("vito")
    ada.say("stays")
    bob.opens_private_messages("ursa")
    bob.sees("stays")
    ada.said("a secret").hover()
    ada.page.get_by_role("button", name=re.compile("^Menu of the message")).click()
    ada.page.get_by_role("menuitem", name="Delete the message…", exact=True).click()
    ada.page.get_by_role("button", name="Delete", exact=True).click()
    for person in (ada, bob):
        person.sees("This message was deleted.")
        expect(person.log.get_by_text("a secret")).to_have_count(0)
    bob.page.reload()
    bob.sees("stays")
    bob.sees("This message was deleted.")
    expect(bob.log.get_by_text("a secret")).to_have_count(0)
    bob.goes_to("lobby")
    phone = account(people, shared_server, "vito", begins=False)
    talks = phone.page.get_by_role("navigation", name="Private messages")
    expect(talks.get_by_role("link", name="ursa", exact=True)).to_be_visible()
    expect(talks).not_to_contain_text("new")


def account(people: People, server: Server, name: str, *, begins: bool = True) -> Person:
    """Open the page on a new device, signed in to an account, which begins with the first one."""

    def signed_in(context: BrowserContext) -> None:
        given = {"name": name, "password": "correct horse battery"}
        path = "accounts" if begins else "session"
        assert context.request.post(f"{server.url}{path}", data=given).status == 201

    person = people.come(server.url, prepare=signed_in)
    expect(person.box).to_have_attribute("placeholder", re.compile("^Message #"))
    return person
