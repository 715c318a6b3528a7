"""Navigation on the page: scrolling, narrow screens, menus and error messages."""

from playwright.sync_api import expect

from ..kit.processes import Netcat
from .people import NARROW, People
from .server import Server


def test_new_room_says_that_it_begins_here(people: People, shared_server: Server):
    """A topic may contain a link."""
    ada = people.come(shared_server.url, "ada", room="new-one")
    expect(ada.page.get_by_text("This is where #new-one begins.")).to_be_in_viewport()
    expect(ada.box).to_have_attribute("placeholder", "Message #new-one · /help")
    ada.say("/topic see https://example.com/notes")
    topic = ada.page.locator("#topic").get_by_role("link", name="https://example.com/notes")
    expect(topic).to_be_visible()


def test_click_on_a_place_goes_there_before_anything_can_be_typed(
    people: People, shared_server: Server
):
    """What is typed right after it belongs to that place; the browser goes back and forward."""
    ada = people.come(shared_server.url, "clickada", room="clicked")
    ada.say("/join clicked-other")
    ada.is_in("#clicked-other")
    ada.page.evaluate(
        """() => {
          document.querySelector("[data-place=clicked] a").click();
          document.querySelector("#message").value = "for the first";
        }"""
    )
    ada.is_in("#clicked")
    expect(ada.box).to_have_value("for the first")
    ada.goes_to("clicked-other")
    expect(ada.box).to_have_value("")
    ada.page.go_back()
    ada.is_in("#clicked")
    expect(ada.box).to_have_value("for the first")
    ada.page.go_forward()
    ada.is_in("#clicked-other")
    expect(ada.box).to_have_value("")


def test_error_message_is_cleared_by_typing_or_escape(people: People, shared_server: Server):
    """It belongs to the text that was refused."""
    ada = people.come(shared_server.url, "ada", room="wrong")
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


def post_a_long_history(shared_server: Server, room: str) -> None:
    """Have a line client send more messages than fit on a page."""
    flood = Netcat(shared_server.line)
    flood.say(f"/nick in-{room}")
    flood.say(f"/join {room}")
    flood.say(
        "\r\n".join([*(f"floor {n}" + n % 9 * " step by step" for n in range(80)), "the ground"])
    )
    flood.hear("the ground")
    flood.close()


def test_rotating_a_phone_keeps_the_scroll_position(people: People, shared_server: Server):
    """The same message stays in view."""
    post_a_long_history(shared_server, "turned")
    ada = people.come(shared_server.url, "ada", room="turned", size=NARROW)
    expect(ada.said("the ground")).to_be_in_viewport()
    middle = ada.log.locator(".text", has_text="floor 66")
    middle.evaluate("text => text.scrollIntoView()")  # at the top
    ada.page.set_viewport_size({"width": NARROW[1], "height": NARROW[0]})
    expect(middle).to_be_in_viewport()
    ada.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    expect(middle).to_be_in_viewport()


def test_page_keys_scroll_and_a_button_returns_to_the_latest(people: People, shared_server: Server):
    """The message box keeps the focus."""
    post_a_long_history(shared_server, "tower")
    ada = people.come(shared_server.url, "ada", room="tower")
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


def test_side_bar_of_a_narrow_screen_closes_on_click_outside_tab_or_escape(
    people: People, shared_server: Server
):
    """A click outside does nothing else."""
    ada = people.come(shared_server.url, "ada", room="menu", size=NARROW)
    menu = ada.page.get_by_role("button", name="Rooms and people")
    side = ada.page.get_by_role("navigation", name="Rooms")
    ada.is_connected_over("websocket")
    menu.click()
    expect(side).to_be_visible()
    ada.box.evaluate("box => box.value = 'not yet'")
    ada.page.mouse.click(NARROW[0] - 20, NARROW[1] - 20)  # on the Send button
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
