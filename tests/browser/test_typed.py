"""What is typed: commands, and texts that come from elsewhere."""

from playwright.sync_api import expect

from .people import People
from .server import Server


def test_leave_and_quit(people: People, house: Server):
    """`/leave` goes out of the room and shows another; one cannot leave the last; `/quit` goes."""
    bob = people.come(house.url, "bob", room="exit")
    ada = people.come(house.url, "ada", room="exit")
    ada.say("hello")
    bob.sees("hello")
    ada.say("/leave")
    expect(ada.page.get_by_role("heading", name="#lobby")).to_be_visible()
    rooms = ada.page.get_by_role("navigation", name="Rooms")
    expect(rooms.get_by_role("link", name="#exit")).to_have_count(0)
    expect(bob.log.locator(".leave")).to_contain_text("ada left")
    bob.say("is she gone?")
    bob.sees("is she gone?")
    ada.say("/leave")
    expect(ada.page.get_by_role("alert")).to_contain_text("your only room")
    ada.say("/join exit")
    ada.sees("is she gone?")
    ada.say("/quit")
    expect(bob.log.locator(".leave")).to_have_count(2)
    expect(ada.name_box).to_be_focused()
    assert ada.token == ""


def test_nick_and_reload(people: People, house: Server):
    """`/nick` changes the name for everybody; a reload is the same person, in the same rooms, and
    says nothing of it; a name that somebody has is refused, and the text kept."""
    bob = people.come(house.url, "bob", room="nicks")
    ada = people.come(house.url, "ada", room="nicks")
    ada.say("/nick Zoe")
    expect(ada.name_box).to_have_value("Zoe")
    expect(bob.log.locator(".nick")).to_contain_text("ada is now Zoe")
    ada.page.reload()
    expect(ada.name_box).to_have_value("Zoe")
    ada.say("still me")
    bob.sees("still me")
    expect(ada.log.locator(".own .text").last).to_have_text("still me")
    expect(bob.log.locator(".leave")).to_have_count(0)
    ada.say("/nick bob")
    expect(ada.page.get_by_role("alert")).to_contain_text("bob")
    expect(ada.box).to_have_value("/nick bob")


def test_what_is_not_said_stays(people: People, house: Server):
    """A page that is loaded anew has in its box what was typed, and what could not be said yet."""
    ada = people.come(house.url, "ada", room="drafts")
    ada.say("said")
    ada.sees("said")
    ada.page.route("**/messages", lambda route: None)
    ada.say("on its way")
    expect(ada.page.get_by_text("Not sent yet")).to_be_visible()
    ada.box.fill("only begun")
    ada.page.on("dialog", lambda dialog: dialog.accept())
    ada.page.reload()
    expect(ada.box).to_have_value("on its way\nonly begun")
    ada.page.unroute("**/messages")
    ada.box.press("Enter")
    ada.sees("on its way only begun")
    ada.page.reload()
    ada.sees("on its way only begun")
    expect(ada.box).to_have_value("")


def test_several_lines_are_one_message(people: People, house: Server):
    """What is pasted with line breaks is one message, with its spaces; `//` says a slash; a text
    with markup is a text."""
    ada = people.come(house.url, "ada", room="paste")
    text = "def f():\n    return 1\n\n# <b>end</b>"
    ada.box.focus()
    ada.page.keyboard.insert_text(text)
    ada.page.keyboard.press("Enter")
    ada.say("//etc/hosts")
    ada.sees("/etc/hosts")
    assert ada.told() == [text, "/etc/hosts"]


def test_commands_complete(people: People, house: Server):
    """Names complete with Tab and after @, and the arrows pick among several."""
    ada = people.come(house.url, "ada", room="complete")
    ada.is_over("websocket")
    for name in ("bella", "benno"):
        people.come(house.url, name, room="complete").is_over("websocket")
    expect(ada.page.locator("#people li")).to_have_count(3)
    keys = ada.page.keyboard
    ada.box.focus()
    keys.type("be")
    keys.press("Tab")
    expect(ada.box).to_have_value("bella: ")
    ada.box.fill("")
    keys.type("hi @be")
    expect(ada.page.get_by_role("option")).to_have_count(2)
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(ada.box).to_have_value("hi @benno ")


def test_rooms_and_people_are_suggested(people: People, house: Server):
    """After /join the rooms that there are, be it that one has one's own name; after /msg whom one
    may write to. A click takes one, Escape none.
    """
    people.come(house.url, "bob", room="suggested").is_over("websocket")
    ada = people.come(house.url, "suggested", room="suggesting")
    ada.is_over("websocket")
    options = ada.page.get_by_role("option")
    keys = ada.page.keyboard
    ada.box.focus()
    keys.type("/join sug")
    expect(options).to_have_text(["suggested"])
    options.click()
    expect(ada.box).to_have_value("/join suggested")
    expect(ada.box).to_be_focused()
    keys.press("Enter")
    expect(ada.page.get_by_role("heading", name="#suggested")).to_be_visible()
    expect(ada.page.locator("#people li")).to_have_count(2)
    keys.type("/msg ")
    expect(options).to_have_text(["bob"])
    keys.press("Escape")
    expect(options).to_have_count(0)
    expect(ada.box).to_have_value("/msg ")


def test_suggestions_go_with_the_text(people: People, house: Server):
    """In another room the box holds another text, and nothing that was suggested replaces it."""
    ada = people.come(house.url, "ada", room="drafted")
    ada.is_over("websocket")
    keys = ada.page.keyboard
    ada.box.focus()
    keys.type("/m")
    expect(ada.page.get_by_role("option")).to_have_count(2)
    keys.press("Alt+ArrowDown")
    expect(ada.page.get_by_role("heading", name="#lobby")).to_be_visible()
    expect(ada.page.get_by_role("option")).to_have_count(0)
    expect(ada.box).to_have_value("")
