"""Going about the page: up and down, to other people, and out of what one has opened."""

from playwright.sync_api import expect

from ..kit.processes import Netcat
from .people import NARROW, People
from .server import Server


def test_new_room(people: People, house: Server):
    """Whoever opens a room reads that it begins here, and can point the others to something."""
    ada = people.come(house.url, "ada", room="new-one")
    expect(ada.page.get_by_text("This is where #new-one begins.")).to_be_in_viewport()
    expect(ada.box).to_have_attribute("placeholder", "Message #new-one · /help")
    ada.say("/topic see https://example.com/notes")
    topic = ada.page.locator("#topic").get_by_role("link", name="https://example.com/notes")
    expect(topic).to_be_visible()


def test_complaints_go(people: People, house: Server):
    """What was wrong is forgotten as soon as one goes on typing, or presses Escape."""
    ada = people.come(house.url, "ada", room="wrong")
    problem = ada.page.get_by_role("alert")
    ada.say("/nope")
    expect(problem).to_be_visible()
    ada.box.fill("hello")
    expect(problem).to_be_hidden()
    ada.box.fill("/nope again")
    ada.box.press("Enter")
    expect(problem).to_be_visible()
    ada.box.press("Escape")
    expect(problem).to_be_hidden()


def climb(house: Server, room: str) -> None:
    """Have somebody at a socket say more than fits on a page."""
    flood = Netcat(house.line)
    flood.say(f"/nick in-{room}")
    flood.say(f"/join {room}")
    flood.say(
        "\r\n".join([*(f"floor {n}" + n % 9 * " step by step" for n in range(80)), "the ground"])
    )
    flood.hear("the ground")
    flood.close()


def test_turned_phone(people: People, house: Server):
    """When a phone is turned, its page shows what it showed."""
    climb(house, "turned")
    ada = people.come(house.url, "ada", room="turned", size=NARROW)
    expect(ada.said("the ground")).to_be_in_viewport()
    middle = ada.log.locator(".text", has_text="floor 66")
    middle.evaluate("text => text.scrollIntoView()")  # at the top
    ada.page.set_viewport_size({"width": NARROW[1], "height": NARROW[0]})
    expect(middle).to_be_in_viewport()
    ada.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    expect(middle).to_be_in_viewport()


def test_up_and_down(people: People, house: Server):
    """The box scrolls with the page keys; from far up a button leads down again."""
    climb(house, "tower")
    ada = people.come(house.url, "ada", room="tower")
    down = ada.page.get_by_role("button", name="Latest messages")
    expect(ada.said("the ground")).to_be_in_viewport()
    expect(down).to_be_hidden()
    ada.box.press("PageUp")
    ada.box.press("PageUp")
    expect(ada.said("the ground")).not_to_be_in_viewport()
    down.click()
    expect(ada.said("the ground")).to_be_in_viewport()
    expect(down).to_be_hidden()
    expect(ada.box).to_be_focused()


def test_menu_closes(people: People, house: Server):
    """On a narrow screen rooms and people go away when one points beside them, or leaves them."""
    ada = people.come(house.url, "ada", room="menu", size=NARROW)
    menu = ada.page.get_by_role("button", name="Rooms and people")
    side = ada.page.get_by_role("navigation", name="Rooms")
    ada.is_over("websocket")
    menu.click()
    expect(side).to_be_visible()
    ada.box.evaluate("box => box.value = 'not yet'")
    ada.page.mouse.click(NARROW[0] - 20, NARROW[1] - 20)  # where the button to send is
    expect(side).to_be_hidden()
    expect(ada.box).to_have_value("not yet")
    menu.click()
    expect(side.get_by_role("link", name="#menu")).to_be_focused()
    ada.page.keyboard.press("Shift+Tab")
    ada.page.keyboard.press("Shift+Tab")
    expect(side).to_be_hidden()
    menu.click()
    ada.page.keyboard.press("Escape")
    expect(side).to_be_hidden()
    expect(menu).to_be_focused()
