"""First and later visits: what an empty room says, and what is new since the last visit."""

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from .people import NARROW, People
from .server import Server
from .waiting import until


def test_empty_room_says_what_it_is_and_the_ways_in(people: People, shared_server: Server):
    """The user needs no name until the first message."""
    ada = people.come(shared_server.url, room="fresh", size=NARROW, bypass_csp=True)
    empty = ada.page.locator("#empty")
    expect(empty).to_contain_text("Nothing has been said here yet.")
    expect(empty).to_contain_text("you need no name")
    expect(empty).to_contain_text(f"nc 127.0.0.1 {shared_server.line}")
    expect(empty.get_by_role("button", name="Copy: By IRC")).to_be_visible()
    assert ada.fits()
    found = Axe().run(ada.page)
    assert found.violations_count == 0, found.generate_report()
    people.shoot(ada, "empty")
    ada.say("hello")
    expect(ada.page.get_by_role("alert")).to_contain_text("Choose a name first")
    expect(ada.name_box).to_be_focused()
    ada.page.keyboard.type("ada")
    ada.page.keyboard.press("Enter")
    ada.sees("hello")
    expect(empty).to_be_hidden()


def test_first_visit_shows_no_line(people: People, shared_server: Server):
    """Nothing is new since a last visit that never was."""
    bob = people.come(shared_server.url, "bob", room="firstvisit")
    for text in ("one", "two", "three"):
        bob.say(text)
        bob.sees(text)
    ada = people.come(shared_server.url, room="firstvisit")
    ada.sees("three")
    bob.say("four")
    ada.sees("four")
    expect(ada.log.locator(".line")).to_have_count(0)
    # Nor if each message of the history is read before the next one arrives.
    marked = ada.page.evaluate(
        """async () => {
          const { Places } = await import("/places.js");
          const places = new Places(() => "ada", new Map(), new Map());
          for (const id of [1, 2]) {
            const event = { type: "message", room: "lobby", from: "bob", text: "hello", id };
            places.add("lobby", event);
            places.markReturn("lobby", event);
            places.markRead("lobby", id);
          }
          return places.view("lobby").line !== undefined;
        }"""
    )
    assert not marked


def test_line_shows_what_is_new_since_the_last_visit(people: People, shared_server: Server):
    """The line is above the first message since then, until the user has been in another place."""
    bob = people.come(shared_server.url, "bob", room="visits")
    ada = people.come(shared_server.url, "ada", room="visits")
    bob.say("before")
    ada.sees("before")
    # Read marks are stored a moment later.
    until(
        ada.page,
        "() => JSON.parse(localStorage['chatd /']).read.some(([room]) => room === 'visits')",
    )
    ada.page.goto("about:blank")
    bob.say("meanwhile")
    bob.say("and more")
    ada.page.goto(f"{shared_server.url}#visits")
    ada.sees("and more")
    line = ada.log.locator(".line")
    expect(line).to_have_text("New since your last visit")
    expect(ada.log.locator(".line + .event")).to_contain_text("meanwhile")
    ada.goes_to("lobby")
    ada.goes_to("visits")
    expect(line).to_have_count(0)
