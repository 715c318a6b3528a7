"""What the page shows, to everybody, and that it stays readable."""

import re
from datetime import datetime, timedelta
from typing import Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import BrowserContext, Route, expect

from ..kit.processes import Netcat
from .people import NARROW, WIDE, People
from .server import Server

HOSTILE = [
    "<img src=x onerror=\"document.title='broken'\"><script>document.title=1</script>",
    "javascript:alert(1) and [x](javascript:alert(1))",
    "data:text/html,<script>alert(1)</script>",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 (hello) " * 8,
    *["Z" + "\u0351" * 2047, "\u0334" * 2048],  # 4,096 marks in a row, in as much as one may say
    "W" * 4096,
    "\ufdfd" * 40,
]
SCROLL_UP = """() => {
  document.querySelector("#scroll").scrollTop = 300;
  const box = document.querySelector("#scroll").getBoundingClientRect();
  const all = [...document.querySelectorAll("#log .text")];
  window.topmost = all.find(text => text.getBoundingClientRect().top >= box.top);
  return topmost.getBoundingClientRect().top;
}"""


def post_many(house: Server, room: str, texts: list[str]) -> None:
    """Have somebody at a socket say all that, faster than a page would."""
    flood = Netcat(house.line)
    flood.say("/nick flood")
    flood.say(f"/join {room}")
    flood.say("\r\n".join([*texts, "the end"]))
    flood.hear("the end")
    flood.close()


def test_history_does_not_jump(people: People, house: Server):
    """Scrolling up loads a thousand messages, and what one looks at stays where it is."""
    post_many(house, "long", [f"message {n}" for n in range(1000)])
    ada = people.come(house.url, "ada", room="long")
    ada.sees("the end")
    rows = ada.log.locator(".message")
    jumps = []
    while ada.said("message 0").count() == 0:
        before = rows.count()
        place = ada.page.evaluate(SCROLL_UP)
        ada.page.wait_for_function(
            "count => document.querySelectorAll('#log .message').length > count", arg=before
        )
        jumps.append(ada.page.evaluate("topmost.getBoundingClientRect().top") - place)
    assert all(abs(jump) < 2 for jump in jumps), jumps
    assert rows.count() == 1001
    told = ada.told()
    assert told == [*(f"message {n}" for n in range(1000)), "the end"]
    ada.page.evaluate("document.querySelector('#scroll').scrollTop = 0")
    expect(ada.page.get_by_text("This is where #long begins.")).to_be_in_viewport()
    ada.say("down again")
    bob = people.come(house.url, "bob", room="long")
    bob.say("still there?")
    ada.page.get_by_role("button", name=re.compile("1 new message")).click()
    expect(ada.said("still there?")).to_be_in_viewport()


def test_hostile_texts(people: People, house: Server):
    """Whatever is said is shown as text, and the page fits a narrow window as before."""
    mallory = people.come(house.url, "mallory", room="hostile")
    ada = people.come(house.url, "ada", room="hostile", size=NARROW)
    for number, text in enumerate(HOSTILE, 1):
        mallory.say(text)
        told = ada.log.locator(".message .text")
        expect(told).to_have_count(number)
        assert told.last.text_content() == text.strip()
        assert ada.fits(), text
        assert mallory.fits(), text
    expect(told.last).to_be_in_viewport()
    expect(ada.log.locator("img, script, a")).to_have_count(0)
    assert ada.page.title() == "#hostile"
    for number, text in enumerate(HOSTILE, 1):
        mallory.say(f"/topic {text[:120]}")
        expect(ada.log.locator(".topic")).to_have_count(number)
        assert ada.fits(), text
    ada.say("one can still talk")
    mallory.sees("one can still talk")


def test_links_are_safe(people: People, house: Server):
    """Addresses on the web are links that give nothing away; nothing else is one."""
    ada = people.come(house.url, "ada", room="links")
    ada.say("see (https://example.com/a?b=c), http://x.test. and ftp://no javascript:no")
    links = ada.log.get_by_role("link")
    expect(links).to_have_text(["https://example.com/a?b=c", "http://x.test"])
    assert "noopener" in (links.first.get_attribute("rel") or "")


def test_rooms_count_what_is_unread(people: People, house: Server):
    """What is said in another room is counted, marked when one comes there, and then read."""
    ada = people.come(house.url, "ada", room="here")
    bob = people.come(house.url, "bob", room="there")
    bob.say("old")
    bob.sees("old")
    ada.box.fill("/join there")
    ada.box.press("Enter")
    ada.sees("old")
    rooms = ada.page.get_by_role("navigation", name="Rooms")
    rooms.get_by_role("link", name="#here").click()
    expect(ada.page.get_by_role("heading", name="#here")).to_be_visible()
    bob.say("news")
    bob.say("@ada, look")
    expect(rooms.get_by_role("link", name="#there 2 new")).to_be_visible()
    expect(ada.page).to_have_title("(2) #here")
    rooms.get_by_role("link", name="#there").click()
    expect(ada.log.locator(".line + .event")).to_contain_text("news")
    expect(ada.log.locator(".mention")).to_contain_text("@ada, look")
    expect(ada.page).to_have_title("#there")


def test_what_was_looked_up_is_not_shown_again(people: People, house: Server):
    """Who comes into a room looks up what was said there, and is told some of it too."""
    held: list[Route] = []
    looking = True

    def hold(route: Route) -> None:
        (held.append if looking else Route.continue_)(route)

    ada = people.come(house.url, "ada", room="here", transport="poll")
    ada.page.route(re.compile(r"/events\?rooms=[^&]*elsewhere"), hold)
    bob = people.come(house.url, "bob", room="elsewhere")
    bob.say("old")
    bob.sees("old")
    ada.box.fill("/join elsewhere")
    ada.box.press("Enter")
    ada.sees("old")
    looking = False
    held[-1].continue_()
    bob.say("new")
    ada.sees("new")
    ada.sees("old")


NOTIFICATIONS = """window.notified = [];
window.Notification = class {
  static permission = "default";
  static requestPermission = async () => (Notification.permission = "granted");
  constructor(title, { body }) { notified.push([title, body]); }
};
let hidden = false;
Object.defineProperty(document, "hidden", { get: () => hidden });
window.look = away => { hidden = away; document.dispatchEvent(new Event("visibilitychange")); };"""
"""A browser that allows notifications, and a window that can be looked away from."""


def test_notifications(people: People, house: Server):
    """Who wants it is notified of what is said to them while they look elsewhere, and of nothing
    else; what came meanwhile stands below a line."""
    ada = people.come(
        house.url,
        "ada",
        room="bell",
        prepare=lambda context: context.add_init_script(NOTIFICATIONS),
    )
    bob = people.come(house.url, "bob", room="bell")
    ada.is_over("websocket")
    ada.page.evaluate("look(true)")
    bob.say("ada: before you wanted it")
    expect(ada.page).to_have_title("(1) #bell")
    ada.page.evaluate("look(false)")
    expect(ada.page).to_have_title("#bell")
    bell = ada.page.get_by_role("button", name="Notify me")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    bob.say("ada: you look at this")
    ada.sees("ada: you look at this")
    ada.page.evaluate("look(true)")
    bob.say("nothing for adam")
    bob.say("but for Ada, yes")
    bob.say("/msg ada psst")
    expect(ada.page).to_have_title("(3) #bell")
    told = [["bob in #bell", "but for Ada, yes"], ["Private message from bob", "psst"]]
    assert ada.page.evaluate("notified") == told
    expect(ada.log.locator(".line + .event")).to_contain_text("nothing for adam")
    ada.page.evaluate("look(false)")
    expect(ada.page).to_have_title("(1) #bell")
    ada.opens_talk("bob")
    expect(ada.page).to_have_title("bob (private)")


UNFOCUSED = """let focused = true;
document.hasFocus = () => focused;
window.focusOn = on => { focused = on; dispatchEvent(new Event(on ? "focus" : "blur")); };"""


def test_notified_while_another_window_has_the_focus(people: People, house: Server):
    """A page that is in sight but not used is not looked at; what came meanwhile is unread."""

    def prepare(context: BrowserContext) -> None:
        context.add_init_script(NOTIFICATIONS)
        context.add_init_script(UNFOCUSED)

    ada = people.come(house.url, "ada", room="focus", prepare=prepare)
    bob = people.come(house.url, "bob", room="focus")
    ada.page.get_by_role("button", name="Notify me").click()
    ada.page.evaluate("focusOn(false)")
    bob.say("ada, over here")
    expect(ada.page).to_have_title("(1) #focus")
    assert ada.page.evaluate("notified") == [["bob in #focus", "ada, over here"]]
    ada.page.evaluate("focusOn(true)")
    expect(ada.page).to_have_title("#focus")


def test_browser_that_cannot_notify_says_so(people: People, house: Server):
    """Where `new Notification` throws, as on Android, the bell does not stay lit."""

    def prepare(context: BrowserContext) -> None:
        context.add_init_script(NOTIFICATIONS)
        context.add_init_script(
            "window.Notification = class extends Notification { constructor() { super('', {}); "
            "throw new TypeError('Illegal constructor'); } }"
        )

    ada = people.come(house.url, "ada", room="android", prepare=prepare)
    bob = people.come(house.url, "bob", room="android")
    bell = ada.page.get_by_role("button", name="Notify me")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    ada.page.evaluate("look(true)")
    bob.say("ada?")
    expect(ada.page.get_by_role("alert")).to_contain_text("no notifications")
    expect(bell).to_be_hidden()


def test_copied_text_is_what_was_said(people: People, house: Server):
    """Names, times and texts; not the letter of the picture, nor what is hidden."""
    ada = people.come(house.url, "ada", room="copy")
    for text in ("one", "two"):
        ada.say(text)
        ada.sees(text)
    copied = ada.page.evaluate(
        "getSelection().selectAllChildren(document.querySelector('#log')), `${getSelection()}`"
    )
    lines = [line for line in copied.splitlines() if line]
    assert [re.sub(r"\d+:\d\d.*", "", line) for line in lines[-4:]] == ["ada", "", "one", "two"]
    assert "A" not in lines


def test_gap_and_days(people: People, house: Server):
    """What was missed is said where it is missing; another day has its date above it."""
    ada = people.come(house.url, "ada", room="gaps")
    ada.is_over("websocket")
    ada.say("before")
    ada.sees("before")

    def forget(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json=response.json() | {"gap": True})

    ada.page.route("**/events?*wait=0*", forget, times=1)
    ada.page.evaluate("dispatchEvent(new Event('online'))")
    expect(ada.log.locator(".gap .text")).to_have_text("Some of what happened here was missed.")
    ada.say("after")
    ada.sees("after")
    expect(ada.log.locator(".gap + .message")).to_contain_text("after")
    ada.say("/help")  # what only this page has said
    ada.page.get_by_role("button", name="Read it now").click()
    expect(ada.log.locator(".message .text")).to_have_text(["before", "after"])
    expect(ada.log.locator(".gap")).to_have_count(0)
    ada.page.clock.install(time=datetime.now() + timedelta(days=2))
    ada.page.reload()
    ada.sees("after")
    expect(ada.log.locator(".day").first).to_contain_text(f"{datetime.now():%Y}")
    expect(ada.log.locator("time").last).to_have_text(re.compile(r"\d:\d\d"))


def test_keyboard_alone(people: People, house: Server):
    """Everything can be typed: a name, several lines, a command that completes itself."""
    ada = people.come(house.url, room="keys")
    ada.name_box.focus()
    keys = ada.page.keyboard
    keys.type("ada")
    keys.press("Tab")
    keys.type("one")
    keys.press("Shift+Enter")
    keys.type("two")
    keys.press("Enter")
    ada.sees("one two")
    keys.type("/m")
    expect(ada.page.get_by_role("option")).to_have_count(2)
    keys.press("Tab")
    keys.type("waves")
    keys.press("Enter")
    expect(ada.log.locator(".action")).to_contain_text("ada waves")
    keys.type("/help")
    keys.press("Enter")
    expect(ada.log.locator(".help")).to_contain_text("/msg NAME TEXT")
    keys.press("Alt+ArrowUp")
    expect(ada.page.get_by_role("heading", name="#lobby")).to_be_visible()


def test_accessible(people: People, house: Server):
    """axe-core finds nothing wrong, whatever there is to see, wide and narrow, light and dark."""
    # axe is a script that the page's policy would not let in.
    ada = people.come(house.url, "ada", room="axe", bypass_csp=True)
    bob = people.come(house.url, "bob", room="axe")
    bob.say("hello ada, see https://example.com/")
    bob.say("and again")
    ada.say("hello bob")
    ada.say("/me waves")
    bob.say("/me nods")
    bob.say("/msg ada psst")
    bob.goes_to("axe")
    bob.say("/topic what it is about")
    ada.say("/help")
    expect(ada.page.locator("#topic")).to_have_text("what it is about")
    ada.opens_talk("bob")
    ada.sees("psst")
    assert Axe().run(ada.page).violations_count == 0
    ada.goes_to("axe")
    ada.say("/nope")
    expect(ada.page.get_by_role("alert")).to_be_visible()
    schemes: list[Literal["light", "dark"]] = ["light", "dark"]
    for size, scheme in zip((WIDE, NARROW), schemes, strict=True):
        ada.page.set_viewport_size({"width": size[0], "height": size[1]})
        ada.page.emulate_media(color_scheme=scheme)
        ada.box.fill("/")
        expect(ada.page.get_by_role("option").first).to_be_visible()
        found = Axe().run(ada.page)
        assert found.violations_count == 0, found.generate_report()
        people.shoot(ada, f"{size[0]}-{scheme}")
    ada.box.fill("")
    ada.page.get_by_role("button", name="Rooms and people").click()
    expect(ada.page.get_by_role("navigation", name="Rooms")).to_be_visible()
    found = Axe().run(ada.page)
    assert found.violations_count == 0, found.generate_report()
    people.shoot(ada, "menu")
