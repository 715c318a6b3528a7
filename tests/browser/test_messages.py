"""Actions on a message: replies, links, jumps, reports; and messages that were not sent."""

import re
from typing import Any

from playwright.sync_api import expect

from ..kit.processes import Netcat
from .people import People, Person
from .server import Server
from .waiting import until


def open_menu(person: Person, text: str) -> None:
    """Open the menu of a message."""
    person.said(text).hover()
    person.page.locator("#row-menu").click()


def choose(person: Person, text: str, item: str) -> None:
    """Choose an item of the menu of a message."""
    open_menu(person, text)
    person.page.get_by_role("menuitem", name=item, exact=True).click()


def post_many(server: Server, room: str, count: int) -> None:
    """Have a line client say `number 0` and so on."""
    flood = Netcat(server.line)
    flood.say(f"/nick by-{room}")
    flood.say(f"/join {room}")
    flood.say("\r\n".join([*(f"number {n}" for n in range(count)), "the end"]))
    flood.hear("the end")
    flood.close()


def test_reply_quotes_the_message(people: People, shared_server: Server):
    """The quote is put before the draft; a long message is quoted in part."""
    ada = people.come(shared_server.url, "ada", room="reply")
    bob = people.come(shared_server.url, "bob", room="reply")
    bob.say("shall we?")
    ada.sees("shall we?")
    choose(ada, "shall we?", "Reply")
    expect(ada.box).to_be_focused()
    expect(ada.box).to_have_value("> bob: shall we?\n")
    ada.page.keyboard.type("yes")
    ada.page.keyboard.press("Enter")
    expect(bob.log.locator("blockquote")).to_have_text("> bob: shall we?")
    assert bob.log.locator("blockquote").inner_text().strip() == "bob: shall we?"


def test_copied_link_names_the_message(people: People, shared_server: Server):
    """The link contains the server's address, the room and the id."""
    ada = people.come(shared_server.url, "ada", room="linked")
    ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.say("look here")
    ada.sees("look here")
    choose(ada, "look here", "Copy the link")
    link = ada.page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(re.escape(shared_server.url) + r"rooms/linked/messages/\d{16}", link)


def messages_of(person: Person, room: str) -> list[Any]:
    """The events of a room, as far as one answer has them."""
    found: Any = person.page.evaluate(
        """async room => (await (await fetch(
          `/rooms/${room}/events?wait=0&since=0&limit=500`)).json()).events""",
        room,
    )
    return [event for event in found if event["type"] == "message"]


def test_link_to_an_old_message_shows_it_with_its_surroundings(
    people: People, shared_server: Server
):
    """Later messages can be loaded up to the newest; a button goes back."""
    post_many(shared_server, "deep", 400)
    ada = people.come(shared_server.url, "ada", room="deep")
    ada.is_connected_over("websocket")
    ada.sees("the end")
    (old,) = [event for event in messages_of(ada, "deep") if event["text"] == "number 60"]
    ada.page.evaluate("hash => { location.hash = hash; }", f"#deep/{old['id']}")
    sought = ada.log.locator(".sought")
    expect(sought).to_contain_text("number 60")
    expect(sought).to_be_in_viewport()
    expect(sought).to_be_focused()
    end = ada.page.get_by_text("Later messages are left out here.")
    expect(end).to_have_count(1)
    more = ada.page.get_by_role("button", name="Show what follows")
    for _ in range(5):
        if more.count() == 0:
            break
        before = ada.log.locator(".message").count()
        more.click()
        until(
            ada.page,
            "count => document.querySelectorAll('#log .message').length > count",
            before,
        )
    expect(end).to_have_count(0)
    numbers = [int(text.split()[1]) for text in ada.texts() if text.startswith("number")]
    assert numbers == list(range(numbers[0], 400))
    ada.page.get_by_role("button", name="Back", exact=True).click()
    expect(ada.said("the end")).to_be_in_viewport()
    expect(ada.page.get_by_role("button", name="Back", exact=True)).to_be_hidden()


def test_page_that_is_opened_by_a_link_shows_the_message(people: People, shared_server: Server):
    """Also a message that is among the newest."""
    post_many(shared_server, "opened", 200)
    bob = people.come(shared_server.url, "bob", room="opened")
    bob.is_connected_over("websocket")
    events = messages_of(bob, "opened")
    for text in ("number 3", "number 190"):
        (event,) = [event for event in events if event["text"] == text]
        ada = people.come(shared_server.url, room=f"opened/{event['id']}", expecting="#opened")
        expect(ada.log.locator(".sought")).to_contain_text(text)
        expect(ada.log.locator(".sought")).to_be_in_viewport()


def test_up_brings_back_sent_messages(people: People, shared_server: Server):
    """Step by step, and down again; a text that was edited stays in the box."""
    ada = people.come(shared_server.url, "ada", room="recall")
    for text in ("first", "second"):
        ada.say(text)
        ada.sees(text)
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("second")
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("first")
    ada.box.press("ArrowDown")
    ada.box.press("ArrowDown")
    expect(ada.box).to_have_value("")
    ada.box.press("ArrowUp")
    ada.page.keyboard.type("!")
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("second!")


PASTE = """(box, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  const how = { clipboardData, bubbles: true, cancelable: true };
  box.dispatchEvent(new ClipboardEvent("paste", how));
  box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}"""
"""Paste as a browser does; scripts cannot make a browser paste."""


def test_long_paste_is_offered_as_a_block(people: People, shared_server: Server):
    """The block is put between the texts before and after the cursor."""
    ada = people.come(shared_server.url, "ada", room="pasted")
    ada.box.fill("see: ")
    ada.box.evaluate(PASTE, "one\ntwo")
    offer = ada.page.get_by_role("button", name="Send it as a block of code")
    expect(offer).to_have_count(0)
    ada.box.fill("see: ")
    ada.box.evaluate(PASTE, "a\n\tb\nc\nd\n")
    offer.click()
    expect(ada.box).to_have_value("see: \n```\na\n\tb\nc\nd\n```")
    expect(ada.box).to_be_focused()
    expect(offer).to_be_hidden()


def test_rest_is_counted_near_the_limit(people: People, shared_server: Server):
    """A character counts with its bytes of UTF-8."""
    ada = people.come(shared_server.url, "ada", room="counted")
    left = ada.page.locator("#left")
    ada.box.fill("x" * 3000)
    expect(left).to_be_hidden()
    ada.box.fill("x" * 4000)
    expect(left).to_have_text("96 characters left")
    ada.box.fill("é" * 2049)
    expect(left).to_have_text("1 character too many")
    ada.box.fill("\n".join("x" * 48))
    expect(left).to_have_text("3 lines left")
    ada.box.fill("")
    expect(left).to_be_hidden()


def test_report_goes_to_the_ops_of_the_room(people: People, shared_server: Server):
    """As a private message with the link and the text; its author has no such menu item."""
    ops = people.come(shared_server.url, "olaf", room="reported")
    ops.is_connected_over("websocket")
    bob = people.come(shared_server.url, "bob", room="reported")
    ada = people.come(shared_server.url, "ada", room="reported")
    bob.say("buy now")
    ada.sees("buy now")
    ops.sees("buy now")
    expect(ada.page.locator("#people")).to_contain_text("olaf")
    ada.page.reload()
    ada.sees("buy now")
    expect(ada.page.locator("#people .role")).to_have_text("op")
    choose(ada, "buy now", "Report to the ops…")
    ada.page.get_by_label("What is wrong with it?").fill("an advertisement")
    ada.page.get_by_role("button", name="Report", exact=True).click()
    ops.opens_private_messages("ada")
    expect(ops.log.locator(".private .text")).to_contain_text("an advertisement")
    expect(ops.log.locator(".private blockquote")).to_contain_text("bob: buy now")
    open_menu(bob, "buy now")
    expect(bob.page.get_by_role("menuitem", name="Report")).to_have_count(0)
